/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is pinned and who has knocked, as the other daemons see it and change
 * it: the requests around peers.h, for the person at hostd's end.
 */
#ifndef ALPD_PINNING_H
#define ALPD_PINNING_H

#include "alpd/alpd.h"
#include "common/dispatch.h"

/* link.roster: the ids that the model may name; peers.list, peers.pending: all there is to tell. */
handler_fn	 pinning_roster, pinning_list, pinning_pending;
/* peers.add, peers.remove, peers.allow; of those who have knocked: peers.accept, peers.discard. */
handler_fn	 pinning_add, pinning_remove, pinning_allow, pinning_accept, pinning_discard;

#endif

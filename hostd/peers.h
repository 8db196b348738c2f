/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs about peers (host-plane.md, 5), handed on to the profile's alpd.
 * A profile that never used the link has none: the first such verb makes its
 * alp folder, init sees that and begins one, and the verb waits for it.
 */
#ifndef HOSTD_PEERS_H
#define HOSTD_PEERS_H

#include "hostd/client.h"

#define PEERS_BEGIN_S	10		/* a link daemon is there within this, or the verb fails */

method_fn	peers_list, peers_add, peers_remove, peers_allow, peers_pending_list, peers_pending_accept,
		peers_pending_discard, peers_ping, peers_blob_put, peers_blob_get;

/* A unit came: go on with the verbs that waited for it. */
void	peers_unit(struct host *h, const char *unit);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.ask of ours at peers, under the key of whoever asked for it: noted,
 * sent, its text kept until it is pulled. A busy peer is asked again with
 * jitter. In memory: after our death the asker hears that the key is not
 * known, and its tool call ends as "outcome unknown".
 */
#ifndef ALPD_ASKS_H
#define ALPD_ASKS_H

#include "alpd/alpd.h"
#include "common/dispatch.h"

struct asks	*asks_new(struct alpd *a);
void		 asks_free(struct asks *s);	/* peers see that we left; NULL is fine */

handler_fn	 asks_ask, asks_next, asks_cancel;	/* link.ask, link.next, link.cancel of the bus */

#endif

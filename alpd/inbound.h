/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.ask and link.cancel of peers (alp-wire.md, 9.2, 9.3): one turn at a
 * time in this profile, whoever asks. It is noted in alp/asks.json before
 * engined is asked, so that after our death a streamed one is ended (its
 * caller is gone) and a plain one is followed while others hear target-busy.
 */
#ifndef ALPD_INBOUND_H
#define ALPD_INBOUND_H

#include "alpd/alpd.h"
#include "alpd/receive.h"

/* Read what was running when we ended. NULL on error. */
struct inbound	*inbound_open(struct alpd *a, struct error *e);
/* The bus is up: end or follow it. */
void		 inbound_serve(struct inbound *in);
void		 inbound_close(struct inbound *in);	/* NULL is fine */

link_method_fn	 inbound_ask, inbound_cancel;

#endif

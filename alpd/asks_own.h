/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between asks.c, which holds the asks under their keys for the bus,
 * and asks_peer.c, which has each done by its peer. Nobody else includes this.
 */
#ifndef ALPD_ASKS_OWN_H
#define ALPD_ASKS_OWN_H

#include "alpd/asks.h"
#include "alpd/client.h"
#include "alpd/told.h"

struct ask {
	TAILQ_ENTRY(ask)	 link;
	struct asks		*in;
	char			*key, *peer;
	char			*params;	/* NULL after the end */
	char			*session;	/* theirs, when they told it */
	struct told		 told;
	struct client_call	*call;		/* NULL: between two tries, or at the end */
	struct event		*timer;		/* to try again; after the end, to forget it */
	int64_t			 since;		/* monotonic ms of the first try */
	int			 pause_ms;	/* to the next try; 0: the first pause */
};

struct asks {
	struct alpd		*alpd;
	TAILQ_HEAD(, ask)	 all;		/* oldest first */
	size_t			 n, running;
};

/* asks_peer.c: the next try. It comes back by itself or by the timer, until told.done; k stays. */
void	 ask_try(struct ask *k);
/* End one that is not done: the peer is told to stop, if it can be. k stays. */
void	 ask_cancel(struct ask *k);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls have in common that a neighbour carries out: the grant they
 * carry, how long a neighbour that died is waited for, and the loop that asks
 * one how its call stands until it is over. The rule they serve: a call that
 * may have begun is never begun again.
 */
#ifndef ALPI_ENGINED_NEIGHBOUR_H
#define ALPI_ENGINED_NEIGHBOUR_H

#include "engined/turn.h"

#define OUTCOME_UNKNOWN "outcome unknown: the call had started and its result was lost. " \
	"It may have happened; look before you repeat it."

/* The turn's grant that this daemon of our profile verifies; NULL: there is none. Borrowed. */
const char *neighbour_grant(const struct turn *t, const char *daemon);
/* Does that grant hold this right? Who verifies it decides. */
bool	 neighbour_may(const struct turn *t, const char *daemon, enum cap cap);
/* Run fn once for the running call, in ms; replaces what was armed. */
void	 neighbour_arm(struct turn *t, event_callback_fn fn, int ms);
/*
 * The order to begin failed. If it certainly did not arrive, `again` runs in a while; if it may have, ask_next asks what
 * became of it; else the call has failed. A turn that outlived init has grants of before: whoever asked for it sends new ones.
 */
void	 neighbour_not_begun(struct turn *t, const struct error *e, event_callback_fn again, void (*ask_next)(struct turn *t));
/* Write down that the running call begins. 0, or -1: the turn has ended with the reason. */
int	 neighbour_begin(struct turn *t);

#define NEIGHBOUR_WAIT_MS	20000		/* it holds a question that long */
#define NEIGHBOUR_NEXT_MS	60000		/* for an answer to one */

/* A neighbour that works on a call for a while. Each sends its message for `done` with t, and gives NULL with the error. */
struct neighbour {
	/* Begin it: sent again only when it certainly did not arrive. */
	struct request	*(*order)(struct turn *t, request_done *done, struct error *e);
	/* How does it stand, after t->now.seq? One that it does not know is ERR_not_found. */
	struct request	*(*next)(struct turn *t, request_done *done, struct error *e);
	/* End it. The answer is nobody's concern. */
	void		 (*cancel)(struct turn *t, request_done *done);
	/* What `next` said: the call ends, or neighbour_next asks on. */
	void		 (*take)(struct turn *t, const void *reply);
	const char	*stuck;			/* what is said of one that was interrupted and did not end in time */
};

/* Have it begin the running call, and ask until it is over. */
void	 neighbour_order(struct turn *t, const struct neighbour *n);
/* It was begun by a process that died: ask how it stands, never begin it again. */
void	 neighbour_find(struct turn *t, const struct neighbour *n);
/* Ask again. Of `take`. */
void	 neighbour_next(struct turn *t);
/* The user interrupts it. */
void	 neighbour_cancel(struct turn *t, const struct neighbour *n);

#endif

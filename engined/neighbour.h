/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls have in common that a neighbour carries out, toolrunner or alpd:
 * the grant they carry, and how long a neighbour that died is waited for. The
 * rule they serve: a call that may have begun is never begun again.
 */
#ifndef ALPI_ENGINED_NEIGHBOUR_H
#define ALPI_ENGINED_NEIGHBOUR_H

#include "engined/turn.h"

#define NEIGHBOUR_AGAIN_MS	200		/* between attempts while it is away */
#define NEIGHBOUR_AWAY_MS	15000		/* a dead one is back by then */
#define NEIGHBOUR_STUCK_MS	600000		/* one that lives and says nothing */

#define OUTCOME_UNKNOWN "outcome unknown: the call had started and its result was lost. " \
	"It may have happened; look before you repeat it."

/* The turn's grant that this daemon of our profile verifies; NULL: there is none. Borrowed. */
const char *neighbour_grant(const struct turn *t, const char *daemon);
/* Run fn once for the running call, in ms; replaces what was armed. */
void	 neighbour_arm(struct turn *t, event_callback_fn fn, int ms);
/* How long it has been silent, in ms; the silence begins with the first call. */
int64_t	 neighbour_silent_ms(struct turn *t);
/* Is it away or overrun, or did it answer and refuse? */
bool	 neighbour_away(const struct error *e);
/* Write down that the running call begins. 0, or -1: the turn has ended with the reason. */
int	 neighbour_begin(struct turn *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls have in common that a neighbour carries out, toolrunner or alpd:
 * the grant they carry, and how long a neighbour that died is waited for. The
 * rule they serve: a call that may have begun is never begun again.
 */
#ifndef ALPI_ENGINED_NEIGHBOUR_H
#define ALPI_ENGINED_NEIGHBOUR_H

#include "engined/turn.h"

#define OUTCOME_UNKNOWN "outcome unknown: the call had started and its result was lost. " \
	"It may have happened; look before you repeat it."

/* The turn's grant that this daemon of our profile verifies; NULL: there is none. Borrowed. */
const char *neighbour_grant(const struct turn *t, const char *daemon);
/* Run fn once for the running call, in ms; replaces what was armed. */
void	 neighbour_arm(struct turn *t, event_callback_fn fn, int ms);
/*
 * The order to begin failed. If it certainly did not arrive, `again` runs in a while; if it may have, ask_next asks what
 * became of it; else the call has failed.
 */
void	 neighbour_not_begun(struct turn *t, const struct error *e, event_callback_fn again, void (*ask_next)(struct turn *t));
/* What became of a call was asked in vain: `again` runs in a while, until the neighbour was silent for too long. */
void	 neighbour_not_told(struct turn *t, const struct error *e, event_callback_fn again);
/* Write down that the running call begins. 0, or -1: the turn has ended with the reason. */
int	 neighbour_begin(struct turn *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the profile's money of this UTC day spent (alp-wire.md, 4, step 13)?
 * engined knows; its answer is believed for a second. While engined is not
 * there the last answer of the same day holds, and without one nothing is
 * spent: it will refuse the turn itself.
 */
#ifndef ALPD_BUDGET_H
#define ALPD_BUDGET_H

#include <stdbool.h>

struct alpd;
struct budget;

struct budget	*budget_new(struct alpd *a);
void		 budget_free(struct budget *b);		/* NULL is fine */
/* fn runs once: at once (1) or from the loop (0). spent: cap and used say what. */
int		 budget_ask(struct budget *b, void (*fn)(void *arg, bool spent, double cap, double used), void *arg);
/* fn of this arg will not run. */
void		 budget_forget(struct budget *b, void *arg);
/* A turn ended: do not believe the last answer. */
void		 budget_stale(struct budget *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handlers of turn.* but for explain.h's: who may ask is the channel's
 * and the token's business; a turn is found by the key of the unit that began
 * it, or by its id, which nobody else was told. What the turn may
 * cause is not looked at here: it carries grants, and whoever causes an
 * effect verifies them.
 */
#ifndef ALPI_ENGINED_TURN_ASKED_H
#define ALPI_ENGINED_TURN_ASKED_H

#include "common/error.h"

struct call;

int	 turn_asked_start(struct call *c, const void *in, struct error *e);
int	 turn_asked_next(struct call *c, const void *in, struct error *e);
int	 turn_asked_cancel(struct call *c, const void *in, struct error *e);

#endif

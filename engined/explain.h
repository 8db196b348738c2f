/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn.explain: what a turn with this text would send to the model, part by
 * part, with bytes and estimated tokens. Nothing is sent or kept.
 */
#ifndef ALPI_ENGINED_EXPLAIN_H
#define ALPI_ENGINED_EXPLAIN_H

#include "common/dispatch.h"

/* The handler: answers as soon as the tools are known. */
int	 explain_reply(struct call *c, const void *in, struct error *e);

#endif

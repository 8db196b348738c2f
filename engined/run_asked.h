/* SPDX-License-Identifier: Apache-2.0 */
/* The handler of run.add: a neighbour's run gets its row in logs/runs.jsonl, which has one writer. */
#ifndef ALPI_ENGINED_RUN_ASKED_H
#define ALPI_ENGINED_RUN_ASKED_H

#include "common/error.h"

struct call;

int	 run_asked_add(struct call *c, const void *in, struct error *e);

#endif

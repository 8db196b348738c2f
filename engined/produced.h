/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that went with a turn's answer, for a requester whose reader is
 * elsewhere. The list is what toolrunner found when they were made; their
 * bytes come from it again, under the requester's grant, piece by piece:
 * engined opens none of them and keeps nothing.
 */
#ifndef ALPI_ENGINED_PRODUCED_H
#define ALPI_ENGINED_PRODUCED_H

#include "common/dispatch.h"

/* The handler of turn.file. */
int	 produced_asked(struct call *c, const void *in, struct error *e);

#endif

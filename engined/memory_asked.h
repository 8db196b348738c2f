/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of proto/memory.def: a person, at the command or in a window. */
#ifndef ALPI_ENGINED_MEMORY_ASKED_H
#define ALPI_ENGINED_MEMORY_ASKED_H

#include "common/dispatch.h"

int	 memory_asked_call(struct call *c, const void *in, struct error *e);
int	 memory_asked_read(struct call *c, const void *in, struct error *e);
int	 memory_asked_write(struct call *c, const void *in, struct error *e);
int	 memory_asked_usage(struct call *c, const void *in, struct error *e);

#endif

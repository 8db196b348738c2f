/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is filed for the person, from the bus and from the tool notify
 * (turn.h, notify_begin): kept by outputs.c, and hostd's clients are told.
 * The handlers of outputs.*.
 */
#ifndef ALPI_ENGINED_OUTBOX_H
#define ALPI_ENGINED_OUTBOX_H

#include "common/error.h"

struct call;

int	 outbox_add(struct call *c, const void *in, struct error *e);
int	 outbox_list(struct call *c, const void *in, struct error *e);
int	 outbox_read(struct call *c, const void *in, struct error *e);
int	 outbox_mark(struct call *c, const void *in, struct error *e);
int	 outbox_delete(struct call *c, const void *in, struct error *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is filed for the person, from the bus and from the tool notify
 * (notify.c): kept by outputs.c, and hostd's clients are told. The handlers
 * of outputs.*.
 */
#ifndef ALPI_ENGINED_OUTBOX_H
#define ALPI_ENGINED_OUTBOX_H

#include "common/error.h"
#include "engined/outputs.h"

struct call;
struct engine;

int	 outbox_add(struct call *c, const void *in, struct error *e);
int	 outbox_list(struct call *c, const void *in, struct error *e);
int	 outbox_read(struct call *c, const void *in, struct error *e);
int	 outbox_mark(struct call *c, const void *in, struct error *e);
int	 outbox_delete(struct call *c, const void *in, struct error *e);
/* File a row and tell hostd's clients; announce: the person is called. 1: it was there, 0: it is new, -1. */
int	 outbox_file(struct engine *en, struct output *o, bool announce, char id[OUTPUT_ID], struct error *e);
/* A text that did not get where it was to go is in outputs, as an error. Is it? */
bool	 outbox_lost(struct engine *en, struct output *o);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that were attached to a request (spec/engine.md, 15): engined hands
 * their bytes over in pieces and gets what a model is shown. It is no call of a
 * model's: no grant, no approval and no audit, because the worker gets these
 * bytes and sees nothing else.
 */
#ifndef ALPI_TOOLRUNNER_DOCUMENT_H
#define ALPI_TOOLRUNNER_DOCUMENT_H

#include "common/error.h"
#include "toolrunner/runner.h"

/* Take a piece; the final one is answered when there is a text. As a handler. */
int	 document_take(struct runner *r, struct call *c, const struct tool_document *m, struct error *e);
/* Let all go, unanswered: their workers are gone. */
void	 document_clear(struct runner *r);

#endif

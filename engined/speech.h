/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people say instead of writing it: a recording comes in pieces, is kept
 * in cache/inbound for a week, and its words are what a server makes of it
 * (`tools.stt.model`). It is asked once for a recording: whoever brings the
 * same meanwhile waits for the same words, and later they lie beside it.
 */
#ifndef ALPI_ENGINED_SPEECH_H
#define ALPI_ENGINED_SPEECH_H

#include "common/dispatch.h"

#define SPEECH_DIR	"cache/inbound"

struct engine;

/* The handler of speech.take. */
int	 speech_asked(struct call *c, const void *in, struct error *e);
/* The model that is named for it; NULL with the reason why none can be asked. Borrowed from the configuration. */
const char *speech_model(struct engine *en, struct error *e);

#endif

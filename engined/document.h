/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PDF or DOCX file that was staged becomes text (spec/engine.md, 15) before
 * its sender hears that it is there, and the text is kept beside it: so a turn
 * that is taken up again shows the model the same. toolrunner reads it in a
 * sandbox; here its bytes are only passed on.
 */
#ifndef ALPI_ENGINED_DOCUMENT_H
#define ALPI_ENGINED_DOCUMENT_H

#include "common/error.h"

struct engine;

/* Runs once, from the loop, never inside document_read. e: why there is no text; NULL: it is on disk. */
typedef void document_done(void *arg, const struct error *e);
/* path: as staging_end gave it; mime: one that sniff_document knows. 0, or -1 with the error and done does not run. */
int	 document_read(struct engine *en, const char *path, const char *mime, document_done *done, void *arg, struct error *e);

#endif

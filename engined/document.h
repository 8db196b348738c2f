/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a model is shown of a file that was staged is made before its sender
 * hears that it is there, and kept beside it (spec/engine.md, 15): so a turn
 * that is taken up again shows the model the same. The text of a PDF or DOCX
 * file, the pages of a scan, an image that fits. toolrunner makes it in a
 * sandbox; here the bytes are only passed on.
 */
#ifndef ALPI_ENGINED_DOCUMENT_H
#define ALPI_ENGINED_DOCUMENT_H

#include "common/error.h"

struct engine;

/* Runs once, from the loop, never inside document_read. e: why it cannot be shown; NULL: it is on disk, or the file shows itself. */
typedef void document_done(void *arg, const struct error *e);
/* path: as staging_end gave it; mime: one that sniff_document knows. 0, or -1 with the error and done does not run. */
int	 document_read(struct engine *en, const char *path, const char *mime, document_done *done, void *arg, struct error *e);

#endif

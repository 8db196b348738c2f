/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages of a PDF whose text is in pictures (spec/engine.md, 15): as
 * images for a model that sees, or as the text that tesseract recognises.
 * Both by programs of the system, inside a worker's sandbox.
 */
#ifndef ALPI_SCAN_H
#define ALPI_SCAN_H

#include "common/buf.h"
#include "common/error.h"

/* Add a page, from 1 on, as a JPEG that fits a model. 0, or -1 with ERR_unavailable when a program is missing. */
int	scan_image(int fd, int page, struct buf *out, struct error *e);
/* Add its text, which may be none. The same. */
int	scan_text(int fd, int page, struct buf *out, struct error *e);

#endif

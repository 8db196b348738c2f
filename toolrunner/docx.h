/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a DOCX file, a ZIP with XML in it: unpacked by minizip, read by
 * expat, both within bounds. Nothing else of the archive is looked at and
 * nothing is written; for use inside a worker.
 */
#ifndef ALPI_DOCX_H
#define ALPI_DOCX_H

#include "common/buf.h"
#include "common/error.h"

/* Add at most max bytes of text to out, paragraphs as lines. 0, or -1: it is none, is broken or grows out of bounds. */
int	 docx_text(int fd, size_t max, struct buf *out, struct error *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a file, for the index (memory-skills.md, section 9): of plain
 * text, of DOCX, and through programs of the system, where they are there, of
 * PDF, of scans and of pictures. Runs in a worker: what is in a file was written by anybody.
 */
#ifndef ALPI_TEXT_H
#define ALPI_TEXT_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/error.h"

#define TEXT_MAX	1000000			/* bytes of a text file, and of what is taken from a document */
#define TEXT_IMAGE_MAX	(20 * 1024 * 1024)	/* bytes of a picture */

/*
 * Add the text of an open regular file to out, as UTF-8 without NUL; ocr: also what can be read in a picture, or in the
 * pages of a PDF with hardly any text. fd is read from
 * its beginning. 0, or -1 and why in a few words: ERR_unavailable when it may go well another time, else it has none.
 */
int	 text_of(int fd, const char *path, bool ocr, struct buf *out, struct error *e);

/*
 * The same of a PDF or DOCX file that was attached to a request, where all must be read or nothing: pages are counted. A PDF with
 * hardly any text is a scan: nothing is added, and *scan says how many pages it has; else that is 0.
 */
int	 text_attached(int fd, const char *path, struct buf *out, int *scan, struct error *e);

#endif

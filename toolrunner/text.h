/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a file, for the index (memory-skills.md, section 9). Runs in a
 * worker: what is in a file was written by anybody.
 */
#ifndef ALPI_TEXT_H
#define ALPI_TEXT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/error.h"

#define TEXT_MAX	1000000			/* bytes of a text file, and of what is taken from a document */

/*
 * Add the text of an open regular file to out, as UTF-8 without NUL. 0, or -1: it has none, or is too large, and why in a
 * few words. fd is read from its beginning.
 */
int	 text_of(int fd, const char *path, const struct stat *st, struct buf *out, struct error *e);

#endif

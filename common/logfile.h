/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of log lines, 0600: at 1,000,000 bytes it becomes NAME.1, and three
 * older ones are kept. Nothing waits for a log: what a full disk does not
 * take is lost.
 */
#ifndef ALPI_LOGFILE_H
#define ALPI_LOGFILE_H

#include <stddef.h>

#include "common/error.h"

#define LOGFILE_MAX	1000000
#define LOGFILE_OLD	3
#define LOGFILE_LINE	4096			/* a text is cut here */

/*
 * "YYYY-MM-DD HH:MM:SS,mmm LEVEL NAME text\n" by local time, of "LEVEL text"; control characters become '?'.
 * A text without a level comes from a library or a sanitizer: an error. The caller frees.
 */
char	*logfile_line(const char *name, const char *text);
/* Make room when the file would pass its size with `more` bytes. Only who may rename in its folder can. */
void	 logfile_rotate(const char *path, size_t more);
/* Open for appending; a link is not followed. The descriptor, or -1. */
int	 logfile_open(const char *path, struct error *e);
/* Rotate, open, write this line in one piece, close. 0, or -1 when not all of it is there. */
int	 logfile_add(const char *path, const char *line, struct error *e);

#endif

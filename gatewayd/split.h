/* SPDX-License-Identifier: Apache-2.0 */
/* A long answer in parts that a platform takes, cut where a reader would. Pure. */
#ifndef ALPI_GATEWAYD_SPLIT_H
#define ALPI_GATEWAYD_SPLIT_H

#include <stddef.h>

/* Length as platforms count it that think in UTF-16: a character beyond the first 65536 is two. */
size_t	 split_units(const char *text, size_t len);
/*
 * Cut a Markdown text into parts of at most `most` units (at least 64): at an empty line, else a line's end, else a blank, else
 * between characters. A code fence that is cut is closed and opened again with its language. White space at the ends of a part goes,
 * and so does a part without anything else. The same text is always cut the same way. NULL-terminated; the caller frees it and the strings.
 */
char	**split_text(const char *text, size_t most);
void	 split_free(char **parts);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a line of Markdown is, by as much of its start as has come. */
#ifndef ALPI_CLI_RENDER_LINE_H
#define ALPI_CLI_RENDER_LINE_H

#include <stddef.h>

enum line_kind {
	LINE_UNDECIDED,		/* more must come first */
	LINE_PLAIN, LINE_QUOTE, LINE_BULLET, LINE_NUMBER, LINE_HEADING, LINE_RULE,
	LINE_FENCE_OPEN, LINE_FENCE_CLOSE,
};

/* start ends in NUL, and with its newline if that has come; fence: the character and length of the one it is in, or 0. */
enum line_kind	 render_line_kind(const char *start, size_t len, char fence, size_t fence_len);
/* How often c stands at the start of s. */
size_t		 render_line_span(const char *s, char c);

#endif

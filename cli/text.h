/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that strangers wrote, made fit for a terminal. Models, tools and
 * files can hold control sequences that move the cursor, answer for the
 * person or hide half of a command; none of them gets past this module.
 */
#ifndef ALPI_CLI_TEXT_H
#define ALPI_CLI_TEXT_H

#include <stddef.h>

#include "common/buf.h"

/* A text that comes in pieces: a character may be cut between two of them. */
struct text_filter {
	unsigned char	part[4];
	size_t		n;
};

/*
 * Append the piece to out. Newline and tab stay; other control characters (C0, DEL, C1), invisible
 * direction changes and tags are dropped; ill-formed bytes become U+FFFD.
 */
void	 text_filter_add(struct text_filter *f, const char *s, size_t len, struct buf *out);
/* The text is over: a cut character becomes U+FFFD. */
void	 text_filter_end(struct text_filter *f, struct buf *out);

/* One line: what text_filter drops is shown as an escape ("\x1b", "\n"); cut with an ellipsis to columns (0: never). The caller frees. */
char	*text_line(const char *s, size_t columns);
/* As text_line, newlines kept: for what a person is to judge. The caller frees. */
char	*text_visible(const char *s);
/* Columns a terminal needs for a line. */
size_t	 text_width(const char *s);

#endif

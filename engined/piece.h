/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text in overlapping pieces of whole lines, as the indexes keep it
 * (memory-skills.md, section 9): what stands near the end of one piece
 * stands in the next one too, so that a search finds it with what is around.
 */
#ifndef ALPI_ENGINED_PIECE_H
#define ALPI_ENGINED_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIECE_LINES	30
#define PIECE_STEP	25		/* lines from the beginning of a piece to that of the next */
#define PIECE_LINE_MAX	1000		/* bytes; a longer line counts as several */

struct pieces {
	const char	*text;		/* borrowed */
	size_t		*at, lines;	/* where each begins, and behind the last one the end */
	size_t		 next;		/* first line of the next piece */
	size_t		 counted;	/* bytes up to which newlines are counted */
	int64_t		 line;		/* the number of the line there, from 1 */
	bool		 later;		/* what the text begins with ended a piece before it */
};

struct piece {
	const char	*text;		/* into the text; not ended by NUL */
	size_t		 len;
	int64_t		 first, last;	/* lines of the text, from 1 */
};

void	 pieces_begin(struct pieces *p, const char *text);
bool	 pieces_next(struct pieces *p, struct piece *out);
/* The same for a text that may go on behind its last line: only pieces that are the same then. */
bool	 pieces_next_full(struct pieces *p, struct piece *out);
/* The bytes at the front that no later piece holds: a text that goes on may lose them, and be begun anew with `later` set. */
size_t	 pieces_used(const struct pieces *p);
void	 pieces_end(struct pieces *p);

#endif

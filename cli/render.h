/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Markdown to a terminal while it is being written: pieces go in as they
 * come, and what can already be known of them comes out at once. Foreign
 * text (see text.h). Without colour the text stays as the model wrote it,
 * only its control characters are gone.
 */
#ifndef ALPI_CLI_RENDER_H
#define ALPI_CLI_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/text.h"
#include "common/buf.h"

enum render_block { BLOCK_START, BLOCK_TEXT, BLOCK_FENCE };

struct render {
	bool		   colour;
	struct text_filter filter;
	struct buf	   clean;		/* filtered, on its way */
	struct buf	   line;		/* start of a line whose kind is not known yet */
	struct buf	   link;		/* "[text](url" so far */
	enum render_block  block;
	char		   fence;		/* '`' or '~' inside a fenced block, else 0 */
	size_t		   fence_len;
	unsigned	   styles, shown;	/* STYLE_ bits wanted, and those the terminal is in */
	char		   run;			/* '*', '_', '~' or '`': markers not decided yet */
	size_t		   run_len, code_len;	/* how many; backticks that opened the code span */
	char		   before;		/* the character in front of the run */
	bool		   escaped;		/* after a backslash */
	bool		   wrote;		/* something stands on the current line */
};

void	render_init(struct render *r, bool colour);
void	render_clear(struct render *r);

/* Take the next piece; what can be shown is appended to out. */
void	render_add(struct render *r, const char *text, size_t len, struct buf *out);
/* The text is over: everything held back comes out, styles end, the last line is ended. Ready for another text. */
void	render_end(struct render *r, struct buf *out);

#endif

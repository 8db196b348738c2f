/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between render.c, which goes from line to line, and
 * render_inline.c, which is inside of one. Nobody else includes this.
 */
#ifndef ALPI_CLI_RENDER_OWN_H
#define ALPI_CLI_RENDER_OWN_H

#include "cli/render.h"

enum {
	STYLE_BOLD = 1, STYLE_ITALIC = 2, STYLE_STRIKE = 4, STYLE_CODE = 8, STYLE_DIM = 16,
	STYLE_UNDER = 32,
};

/* The terminal is in these styles from here on. */
void	render_styles(struct render *r, unsigned want, struct buf *out);
void	render_put(struct render *r, const char *s, size_t len, unsigned styles, struct buf *out);
/* One more character within a line. */
void	render_inline(struct render *r, char c, struct buf *out);
/* The line is over: nothing is held any more. */
void	render_inline_end(struct render *r, struct buf *out);

#endif

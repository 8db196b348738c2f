/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See render.h. Two small machines: at the start of a line characters are
 * held until it is clear what the line is (render_line.h); after that,
 * render_inline.c has them. A style never outlives its line, so a marker that
 * the model forgot to close costs one line.
 */
#include "cli/render.h"

#include <stdlib.h>
#include <string.h>

#include "cli/render_line.h"
#include "cli/render_own.h"
#include "common/mem.h"

void
render_init(struct render *r, bool colour)
{
	*r = (struct render){ .colour = colour };
}

void
render_clear(struct render *r)
{
	buf_clear(&r->clean);
	buf_clear(&r->line);
	buf_clear(&r->link);
}

static void
end_line(struct render *r, struct buf *out)
{
	render_styles(r, 0, out);
	buf_addc(out, '\n');
	r->wrote = false;
	r->styles = 0;
	r->code_len = 0;
	r->before = '\0';
	r->block = r->fence ? BLOCK_FENCE : BLOCK_START;
}

/* ---- at the start of a line --------------------------------------------------------------- */

static void	feed(struct render *r, const char *s, size_t len, struct buf *out);

/* The indent, and what stands for the marker behind it. */
static void
put_mark(struct render *r, const char *mark, unsigned style, struct buf *out)
{
	render_put(r, r->line.data, strspn(r->line.data, " \t"), 0, out);
	render_put(r, mark, strlen(mark), style, out);
}

static void
open_or_close_fence(struct render *r, bool open, struct buf *out)
{
	const char *s = r->line.data + strspn(r->line.data, " \t");

	r->fence_len = open ? render_line_span(s, *s) : 0;
	r->fence = open ? *s : '\0';
	render_put(r, r->line.data, strcspn(r->line.data, "\n"), STYLE_DIM, out);
	buf_reset(&r->line);
	end_line(r, out);
}

static void
put_rule(struct render *r, struct buf *out)
{
	static const char rule[] = "────────────────────";

	render_put(r, rule, sizeof(rule) - 1, STYLE_DIM, out);
	buf_reset(&r->line);
	end_line(r, out);
}

/* The rest of the held text, from offset on, is ordinary text of this block. */
static void
enter(struct render *r, enum render_block block, size_t offset, struct buf *out)
{
	cleanup_free char *held = buf_take(&r->line);

	r->block = block;
	feed(r, held + offset, strlen(held) - offset, out);
}

static void
start_heading(struct render *r, size_t indent, struct buf *out)
{
	size_t level = render_line_span(r->line.data + indent, '#');

	r->styles = level == 1 ? STYLE_BOLD | STYLE_UNDER : STYLE_BOLD;
	enter(r, BLOCK_TEXT, indent + level + 1, out);
}

/* Act on what the held start of the line was found to be. */
static void
decide(struct render *r, enum line_kind kind, struct buf *out)
{
	size_t indent = strspn(r->line.data, " \t"), n;

	switch (kind) {
	case LINE_UNDECIDED:
		break;
	case LINE_QUOTE:
		put_mark(r, "│", STYLE_DIM, out);
		enter(r, BLOCK_START, indent + 1, out);
		break;
	case LINE_BULLET:
		put_mark(r, "• ", STYLE_BOLD, out);
		enter(r, BLOCK_TEXT, indent + 2, out);
		break;
	case LINE_NUMBER:
		n = indent + strspn(r->line.data + indent, "0123456789") + 1;
		render_put(r, r->line.data, n, STYLE_BOLD, out);
		enter(r, BLOCK_TEXT, n, out);
		break;
	case LINE_HEADING:
		start_heading(r, indent, out);
		break;
	case LINE_RULE:
		put_rule(r, out);
		break;
	case LINE_FENCE_OPEN:
	case LINE_FENCE_CLOSE:
		open_or_close_fence(r, kind == LINE_FENCE_OPEN, out);
		break;
	case LINE_PLAIN:
		put_mark(r, "", 0, out);
		enter(r, r->fence ? BLOCK_FENCE : BLOCK_TEXT, indent, out);
		break;
	}
}

/* ---- one character after the other -------------------------------------------------------- */

static void
take(struct render *r, char c, struct buf *out)
{
	bool start = r->block == BLOCK_START || (r->block == BLOCK_FENCE && !r->wrote);

	if (start && c == '\n' && (r->line.len == 0 || r->line.len == strspn(r->line.data, " \t"))) {
		buf_reset(&r->line);
		end_line(r, out);
	} else if (start) {
		buf_addc(&r->line, c);
		decide(r, render_line_kind(r->line.data, r->line.len, r->fence, r->fence_len), out);
	} else if (c == '\n') {
		render_inline_end(r, out);
		end_line(r, out);
	} else if (r->block == BLOCK_FENCE) {
		render_put(r, &c, 1, STYLE_CODE, out);
	} else {
		render_inline(r, c, out);
	}
}

static void
feed(struct render *r, const char *s, size_t len, struct buf *out)
{
	/* the held start of a fenced line is not looked at a second time */
	if (r->block == BLOCK_FENCE && len > 0 && *s != '\n') {
		render_put(r, s, 1, STYLE_CODE, out);
		s++, len--;
	}
	for (size_t i = 0; i < len; i++)
		take(r, s[i], out);
}

void
render_add(struct render *r, const char *text, size_t len, struct buf *out)
{
	buf_reset(&r->clean);
	text_filter_add(&r->filter, text, len, &r->clean);
	if (!r->colour) {
		buf_add(out, buf_str(&r->clean), r->clean.len);
		if (r->clean.len > 0)
			r->wrote = r->clean.data[r->clean.len - 1] != '\n';
		return;
	}
	for (size_t i = 0; i < r->clean.len; i++)
		take(r, r->clean.data[i], out);
}

void
render_end(struct render *r, struct buf *out)
{
	bool colour = r->colour;

	text_filter_end(&r->filter, out);
	if (r->line.len > 0)
		take(r, '\n', out);		/* decides, and ends the line */
	render_inline_end(r, out);
	if (r->wrote)
		end_line(r, out);
	render_clear(r);
	render_init(r, colour);
}

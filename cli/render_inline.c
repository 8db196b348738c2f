/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See render_own.h. Only a run of markers, a backslash or a possible link is
 * held; everything else is shown as it comes.
 *
 * A link shows its target: a text that names one place and leads to another
 * is the oldest trick there is.
 */
#include "cli/render_own.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define LINK_MAX	2048	/* bytes held before "[" is taken for a bracket */

static const struct {
	unsigned	style;
	const char	*sgr;
} sgr[] = {
	{ STYLE_BOLD, ";1" }, { STYLE_DIM, ";2" }, { STYLE_ITALIC, ";3" },
	{ STYLE_UNDER, ";4" }, { STYLE_STRIKE, ";9" }, { STYLE_CODE, ";36" },
};

/* ---- what reaches the terminal ----------------------------------------------------------- */

void
render_styles(struct render *r, unsigned want, struct buf *out)
{
	if (want == r->shown)
		return;
	buf_puts(out, "\033[0");
	for (size_t i = 0; i < COUNT(sgr); i++)
		if (want & sgr[i].style)
			buf_puts(out, sgr[i].sgr);
	buf_puts(out, "m");
	r->shown = want;
}

void
render_put(struct render *r, const char *s, size_t len, unsigned styles, struct buf *out)
{
	if (len == 0)
		return;
	render_styles(r, styles, out);
	buf_add(out, s, len);
	r->wrote = true;
}

static void
put_char(struct render *r, char c, struct buf *out)
{
	render_put(r, &c, 1, r->styles, out);
	r->before = c;
}

/* ---- markers ------------------------------------------------------------------------------ */

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static bool
is_blank(char c)
{
	return c == '\0' || c == ' ' || c == '\t' || c == '\n';
}

/* The style that so many of this marker switch; 0: none. */
static unsigned
run_style(char marker, size_t len)
{
	if (marker == '~')
		return len == 2 ? STYLE_STRIKE : 0;
	return len == 1 ? STYLE_ITALIC : len == 2 ? STYLE_BOLD : len == 3 ? STYLE_BOLD | STYLE_ITALIC : 0;
}

/* A run of backticks is over: it opens a code span, closes it, or belongs to it. */
static void
end_ticks(struct render *r, struct buf *out)
{
	size_t n = r->run_len;

	r->run = '\0';
	if (r->code_len == 0) {
		r->code_len = n;
		r->styles |= STYLE_CODE;
	} else if (r->code_len == n) {
		r->code_len = 0;
		r->styles &= ~(unsigned)STYLE_CODE;
	} else {
		while (n-- > 0)
			put_char(r, '`', out);
	}
	r->before = '`';
}

/* 2*3 and snake_case open nothing; a star may follow a letter of a script without blanks. */
static bool
inside_word(const struct render *r)
{
	return r->run == '*' ? isalnum((unsigned char)r->before) != 0 : is_word(r->before);
}

/* A run of markers is over and next follows it: on, off, or just characters. */
static void
end_run(struct render *r, char next, struct buf *out)
{
	unsigned style = run_style(r->run, r->run_len);
	bool closes = style != 0 && (r->styles & style) == style && !is_blank(r->before);
	bool opens = style != 0 && (r->styles & style) == 0 && !is_blank(next) && !inside_word(r);
	char marker = r->run;
	size_t n = r->run_len;

	if (marker == '`') {
		end_ticks(r, out);
		return;
	}
	r->run = '\0';
	if (marker == '_' && is_word(next))
		closes = false;			/* snake_case_name */
	if (closes || opens) {
		r->styles ^= style;
		return;
	}
	while (n-- > 0)
		put_char(r, marker, out);
}

/* ---- links -------------------------------------------------------------------------------- */

/* What was held as a link is none: the bracket is a character, the rest is read again. */
static void
unlink_held(struct render *r, struct buf *out)
{
	cleanup_free char *held = buf_take(&r->link);

	put_char(r, '[', out);
	for (const char *p = held + 1; *p != '\0'; p++)
		render_inline(r, *p, out);
}

/* "[text](url)" is whole: text underlined, its target behind it. */
static void
put_link(struct render *r, struct buf *out)
{
	cleanup_free char *held = buf_take(&r->link);
	char *middle = strstr(held, "](");
	size_t text = (size_t)(middle - held) - 1, url = strlen(middle + 2);

	render_put(r, held + 1, text, r->styles | STYLE_UNDER, out);
	if (url != text || memcmp(held + 1, middle + 2, url) != 0) {
		render_put(r, " (", 2, STYLE_DIM, out);
		render_put(r, middle + 2, url, STYLE_DIM, out);
		render_put(r, ")", 1, STYLE_DIM, out);
	}
	r->before = ')';
}

/* One more character while a link is held; true when it was used up. */
static bool
link_char(struct render *r, char c, struct buf *out)
{
	bool in_url = strstr(r->link.data, "](") != NULL;
	char last = r->link.data[r->link.len - 1];

	if (in_url && c == ')') {
		put_link(r, out);
		return true;
	}
	if ((in_url ? is_blank(c) : c == '[' || c == '\n' || (last == ']' && c != '(')) ||
	    r->link.len >= LINK_MAX) {
		unlink_held(r, out);
		return false;
	}
	buf_addc(&r->link, c);
	return true;
}

/* ---- one character after the other -------------------------------------------------------- */

void
render_inline(struct render *r, char c, struct buf *out)
{
	if (r->link.len > 0 && link_char(r, c, out))
		return;
	if (r->run != '\0') {
		if (c == r->run) {
			r->run_len++;
			return;
		}
		end_run(r, c, out);
	}
	if (r->escaped) {
		r->escaped = false;
		if (!ispunct((unsigned char)c))
			put_char(r, '\\', out);
		put_char(r, c, out);
	} else if (c == '\\' && r->code_len == 0) {
		r->escaped = true;
	} else if (c == '`' || (r->code_len == 0 && (c == '*' || c == '_' || c == '~'))) {
		r->run = c;
		r->run_len = 1;
	} else if (c == '[' && r->code_len == 0) {
		buf_addc(&r->link, c);
	} else {
		put_char(r, c, out);
	}
}

void
render_inline_end(struct render *r, struct buf *out)
{
	while (r->link.len > 0)
		unlink_held(r, out);
	if (r->run != '\0')
		end_run(r, '\n', out);
	if (r->escaped)
		put_char(r, '\\', out);
	r->escaped = false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See render.h. Two small machines: at the start of a line characters are
 * held until it is clear what the line is; after that, only a run of markers
 * or a possible link is held. A style never outlives its line, so a marker
 * that the model forgot to close costs one line.
 *
 * A link shows its target: a text that names one place and leads to another
 * is the oldest trick there is.
 */
#include "cli/render.h"

#include <ctype.h>
#include <string.h>

#include "common/mem.h"

#define LINK_MAX	2048	/* bytes held before "[" is taken for a bracket */
#define START_MAX	200	/* bytes held at the start of a line */

enum {
	STYLE_BOLD = 1, STYLE_ITALIC = 2, STYLE_STRIKE = 4, STYLE_CODE = 8, STYLE_DIM = 16,
	STYLE_UNDER = 32,
};

static const struct {
	unsigned	style;
	const char	*sgr;
} sgr[] = {
	{ STYLE_BOLD, ";1" }, { STYLE_DIM, ";2" }, { STYLE_ITALIC, ";3" },
	{ STYLE_UNDER, ";4" }, { STYLE_STRIKE, ";9" }, { STYLE_CODE, ";36" },
};

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

/* ---- what reaches the terminal ----------------------------------------------------------- */

static void
set_styles(struct render *r, unsigned want, struct buf *out)
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

static void
put(struct render *r, const char *s, size_t len, unsigned styles, struct buf *out)
{
	if (len == 0)
		return;
	set_styles(r, styles, out);
	buf_add(out, s, len);
	r->wrote = true;
}

static void
put_char(struct render *r, char c, struct buf *out)
{
	put(r, &c, 1, r->styles, out);
	r->before = c;
}

static void
end_line(struct render *r, struct buf *out)
{
	set_styles(r, 0, out);
	buf_addc(out, '\n');
	r->wrote = false;
	r->styles = 0;
	r->code_len = 0;
	r->before = '\0';
	r->block = r->fence ? BLOCK_FENCE : BLOCK_START;
}

/* ---- inside a line ------------------------------------------------------------------------ */

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

static void	inline_char(struct render *r, char c, struct buf *out);

/* What was held as a link is none: the bracket is a character, the rest is read again. */
static void
unlink_held(struct render *r, struct buf *out)
{
	cleanup_free char *held = buf_take(&r->link);

	put_char(r, '[', out);
	for (const char *p = held + 1; *p != '\0'; p++)
		inline_char(r, *p, out);
}

/* "[text](url)" is whole: text underlined, its target behind it. */
static void
put_link(struct render *r, struct buf *out)
{
	cleanup_free char *held = buf_take(&r->link);
	char *middle = strstr(held, "](");
	size_t text = (size_t)(middle - held) - 1, url = strlen(middle + 2);

	put(r, held + 1, text, r->styles | STYLE_UNDER, out);
	if (url != text || memcmp(held + 1, middle + 2, url) != 0) {
		put(r, " (", 2, STYLE_DIM, out);
		put(r, middle + 2, url, STYLE_DIM, out);
		put(r, ")", 1, STYLE_DIM, out);
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

static void
inline_char(struct render *r, char c, struct buf *out)
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

/* The line is over: nothing is held any more. */
static void
flush_inline(struct render *r, struct buf *out)
{
	while (r->link.len > 0)
		unlink_held(r, out);
	if (r->run != '\0')
		end_run(r, '\n', out);
	if (r->escaped)
		put_char(r, '\\', out);
	r->escaped = false;
}

/* ---- at the start of a line --------------------------------------------------------------- */

enum verdict { UNDECIDED, PLAIN, QUOTE, BULLET, NUMBER, HEADING, RULE, FENCE_OPEN, FENCE_CLOSE };

static size_t
span_of(const char *s, char c)
{
	size_t n = 0;

	while (s[n] == c)
		n++;
	return n;
}

/* Only blanks (or nothing) up to the newline that ends the held text. */
static bool
ends_here(const char *s)
{
	return strcmp(s + strspn(s, " \t"), "\n") == 0;
}

static enum verdict
verdict_fence(const struct render *r, const char *s)
{
	size_t n = span_of(s, r->fence);

	if (n >= r->fence_len && ends_here(s + n))
		return FENCE_CLOSE;
	return s[n] == '\0' || (n >= r->fence_len && s[n + strspn(s + n, " \t")] == '\0') ? UNDECIDED : PLAIN;
}

/* "-", "*", "+", "_": a bullet, a rule or the start of emphasis. */
static enum verdict
verdict_marker(const char *s)
{
	size_t n = span_of(s, s[0]);

	if (s[1] == '\0')
		return UNDECIDED;
	if (n == 1 && s[0] != '_')
		return s[1] == ' ' || s[1] == '\t' ? BULLET : PLAIN;
	if (n >= 3 && s[0] != '+' && ends_here(s + n))
		return RULE;
	return s[n] == '\0' || (n >= 3 && s[n + strspn(s + n, " \t")] == '\0') ? UNDECIDED : PLAIN;
}

static enum verdict
verdict_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	if (n > 9)
		return PLAIN;
	if (s[n] == '\0' || ((s[n] == '.' || s[n] == ')') && s[n + 1] == '\0'))
		return UNDECIDED;
	return (s[n] == '.' || s[n] == ')') && s[n + 1] == ' ' ? NUMBER : PLAIN;
}

static enum verdict
verdict_ticks(const char *s)
{
	size_t n = span_of(s, s[0]);

	if (n < 3)
		return s[n] == '\0' ? UNDECIDED : PLAIN;
	if (strchr(s + n, s[0]) != NULL)
		return PLAIN;			/* ```code``` within a line */
	return strchr(s + n, '\n') != NULL ? FENCE_OPEN : UNDECIDED;
}

static enum verdict
verdict_hash(const char *s)
{
	size_t n = span_of(s, '#');

	if (n > 6)
		return PLAIN;
	return s[n] == '\0' ? UNDECIDED : s[n] == ' ' ? HEADING : PLAIN;
}

static enum verdict
classify(const struct render *r)
{
	const char *s = r->line.data + strspn(r->line.data, " \t");

	if (*s == '\0')
		return r->line.len >= START_MAX ? PLAIN : UNDECIDED;
	if (r->line.len >= START_MAX)
		return PLAIN;
	if (r->fence)
		return verdict_fence(r, s);
	if (isdigit((unsigned char)*s))
		return verdict_number(s);
	switch (*s) {
	case '#':
		return verdict_hash(s);
	case '`': case '~':
		return verdict_ticks(s);
	case '-': case '*': case '+': case '_':
		return verdict_marker(s);
	case '>':
		return QUOTE;
	default:
		return PLAIN;
	}
}

static void	feed(struct render *r, const char *s, size_t len, struct buf *out);

static void
put_blanks(struct render *r, size_t n, struct buf *out)
{
	put(r, r->line.data, n, 0, out);
}

static void
open_or_close_fence(struct render *r, bool open, struct buf *out)
{
	const char *s = r->line.data + strspn(r->line.data, " \t");

	r->fence_len = open ? span_of(s, *s) : 0;
	r->fence = open ? *s : '\0';
	put(r, r->line.data, strcspn(r->line.data, "\n"), STYLE_DIM, out);
	buf_reset(&r->line);
	end_line(r, out);
}

static void
put_rule(struct render *r, struct buf *out)
{
	static const char rule[] = "────────────────────";

	put(r, rule, sizeof(rule) - 1, STYLE_DIM, out);
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
	size_t level = span_of(r->line.data + indent, '#');

	r->styles = level == 1 ? STYLE_BOLD | STYLE_UNDER : STYLE_BOLD;
	enter(r, BLOCK_HEADING, indent + level + 1, out);
}

/* Act on the verdict about the held start of the line. */
static void
decide(struct render *r, enum verdict v, struct buf *out)
{
	size_t indent = strspn(r->line.data, " \t"), n;

	switch (v) {
	case UNDECIDED:
		break;
	case QUOTE:
		put_blanks(r, indent, out);
		put(r, "│", strlen("│"), STYLE_DIM, out);
		enter(r, BLOCK_START, indent + 1, out);
		break;
	case BULLET:
		put_blanks(r, indent, out);
		put(r, "• ", strlen("• "), STYLE_BOLD, out);
		enter(r, BLOCK_TEXT, indent + 2, out);
		break;
	case NUMBER:
		n = indent + strspn(r->line.data + indent, "0123456789") + 1;
		put(r, r->line.data, n, STYLE_BOLD, out);
		enter(r, BLOCK_TEXT, n, out);
		break;
	case HEADING:
		start_heading(r, indent, out);
		break;
	case RULE:
		put_rule(r, out);
		break;
	case FENCE_OPEN:
	case FENCE_CLOSE:
		open_or_close_fence(r, v == FENCE_OPEN, out);
		break;
	case PLAIN:
		put_blanks(r, indent, out);
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
		decide(r, classify(r), out);
	} else if (c == '\n') {
		flush_inline(r, out);
		end_line(r, out);
	} else if (r->block == BLOCK_FENCE) {
		put(r, &c, 1, STYLE_CODE, out);
	} else {
		inline_char(r, c, out);
	}
}

static void
feed(struct render *r, const char *s, size_t len, struct buf *out)
{
	/* the held start of a fenced line is not looked at a second time */
	if (r->block == BLOCK_FENCE && len > 0 && *s != '\n') {
		put(r, s, 1, STYLE_CODE, out);
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
	flush_inline(r, out);
	if (r->wrote)
		end_line(r, out);
	render_clear(r);
	render_init(r, colour);
}

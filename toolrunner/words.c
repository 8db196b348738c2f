/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words (lexer.h): quotations and plain bytes, put into a draft (draft.c);
 * what begins with a $ is dollar.c's.
 */
#include <ctype.h>
#include <string.h>

#include "common/mem.h"
#include "toolrunner/lex.h"

/* ---- what is next ---------------------------------------------------------------------------- */

bool
lex_at(const struct lex *l, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(l->end - l->p) >= n && memcmp(l->p, s, n) == 0;
}

bool
lex_is_name(int c, bool first)
{
	return c == '_' || isalpha(c) || (!first && isdigit(c));
}

bool
lex_is_meta(char c)
{
	return strchr(" \t\n;&|<>()", c) != NULL && c != '\0';
}

/* <( and >( begin words. */
bool
lex_at_operator(const struct lex *l)
{
	return lex_is_meta(*l->p) && !lex_at(l, "<(") && !lex_at(l, ">(");
}

/* ---- quotations ------------------------------------------------------------------------------ */

/* The inside of "…", or a here-document's body (until is NUL: to the end). */
int
word_quoted(struct lex *l, struct draft *d, int command, char until)
{
	d->seen = true;
	while (l->p < l->end) {
		char c = *l->p++;

		if (until != '\0' && c == until)
			return 0;
		if (c == '\\' && l->p < l->end && strchr("$`\"\\\n", *l->p) != NULL) {
			if (*l->p != '\n')
				draft_add(l, d, l->p, 1, QUOTED);
			l->p++;
		} else if (c == '$') {
			if (word_dollar(l, d, command, true) == -1)
				return -1;
		} else if (c == '`') {
			if (word_backquotes(l, d, command) == -1)
				return -1;
		} else if (draft_add(l, d, &c, 1, QUOTED) == -1)
			return -1;
	}
	return until == '\0' ? 0 : script_break(l->s, "quote without an end");
}

static int
digits(struct lex *l, int base, int most)
{
	int value = 0;

	for (; most > 0 && l->p < l->end && isxdigit((unsigned char)*l->p); most--, l->p++) {
		int v = isdigit((unsigned char)*l->p) ? *l->p - '0' : tolower((unsigned char)*l->p) - 'a' + 10;

		if (v >= base)
			break;
		value = value * base + v;
	}
	return value;
}

/* The inside of $'…'. */
static int
read_ansi(struct lex *l, struct draft *d)
{
	static const char from[] = "abefnrtvE", to[] = "\a\b\033\f\n\r\t\v\033";
	const char *k;
	char c;

	d->seen = true;
	while (l->p < l->end) {
		c = *l->p++;
		if (c == '\'')
			return 0;
		if (c == '\\' && l->p < l->end) {
			c = *l->p++;
			if (c == 'x')
				c = (char)digits(l, 16, 2);
			else if (c == 'u' || c == 'U')
				c = (char)digits(l, 16, c == 'u' ? 4 : 8);	/* ASCII is what matters here */
			else if (c >= '0' && c <= '7') {
				l->p--;
				c = (char)digits(l, 8, 3);
			} else if ((k = strchr(from, c)) != NULL && c != '\0')
				c = to[k - from];
		}
		if (c != '\0' && draft_add(l, d, &c, 1, QUOTED) == -1)
			return -1;
	}
	return script_break(l->s, "quote without an end");
}

static int
read_single(struct lex *l, struct draft *d)
{
	const char *q = memchr(l->p, '\'', (size_t)(l->end - l->p));

	if (q == NULL)
		return script_break(l->s, "quote without an end");
	d->seen = true;
	if (draft_add(l, d, l->p, (size_t)(q - l->p), QUOTED) == -1)
		return -1;
	l->p = q + 1;
	return 0;
}

/* ---- words ----------------------------------------------------------------------------------- */

/* One part of a word: a quotation, an expansion or a plain byte. */
static int
read_part(struct lex *l, struct draft *d, int command)
{
	char c = *l->p++;

	switch (c) {
	case '\\':
		if (l->p == l->end)
			return draft_add(l, d, "\\", 1, QUOTED);
		if (*l->p++ == '\n')
			return 0;
		return draft_add(l, d, l->p - 1, 1, QUOTED);
	case '\'':
		return read_single(l, d);
	case '"':
		return word_quoted(l, d, command, '"');
	case '`':
		return word_backquotes(l, d, command);
	case '$':
		if (lex_at(l, "'"))
			return l->p++, read_ansi(l, d);
		if (lex_at(l, "\""))
			return l->p++, word_quoted(l, d, command, '"');
		return word_dollar(l, d, command, false);
	}
	return draft_add(l, d, &c, 1, PLAIN);
}

int
word_read(struct lex *l, struct draft *d, int command)
{
	if (lex_at(l, "<(") || lex_at(l, ">(")) {
		enum pipe_link link = *l->p == '<' ? PIPE_INTO : PIPE_FROM;

		l->p += 2;
		if (draft_add(l, d, "$()", 3, COMPUTED) == -1 || word_substitution(l, command, link) == -1)
			return -1;
	}
	while (l->p < l->end && !lex_is_meta(*l->p))
		if (read_part(l, d, command) == -1)
			return -1;
	return 0;
}

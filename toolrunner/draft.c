/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts (lexer.h): words while they are read. Beside its text a draft keeps
 * for every byte how it came to be there, because what a byte means depends
 * on that: a quoted star is no pattern, a blank out of a variable splits. At
 * its end a draft becomes the words of its command, its braces expanded
 * within limits.
 */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "toolrunner/lex.h"

#define BRACE_WORDS_MAX	64	/* words one word may become */
#define BRACE_LENGTH_MAX 4096	/* bytes of a word in which they are expanded */
#define BRACE_TRIES_MAX	16	/* unmatched { in it that are looked at */

void
draft_clear(struct draft *d)
{
	buf_clear(&d->text);
	buf_clear(&d->marks);
}

int
draft_add(struct lex *l, struct draft *d, const char *text, size_t len, enum mark mark)
{
	if (len > SCRIPT_GROWTH_MAX - d->text.len)
		return script_break(l->s, script_too_big);
	buf_add(&d->text, text, len);
	for (size_t i = 0; i < len; i++)
		buf_addc(&d->marks, (char)mark);
	d->seen = true;
	return 0;
}

void
draft_copy(struct draft *to, const struct draft *d, size_t from, size_t end)
{
	buf_add(&to->text, buf_str(&d->text) + from, end - from);
	buf_add(&to->marks, buf_str(&d->marks) + from, end - from);
}

static unsigned
flags_of(const char *text, const char *marks, size_t len)
{
	unsigned flags = 0;

	if (len > 0 && (marks[0] == HOME || (marks[0] == PLAIN && text[0] == '~')))
		flags |= WORD_HOME;
	for (size_t i = 0; i < len; i++) {
		if (marks[i] == QUOTED)
			flags |= WORD_QUOTED;
		else if (marks[i] == UNKNOWN)
			flags |= WORD_UNKNOWN;
		else if (marks[i] == COMPUTED)
			flags |= WORD_COMPUTED;
		else if (marks[i] == PLAIN && strchr("*?[", text[i]) != NULL)
			flags |= WORD_GLOB;
	}
	return flags;
}

/* The bytes [from, to) of a draft as a finished word. */
static struct word
draft_cut(struct script *s, const struct draft *d, size_t from, size_t to)
{
	const char *text = buf_str(&d->text) + from, *marks = buf_str(&d->marks) + from;

	return (struct word){
		.text = script_keep(s, xstrndup(text, to - from)),
		.flags = flags_of(text, marks, to - from) | (d->seen && to == from ? WORD_QUOTED : 0),
		.from = d->from,
	};
}

struct word
draft_word(struct lex *l, const struct draft *d)
{
	script_count(l->s, d->text.len);
	return draft_cut(l->s, d, 0, d->text.len);
}

/* ---- from a draft to words ------------------------------------------------------------------ */

/* The end of the {a,b} that opens at `open`: the index of its }, or 0 when it is none. */
static size_t
brace_end(const struct draft *d, size_t open)
{
	int depth = 0;
	bool comma = false;

	for (size_t i = open; i < d->text.len; i++) {
		if (d->marks.data[i] != PLAIN)
			continue;
		if (d->text.data[i] == '{')
			depth++;
		else if (d->text.data[i] == ',' && depth == 1)
			comma = true;
		else if (d->text.data[i] == '}' && --depth == 0)
			return comma ? i : 0;
	}
	return 0;
}

/* Split at unquoted blanks that came out of variables, and give the parts to the command. */
static int
split_fields(struct lex *l, int command, const struct draft *d)
{
	const char *text = buf_str(&d->text), *marks = buf_str(&d->marks);
	size_t start = 0, i;

	if (d->text.len == 0) {
		script_word(l->s, command, draft_word(l, d));
		return l->s->broken ? -1 : 0;
	}
	for (i = 0; i <= d->text.len; i++) {
		if (i < d->text.len && !(marks[i] == PLAIN && strchr(" \t\n", text[i]) != NULL))
			continue;
		if (i > start) {
			if (script_count(l->s, i - start) == -1)
				return -1;
			script_word(l->s, command, draft_cut(l->s, d, start, i));
		}
		start = i + 1;
	}
	return 0;
}

/* Expand the first brace list of a draft, then the rest of each result; `left` bounds the words. */
static int
split_braces(struct lex *l, int command, const struct draft *d, int *left)
{
	size_t open, close = 0, start, i;
	int depth = 0, tries = BRACE_TRIES_MAX;

	for (open = 0; open < d->text.len && tries > 0; open++)
		if (d->text.data[open] == '{' && d->marks.data[open] == PLAIN && tries-- > 0 && (close = brace_end(d, open)) != 0)
			break;
	if (close == 0 || *left <= 0)
		return split_fields(l, command, d);
	for (start = i = open + 1; i <= close; i++) {
		bool plain = d->marks.data[i] == PLAIN;

		if (plain && d->text.data[i] == '{')
			depth++;
		if (plain && d->text.data[i] == '}' && i != close)
			depth--;
		if (i != close && !(plain && depth == 0 && d->text.data[i] == ','))
			continue;
		cleanup_draft struct draft one = { .seen = true, .from = d->from };
		draft_copy(&one, d, 0, open);
		draft_copy(&one, d, start, i);
		draft_copy(&one, d, close + 1, d->text.len);
		start = i + 1;
		(*left)--;
		if (script_count(l->s, one.text.len) == -1 || split_braces(l, command, &one, left) == -1)
			return -1;
	}
	return 0;
}

int
draft_finish(struct lex *l, int command, const struct draft *d)
{
	int left = BRACE_WORDS_MAX;

	if (!d->seen)
		return 0;
	if (d->text.len <= BRACE_LENGTH_MAX || memchr(d->text.data, '{', d->text.len) == NULL)
		return split_braces(l, command, d, &left);
	return brace_end(d, (size_t)((char *)memchr(d->text.data, '{', d->text.len) - d->text.data)) != 0 ?
	    script_break(l->s, script_too_big) : split_fields(l, command, d);
}

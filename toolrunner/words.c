/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words (lexer.h): quotes, expansions, braces. Beside its text a draft keeps
 * for every byte how it came to be there, because what a byte means depends
 * on that: a quoted star is no pattern, a blank out of a variable splits.
 */
#include "toolrunner/lex.h"

#include <ctype.h>
#include <string.h>

#include "common/mem.h"

#define BRACE_WORDS_MAX	64	/* words one word may become */
#define BRACE_LENGTH_MAX 4096	/* bytes of a word in which they are expanded */
#define BRACE_TRIES_MAX	16	/* unmatched { in it that are looked at */

/* ---- drafts: a word while it is read ------------------------------------------------------ */

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

/* Put a variable's value in; `quoted` values are not split later. */
static int
draft_variable(struct lex *l, struct draft *d, const char *name, size_t len, bool quoted)
{
	struct variable *v = variable_find(l->s, name, len);
	bool special = len == 1 && strchr("@*0123456789", *name) != NULL;

	if (v != NULL && v->text != NULL) {
		if (script_count(l->s, strlen(v->text)) == -1)
			return -1;
		d->from = v->from != -1 ? v->from : d->from;
		for (size_t i = 0; v->text[i] != '\0'; i++)
			if (draft_add(l, d, &v->text[i], 1, v->marks[i] == HOME ? HOME : quoted ? QUOTED : PLAIN) == -1)
				return -1;
		return 0;
	}
	if (v == NULL && len == 4 && memcmp(name, "HOME", 4) == 0)
		return draft_add(l, d, "~", 1, HOME);
	if (v == NULL && len == 3 && memcmp(name, "IFS", 3) == 0)
		return draft_add(l, d, " ", 1, quoted ? QUOTED : PLAIN);
	if (v != NULL && v->from != -1)
		d->from = v->from;
	if (draft_add(l, d, "$", 1, v != NULL || special ? COMPUTED : UNKNOWN) == -1)
		return -1;
	return draft_add(l, d, name, len, v != NULL || special ? COMPUTED : UNKNOWN);
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

static void
draft_copy(struct draft *to, const struct draft *d, size_t from, size_t end)
{
	buf_add(&to->text, buf_str(&d->text) + from, end - from);
	buf_add(&to->marks, buf_str(&d->marks) + from, end - from);
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

/* ---- reading words ------------------------------------------------------------------------ */

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

/* A $( ), <( ) or >( ) whose parenthesis was just passed: a list that belongs to `command`. */
static int
read_substitution(struct lex *l, int command, enum pipe_link link)
{
	const struct command *c = &l->s->commands[command];
	struct scope sc = {
		.link = link, .parent = c->pipe, .segment = c->segment, .owner = command,
		.function = c->function, .origin = c->origin,
	};

	return lex_list(l, &sc, ")");
}

void
lex_forget(struct lex *l)
{
	for (size_t i = 0; i < l->ndocs; i++)
		free(l->docs[i].end);
	l->ndocs = 0;
}

/* Read another text in the place of a substitution or a nested script. */
int
lex_elsewhere(struct lex *l, const char *text, size_t len, const struct scope *sc)
{
	struct lex inner = { .s = l->s, .p = text, .end = text + len, .depth = l->depth };
	int result = lex_list(&inner, sc, NULL);

	lex_forget(&inner);
	return result;
}

static int
read_backquotes(struct lex *l, struct draft *d, int command)
{
	const struct command *c = &l->s->commands[command];
	struct scope sc = {
		.link = PIPE_INTO, .parent = c->pipe, .segment = c->segment, .owner = command,
		.function = c->function, .origin = c->origin,
	};
	cleanup_buf struct buf text = BUF(SCRIPT_TEXT_MAX);

	for (; l->p < l->end && *l->p != '`'; l->p++) {
		if (*l->p == '\\' && l->p + 1 < l->end && strchr("`\\$", l->p[1]) != NULL)
			l->p++;
		buf_addc(&text, *l->p);
	}
	if (l->p == l->end)
		return script_break(l->s, "backquote without an end");
	l->p++;
	d->from = command;
	if (draft_add(l, d, "$()", 3, COMPUTED) == -1)
		return -1;
	return lex_elsewhere(l, buf_str(&text), text.len, &sc);
}

static int read_dollar(struct lex *l, struct draft *d, int command, bool quoted);

/*
 * Is this "((", just passed, arithmetic? Then pass it, reading what it
 * expands. An older shell takes the command (( )) for two subshells: its text
 * is then read as commands too, and forgotten when that makes no sense.
 * 1 it was, 0 not (nothing is passed), -1 broken.
 */
int
word_arithmetic(struct lex *l, int command, bool subshells)
{
	const struct command *c = &l->s->commands[command];
	struct scope sc = { PIPE_GROUP, c->pipe, c->segment, -1, c->function, c->origin };
	struct lex inner = { .s = l->s, .p = l->p, .depth = l->depth + 1 };
	cleanup_draft struct draft d = { .from = -1 };
	const char *q;
	int depth = 0;

	for (q = l->p; q + 1 < l->end; q++) {
		if (*q == '(')
			depth++;
		else if (*q == ')' && depth == 0 && q[1] == ')')
			break;
		else if (*q == ')' && --depth < 0)
			return 0;
	}
	if (q + 1 >= l->end)
		return 0;
	if (inner.depth >= SCRIPT_DEPTH_MAX)
		return script_break(l->s, script_too_deep);
	inner.end = q;
	word_quoted(&inner, &d, command, '\0');
	lex_forget(&inner);
	if (l->s->broken != NULL)
		return -1;
	if (subshells && lex_elsewhere(l, l->p, (size_t)(q - l->p), &sc) == -1) {
		if (script_over(l->s))
			return -1;
		l->s->broken = NULL;
	}
	l->p = q + 2;
	return 1;
}

/* The part of ${NAME…} after the name, to the brace; its text into `rest`. */
static int
read_braced_rest(struct lex *l, struct draft *rest, int command, bool quoted)
{
	int depth = 0;

	while (l->p < l->end) {
		char c = *l->p++;

		if (c == '}' && depth-- == 0)
			return 0;
		if (c == '{')
			depth++;
		if (c == '\\' && l->p < l->end)
			draft_add(l, rest, l->p++, 1, QUOTED);
		else if (c == '"' && word_quoted(l, rest, command, '"') == -1)
			return -1;
		else if (c == '$' && read_dollar(l, rest, command, quoted) == -1)
			return -1;
		else if (c == '`' && read_backquotes(l, rest, command) == -1)
			return -1;
		else if (c == '\'' && !quoted) {
			const char *q = memchr(l->p, '\'', (size_t)(l->end - l->p));

			if (q == NULL)
				break;
			draft_add(l, rest, l->p, (size_t)(q - l->p), QUOTED);
			l->p = q + 1;
		} else if (strchr("\"$`\\", c) == NULL)
			draft_add(l, rest, &c, 1, quoted ? QUOTED : PLAIN);
	}
	return script_break(l->s, "${ without an end");
}

/* ${…}, its "${" passed. A default counts as the value when the text sets none. */
static int
read_braced(struct lex *l, struct draft *d, int command, bool quoted)
{
	cleanup_draft struct draft rest = { .from = -1 };
	const char *name;
	size_t len, skip;
	bool odd = l->p < l->end && (*l->p == '#' || *l->p == '!') && l->p + 1 < l->end && l->p[1] != '}';

	if (odd)
		l->p++;
	for (name = l->p; l->p < l->end && (lex_is_name((unsigned char)*l->p, false) || (l->p == name && strchr("@*#?$!-", *l->p))); l->p++)
		;
	len = (size_t)(l->p - name);
	if (l->depth >= SCRIPT_DEPTH_MAX)
		return script_break(l->s, script_too_deep);
	l->depth++;
	if (read_braced_rest(l, &rest, command, quoted) == -1)
		return -1;
	l->depth--;
	if (rest.from != -1)
		d->from = rest.from;
	if (odd)
		return draft_add(l, d, "$!", 2, COMPUTED);
	skip = strspn(buf_str(&rest.text), ":");
	if (rest.text.len > skip && strchr("-=", rest.text.data[skip]) != NULL &&
	    variable_find(l->s, name, len) == NULL && !(len == 4 && memcmp(name, "HOME", 4) == 0)) {
		draft_copy(d, &rest, skip + 1, rest.text.len);
		d->seen = true;
		return 0;
	}
	return draft_variable(l, d, name, len, quoted);
}

/* What follows a $ that was just passed. */
static int
read_dollar(struct lex *l, struct draft *d, int command, bool quoted)
{
	const char *name = l->p;
	int n;

	if (lex_at(l, "((")) {
		l->p += 2;
		if ((n = word_arithmetic(l, command, false)) != 0)
			return n == -1 ? -1 : draft_add(l, d, "$(())", 5, UNKNOWN);
		l->p -= 2;
	}
	if (lex_at(l, "(")) {
		l->p++;
		d->from = command;
		return draft_add(l, d, "$()", 3, COMPUTED) == -1 ? -1 : read_substitution(l, command, PIPE_INTO);
	}
	if (lex_at(l, "{")) {
		l->p++;
		return read_braced(l, d, command, quoted);
	}
	if (l->p < l->end && lex_is_name((unsigned char)*l->p, true))
		while (l->p < l->end && lex_is_name((unsigned char)*l->p, false))
			l->p++;
	else if (l->p < l->end && (isdigit((unsigned char)*l->p) || strchr("@*#?$!-", *l->p) != NULL))
		l->p++;
	if (l->p == name)
		return draft_add(l, d, "$", 1, QUOTED);
	return draft_variable(l, d, name, (size_t)(l->p - name), quoted);
}

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
			if (read_dollar(l, d, command, true) == -1)
				return -1;
		} else if (c == '`') {
			if (read_backquotes(l, d, command) == -1)
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
		return read_backquotes(l, d, command);
	case '$':
		if (lex_at(l, "'"))
			return l->p++, read_ansi(l, d);
		if (lex_at(l, "\""))
			return l->p++, word_quoted(l, d, command, '"');
		return read_dollar(l, d, command, false);
	}
	return draft_add(l, d, &c, 1, PLAIN);
}

int
word_read(struct lex *l, struct draft *d, int command)
{
	if (lex_at(l, "<(") || lex_at(l, ">(")) {
		enum pipe_link link = *l->p == '<' ? PIPE_INTO : PIPE_FROM;

		l->p += 2;
		if (draft_add(l, d, "$()", 3, COMPUTED) == -1 || read_substitution(l, command, link) == -1)
			return -1;
	}
	while (l->p < l->end && !lex_is_meta(*l->p))
		if (read_part(l, d, command) == -1)
			return -1;
	return 0;
}

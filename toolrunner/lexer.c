/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See lexer.h. A recursive descent over the grammar of sh, with what bash
 * adds where it matters here. Where shells differ, or where a shell would
 * report an error, the reading that finds more commands is taken.
 */
#include "toolrunner/lexer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

#define HEREDOCS_MAX	16
#define BRACE_WORDS_MAX	64	/* words one word may become */
#define BRACE_LENGTH_MAX 4096	/* bytes of a word in which they are expanded */
#define BRACE_TRIES_MAX	16	/* unmatched { in it that are looked at */

/* How a byte of a word came to be there; kept beside the text while a word is read. */
enum mark { PLAIN = 'p', QUOTED = 'q', HOME = 'h', UNKNOWN = 'u', COMPUTED = 'c' };

struct draft {			/* a word being read */
	struct buf	text, marks;	/* of equal length */
	bool		seen;		/* there is a word, even if empty: '' */
	int		from;
};

struct variable {
	char	*name;
	char	*text, *marks;	/* NULL: only running tells */
	int	 from;
};

struct heredoc {		/* announced by <<, its body begins after the line */
	int	 command;
	size_t	 redir;
	char	*end;
	bool	 strip, literal;
};

struct lex {
	struct script	*s;
	const char	*p, *end;
	int		 depth;
	struct heredoc	 docs[HEREDOCS_MAX];
	size_t		 ndocs;
};

struct scope {			/* what stands around a list */
	enum pipe_link	link;
	int		parent, segment, owner, function, origin;
};

static int parse_list(struct lex *l, const struct scope *sc, const char *closer);

/* ---- the script -------------------------------------------------------------------------- */

static const char too_deep[] = "nested too deep", too_many[] = "too many words", too_big[] = "expands to too much";

static int
broken(struct script *s, const char *why)
{
	if (s->broken == NULL)
		s->broken = why;
	return -1;
}

/* Did a limit end the reading, rather than the grammar? */
static bool
over_limit(const struct script *s)
{
	return s->broken == too_deep || s->broken == too_many || s->broken == too_big;
}

static int
count_token(struct script *s, size_t bytes)
{
	s->growth += bytes;
	if (++s->tokens > SCRIPT_TOKENS_MAX)
		return broken(s, too_many);
	return s->growth > SCRIPT_GROWTH_MAX ? broken(s, too_big) : 0;
}

char *
script_keep(struct script *s, char *take)
{
	if (s->nstrings == s->capstrings) {
		s->capstrings = s->capstrings ? s->capstrings * 2 : 64;
		s->strings = xreallocarray(s->strings, s->capstrings, sizeof(*s->strings));
	}
	return s->strings[s->nstrings++] = take;
}

static int
new_pipe(struct script *s, const struct scope *sc)
{
	if (s->npipes == s->cappipes) {
		s->cappipes = s->cappipes ? s->cappipes * 2 : 16;
		s->pipes = xreallocarray(s->pipes, s->cappipes, sizeof(*s->pipes));
	}
	s->pipes[s->npipes] = (struct pipeline){
		.link = sc->link, .parent = sc->parent, .segment = sc->segment, .owner = sc->owner,
	};
	return (int)s->npipes++;
}

static int
new_command(struct script *s, int pipe, int segment, int function, int origin, int depth)
{
	if (count_token(s, 0) == -1)
		return -1;
	if (s->ncommands == s->capcommands) {
		s->capcommands = s->capcommands ? s->capcommands * 2 : 16;
		s->commands = xreallocarray(s->commands, s->capcommands, sizeof(*s->commands));
	}
	s->commands[s->ncommands] = (struct command){
		.pipe = pipe, .segment = segment, .function = function, .origin = origin, .depth = depth,
	};
	return (int)s->ncommands++;
}

static void
add_word(struct script *s, int command, struct word w)
{
	struct command *c = &s->commands[command];

	if ((c->nwords & (c->nwords - 1)) == 0)		/* grow at powers of two */
		c->words = xreallocarray(c->words, c->nwords ? c->nwords * 2 : 1, sizeof(*c->words));
	c->words[c->nwords++] = w;
}

static size_t
add_redir(struct script *s, int command, enum redir_op op, struct word target)
{
	struct command *c = &s->commands[command];

	if ((c->nredirs & (c->nredirs - 1)) == 0)
		c->redirs = xreallocarray(c->redirs, c->nredirs ? c->nredirs * 2 : 1, sizeof(*c->redirs));
	c->redirs[c->nredirs] = (struct redir){ .op = op, .target = target };
	return c->nredirs++;
}

void
script_clear(struct script *s)
{
	for (size_t i = 0; i < s->ncommands; i++) {
		free(s->commands[i].words);
		free(s->commands[i].redirs);
	}
	for (size_t i = 0; i < s->nstrings; i++)
		free(s->strings[i]);
	for (size_t i = 0; i < s->nvariables; i++) {
		free(s->variables[i].name);
		free(s->variables[i].text);
		free(s->variables[i].marks);
	}
	for (size_t i = 0; i < s->nfunctions; i++)
		free(s->functions[i]);
	free(s->commands);
	free(s->pipes);
	free(s->strings);
	free(s->variables);
	free(s->functions);
	*s = (struct script){ 0 };
}

/* ---- variables --------------------------------------------------------------------------- */

static struct variable *
variable_find(struct script *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->nvariables; i++)
		if (strlen(s->variables[i].name) == len && memcmp(s->variables[i].name, name, len) == 0)
			return &s->variables[i];
	return NULL;
}

/* Remember what the text sets; a NULL draft: only running tells. Too many names: the later ones stay unknown. */
static void
variable_set(struct script *s, const char *name, size_t len, const struct draft *d)
{
	struct variable *v = variable_find(s, name, len);
	bool known = d != NULL && (d->marks.len == 0 || memchr(d->marks.data, COMPUTED, d->marks.len) == NULL);

	if (v == NULL) {
		if (s->nvariables == 256)
			return;
		s->variables = xreallocarray(s->variables, s->nvariables + 1, sizeof(*s->variables));
		v = &s->variables[s->nvariables++];
		*v = (struct variable){ .name = xstrndup(name, len) };
	}
	free(v->text);
	free(v->marks);
	v->text = known ? xstrdup(buf_str(&d->text)) : NULL;
	v->marks = known ? xstrdup(buf_str(&d->marks)) : NULL;
	v->from = d == NULL ? -1 : d->from;
}

/* ---- drafts: a word while it is read ------------------------------------------------------ */

static void
draft_clear(struct draft *d)
{
	buf_clear(&d->text);
	buf_clear(&d->marks);
}
#define cleanup_draft __attribute__((cleanup(draft_clear)))

static int
draft_add(struct lex *l, struct draft *d, const char *text, size_t len, enum mark mark)
{
	if (len > SCRIPT_GROWTH_MAX - d->text.len)
		return broken(l->s, too_big);
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
		if (count_token(l->s, strlen(v->text)) == -1)
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

static struct word
draft_word(struct lex *l, const struct draft *d)
{
	count_token(l->s, d->text.len);
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
		add_word(l->s, command, draft_word(l, d));
		return l->s->broken ? -1 : 0;
	}
	for (i = 0; i <= d->text.len; i++) {
		if (i < d->text.len && !(marks[i] == PLAIN && strchr(" \t\n", text[i]) != NULL))
			continue;
		if (i > start) {
			if (count_token(l->s, i - start) == -1)
				return -1;
			add_word(l->s, command, draft_cut(l->s, d, start, i));
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
		if (count_token(l->s, one.text.len) == -1 || split_braces(l, command, &one, left) == -1)
			return -1;
	}
	return 0;
}

static int
draft_finish(struct lex *l, int command, const struct draft *d)
{
	int left = BRACE_WORDS_MAX;

	if (!d->seen)
		return 0;
	if (d->text.len <= BRACE_LENGTH_MAX || memchr(d->text.data, '{', d->text.len) == NULL)
		return split_braces(l, command, d, &left);
	return brace_end(d, (size_t)((char *)memchr(d->text.data, '{', d->text.len) - d->text.data)) != 0 ?
	    broken(l->s, too_big) : split_fields(l, command, d);
}

/* ---- reading words ------------------------------------------------------------------------ */

static bool
at(const struct lex *l, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(l->end - l->p) >= n && memcmp(l->p, s, n) == 0;
}

static bool
is_name(int c, bool first)
{
	return c == '_' || isalpha(c) || (!first && isdigit(c));
}

static bool
is_meta(char c)
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

	return parse_list(l, &sc, ")");
}

static void
forget_heredocs(struct lex *l)
{
	for (size_t i = 0; i < l->ndocs; i++)
		free(l->docs[i].end);
	l->ndocs = 0;
}

/* Read another text in the place of a substitution or a nested script. */
static int
read_elsewhere(struct lex *l, const char *text, size_t len, const struct scope *sc)
{
	struct lex inner = { .s = l->s, .p = text, .end = text + len, .depth = l->depth };
	int result = parse_list(&inner, sc, NULL);

	forget_heredocs(&inner);
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
		return broken(l->s, "backquote without an end");
	l->p++;
	d->from = command;
	if (draft_add(l, d, "$()", 3, COMPUTED) == -1)
		return -1;
	return read_elsewhere(l, buf_str(&text), text.len, &sc);
}

static int read_quoted(struct lex *l, struct draft *d, int command, char until);
static int read_dollar(struct lex *l, struct draft *d, int command, bool quoted);

/*
 * Is this "((", just passed, arithmetic? Then pass it, reading what it
 * expands. An older shell takes the command (( )) for two subshells: its text
 * is then read as commands too, and forgotten when that makes no sense.
 * 1 it was, 0 not (nothing is passed), -1 broken.
 */
static int
read_arithmetic(struct lex *l, int command, bool subshells)
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
		return broken(l->s, too_deep);
	inner.end = q;
	read_quoted(&inner, &d, command, '\0');
	forget_heredocs(&inner);
	if (l->s->broken != NULL)
		return -1;
	if (subshells && read_elsewhere(l, l->p, (size_t)(q - l->p), &sc) == -1) {
		if (over_limit(l->s))
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
		else if (c == '"' && read_quoted(l, rest, command, '"') == -1)
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
	return broken(l->s, "${ without an end");
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
	for (name = l->p; l->p < l->end && (is_name((unsigned char)*l->p, false) || (l->p == name && strchr("@*#?$!-", *l->p))); l->p++)
		;
	len = (size_t)(l->p - name);
	if (l->depth >= SCRIPT_DEPTH_MAX)
		return broken(l->s, too_deep);
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

	if (at(l, "((")) {
		l->p += 2;
		if ((n = read_arithmetic(l, command, false)) != 0)
			return n == -1 ? -1 : draft_add(l, d, "$(())", 5, UNKNOWN);
		l->p -= 2;
	}
	if (at(l, "(")) {
		l->p++;
		d->from = command;
		return draft_add(l, d, "$()", 3, COMPUTED) == -1 ? -1 : read_substitution(l, command, PIPE_INTO);
	}
	if (at(l, "{")) {
		l->p++;
		return read_braced(l, d, command, quoted);
	}
	if (l->p < l->end && is_name((unsigned char)*l->p, true))
		while (l->p < l->end && is_name((unsigned char)*l->p, false))
			l->p++;
	else if (l->p < l->end && (isdigit((unsigned char)*l->p) || strchr("@*#?$!-", *l->p) != NULL))
		l->p++;
	if (l->p == name)
		return draft_add(l, d, "$", 1, QUOTED);
	return draft_variable(l, d, name, (size_t)(l->p - name), quoted);
}

/* The inside of "…", or a here-document's body (until is NUL: to the end). */
static int
read_quoted(struct lex *l, struct draft *d, int command, char until)
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
	return until == '\0' ? 0 : broken(l->s, "quote without an end");
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
	return broken(l->s, "quote without an end");
}

static int
read_single(struct lex *l, struct draft *d)
{
	const char *q = memchr(l->p, '\'', (size_t)(l->end - l->p));

	if (q == NULL)
		return broken(l->s, "quote without an end");
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
		return read_quoted(l, d, command, '"');
	case '`':
		return read_backquotes(l, d, command);
	case '$':
		if (at(l, "'"))
			return l->p++, read_ansi(l, d);
		if (at(l, "\""))
			return l->p++, read_quoted(l, d, command, '"');
		return read_dollar(l, d, command, false);
	}
	return draft_add(l, d, &c, 1, PLAIN);
}

static int
read_word(struct lex *l, struct draft *d, int command)
{
	if (at(l, "<(") || at(l, ">(")) {
		enum pipe_link link = *l->p == '<' ? PIPE_INTO : PIPE_FROM;

		l->p += 2;
		if (draft_add(l, d, "$()", 3, COMPUTED) == -1 || read_substitution(l, command, link) == -1)
			return -1;
	}
	while (l->p < l->end && !is_meta(*l->p))
		if (read_part(l, d, command) == -1)
			return -1;
	return 0;
}

/* ---- between words ------------------------------------------------------------------------ */

static void
skip_blanks(struct lex *l)
{
	for (; l->p < l->end; l->p++)
		if (at(l, "\\\n"))
			l->p++;
		else if (*l->p == '#')
			while (l->p + 1 < l->end && l->p[1] != '\n')
				l->p++;
		else if (strchr(" \t\r", *l->p) == NULL || *l->p == '\0')
			return;
}

/* Read the line-wise body of one here-document, l->p at the beginning of a line. */
static int
read_heredoc(struct lex *l, struct heredoc *h)
{
	cleanup_buf struct buf body = BUF(SCRIPT_TEXT_MAX);
	cleanup_draft struct draft d = { .seen = true, .from = -1 };
	struct lex inner;

	while (l->p < l->end) {
		const char *nl = memchr(l->p, '\n', (size_t)(l->end - l->p));
		const char *stop = nl == NULL ? l->end : nl, *line = l->p;

		while (h->strip && line < stop && *line == '\t')
			line++;
		l->p = nl == NULL ? l->end : nl + 1;
		if ((size_t)(stop - line) == strlen(h->end) && memcmp(line, h->end, (size_t)(stop - line)) == 0)
			break;
		buf_add(&body, line, (size_t)(stop - line));
		buf_addc(&body, '\n');
	}
	inner = (struct lex){ .s = l->s, .p = buf_str(&body), .end = buf_str(&body) + body.len, .depth = l->depth };
	if (h->literal)
		draft_add(l, &d, buf_str(&body), body.len, QUOTED);
	else
		read_quoted(&inner, &d, h->command, '\0');
	forget_heredocs(&inner);
	l->s->commands[h->command].redirs[h->redir].target = draft_word(l, &d);
	return l->s->broken ? -1 : 0;
}

/* Pass a newline, and the here-documents that wait for it. */
static int
pass_newline(struct lex *l)
{
	size_t n = l->ndocs;
	int result = 0;

	l->p++;
	l->ndocs = 0;
	for (size_t i = 0; i < n; i++) {
		if (result == 0)
			result = read_heredoc(l, &l->docs[i]);
		free(l->docs[i].end);
	}
	return result;
}

static int
skip_newlines(struct lex *l)
{
	for (skip_blanks(l); l->p < l->end && *l->p == '\n'; skip_blanks(l))
		if (pass_newline(l) == -1)
			return -1;
	return 0;
}

/* Blanks and newlines before a | or & that goes on with the line before (tools.md, 3.2, step 1). */
static void
join_line(struct lex *l)
{
	const char *q = l->p;

	skip_blanks(l);
	for (q = l->p; q < l->end && strchr(" \t\r\n", *q) != NULL && *q != '\0'; q++)
		;
	if (q < l->end && (*q == '|' || *q == '&') && l->ndocs == 0)
		l->p = q;
}

/* Is the plain word w next? */
static bool
at_word(const struct lex *l, const char *w)
{
	size_t n = strlen(w);

	return at(l, w) && (l->p + n == l->end || is_meta(l->p[n]));
}

static bool
pass_word(struct lex *l, const char *w)
{
	if (!at_word(l, w))
		return false;
	l->p += strlen(w);
	return true;
}

/* ---- commands ----------------------------------------------------------------------------- */

static int
parse_heredoc_start(struct lex *l, int command, bool strip)
{
	cleanup_draft struct draft d = { .from = -1 };
	struct heredoc *h = &l->docs[l->ndocs];
	size_t redir;

	skip_blanks(l);
	if (l->ndocs == HEREDOCS_MAX)
		return broken(l->s, "too many here-documents");
	if (read_word(l, &d, command) == -1)
		return -1;
	if (!d.seen)
		return broken(l->s, "here-document without a name");
	redir = add_redir(l->s, command, REDIR_TEXT, (struct word){ .text = "", .from = -1 });
	*h = (struct heredoc){
		.command = command, .redir = redir, .strip = strip, .end = xstrdup(buf_str(&d.text)),
		.literal = d.marks.len == 0 || memchr(d.marks.data, QUOTED, d.marks.len) != NULL,
	};
	l->ndocs++;
	return 0;
}

static const struct {
	const char	*text;
	enum redir_op	 op;
} redir_ops[] = {		/* longest first */
	{ "&>>", REDIR_WRITE }, { "<<<", REDIR_TEXT }, { "&>", REDIR_WRITE }, { ">>", REDIR_WRITE },
	{ ">|", REDIR_WRITE }, { "<>", REDIR_WRITE }, { ">&", REDIR_DUP }, { "<&", REDIR_DUP },
	{ ">", REDIR_WRITE }, { "<", REDIR_READ },
};

/* Does a redirection begin here? A descriptor's number or {name} in front is passed. */
static bool
at_redir(struct lex *l)
{
	const char *q = l->p;

	if (at(l, "&>"))
		return true;
	if (at(l, "<(") || at(l, ">("))
		return false;
	if (q < l->end && *q == '{') {
		for (q++; q < l->end && is_name((unsigned char)*q, false); q++)
			;
		if (q == l->end || *q++ != '}')
			return false;
	} else
		while (q < l->end && isdigit((unsigned char)*q))
			q++;
	if (q == l->end || (*q != '<' && *q != '>'))
		return false;
	l->p = q;
	return true;
}

static int
parse_redir(struct lex *l, int command)
{
	cleanup_draft struct draft d = { .from = -1 };
	size_t i;
	enum redir_op op;

	if (at(l, "<<") && !at(l, "<<<")) {
		l->p += 2;
		if (at(l, "-"))
			return l->p++, parse_heredoc_start(l, command, true);
		return parse_heredoc_start(l, command, false);
	}
	for (i = 0; !at(l, redir_ops[i].text); i++)
		;
	op = redir_ops[i].op;
	l->p += strlen(redir_ops[i].text);
	skip_blanks(l);
	if (read_word(l, &d, command) == -1)
		return -1;
	if (!d.seen)
		return broken(l->s, "redirection without a target");
	if (op == REDIR_DUP && strspn(buf_str(&d.text), "0123456789-") != d.text.len)
		op = REDIR_WRITE;
	add_redir(l->s, command, op, draft_word(l, &d));
	return l->s->broken ? -1 : 0;
}

/* The length of NAME= or NAME+= or NAME[…]= at the cursor, 0 when there is none. */
static size_t
assignment(const struct lex *l, size_t *namelen)
{
	const char *q = l->p;

	while (q < l->end && is_name((unsigned char)*q, q == l->p))
		q++;
	if ((*namelen = (size_t)(q - l->p)) == 0)
		return 0;
	if (q < l->end && *q == '[') {
		while (q < l->end && *q != ']' && !is_meta(*q))
			q++;
		q += q < l->end && *q == ']';
	}
	q += q < l->end && *q == '+';
	return q < l->end && *q == '=' ? (size_t)(q + 1 - l->p) : 0;
}

/* The words of NAME=( … ), its parenthesis passed; they are expanded but set nothing we know. */
static int
parse_array(struct lex *l, int command)
{
	for (;;) {
		cleanup_draft struct draft d = { .from = -1 };

		if (skip_newlines(l) == -1)
			return -1;
		if (l->p == l->end)
			return broken(l->s, "( without an end");
		if (*l->p == ')')
			return l->p++, 0;
		if (is_meta(*l->p) && !at(l, "<(") && !at(l, ">("))
			return broken(l->s, "an operator where a word should be");
		if (read_word(l, &d, command) == -1)
			return -1;
	}
}

static int
parse_assignment(struct lex *l, int command, size_t namelen, size_t len)
{
	cleanup_draft struct draft d = { .from = -1 };
	const char *name = l->p;
	bool whole = name[namelen] == '=';

	l->p += len;
	if (at(l, "(")) {
		l->p++;
		variable_set(l->s, name, namelen, NULL);
		return parse_array(l, command);
	}
	if (read_word(l, &d, command) == -1)
		return -1;
	if (d.text.len > 0 && d.text.data[0] == '~' && d.marks.data[0] == PLAIN)
		d.marks.data[0] = HOME;
	variable_set(l->s, name, namelen, whole ? &d : NULL);
	return count_token(l->s, d.text.len);
}

static int parse_segment(struct lex *l, int pipe, int segment, int function, int origin);

/* A function's body follows; its commands know the name. */
static int
parse_function(struct lex *l, int pipe, int segment, int origin, const char *name)
{
	struct script *s = l->s;
	int result;

	if (l->depth >= SCRIPT_DEPTH_MAX)
		return broken(s, too_deep);
	s->functions = xreallocarray(s->functions, s->nfunctions + 1, sizeof(*s->functions));
	s->functions[s->nfunctions++] = xstrdup(name);
	if (skip_newlines(l) == -1)
		return -1;
	l->depth++;
	result = parse_segment(l, pipe, segment, (int)s->nfunctions - 1, origin);
	l->depth--;
	return result;
}

/* Is "()" next, as after a function's name? */
static bool
pass_empty_parens(struct lex *l)
{
	const char *q = l->p;

	if (!at(l, "("))
		return false;
	for (q++; q < l->end && (*q == ' ' || *q == '\t'); q++)
		;
	if (q == l->end || *q != ')')
		return false;
	l->p = q + 1;
	return true;
}

/* `read a b`, `mapfile x`: these variables are known only when it runs. `export A=b` sets. */
static void
note_builtin(struct script *s, int command)
{
	const struct command *c = &s->commands[command];
	static const char *const takers[] = { "read", "mapfile", "readarray", "getopts" };
	static const char *const setters[] = { "export", "declare", "local", "readonly", "typeset" };

	if (c->nwords < 2)
		return;
	for (size_t k = 0; k < COUNT(takers); k++)
		for (size_t i = 1; strcmp(c->words[0].text, takers[k]) == 0 && i < c->nwords; i++)
			if (is_name((unsigned char)c->words[i].text[0], true))
				variable_set(s, c->words[i].text, strlen(c->words[i].text), NULL);
	for (size_t k = 0; k < COUNT(setters); k++)
		for (size_t i = 1; strcmp(c->words[0].text, setters[k]) == 0 && i < c->nwords; i++) {
			const char *w = c->words[i].text, *eq = strchr(w, '=');
			cleanup_draft struct draft d = { .from = c->words[i].from };

			if (eq == NULL || eq == w)
				continue;
			buf_puts(&d.text, eq + 1);
			for (size_t n = 0; n < d.text.len; n++)
				buf_addc(&d.marks, c->words[i].flags & WORD_COMPUTED ? COMPUTED : PLAIN);
			variable_set(s, w, (size_t)(eq - w), &d);
		}
}

/* [[ … ]]: its operators are words. */
static int
parse_test(struct lex *l, int command)
{
	while (skip_newlines(l) == 0 && l->p < l->end) {
		cleanup_draft struct draft d = { .from = -1 };

		if (pass_word(l, "]]"))
			return 0;
		if (is_meta(*l->p) && !at(l, "<(") && !at(l, ">("))
			draft_add(l, &d, l->p++, 1, PLAIN);
		else if (read_word(l, &d, command) == -1)
			return -1;
		if (draft_finish(l, command, &d) == -1)
			return -1;
	}
	return broken(l->s, "[[ without an end");
}

static int
parse_simple(struct lex *l, int pipe, int segment, int function, int origin)
{
	int command = new_command(l->s, pipe, segment, function, origin, l->depth);
	size_t namelen, len;

	if (command == -1)
		return -1;
	for (;;) {
		const struct command *c = &l->s->commands[command];
		cleanup_draft struct draft d = { .from = -1 };

		skip_blanks(l);
		if (l->p == l->end)
			break;
		if (at_redir(l)) {
			if (parse_redir(l, command) == -1)
				return -1;
			continue;
		}
		if (c->nwords == 1 && pass_empty_parens(l)) {
			l->s->commands[command].nwords = 0;	/* a definition runs nothing by itself */
			return parse_function(l, pipe, segment, origin, c->words[0].text);
		}
		if (*l->p == '(')
			return broken(l->s, "( where a word should be");
		if (is_meta(*l->p) && !at(l, "<(") && !at(l, ">("))
			break;
		if (c->nwords == 0 && (len = assignment(l, &namelen)) != 0) {
			if (parse_assignment(l, command, namelen, len) == -1)
				return -1;
			continue;
		}
		if (c->nwords == 0 && pass_word(l, "[["))
			return parse_test(l, command);
		if (read_word(l, &d, command) == -1 || draft_finish(l, command, &d) == -1)
			return -1;
	}
	note_builtin(l->s, command);
	return 0;
}

/* Redirections after a group belong to a command without words. */
static int
parse_trailing_redirs(struct lex *l, int pipe, int segment, int function, int origin)
{
	int command = -1;

	for (skip_blanks(l); l->p < l->end && at_redir(l); skip_blanks(l)) {
		if (command == -1 && (command = new_command(l->s, pipe, segment, function, origin, l->depth)) == -1)
			return -1;
		if (parse_redir(l, command) == -1)
			return -1;
	}
	return 0;
}

/* for NAME in WORDS: the variable stands for all of the words. */
static int
parse_for_head(struct lex *l, int pipe, int segment, int function, int origin)
{
	int command = new_command(l->s, pipe, segment, function, origin, l->depth);
	cleanup_draft struct draft all = { .seen = true, .from = -1 };
	const char *name;
	size_t len;
	int n;

	if (command == -1)
		return -1;
	skip_blanks(l);
	if (at(l, "((")) {
		l->p += 2;
		if ((n = read_arithmetic(l, command, false)) == 0)
			return broken(l->s, "(( without an end");
		return n == -1 ? -1 : 0;
	}
	for (name = l->p; l->p < l->end && is_name((unsigned char)*l->p, false); l->p++)
		;
	len = (size_t)(l->p - name);
	if (skip_newlines(l) == -1)
		return -1;
	if (!pass_word(l, "in")) {
		variable_set(l->s, name, len, NULL);
		return 0;
	}
	for (skip_blanks(l); l->p < l->end && (!is_meta(*l->p) || at(l, "<(") || at(l, ">(")); skip_blanks(l)) {
		if (all.text.len > 0)
			draft_add(l, &all, " ", 1, PLAIN);
		if (read_word(l, &all, command) == -1)
			return -1;
	}
	variable_set(l->s, name, len, &all);
	return count_token(l->s, all.text.len);
}

/* case WORD in PATTERN) LIST ;; … esac, the keyword passed. */
static int
parse_case(struct lex *l, const struct scope *sc, int pipe, int segment)
{
	int command = new_command(l->s, pipe, segment, sc->function, sc->origin, l->depth);
	cleanup_draft struct draft word = { .from = -1 };

	if (command == -1 || (skip_blanks(l), read_word(l, &word, command)) == -1 || skip_newlines(l) == -1)
		return -1;
	if (!pass_word(l, "in"))
		return broken(l->s, "case without in");
	for (;;) {
		cleanup_draft struct draft pattern = { .from = -1 };

		while (skip_newlines(l) == 0 && l->p < l->end && (*l->p == ';' || *l->p == '&'))
			l->p++;
		if (pass_word(l, "esac"))
			return 0;
		if (at(l, "("))
			l->p++;
		for (skip_blanks(l); l->p < l->end && *l->p != ')'; skip_blanks(l))
			if (*l->p == '|')
				l->p++;
			else if (is_meta(*l->p))
				return broken(l->s, "an operator in a case pattern");
			else if (read_word(l, &pattern, command) == -1)
				return -1;
		if (l->p == l->end)
			return broken(l->s, "case without esac");
		l->p++;
		if (parse_list(l, sc, ";;") == -1)
			return -1;
	}
}

static const struct {
	const char	*opener, *closer;
} groups[] = {
	{ "if", "fi" }, { "while", "done" }, { "until", "done" }, { "{", "}" },
};

/* A compound command, if one begins here: 1 read, 0 none, -1 broken. */
static int
parse_compound(struct lex *l, int pipe, int segment, int function, int origin)
{
	struct scope sc = { PIPE_GROUP, pipe, segment, -1, function, origin };
	int command, n;

	for (size_t i = 0; i < COUNT(groups); i++)
		if (pass_word(l, groups[i].opener))
			return parse_list(l, &sc, groups[i].closer) == -1 ? -1 : 1;
	if (pass_word(l, "for") || pass_word(l, "select"))
		return parse_for_head(l, pipe, segment, function, origin) == -1 || parse_list(l, &sc, "done") == -1 ? -1 : 1;
	if (pass_word(l, "case"))
		return parse_case(l, &sc, pipe, segment) == -1 ? -1 : 1;
	if (at(l, "((")) {
		if ((command = new_command(l->s, pipe, segment, function, origin, l->depth)) == -1)
			return -1;
		l->p += 2;
		if ((n = read_arithmetic(l, command, true)) != 0)
			return n;
		l->p -= 2;
	}
	if (at(l, "("))
		return l->p++, parse_list(l, &sc, ")") == -1 ? -1 : 1;
	return 0;
}

static bool
at_stray_closer(const struct lex *l)
{
	static const char *const closers[] = { "fi", "done", "esac", "}" };

	for (size_t i = 0; i < COUNT(closers); i++)
		if (at_word(l, closers[i]))
			return true;
	return at(l, ")");
}

static int
parse_segment(struct lex *l, int pipe, int segment, int function, int origin)
{
	int n;

	for (skip_blanks(l); pass_word(l, "!") || pass_word(l, "time") || pass_word(l, "coproc") || pass_word(l, "-p"); )
		skip_blanks(l);
	if (at_stray_closer(l))
		return broken(l->s, "an end without a beginning");
	if (pass_word(l, "function")) {
		cleanup_draft struct draft d = { .from = -1 };

		if ((n = new_command(l->s, pipe, segment, function, origin, l->depth)) == -1)
			return -1;
		skip_blanks(l);
		if (read_word(l, &d, n) == -1)
			return -1;
		skip_blanks(l);
		pass_empty_parens(l);
		return parse_function(l, pipe, segment, origin, buf_str(&d.text));
	}
	if ((n = parse_compound(l, pipe, segment, function, origin)) == 0)
		return parse_simple(l, pipe, segment, function, origin);
	return n == -1 ? -1 : parse_trailing_redirs(l, pipe, segment, function, origin);
}

static int
parse_pipeline(struct lex *l, const struct scope *sc)
{
	int pipe = new_pipe(l->s, sc), segment = 0;

	if (count_token(l->s, 0) == -1)
		return -1;
	for (;;) {
		if (parse_segment(l, pipe, segment, sc->function, sc->origin) == -1)
			return -1;
		join_line(l);
		if (!at(l, "|") || at(l, "||"))
			break;
		l->p += at(l, "|&") ? 2 : 1;
		segment++;
		if (skip_newlines(l) == -1)
			return -1;
	}
	if (at(l, "&&") || at(l, "||"))
		l->p += 2;
	else if (at(l, "&")) {
		l->s->pipes[pipe].async = true;
		l->p++;
	}
	return 0;
}

/* Does the list end here? `;;` and `esac` both end a case item; only `;;` is passed. */
static bool
pass_closer(struct lex *l, const char *closer)
{
	if (closer == NULL)
		return l->p == l->end;
	if (strcmp(closer, ")") == 0)
		return at(l, ")") ? l->p++, true : false;
	if (strcmp(closer, ";;") == 0)
		return at(l, ";;") || at(l, ";&") ? l->p += 2, true : at_word(l, "esac");
	return pass_word(l, closer);
}

static int
parse_list_inner(struct lex *l, const struct scope *sc, const char *closer)
{
	for (;;) {
		if (skip_newlines(l) == -1)
			return -1;
		if (pass_closer(l, closer))
			return 0;
		if (l->p == l->end)
			return broken(l->s, "a group without an end");
		if (*l->p == ';' || *l->p == '&' || *l->p == '|') {	/* an empty command: a shell would complain */
			l->p++;
			continue;
		}
		if (closer != NULL && (pass_word(l, "then") || pass_word(l, "do") || pass_word(l, "else") || pass_word(l, "elif")))
			continue;
		if (parse_pipeline(l, sc) == -1)
			return -1;
	}
}

static int
parse_list(struct lex *l, const struct scope *sc, const char *closer)
{
	int result;

	if (l->depth >= SCRIPT_DEPTH_MAX)
		return broken(l->s, too_deep);
	l->depth++;
	result = parse_list_inner(l, sc, closer);
	l->depth--;
	return result;
}

/* ---- for callers -------------------------------------------------------------------------- */

static int
read_text(struct script *s, const char *text, size_t len, int depth, const struct scope *sc)
{
	struct lex l = { .s = s, .depth = depth };

	if (len > SCRIPT_TEXT_MAX)
		return broken(s, "too long");
	if (memchr(text, '\0', len) != NULL)
		return broken(s, "holds a NUL byte");
	return read_elsewhere(&l, text, len, sc);
}

int
script_read(struct script *s, const char *text, size_t len)
{
	struct scope sc = { PIPE_TOP, -1, -1, -1, -1, -1 };

	return read_text(s, text, len, 0, &sc);
}

int
script_nest(struct script *s, int owner, const char *text)
{
	const struct command *c = &s->commands[owner];
	struct scope sc = { PIPE_GROUP, c->pipe, c->segment, -1, c->function, owner };

	if (count_token(s, strlen(text)) == -1)
		return -1;
	return read_text(s, text, strlen(text), c->depth + 1, &sc);
}

int
script_derive(struct script *s, int owner, const struct word *words, size_t n)
{
	struct command from = s->commands[owner];
	int command;

	if (from.depth >= SCRIPT_DEPTH_MAX)
		return broken(s, too_deep);
	if ((command = new_command(s, from.pipe, from.segment, from.function, owner, from.depth + 1)) == -1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (count_token(s, 0) == -1)
			return -1;
		add_word(s, command, words[i]);
	}
	return command;
}

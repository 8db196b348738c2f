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

#include "common/mem.h"
#include "toolrunner/lex.h"

/* ---- between words ------------------------------------------------------------------------ */

static void
skip_blanks(struct lex *l)
{
	for (; l->p < l->end; l->p++)
		if (lex_at(l, "\\\n"))
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
		word_quoted(&inner, &d, h->command, '\0');
	lex_forget(&inner);
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

	return lex_at(l, w) && (l->p + n == l->end || lex_is_meta(l->p[n]));
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
		return script_break(l->s, "too many here-documents");
	if (word_read(l, &d, command) == -1)
		return -1;
	if (!d.seen)
		return script_break(l->s, "here-document without a name");
	redir = script_redir(l->s, command, REDIR_TEXT, (struct word){ .text = "", .from = -1 });
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

	if (lex_at(l, "&>"))
		return true;
	if (lex_at(l, "<(") || lex_at(l, ">("))
		return false;
	if (q < l->end && *q == '{') {
		for (q++; q < l->end && lex_is_name((unsigned char)*q, false); q++)
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

	if (lex_at(l, "<<") && !lex_at(l, "<<<")) {
		l->p += 2;
		if (lex_at(l, "-"))
			return l->p++, parse_heredoc_start(l, command, true);
		return parse_heredoc_start(l, command, false);
	}
	for (i = 0; !lex_at(l, redir_ops[i].text); i++)
		;
	op = redir_ops[i].op;
	l->p += strlen(redir_ops[i].text);
	skip_blanks(l);
	if (word_read(l, &d, command) == -1)
		return -1;
	if (!d.seen)
		return script_break(l->s, "redirection without a target");
	if (op == REDIR_DUP && strspn(buf_str(&d.text), "0123456789-") != d.text.len)
		op = REDIR_WRITE;
	script_redir(l->s, command, op, draft_word(l, &d));
	return l->s->broken ? -1 : 0;
}

/* The length of NAME= or NAME+= or NAME[…]= at the cursor, 0 when there is none. */
static size_t
assignment(const struct lex *l, size_t *namelen)
{
	const char *q = l->p;

	while (q < l->end && lex_is_name((unsigned char)*q, q == l->p))
		q++;
	if ((*namelen = (size_t)(q - l->p)) == 0)
		return 0;
	if (q < l->end && *q == '[') {
		while (q < l->end && *q != ']' && !lex_is_meta(*q))
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
			return script_break(l->s, "( without an end");
		if (*l->p == ')')
			return l->p++, 0;
		if (lex_is_meta(*l->p) && !lex_at(l, "<(") && !lex_at(l, ">("))
			return script_break(l->s, "an operator where a word should be");
		if (word_read(l, &d, command) == -1)
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
	if (lex_at(l, "(")) {
		l->p++;
		variable_set(l->s, name, namelen, NULL);
		return parse_array(l, command);
	}
	if (word_read(l, &d, command) == -1)
		return -1;
	if (d.text.len > 0 && d.text.data[0] == '~' && d.marks.data[0] == PLAIN)
		d.marks.data[0] = HOME;
	variable_set(l->s, name, namelen, whole ? &d : NULL);
	return script_count(l->s, d.text.len);
}

static int parse_segment(struct lex *l, int pipe, int segment, int function, int origin);

/* A function's body follows; its commands know the name. */
static int
parse_function(struct lex *l, int pipe, int segment, int origin, const char *name)
{
	struct script *s = l->s;
	int result;

	if (l->depth >= SCRIPT_DEPTH_MAX)
		return script_break(s, script_too_deep);
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

	if (!lex_at(l, "("))
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
			if (lex_is_name((unsigned char)c->words[i].text[0], true))
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
		if (lex_is_meta(*l->p) && !lex_at(l, "<(") && !lex_at(l, ">("))
			draft_add(l, &d, l->p++, 1, PLAIN);
		else if (word_read(l, &d, command) == -1)
			return -1;
		if (draft_finish(l, command, &d) == -1)
			return -1;
	}
	return script_break(l->s, "[[ without an end");
}

static int
parse_simple(struct lex *l, int pipe, int segment, int function, int origin)
{
	int command = script_command(l->s, pipe, segment, function, origin, l->depth);
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
			return script_break(l->s, "( where a word should be");
		if (lex_is_meta(*l->p) && !lex_at(l, "<(") && !lex_at(l, ">("))
			break;
		if (c->nwords == 0 && (len = assignment(l, &namelen)) != 0) {
			if (parse_assignment(l, command, namelen, len) == -1)
				return -1;
			continue;
		}
		if (c->nwords == 0 && pass_word(l, "[["))
			return parse_test(l, command);
		if (word_read(l, &d, command) == -1 || draft_finish(l, command, &d) == -1)
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
		if (command == -1 && (command = script_command(l->s, pipe, segment, function, origin, l->depth)) == -1)
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
	int command = script_command(l->s, pipe, segment, function, origin, l->depth);
	cleanup_draft struct draft all = { .seen = true, .from = -1 };
	const char *name;
	size_t len;
	int n;

	if (command == -1)
		return -1;
	skip_blanks(l);
	if (lex_at(l, "((")) {
		l->p += 2;
		if ((n = word_arithmetic(l, command, false)) == 0)
			return script_break(l->s, "(( without an end");
		return n == -1 ? -1 : 0;
	}
	for (name = l->p; l->p < l->end && lex_is_name((unsigned char)*l->p, false); l->p++)
		;
	len = (size_t)(l->p - name);
	if (skip_newlines(l) == -1)
		return -1;
	if (!pass_word(l, "in")) {
		variable_set(l->s, name, len, NULL);
		return 0;
	}
	for (skip_blanks(l); l->p < l->end && (!lex_is_meta(*l->p) || lex_at(l, "<(") || lex_at(l, ">(")); skip_blanks(l)) {
		if (all.text.len > 0)
			draft_add(l, &all, " ", 1, PLAIN);
		if (word_read(l, &all, command) == -1)
			return -1;
	}
	variable_set(l->s, name, len, &all);
	return script_count(l->s, all.text.len);
}

/* case WORD in PATTERN) LIST ;; … esac, the keyword passed. */
static int
parse_case(struct lex *l, const struct scope *sc, int pipe, int segment)
{
	int command = script_command(l->s, pipe, segment, sc->function, sc->origin, l->depth);
	cleanup_draft struct draft word = { .from = -1 };

	if (command == -1 || (skip_blanks(l), word_read(l, &word, command)) == -1 || skip_newlines(l) == -1)
		return -1;
	if (!pass_word(l, "in"))
		return script_break(l->s, "case without in");
	for (;;) {
		cleanup_draft struct draft pattern = { .from = -1 };

		while (skip_newlines(l) == 0 && l->p < l->end && (*l->p == ';' || *l->p == '&'))
			l->p++;
		if (pass_word(l, "esac"))
			return 0;
		if (lex_at(l, "("))
			l->p++;
		for (skip_blanks(l); l->p < l->end && *l->p != ')'; skip_blanks(l))
			if (*l->p == '|')
				l->p++;
			else if (lex_is_meta(*l->p))
				return script_break(l->s, "an operator in a case pattern");
			else if (word_read(l, &pattern, command) == -1)
				return -1;
		if (l->p == l->end)
			return script_break(l->s, "case without esac");
		l->p++;
		if (lex_list(l, sc, ";;") == -1)
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
			return lex_list(l, &sc, groups[i].closer) == -1 ? -1 : 1;
	if (pass_word(l, "for") || pass_word(l, "select"))
		return parse_for_head(l, pipe, segment, function, origin) == -1 || lex_list(l, &sc, "done") == -1 ? -1 : 1;
	if (pass_word(l, "case"))
		return parse_case(l, &sc, pipe, segment) == -1 ? -1 : 1;
	if (lex_at(l, "((")) {
		if ((command = script_command(l->s, pipe, segment, function, origin, l->depth)) == -1)
			return -1;
		l->p += 2;
		if ((n = word_arithmetic(l, command, true)) != 0)
			return n;
		l->p -= 2;
	}
	if (lex_at(l, "("))
		return l->p++, lex_list(l, &sc, ")") == -1 ? -1 : 1;
	return 0;
}

static bool
at_stray_closer(const struct lex *l)
{
	static const char *const closers[] = { "fi", "done", "esac", "}" };

	for (size_t i = 0; i < COUNT(closers); i++)
		if (at_word(l, closers[i]))
			return true;
	return lex_at(l, ")");
}

static int
parse_segment(struct lex *l, int pipe, int segment, int function, int origin)
{
	int n;

	for (skip_blanks(l); pass_word(l, "!") || pass_word(l, "time") || pass_word(l, "coproc") || pass_word(l, "-p"); )
		skip_blanks(l);
	if (at_stray_closer(l))
		return script_break(l->s, "an end without a beginning");
	if (pass_word(l, "function")) {
		cleanup_draft struct draft d = { .from = -1 };

		if ((n = script_command(l->s, pipe, segment, function, origin, l->depth)) == -1)
			return -1;
		skip_blanks(l);
		if (word_read(l, &d, n) == -1)
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
	int pipe = script_pipe(l->s, sc), segment = 0;

	if (script_count(l->s, 0) == -1)
		return -1;
	for (;;) {
		if (parse_segment(l, pipe, segment, sc->function, sc->origin) == -1)
			return -1;
		join_line(l);
		if (!lex_at(l, "|") || lex_at(l, "||"))
			break;
		l->p += lex_at(l, "|&") ? 2 : 1;
		segment++;
		if (skip_newlines(l) == -1)
			return -1;
	}
	if (lex_at(l, "&&") || lex_at(l, "||"))
		l->p += 2;
	else if (lex_at(l, "&")) {
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
		return lex_at(l, ")") ? l->p++, true : false;
	if (strcmp(closer, ";;") == 0)
		return lex_at(l, ";;") || lex_at(l, ";&") ? l->p += 2, true : at_word(l, "esac");
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
			return script_break(l->s, "a group without an end");
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

int
lex_list(struct lex *l, const struct scope *sc, const char *closer)
{
	int result;

	if (l->depth >= SCRIPT_DEPTH_MAX)
		return script_break(l->s, script_too_deep);
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
		return script_break(s, "too long");
	if (memchr(text, '\0', len) != NULL)
		return script_break(s, "holds a NUL byte");
	return lex_elsewhere(&l, text, len, sc);
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

	if (script_count(s, strlen(text)) == -1)
		return -1;
	return read_text(s, text, strlen(text), c->depth + 1, &sc);
}

int
script_derive(struct script *s, int owner, const struct word *words, size_t n)
{
	struct command from = s->commands[owner];
	int command;

	if (from.depth >= SCRIPT_DEPTH_MAX)
		return script_break(s, script_too_deep);
	if ((command = script_command(s, from.pipe, from.segment, from.function, owner, from.depth + 1)) == -1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (script_count(s, 0) == -1)
			return -1;
		script_word(s, command, words[i]);
	}
	return command;
}

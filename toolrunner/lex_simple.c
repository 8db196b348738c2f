/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simple commands (lexer.h): redirections, assignments, words, and the names
 * of functions. What a command sets is remembered, for the words after it;
 * what only running tells is remembered as that.
 */
#include <ctype.h>
#include <string.h>

#include "common/mem.h"
#include "toolrunner/lex.h"

/* ---- redirections ------------------------------------------------------------------------- */

static int
parse_heredoc_start(struct lex *l, int command, bool strip)
{
	cleanup_draft struct draft d = { .from = -1 };
	size_t redir;

	lex_blanks(l);
	if (word_read(l, &d, command) == -1)
		return -1;
	if (!d.seen)
		return script_break(l->s, "here-document without a name");
	if (l->ndocs == HEREDOCS_MAX)		/* a substitution in the name may have announced some too */
		return script_break(l->s, "too many here-documents");
	redir = script_redir(l->s, command, REDIR_TEXT, (struct word){ .text = "", .from = -1 });
	l->docs[l->ndocs++] = (struct heredoc){
		.command = command, .redir = redir, .strip = strip, .end = xstrdup(buf_str(&d.text)),
		.literal = d.marks.len == 0 || memchr(d.marks.data, QUOTED, d.marks.len) != NULL,
	};
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

bool
lex_at_redir(struct lex *l)
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

int
lex_redir(struct lex *l, int command)
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
	lex_blanks(l);
	if (word_read(l, &d, command) == -1)
		return -1;
	if (!d.seen)
		return script_break(l->s, "redirection without a target");
	if (op == REDIR_DUP && strspn(buf_str(&d.text), "0123456789-") != d.text.len)
		op = REDIR_WRITE;
	script_redir(l->s, command, op, draft_word(l, &d));
	return l->s->broken ? -1 : 0;
}

/* ---- assignments -------------------------------------------------------------------------- */

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

		if (lex_newlines(l) == -1)
			return -1;
		if (l->p == l->end)
			return script_break(l->s, "( without an end");
		if (*l->p == ')')
			return l->p++, 0;
		if (lex_at_operator(l))
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

/* `read a b`, `mapfile x`: these variables are known only when it runs. */
static void
note_taken(struct script *s, const struct word *w)
{
	if (lex_is_name((unsigned char)w->text[0], true))
		variable_set(s, w->text, strlen(w->text), NULL);
}

/* `export A=b` sets. */
static void
note_set(struct script *s, const struct word *w)
{
	cleanup_draft struct draft d = { .from = w->from };
	const char *eq = strchr(w->text, '=');

	if (eq == NULL || eq == w->text)
		return;
	buf_puts(&d.text, eq + 1);
	for (size_t n = 0; n < d.text.len; n++)
		buf_addc(&d.marks, w->flags & WORD_COMPUTED ? COMPUTED : PLAIN);
	variable_set(s, w->text, (size_t)(eq - w->text), &d);
}

static const struct {
	const char	*name;
	void		(*note)(struct script *s, const struct word *w);
} builtins[] = {
	{ "read", note_taken }, { "mapfile", note_taken }, { "readarray", note_taken }, { "getopts", note_taken },
	{ "export", note_set }, { "declare", note_set }, { "local", note_set }, { "readonly", note_set },
	{ "typeset", note_set },
};

/* The builtins that set variables, by their arguments. */
static void
note_builtin(struct script *s, int command)
{
	const struct command *c = &s->commands[command];

	for (size_t k = 0; c->nwords > 1 && k < COUNT(builtins); k++)
		for (size_t i = 1; strcmp(c->words[0].text, builtins[k].name) == 0 && i < c->nwords; i++)
			builtins[k].note(s, &c->words[i]);
}

/* ---- commands ----------------------------------------------------------------------------- */

bool
lex_empty_parens(struct lex *l)
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

int
lex_function(struct lex *l, const struct place *at, const char *name)
{
	struct script *s = l->s;
	struct place body = *at;
	int result;

	if (l->depth >= SCRIPT_DEPTH_MAX)
		return script_break(s, script_too_deep);
	s->functions = xreallocarray(s->functions, s->nfunctions + 1, sizeof(*s->functions));
	s->functions[s->nfunctions++] = xstrdup(name);
	if (lex_newlines(l) == -1)
		return -1;
	l->depth++;
	body.function = (int)s->nfunctions - 1;
	result = lex_segment(l, &body);
	l->depth--;
	return result;
}

/* [[ … ]]: its operators are words. */
static int
parse_test(struct lex *l, int command)
{
	while (lex_newlines(l) == 0 && l->p < l->end) {
		cleanup_draft struct draft d = { .from = -1 };

		if (lex_pass_word(l, "]]"))
			return 0;
		if (lex_at_operator(l))
			draft_add(l, &d, l->p++, 1, PLAIN);
		else if (word_read(l, &d, command) == -1)
			return -1;
		if (draft_finish(l, command, &d) == -1)
			return -1;
	}
	return script_break(l->s, "[[ without an end");
}

/* One part of a command. 1: there may be more, 0: it has ended, 2: it was whole (a definition, a test), -1: broken. */
static int
read_piece(struct lex *l, const struct place *at, int command)
{
	const struct command *c = &l->s->commands[command];
	cleanup_draft struct draft d = { .from = -1 };
	size_t namelen, len;

	lex_blanks(l);
	if (l->p == l->end)
		return 0;
	if (lex_at_redir(l))
		return lex_redir(l, command) == -1 ? -1 : 1;
	if (c->nwords == 1 && lex_empty_parens(l)) {
		l->s->commands[command].nwords = 0;	/* a definition runs nothing by itself */
		return lex_function(l, at, c->words[0].text) == -1 ? -1 : 2;
	}
	if (*l->p == '(')
		return script_break(l->s, "( where a word should be");
	if (lex_at_operator(l))
		return 0;
	if (c->nwords == 0 && (len = assignment(l, &namelen)) != 0)
		return parse_assignment(l, command, namelen, len) == -1 ? -1 : 1;
	if (c->nwords == 0 && lex_pass_word(l, "[["))
		return parse_test(l, command) == -1 ? -1 : 2;
	return word_read(l, &d, command) == -1 || draft_finish(l, command, &d) == -1 ? -1 : 1;
}

int
lex_simple(struct lex *l, const struct place *at)
{
	int command = script_command(l->s, at, l->depth), n;

	if (command == -1)
		return -1;
	while ((n = read_piece(l, at, command)) == 1)
		continue;
	if (n == 0)
		note_builtin(l->s, command);
	return n == -1 ? -1 : 0;
}

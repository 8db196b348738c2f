/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expansions in words (lexer.h): variables, ${...}, $(...), `...` and
 * arithmetic. What the text itself sets is filled in; what only running
 * tells stands there as that, so that no rule takes it for a plain word.
 * Commands in a substitution are commands of the script.
 */
#include <ctype.h>
#include <string.h>

#include "common/mem.h"
#include "toolrunner/lex.h"

/* ---- variables ------------------------------------------------------------------------------- */

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

/* ---- substitutions --------------------------------------------------------------------------- */

/* A $( ), <( ) or >( ) whose parenthesis was just passed: a list that belongs to `command`. */
int
word_substitution(struct lex *l, int command, enum pipe_link link)
{
	struct scope sc = script_scope(l->s, command, link, command);

	return lex_list(l, &sc, ")");
}

int
word_backquotes(struct lex *l, struct draft *d, int command)
{
	struct scope sc = script_scope(l->s, command, PIPE_INTO, command);
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

/*
 * Is this "((", just passed, arithmetic? Then pass it, reading what it
 * expands. An older shell takes the command (( )) for two subshells: its text
 * is then read as commands too, and forgotten when that makes no sense.
 * 1 it was, 0 not (nothing is passed), -1 broken.
 */
int
word_arithmetic(struct lex *l, int command, bool subshells)
{
	struct scope sc = script_scope(l->s, command, PIPE_GROUP, -1);
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

/* ---- ${...} ---------------------------------------------------------------------------------- */

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
		else if (c == '$' && word_dollar(l, rest, command, quoted) == -1)
			return -1;
		else if (c == '`' && word_backquotes(l, rest, command) == -1)
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

/* ---- $ --------------------------------------------------------------------------------------- */

/* What follows a $ that was just passed. */
int
word_dollar(struct lex *l, struct draft *d, int command, bool quoted)
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
		return draft_add(l, d, "$()", 3, COMPUTED) == -1 ? -1 : word_substitution(l, command, PIPE_INTO);
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

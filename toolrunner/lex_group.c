/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compound commands (lexer.h): loops, branches, groups, subshells. Every
 * branch counts, as if all of them ran once: which one runs is not known
 * before it does.
 */
#include <string.h>

#include "common/mem.h"
#include "toolrunner/lex.h"

/* for ((...; ...; ...)) */
static int
parse_for_arithmetic(struct lex *l, int command)
{
	int n;

	l->p += 2;
	if ((n = word_arithmetic(l, command, false)) == 0)
		return script_break(l->s, "(( without an end");
	return n == -1 ? -1 : 0;
}

/* for NAME in WORDS: the variable stands for all of the words. */
static int
parse_for_head(struct lex *l, const struct place *at)
{
	int command = script_command(l->s, at, l->depth);
	cleanup_draft struct draft all = { .seen = true, .from = -1 };
	const char *name;
	size_t len;

	if (command == -1)
		return -1;
	lex_blanks(l);
	if (lex_at(l, "(("))
		return parse_for_arithmetic(l, command);
	for (name = l->p; l->p < l->end && lex_is_name((unsigned char)*l->p, false); l->p++)
		;
	len = (size_t)(l->p - name);
	if (lex_newlines(l) == -1)
		return -1;
	if (!lex_pass_word(l, "in")) {
		variable_set(l->s, name, len, NULL);
		return 0;
	}
	for (lex_blanks(l); l->p < l->end && !lex_at_operator(l); lex_blanks(l)) {
		if (all.text.len > 0)
			draft_add(l, &all, " ", 1, PLAIN);
		if (word_read(l, &all, command) == -1)
			return -1;
	}
	variable_set(l->s, name, len, &all);
	return script_count(l->s, all.text.len);
}

/* What stands before the ) of an item of case. It expands, and chooses nothing for us. */
static int
pass_pattern(struct lex *l, int command)
{
	cleanup_draft struct draft pattern = { .from = -1 };

	if (lex_at(l, "("))
		l->p++;
	for (lex_blanks(l); l->p < l->end && *l->p != ')'; lex_blanks(l))
		if (*l->p == '|')
			l->p++;
		else if (lex_is_meta(*l->p))
			return script_break(l->s, "an operator in a case pattern");
		else if (word_read(l, &pattern, command) == -1)
			return -1;
	if (l->p == l->end)
		return script_break(l->s, "case without esac");
	l->p++;
	return 0;
}

/* case WORD in PATTERN) LIST ;; … esac, the keyword passed. */
static int
parse_case(struct lex *l, const struct place *at, const struct scope *sc)
{
	int command = script_command(l->s, at, l->depth);
	cleanup_draft struct draft word = { .from = -1 };

	if (command == -1 || (lex_blanks(l), word_read(l, &word, command)) == -1 || lex_newlines(l) == -1)
		return -1;
	if (!lex_pass_word(l, "in"))
		return script_break(l->s, "case without in");
	for (;;) {
		while (lex_newlines(l) == 0 && l->p < l->end && (*l->p == ';' || *l->p == '&'))
			l->p++;
		if (lex_pass_word(l, "esac"))
			return 0;
		if (pass_pattern(l, command) == -1 || lex_list(l, sc, ";;") == -1)
			return -1;
	}
}

static const struct {
	const char	*opener, *closer;
} groups[] = {
	{ "if", "fi" }, { "while", "done" }, { "until", "done" }, { "{", "}" },
};

/* ((...)), unless it is two subshells after all: 1 read, 0 it is (nothing is passed), -1 broken. */
static int
parse_arithmetic(struct lex *l, const struct place *at)
{
	int command = script_command(l->s, at, l->depth), n;

	if (command == -1)
		return -1;
	l->p += 2;
	if ((n = word_arithmetic(l, command, true)) == 0)
		l->p -= 2;
	return n;
}

int
lex_group(struct lex *l, const struct place *at)
{
	struct scope sc = { PIPE_GROUP, at->pipe, at->segment, -1, at->function, at->origin };
	int n;

	for (size_t i = 0; i < COUNT(groups); i++)
		if (lex_pass_word(l, groups[i].opener))
			return lex_list(l, &sc, groups[i].closer) == -1 ? -1 : 1;
	if (lex_pass_word(l, "for") || lex_pass_word(l, "select"))
		return parse_for_head(l, at) == -1 || lex_list(l, &sc, "done") == -1 ? -1 : 1;
	if (lex_pass_word(l, "case"))
		return parse_case(l, at, &sc) == -1 ? -1 : 1;
	if (lex_at(l, "((") && (n = parse_arithmetic(l, at)) != 0)
		return n;
	if (lex_at(l, "("))
		return l->p++, lex_list(l, &sc, ")") == -1 ? -1 : 1;
	return 0;
}

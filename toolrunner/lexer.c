/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See lexer.h. A recursive descent over the grammar of sh, with what bash
 * adds where it matters here: this file has the lists and pipelines,
 * lex_group.c what opens and closes, lex_simple.c the commands, words.c the
 * words, lex_line.c what stands between them. Where shells differ, or where
 * a shell would report an error, the reading that finds more commands is
 * taken.
 */
#include "toolrunner/lexer.h"

#include <string.h>

#include "common/mem.h"
#include "toolrunner/lex.h"

/* ---- segments of a pipeline ---------------------------------------------------------------- */

static bool
at_stray_closer(const struct lex *l)
{
	static const char *const closers[] = { "fi", "done", "esac", "}" };

	for (size_t i = 0; i < COUNT(closers); i++)
		if (lex_at_word(l, closers[i]))
			return true;
	return lex_at(l, ")");
}

/* Redirections after a group belong to a command without words. */
static int
parse_trailing_redirs(struct lex *l, const struct place *at)
{
	int command = -1;

	for (lex_blanks(l); l->p < l->end && lex_at_redir(l); lex_blanks(l)) {
		if (command == -1 && (command = script_command(l->s, at, l->depth)) == -1)
			return -1;
		if (lex_redir(l, command) == -1)
			return -1;
	}
	return 0;
}

/* function NAME, the keyword passed; NAME may be anything that a word is. */
static int
parse_definition(struct lex *l, const struct place *at)
{
	int command = script_command(l->s, at, l->depth);
	cleanup_draft struct draft d = { .from = -1 };

	if (command == -1)
		return -1;
	lex_blanks(l);
	if (word_read(l, &d, command) == -1)
		return -1;
	lex_blanks(l);
	lex_empty_parens(l);
	return lex_function(l, at, buf_str(&d.text));
}

int
lex_segment(struct lex *l, const struct place *at)
{
	int n;

	for (lex_blanks(l); lex_pass_word(l, "!") || lex_pass_word(l, "time") || lex_pass_word(l, "coproc") || lex_pass_word(l, "-p"); )
		lex_blanks(l);
	if (at_stray_closer(l))
		return script_break(l->s, "an end without a beginning");
	if (lex_pass_word(l, "function"))
		return parse_definition(l, at);
	if ((n = lex_group(l, at)) == 0)
		return lex_simple(l, at);
	return n == -1 ? -1 : parse_trailing_redirs(l, at);
}

/* ---- lists --------------------------------------------------------------------------------- */

static int
parse_pipeline(struct lex *l, const struct scope *sc)
{
	struct place at = { script_pipe(l->s, sc), 0, sc->function, sc->origin };

	if (script_count(l->s, 0) == -1)
		return -1;
	for (;;) {
		if (lex_segment(l, &at) == -1)
			return -1;
		lex_join(l);
		if (!lex_at(l, "|") || lex_at(l, "||"))
			break;
		l->p += lex_at(l, "|&") ? 2 : 1;
		at.segment++;
		if (lex_newlines(l) == -1)
			return -1;
	}
	if (lex_at(l, "&&") || lex_at(l, "||"))
		l->p += 2;
	else if (lex_at(l, "&")) {
		l->s->pipes[at.pipe].async = true;
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
		return lex_at(l, ";;") || lex_at(l, ";&") ? l->p += 2, true : lex_at_word(l, "esac");
	return lex_pass_word(l, closer);
}

static int
parse_list_inner(struct lex *l, const struct scope *sc, const char *closer)
{
	for (;;) {
		if (lex_newlines(l) == -1)
			return -1;
		if (pass_closer(l, closer))
			return 0;
		if (l->p == l->end)
			return script_break(l->s, "a group without an end");
		if (*l->p == ';' || *l->p == '&' || *l->p == '|') {	/* an empty command: a shell would complain */
			l->p++;
			continue;
		}
		if (closer != NULL && (lex_pass_word(l, "then") || lex_pass_word(l, "do") || lex_pass_word(l, "else") || lex_pass_word(l, "elif")))
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

int
lex_elsewhere(struct lex *l, const char *text, size_t len, const struct scope *sc)
{
	struct lex inner = { .s = l->s, .p = text, .end = text + len, .depth = l->depth };
	int result = lex_list(&inner, sc, NULL);

	lex_forget(&inner);
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
	struct scope sc = script_scope(s, owner, PIPE_GROUP, -1);

	sc.origin = owner;
	if (script_count(s, strlen(text)) == -1)
		return -1;
	return read_text(s, text, strlen(text), s->commands[owner].depth + 1, &sc);
}

int
script_derive(struct script *s, int owner, const struct word *words, size_t n)
{
	struct command from = s->commands[owner];
	struct place at = { from.pipe, from.segment, from.function, owner };
	int command;

	if (from.depth >= SCRIPT_DEPTH_MAX)
		return script_break(s, script_too_deep);
	if ((command = script_command(s, &at, from.depth + 1)) == -1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (script_count(s, 0) == -1)
			return -1;
		script_word(s, command, words[i]);
	}
	return command;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lexer's files share, from the ground up: script.c keeps what was
 * found, draft.c makes words of what was read, words.c and dollar.c read it,
 * lex_line.c passes what stands between words, lex_simple.c, lex_group.c and
 * lexer.c know the grammar. For nobody else; callers include lexer.h.
 */
#ifndef ALPI_LEX_H
#define ALPI_LEX_H

#include "common/buf.h"
#include "toolrunner/lexer.h"

#define HEREDOCS_MAX 16

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

struct place {			/* where a command stands; see struct command */
	int	pipe, segment, function, origin;
};

struct scope {			/* what stands around a list */
	enum pipe_link	link;
	int		parent, segment, owner, function, origin;
};

/* ---- script.c: functions that fail return -1 and have said why in s->broken ---- */

extern const char script_too_deep[], script_too_many[], script_too_big[];

int	 script_break(struct script *s, const char *why);
bool	 script_over(const struct script *s);	/* did a limit end the reading, rather than the grammar? */
int	 script_count(struct script *s, size_t bytes);	/* one more token, of so many bytes */
int	 script_pipe(struct script *s, const struct scope *sc);
int	 script_command(struct script *s, const struct place *at, int depth);
/* What stands around a list that is part of this command. */
struct scope script_scope(const struct script *s, int command, enum pipe_link link, int owner);
void	 script_word(struct script *s, int command, struct word w);
size_t	 script_redir(struct script *s, int command, enum redir_op op, struct word target);
struct variable *variable_find(struct script *s, const char *name, size_t len);
void	 variable_set(struct script *s, const char *name, size_t len, const struct draft *d);

/* ---- draft.c ---- */

void	 draft_clear(struct draft *d);
#define cleanup_draft __attribute__((cleanup(draft_clear)))
int	 draft_add(struct lex *l, struct draft *d, const char *text, size_t len, enum mark mark);
/* The bytes [from, end) of one draft to the end of another. */
void	 draft_copy(struct draft *to, const struct draft *d, size_t from, size_t end);
/* The draft as one word; or, with braces and fields split, as words of the command. */
struct word draft_word(struct lex *l, const struct draft *d);
int	 draft_finish(struct lex *l, int command, const struct draft *d);

/* ---- words.c ---- */

bool	 lex_at(const struct lex *l, const char *s);
bool	 lex_is_name(int c, bool first);
bool	 lex_is_meta(char c);
bool	 lex_at_operator(const struct lex *l);	/* a word does not begin here */
int	 word_read(struct lex *l, struct draft *d, int command);
int	 word_quoted(struct lex *l, struct draft *d, int command, char until);

/* ---- dollar.c: what opens was just passed ---- */

int	 word_dollar(struct lex *l, struct draft *d, int command, bool quoted);
int	 word_backquotes(struct lex *l, struct draft *d, int command);
int	 word_substitution(struct lex *l, int command, enum pipe_link link);
int	 word_arithmetic(struct lex *l, int command, bool subshells);

/* ---- lex_line.c ---- */

void	 lex_blanks(struct lex *l);
int	 lex_newlines(struct lex *l);		/* and blanks, and the here-documents that wait */
void	 lex_join(struct lex *l);
bool	 lex_at_word(const struct lex *l, const char *w);	/* is this plain word next? */
bool	 lex_pass_word(struct lex *l, const char *w);
void	 lex_forget(struct lex *l);		/* here-documents whose bodies never came */

/* ---- lex_simple.c ---- */

int	 lex_simple(struct lex *l, const struct place *at);
/* A function's body follows; its commands know the name. */
int	 lex_function(struct lex *l, const struct place *at, const char *name);
bool	 lex_empty_parens(struct lex *l);	/* is "()" next, as after a function's name? Then it is passed */
/* Does a redirection begin here? A descriptor's number or {name} in front is passed. */
bool	 lex_at_redir(struct lex *l);
int	 lex_redir(struct lex *l, int command);

/* ---- lex_group.c: a compound command, if one begins here: 1 read, 0 none, -1 broken ---- */

int	 lex_group(struct lex *l, const struct place *at);

/* ---- lexer.c ---- */

int	 lex_segment(struct lex *l, const struct place *at);
int	 lex_list(struct lex *l, const struct scope *sc, const char *closer);
/* Read another text in the place of a substitution or a nested script. */
int	 lex_elsewhere(struct lex *l, const char *text, size_t len, const struct scope *sc);

#endif

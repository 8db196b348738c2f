/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lexer's three files share: script.c keeps what was found, words.c
 * reads words and expands them, lexer.c knows the grammar. For nobody else;
 * callers include lexer.h.
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
int	 script_command(struct script *s, int pipe, int segment, int function, int origin, int depth);
void	 script_word(struct script *s, int command, struct word w);
size_t	 script_redir(struct script *s, int command, enum redir_op op, struct word target);
struct variable *variable_find(struct script *s, const char *name, size_t len);
void	 variable_set(struct script *s, const char *name, size_t len, const struct draft *d);

/* ---- words.c ---- */

void	 draft_clear(struct draft *d);
#define cleanup_draft __attribute__((cleanup(draft_clear)))
int	 draft_add(struct lex *l, struct draft *d, const char *text, size_t len, enum mark mark);
/* The draft as one word; or, with braces and fields split, as words of the command. */
struct word draft_word(struct lex *l, const struct draft *d);
int	 draft_finish(struct lex *l, int command, const struct draft *d);
int	 word_read(struct lex *l, struct draft *d, int command);
int	 word_quoted(struct lex *l, struct draft *d, int command, char until);
int	 word_arithmetic(struct lex *l, int command, bool subshells);

bool	 lex_at(const struct lex *l, const char *s);
bool	 lex_is_name(int c, bool first);
bool	 lex_is_meta(char c);
void	 lex_forget(struct lex *l);		/* here-documents whose bodies never came */
/* Read another text in the place of a substitution or a nested script. */
int	 lex_elsewhere(struct lex *l, const char *text, size_t len, const struct scope *sc);

/* ---- lexer.c ---- */

int	 lex_list(struct lex *l, const struct scope *sc, const char *closer);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell text -> every simple command in it, wherever it hides: pipelines,
 * lists, groups, functions, loops, substitutions, here-documents. Quotes are
 * removed, values that the text itself assigns are filled in, braces are
 * expanded. It is a reader of intent for the approval gate and not a shell:
 * it runs nothing, looks at no file, and both branches of an `if` count.
 *
 * The text is a stranger's. It is bounded in length, nesting, tokens and
 * what expansions may grow to; whatever does not fit or does not balance is
 * `broken`, and the gate takes that for dangerous.
 */
#ifndef ALPI_LEXER_H
#define ALPI_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_TEXT_MAX		(1024 * 1024)		/* bytes of one text */
#define SCRIPT_DEPTH_MAX	64			/* groups, substitutions, sh -c in one another */
#define SCRIPT_TOKENS_MAX	65536			/* words and commands in all */
#define SCRIPT_GROWTH_MAX	(8 * 1024 * 1024)	/* bytes of all words after expansion */

enum word_flag {
	WORD_QUOTED   = 1,	/* some of it was quoted */
	WORD_GLOB     = 2,	/* holds an unquoted * ? or [ */
	WORD_HOME     = 4,	/* begins at a home directory: ~, $HOME, "${HOME}"; its text then begins with ~ */
	WORD_UNKNOWN  = 8,	/* holds a variable that the text does not set; it stands there as $NAME */
	WORD_COMPUTED = 16,	/* holds what only running tells: a substitution ($() in the text), a read or positional variable */
};

struct word {
	const char	*text;	/* quotes removed; the script's */
	unsigned	 flags;
	int		 from;	/* the command whose substitution set a variable in it, or -1 */
};

enum redir_op {
	REDIR_READ,		/* < */
	REDIR_WRITE,		/* > >| >> <> &> &>> and >& to a file */
	REDIR_DUP,		/* <& >& to a descriptor */
	REDIR_TEXT,		/* << <<- <<<: the target is the text itself */
};

struct redir {
	enum redir_op	op;
	struct word	target;
};

struct command {
	struct word	*words;		/* the program first; may be empty (assignments or redirections alone) */
	size_t		 nwords;
	struct redir	*redirs;
	size_t		 nredirs;
	int		 pipe, segment;	/* where it stands */
	int		 function;	/* the function in whose body it stands, or -1 */
	int		 origin;	/* the command that runs this one (sudo, sh -c, ...), or -1: it stands in the text itself */
	int		 depth;
};

/* What a pipeline is to the command or group around it. */
enum pipe_link {
	PIPE_TOP,		/* nothing around it */
	PIPE_GROUP,		/* part of a group that stands in a segment, or text run by a command of that segment */
	PIPE_INTO,		/* $( ) or <( ): its output becomes words or input of `owner` */
	PIPE_FROM,		/* >( ): it reads what `owner` puts out */
};

struct pipeline {
	enum pipe_link	link;
	int		parent, segment;	/* the pipeline around it and the segment there, or -1 */
	int		owner;			/* a command, or -1 */
	bool		async;			/* ended by & */
};

struct variable;

struct script {
	struct command	 *commands;
	size_t		  ncommands;
	struct pipeline	 *pipes;
	size_t		  npipes;
	char		**functions;		/* names */
	size_t		  nfunctions;
	const char	 *broken;		/* why the text was not understood, or NULL; static */
	/* the rest is the lexer's */
	size_t		  capcommands, cappipes, tokens, growth;
	char		**strings;
	size_t		  nstrings, capstrings;
	struct variable	 *variables;
	size_t		  nvariables;
};

/* Read a text into an empty (zeroed) script. 0, or -1 when it is broken; what was found until then stands. Clear it in both cases. */
int	 script_read(struct script *s, const char *text, size_t len);
/* Read text that the command `owner` would run as a script of its own (sh -c, eval). 0 or -1 as above. */
int	 script_nest(struct script *s, int owner, const char *text);
/* Add the command made of these words, which the command `owner` would run (sudo, xargs). Words are copied, their texts are not. Its index, or -1. */
int	 script_derive(struct script *s, int owner, const struct word *words, size_t n);
/* Keep a string until the script is cleared; takes it. Returned for convenience. */
char	*script_keep(struct script *s, char *take);
void	 script_clear(struct script *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line by tables: a command says which options it has, the
 * parser, the help and the shell completion read the same rows.
 */
#ifndef ALPI_CLI_ARGS_H
#define ALPI_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"

#define ARGS_MAX 128

struct opt {
	const char	*name;		/* long, without dashes */
	char		 letter;	/* 0: none */
	const char	*value;		/* what its value is called; NULL: it has none */
	const char	*help;		/* NULL: for programs, not listed */
};

struct command {
	const char	 *words;	/* "daemon start" */
	const char	 *args;		/* arguments as the usage line shows them */
	const char	 *help;		/* one line */
	int		  least, most;	/* arguments; most -1: any number */
	const struct opt *opts;	/* ends with a row without a name; may be NULL */
	int		(*run)(struct cli *, const struct args *);
};

struct group {
	const char	*word, *help;
};

struct given {
	const struct opt *opt;
	const char	 *value;	/* "" for an option without one */
};

struct args {
	const struct command *command;
	struct given	 given[ARGS_MAX];
	size_t		 ngiven;
	const char	*rest[ARGS_MAX];
	size_t		 nrest;
};

/* Options that every command takes. */
extern const struct opt common_options[];
/* The option by that name, the command's before the common ones; NULL: unknown. */
const struct opt *opt_find(const struct command *c, const char *name, size_t len);

/* Read words that are not the command's own; what is stored is borrowed from argv. 0, or -1 with a sentence. */
int	 args_parse(struct args *a, const struct command *c, int argc, char *const *argv, struct error *e);
/* As many arguments as the command takes? 0, or -1 with a sentence. */
int	 args_check(const struct args *a, struct error *e);
/* The last value given; NULL when the option was not given. */
const char *arg_option(const struct args *a, const char *name);
bool	 arg_has(const struct args *a, const char *name);
/* A whole number not below least; otherwise when it was not given. -1 with a sentence for anything else. */
int	 arg_number(const struct args *a, const char *name, long least, long otherwise, long *out, struct error *e);

/* How alike two words are, 0 to 1 (twice the common characters in order, by the longest common pieces). */
double	 likeness(const char *a, const char *b);

#endif

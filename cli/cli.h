/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every subcommand is given: whose profile, where its homes are. And
 * the two ways to end badly.
 */
#ifndef ALPI_CLI_H
#define ALPI_CLI_H

#include <stdbool.h>

#include "common/error.h"

#define EXIT_FAILED	1	/* refused or failed: "Error: ..." was said */
#define EXIT_USAGE	2
#define EXIT_INTERRUPT	130

struct args;
struct command;

struct cli {
	char	*profile;
	char	*root;		/* the machine's home */
	char	*home;		/* the profile's */
	bool	 stay_down;	/* do not start a daemon when none answers */
};

/* Say "Error: TEXT" on stderr; EXIT_FAILED. */
int	 cli_fail(const struct error *e);
/* The same for words of our own. */
int	 cli_failf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Say what is wrong with the words and where help is; EXIT_USAGE. */
int	 cli_usage(const struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Where a program of ours is: next to us in an install (../libexec/alpi). The caller frees. */
char	*program_path(const char *name);
/* Our own path; the caller frees. */
char	*program_self(void);

/* 0, or said on stderr that there is no such profile. */
int	 cli_need_profile(const struct cli *c);
/* Ask a question with a yes or no answer on the terminal; without one the answer is no. */
bool	 confirm(const char *question);

#endif

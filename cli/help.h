/* SPDX-License-Identifier: Apache-2.0 */
/* Help on every level, and what somebody may have meant. */
#ifndef ALPI_CLI_HELP_H
#define ALPI_CLI_HELP_H

#include <stdio.h>

#include "cli/args.h"

void	help_all(FILE *f);
void	help_group(FILE *f, const struct group *g);
void	help_command(FILE *f, const struct command *c);

/* Say that a word is unknown, and the most likely one meant; EXIT_USAGE. first: the group it stood in, or NULL. */
int	help_unknown(const char *first, const char *word);

#endif

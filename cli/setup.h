/* SPDX-License-Identifier: Apache-2.0 */
/* The questions of `alpi setup`, also asked by a chat that finds no model. */
#ifndef ALPI_CLI_SETUP_H
#define ALPI_CLI_SETUP_H

#include "cli/cli.h"

/* Ask and configure; 0, or -1 when the person gave up or something was refused (it was said). */
int	setup_interactive(struct cli *c);
/* Ask for a line; without blanks around it, `otherwise` (may be NULL) for an empty one. The caller frees; NULL: the end of input. */
char	*setup_ask(const char *question, const char *otherwise);
/* The same unseen. */
char	*setup_ask_secret(const char *question);

#endif

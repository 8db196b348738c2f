/* SPDX-License-Identifier: Apache-2.0 */
/* The questions of `alpi setup`, also asked by a chat that finds no model. */
#ifndef ALPI_CLI_SETUP_H
#define ALPI_CLI_SETUP_H

#include "cli/cli.h"

/* Ask and configure; 0, or -1 when the person gave up or something was refused (it was said). */
int	setup_interactive(struct cli *c);

#endif

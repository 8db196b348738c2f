/* SPDX-License-Identifier: Apache-2.0 */
/* `alpi chat --once`: one turn, its answer, and an exit code that tells how it went. */
#ifndef ALPI_CLI_ONCE_H
#define ALPI_CLI_ONCE_H

#include "cli/args.h"
#include "cli/cli.h"

int	once_run(struct cli *c, const struct args *a);
/* The same for an order that needs no model, in a turn that is not kept; the answer is printed as it is. */
int	once_order(struct cli *c, const struct args *a, const char *text);
/* The same, but its answer is returned; the caller frees. NULL: it failed, or was interrupted. */
char	*once_answer(struct cli *c, const struct args *a, const char *text, struct error *e);
/* `alpi chat --explain-prompt`: what would be sent, part by part. */
int	once_explain(struct cli *c, const struct args *a);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* --attach FILE: the file is read here, with the person's rights, and sent along (host-plane.md, 9). */
#ifndef ALPI_CLI_ATTACH_H
#define ALPI_CLI_ATTACH_H

#include <jansson.h>

#include "cli/args.h"
#include "cli/cli.h"

/* Send every file that the command line names; chat.send's params then say where they are. 0 or -1. */
int	 attach_files(struct cli *c, const struct args *a, json_t *params, struct error *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What people can ask of the gateway itself: answered without a model (gateway.md, section 6). */
#ifndef ALPI_GATEWAYD_COMMANDS_H
#define ALPI_GATEWAYD_COMMANDS_H

#include <stdbool.h>

#include "common/error.h"

struct gateway;
struct row;

struct command {
	const char	*name, *help;
	bool		 needs_model;		/* the name of the model must be known */
	bool		 stops;			/* it ends what was asked before it */
	/* The answer, which the caller frees. NULL with the error: not now. Twice is as good as once. */
	char		*(*answer)(struct gateway *g, const struct row *r, const char *model, struct error *e);
};

extern const struct command commands[];	/* ends with a row without a name */

/* The command that a text's first line begins with, in any case, with or without "@bot" behind it. NULL: ordinary text. */
const struct command *command_find(const char *text);

#endif

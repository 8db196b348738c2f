/* SPDX-License-Identifier: Apache-2.0 */
/* What people can ask of the gateway itself: answered without a model (gateway.md, section 6). */
#ifndef ALPI_GATEWAYD_COMMANDS_H
#define ALPI_GATEWAYD_COMMANDS_H

#include <stdbool.h>

#include "common/error.h"
#include "proto/proto.h"

struct gateway;
struct row;

struct command {
	const char	*name, *help;
	bool		 needs_model;		/* the name of the model must be known */
	bool		 stops;			/* it ends what was asked before it */
	bool		 chooses;		/* alone, it offers models to choose from */
	/* The answer, which the caller frees. NULL with the error: not now. Twice is as good as once. engine NULL: not known now. */
	char		*(*answer)(struct gateway *g, const struct row *r, const struct engine_status_reply *engine, struct error *e);
};

extern const struct command commands[];	/* ends with a row without a name */

/* The command that a text's first line begins with, in any case, with or without "@bot" behind it. NULL: ordinary text. */
const struct command *command_find(const char *text);

/* The word behind a command, in static storage; "": none. */
const char *command_argument(const char *text);

#endif

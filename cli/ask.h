/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions that a running turn has for the person: approvals and
 * clarifications (spec/host-plane.md, 8). They come on a second connection.
 */
#ifndef ALPI_CLI_ASK_H
#define ALPI_CLI_ASK_H

#include <jansson.h>

#include "cli/client.h"
#include "cli/cli.h"

struct asks {
	struct cli	*cli;
	struct stream	*events;
	json_t		*open;		/* questions not answered yet, oldest first */
};

/* Subscribe, and fetch what is pending already. 0 or -1. */
int	 asks_open(struct asks *a, struct cli *c, struct error *e);
void	 asks_close(struct asks *a);
/* The descriptor to wait for; -1 while the connection is down. */
int	 asks_fd(const struct asks *a);
/* Take what has come; subscribes again after hostd was restarted. */
void	 asks_update(struct asks *a);
/*
 * Put the open questions of this session (NULL: of a session without a name yet) to the person and
 * send the answers. Returns when none is left; -1 when the person pressed Ctrl-C.
 */
int	 asks_answer(struct asks *a, const char *session);
/* 1 when there is one to be put. */
bool	 asks_waiting(const struct asks *a, const char *session);

#endif

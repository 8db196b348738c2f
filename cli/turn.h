/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One turn as a client follows it: host.chat.send and its frames
 * (spec/host-plane.md, 7). hostd may be restarted meanwhile: the same
 * request is then sent again under the same request_id, which attaches to
 * the running turn, and what was already given out is left away. So the
 * caller sees every piece once.
 */
#ifndef ALPI_CLI_TURN_H
#define ALPI_CLI_TURN_H

#include <jansson.h>

#include "cli/cli.h"

struct turn;

/* Begin a turn; params are those of chat.send without request_id, taken. Starts a daemon when none runs. NULL on error. */
struct turn *turn_start(struct cli *c, json_t *params, struct error *e);
void	 turn_free(struct turn *t);
int	 turn_fd(const struct turn *t);
/*
 * The next frame: 1 and *frame (new reference), 0 when none is here yet, -1 when the turn is
 * over: with ERR_none in e after its last frame, else with the reason.
 */
int	 turn_next(struct turn *t, json_t **frame, struct error *e);
/* Ask that it stops; its last frames still come. */
void	 turn_cancel(struct turn *t);

/* Steps report their usage one by one; a turn is their sum. *sum starts as NULL and is the caller's. */
void	 turn_add_usage(json_t **sum, const json_t *frame);

#endif

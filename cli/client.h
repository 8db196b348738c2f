/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host plane seen from a client (spec/host-plane.md, 1): host/host.sock,
 * one request line per connection, one answer line or many. Nothing is sent
 * twice here; what may be repeated, and how, is the caller's knowledge.
 */
#ifndef ALPI_CLI_CLIENT_H
#define ALPI_CLI_CLIENT_H

#include <jansson.h>

#include "cli/cli.h"

struct stream;

/*
 * Send a request and leave the connection open. NULL: ERR_unavailable when nobody listens. A daemon that went away
 * meanwhile is found by reading (ERR_gone). `params` is taken.
 */
struct stream *stream_open(const struct cli *c, const char *method, json_t *params, struct error *e);
void	 stream_close(struct stream *s);
/* The descriptor to wait for; -1 for no stream. */
int	 stream_fd(const struct stream *s);
/*
 * The next line that has arrived: 1 and *line (new reference), 0 when none is here yet,
 * -1 when the connection is over (ERR_gone) or sent what is no JSON. Never blocks.
 */
int	 stream_next(struct stream *s, json_t **line, struct error *e);

/*
 * Ask and wait for the one answer; starts a daemon when none runs (unless c->stay_down).
 * The result (new reference), or NULL with the error that was answered. `params` is taken.
 */
json_t	*client_call(struct cli *c, const char *method, json_t *params, struct error *e);
/* A daemon runs and hostd still cannot be reached: say where to look. */
void	 client_deaf(struct error *e);
/* The error of an answer in words; -1. */
int	 client_refusal(const json_t *answer, struct error *e);

#endif

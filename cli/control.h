/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init's control socket (run/init.sock: one line of fixed words, answer
 * lines, then "ok" or "error TEXT"), and bringing a daemon up.
 */
#ifndef ALPI_CLI_CONTROL_H
#define ALPI_CLI_CONTROL_H

#include <jansson.h>

#include "cli/cli.h"
#include "common/buf.h"

/* Give an order and wait for its end. 0 and the answer lines in out (may be NULL), or -1: ERR_unavailable when no init listens. */
int	 control_order(const struct cli *c, const char *order, struct buf *out, struct error *e);
/*
 * How things stand: {pid, uptime_s, units[{unit, state, pid, uptime_s, restarts, rss_kb, stderr?[]}]}.
 * New reference, or NULL (ERR_unavailable: nothing runs).
 */
json_t	*control_status(const struct cli *c, struct error *e);
/* The answer of "list" as control_status gives it. */
json_t	*control_parse(const char *text);

/* A daemon answers, or is started and said so once on stderr. 0 or -1. */
int	 control_ensure(struct cli *c, struct error *e);
/* Start init in the background and wait until every unit is ready. 0 or -1. */
int	 control_start(struct cli *c, struct error *e);
/* 1 while an init lives for this home: it holds service.lock (its pid may stay on as a zombie of whoever started it). */
bool	 control_alive(const struct cli *c);
/* The pid of the daemon by its control socket, else by service.pid; 0: none runs. */
long	 control_pid(const struct cli *c);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a daemon: parse, open, restrict, serve. A main() calls
 * daemon_boot, opens its files, calls restrict_self and ends with
 * `return daemon_serve(...)`. Everything after boot runs on one libevent
 * loop, in one thread.
 */
#ifndef ALPI_DAEMON_H
#define ALPI_DAEMON_H

#include <event2/event.h>
#include <jansson.h>

#include "common/boot.h"
#include "common/error.h"

struct bus;
struct daemon_own;
struct handler;

struct daemon {
	const char		*name;		/* "engined" */
	const struct handler	*handlers;	/* ends with a row of zeroes */
	void			*ctx;		/* given to handlers as call->ctx */
	struct boot		 boot;
	struct event_base	*base;		/* made by daemon_boot */
	struct bus		*bus;		/* up from daemon_serve on */
	int			 draining;	/* SIGTERM or init's end was seen */

	/* Optional; set before daemon_serve. */
	void	(*on_ready)(struct daemon *);	/* bus is up, just before the ready byte */
	void	(*on_reload)(struct daemon *);	/* "reload" came: read config and secrets again */
	void	(*on_drain)(struct daemon *);	/* take no new work; call daemon_exit when done */
	void	(*on_unit)(struct daemon *, const char *unit, int present);
						/* a unit we may call came or went for good */
	void	(*on_end)(struct daemon *);	/* the loop is over, the bus still up: cancel requests, answer callers */
	struct daemon_own	*own;		/* daemon.c's */
};

#define DAEMON(NAME, HANDLERS) { .name = (NAME), .handlers = (HANDLERS) }

/*
 * Read the boot message, set up signals, the loop, the log. argv may hold
 * --version and --help; anything else, or no descriptor 3, is an error that
 * says that init starts this program. 0 or -1.
 */
int	daemon_boot(struct daemon *d, int argc, char *argv[], struct error *e);
/*
 * Bring the bus up, tell init, run the loop until the drain ended. The exit status. Requests
 * that are under way then are forgotten: nobody is called, and nothing follows from them.
 */
int	daemon_serve(struct daemon *d, void *ctx);
/* Report why start-up failed (one log line). The exit status, 1. */
int	daemon_fail(struct daemon *d, const struct error *e);
/* End the loop; daemon_serve returns status. */
void	daemon_exit(struct daemon *d, int status);
/*
 * Read what init has sent since, without blocking. The loop does this by
 * itself; the inbox also does it before it refuses a token it does not know.
 */
void	daemon_control(struct daemon *d);

#endif

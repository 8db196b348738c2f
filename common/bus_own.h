/* SPDX-License-Identifier: Apache-2.0 */
/* What the three files of the bus share: bus.c, bus_inbox.c (asked), bus_ask.c (asking). Nobody else includes this. */
#ifndef ALPI_BUS_OWN_H
#define ALPI_BUS_OWN_H

#include <event2/event.h>
#include <stddef.h>
#include <sys/queue.h>

#include "common/bus.h"

struct caller;		/* a connection to our inbox */

struct bus {
	struct event_base	*base;
	bus_request_fn		*on_request;
	void			*arg;
	int			 fd;			/* of the inbox; -1 */
	struct event		*accept, *again;	/* again: accepting waits for descriptors */
	LIST_HEAD(, caller)	 callers;
	size_t			 held, unsent;		/* questions without an answer, bytes of answers not written */
	LIST_HEAD(, bus_peer)	 peers;
};

/* Write what was answered, for a second at most; then close the inbox and all that was asked. */
void	bus_inbox_close(struct bus *b);
/* Forget whom we asked, and what. */
void	bus_peers_close(struct bus *b);

#endif

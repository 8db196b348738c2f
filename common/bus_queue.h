/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the three files of the bus share: the queue between nng's threads and
 * the loop (bus.c), with the inbox (bus_inbox.c) and the peers we ask
 * (bus_ask.c) on it. Nobody else includes this.
 *
 * Callbacks of nng run on its threads. They touch only the item that
 * finished, put it on the queue under the lock and wake the loop; all else
 * here belongs to the loop's thread. A socket is never closed from a callback.
 */
#ifndef ALPI_BUS_QUEUE_H
#define ALPI_BUS_QUEUE_H

#include <event2/event.h>
#include <nng/nng.h>
#include <pthread.h>
#include <stddef.h>

#include "common/bus.h"
#include "common/error.h"

/* What nng's threads hand to the loop. */
struct item {
	struct item	*next;
	void		(*run)(struct item *);
};

struct bus {
	struct event_base	*base;
	struct event		*wake;
	int			 wake_read, wake_write;	/* the same descriptor with eventfd */
	bus_request_fn		*on_request;
	void			*arg;
	nng_socket		 inbox;
	int			 listening, ending;
	struct bus_peer		*peers;
	size_t			 held, answering, unsent;	/* questions, answers under way, their bytes */

	pthread_mutex_t		 lock;			/* for all below */
	struct item		*first, **last;
	size_t			 finished, unseen;
	int			 woken, loud;		/* loud: wake for everything */
	int			 paused;		/* too many unseen: the loop takes receiving up again */
	struct bus_message	*receiver;		/* who waited for a question last */
};

/* Set an error of nng's, internal when it is for want of memory. -1. */
int	 bus_nng_error(struct error *e, enum error_code code, const char *what, int rv);
/* The URL of an inbox; the caller frees. */
char	*bus_url(const char *path);

/* Any thread: have the loop run an item, woken at once if `wake`, else when enough has gathered. */
void	 bus_push(struct bus *b, struct item *i, int wake);
/* The same with the lock held. */
void	 bus_enqueue(struct bus *b, struct item *i, int wake);
/* The loop, at the end: run the queue until nothing is left, or for a second. */
void	 bus_settle(struct bus *b, size_t (*left)(const struct bus *));

/* Wait for one more question. Any thread, but there is one receiver at most. */
void	 bus_inbox_receive(struct bus *b);
/* Send what was answered, drop what comes. */
void	 bus_inbox_close(struct bus *b);
/* End what was asked, without callbacks, and forget the peers. */
void	 bus_peers_close(struct bus *b);

#endif

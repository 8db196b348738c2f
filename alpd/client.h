/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to peers: a profile of this machine by its Unix socket, others by
 * TCP; sessions are reused for a minute (alp-wire.md, 5 to 7). Nothing is
 * sent again by itself, but a repeatable request on a reused session that had
 * ended; what must not be said twice always gets a session of its own.
 */
#ifndef ALPD_CLIENT_H
#define ALPD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "alpd/alpd.h"
#include "alpd/canonical.h"
#include "alpd/peers.h"

#define CLIENT_REUSE_MS		60000
#define CLIENT_MS		30000		/* connect, and each reply frame */
#define CLIENT_SHORT_MS		5000		/* link.ping, link.cancel, connecting for link.ask */
#define CLIENT_NAME_MAX		64

/* A lane keeps one session per peer for the next request; a request never waits behind another. */
enum client_lane { LANE_REST, LANE_ASK, LANE_STREAM, LANE_BLOB };

enum client_how {
	CLIENT_OK,		/* result */
	CLIENT_REFUSED,		/* a signed error: code, name, data */
	CLIENT_OFFLINE,		/* nobody listens there, or it cannot be reached */
	CLIENT_DROPPED,		/* closed without a byte: they do not know us, or our clocks differ */
	CLIENT_TIMEOUT,
	CLIENT_LOST,		/* the connection ended within an answer */
	CLIENT_BAD,		/* what came was no answer to this request by that peer */
};

struct client_end {
	enum client_how		 how;
	const struct node	*result;	/* CLIENT_OK; borrowed */
	int			 code;		/* CLIENT_REFUSED */
	const char		*name;		/* at most CLIENT_NAME_MAX bytes */
	const struct node	*data;
	const char		*why;		/* a sentence for people, unless CLIENT_OK */
	const char		*via;		/* "unix" or "tcp host:port" */
	bool			 sent;		/* the request left: it may have had its effect */
	int64_t			 took_us;	/* since the request was made */
};

struct client_order {
	enum client_lane lane;
	const char	*method;
	const char	*params;		/* canonical JSON object */
	int		 connect_ms, reply_ms;	/* reply_ms: for each frame; 0: no limit */
	int		 whole_ms;		/* for all of it; 0: no limit */
	bool		 repeatable;		/* may be said again when a reused session turns out to be closed */
	/*
	 * A chunk of a stream; NULL: a chunk is CLIENT_BAD. False: stop, `end` follows with CLIENT_LOST.
	 * Not a place for client_cancel.
	 */
	bool		(*chunk)(void *arg, const struct node *result);
	void		(*end)(void *arg, const struct client_end *end);	/* once, from the loop */
	void		*arg;
};

struct client;
struct client_call;

/* a->self, a->daemon and a->base are there. Also tells the alpds of this machine whose we are (local.h). */
struct client	*client_new(struct alpd *a);
void		 client_free(struct client *c);		/* no callback runs; NULL is fine */
/* Ask a peer (copied). Never fails at once: `end` says how it went. The handle dies with `end`. */
struct client_call *client_ask(struct client *c, const struct peer *p, const struct client_order *o);
/* Forget it: no callback; its session is closed, so the peer sees that we left. */
void		 client_cancel(struct client_call *k);
/* The word of an end for programs: "target-offline", "dropped", "timeout", the error's name, ... */
const char	*client_word(const struct client_end *end);
/* Is it worth another try (alp-wire.md, 7.4)? */
bool		 client_transient(const struct client_end *end);
/* An end as an error of the bus. Always -1. */
int		 client_error(const struct client_end *end, struct error *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection that carries messages, accepted or dialled: lines on a Unix
 * socket, Noise frames on TCP (alp-wire.md, 6 and 7). The owner is given one
 * message at a time and asks for the next, so whoever talks faster than it is
 * answered is slowed down by TCP itself. Deadlines and limits of bytes are
 * here; how many connections there may be is the owner's.
 */
#ifndef ALPD_CONN_H
#define ALPD_CONN_H

#include <event2/dns.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alpd/identity.h"
#include "common/error.h"

#define CONN_HANDSHAKE_MS	10000
#define CONN_WRITE_MS		30000		/* a peer that takes no byte for so long is gone */
#define CONN_OUT_MAX		(4 * 1024 * 1024)	/* unsent bytes; more is refused */

enum conn_kind { CONN_UNIX, CONN_TCP };

struct conn;

struct conn_owner {
	/* It can carry messages: the handshake is done (a Unix socket: connected). Not called for an accepted Unix socket. */
	void	(*ready)(void *arg);
	/* A message, borrowed until this returns. No further one comes before conn_next. May close the connection. */
	void	(*message)(void *arg, const char *text, size_t len);
	/* Fewer than half of CONN_OUT_MAX bytes lie unsent, after conn_send has refused one. NULL: not told. */
	void	(*drained)(void *arg);
	/* It ended by itself: ERR_unavailable (never connected), ERR_timeout, ERR_invalid (they broke a rule), ERR_gone. It is freed after. */
	void	(*closed)(void *arg, const struct error *why);
};

/* Take over an accepted socket. The first message is read at once, within first_ms. Never NULL. */
struct conn *conn_accept(struct event_base *base, int fd, enum conn_kind kind, struct identity *self, int first_ms,
	    const struct conn_owner *owner, void *arg);
/* Connect; `ready` or `closed` follows from the loop within the time. NULL with the error at once (no such path, bad address). */
struct conn *conn_dial_unix(struct event_base *base, const char *path, int connect_ms,
	    const struct conn_owner *owner, void *arg, struct error *e);
struct conn *conn_dial_tcp(struct event_base *base, struct evdns_base *dns, const char *host, int port,
	    struct identity *self, const uint8_t responder[KEY_BYTES], int connect_ms,
	    const struct conn_owner *owner, void *arg, struct error *e);

/* Send one message. 0, or -1: too large, or CONN_OUT_MAX bytes lie unsent (ERR_busy). */
int	 conn_send(struct conn *c, const char *text, size_t len, struct error *e);
/* Give me the next message, within this time (0: no limit); a message that is there already comes from the loop, not from here. */
void	 conn_next(struct conn *c, int within_ms);
/* The time for the next message, changed while waiting. */
void	 conn_within(struct conn *c, int within_ms);
/* Take no message of more than so many bytes on the wire; what is due already counts. */
void	 conn_limit(struct conn *c, size_t bytes);
/* Close now, and free; no callback. What was not sent is not sent. NULL is fine. */
void	 conn_close(struct conn *c);
/* Close when everything is sent; no callback. */
void	 conn_finish(struct conn *c);

enum conn_kind	 conn_kind(const struct conn *c);
/* The other side's static key, on TCP after the handshake; else NULL. */
const uint8_t	*conn_remote(const struct conn *c);

#endif

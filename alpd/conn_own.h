/* SPDX-License-Identifier: Apache-2.0 */
/* The seam between conn.c, which carries messages, conn_write.c, which sends them, and dial.c, which connects. Nobody else includes this. */
#ifndef ALPD_CONN_OWN_H
#define ALPD_CONN_OWN_H

#include <event2/buffer.h>
#include <event2/util.h>

#include "alpd/conn.h"
#include "alpd/noise.h"

enum conn_step {
	CONN_CONNECTING,
	CONN_SHAKING,
	CONN_OPEN,		/* the owner has not asked for a message */
	CONN_READING,		/* it has */
	CONN_ENDED,		/* to be reported, or to be freed */
};

struct lookup;			/* dial.c's: a name's addresses */

struct conn {
	const struct conn_owner	*owner;		/* NULL: it has closed us, from within a call */
	void			*arg;
	struct event_base	*base;
	enum conn_kind		 kind;
	enum conn_step		 step;
	int			 fd;
	struct event		*readable, *writable, *left, *timer, *soon;
	struct evbuffer		*in, *out;
	size_t			 limit;		/* of a message that comes in */
	bool			 eof;		/* nothing more will come */
	bool			 refused;	/* conn_send has refused for want of room */
	bool			 finishing;
	bool			 calling;	/* in a callback of the owner's: the memory must last */
	struct error		 why;		/* what to report at the end */

	struct noise		 noise;		/* TCP */
	struct cipher		 seal, open;
	int			 first_ms;	/* for the first message of one that was accepted */
	struct lookup		*lookup;	/* of one that is dialled, until it is connected */
};

struct conn *conn_new(struct event_base *base, enum conn_kind kind, const struct conn_owner *owner, void *arg);
/* This socket, connected or on its way; nothing is waited for yet. */
void	 conn_socket(struct conn *c, int fd);
void	 conn_unsocket(struct conn *c);
/* The handshake as the initiator with this responder, or (NULL) as the responder. */
void	 conn_noise(struct conn *c, struct identity *self, const uint8_t *responder);
/* It is connected: send the initiator's first message. */
void	 conn_hello(struct conn *c);
/* It ends by itself: said to the owner from the loop, never from within a call of the owner's. */
void	 conn_fail(struct conn *c, enum error_code code, const char *why);
void	 conn_timer(struct conn *c, int ms);		/* 0: none */

/* Around a call of the owner: it may close the connection, whose memory goes when the call is over. False: it is gone. */
const struct conn_owner *conn_enter(struct conn *c);
bool	 conn_leave(struct conn *c);
void	 conn_free(struct conn *c);

/* conn_write.c's: send what waits, as far as it is taken; an event of c->writable. */
void	 conn_flush(struct conn *c);
void	 conn_writable(evutil_socket_t fd, short what, void *arg);

/* dial.c's answer to a socket that has become writable while it was being connected. */
void	 dial_connected(struct conn *c);
void	 dial_forget(struct lookup *l);			/* NULL is fine */

#endif

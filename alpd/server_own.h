/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between server.c, which accepts, and server_session.c, which
 * knows who is connected and who gives way to whom. Nobody else includes this.
 */
#ifndef ALPD_SERVER_OWN_H
#define ALPD_SERVER_OWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "alpd/alpd.h"
#include "alpd/conn.h"
#include "alpd/origin.h"
#include "alpd/pins.h"
#include "alpd/server.h"

struct link_call;

enum standing { QUEUED, SHAKING, STRANGER, KNOWN };	/* the first three are strangers */

struct session {
	TAILQ_ENTRY(session)	 link;
	struct server		*server;
	enum standing		 standing;
	struct origin		 origin;
	char			 address[ORIGIN_TEXT];
	int			 fd;		/* QUEUED: not begun */
	int64_t			 since;		/* SHAKING: monotonic ms */
	struct conn		*conn;
	struct link_call	*call;		/* the request that is being answered */
};

struct listener {
	int		 fd;
	enum conn_kind	 kind;
	struct server	*server;
	struct event	*acceptable;
};

struct server {
	struct alpd		*alpd;
	struct listener		 listeners[2];
	char			*path;
	TAILQ_HEAD(sessions, session) sessions;	/* oldest first */
	size_t			 count, shaking, queued;
	struct event		*crowd;		/* handshakes wait */
	struct event		*pause;		/* until descriptors may be free again */
	bool			 starved;	/* for want of descriptors; said once */
	struct pins		 pins;
	void			(*drained)(void *arg);
	void			*drained_arg;
};

void	 session_init(struct server *s);
/* It came over this descriptor, which is taken: kept, or closed where there is no room. */
void	 session_take(struct server *s, int fd, const struct sockaddr *from);
/* Close it; the handshake that waits longest begins, and a server that drains may be done. */
void	 session_drop(struct session *c);
/* The oldest that has not shown a pinned key, of an origin or (NULL) of all; NULL: there is none. */
struct session *session_stranger(struct server *s, const struct origin *o);
/* The oldest that waits for a request. */
struct session *session_idle(struct server *s);
/* Tell who waits for the last session to end, if it has. */
void	 session_drained(struct server *s);

#endif

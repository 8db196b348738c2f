/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is connected, for server.c. A session is a stranger until it has shown
 * a key that is pinned, in the handshake or by an answer it got. Strangers
 * are few per address, and the oldest gives way to the newest; who is known
 * is closed for nobody's sake but that of its own address. What a message
 * means is the business of receive.c.
 */
#include <stdlib.h>
#include <unistd.h>

#include "alpd/frame.h"
#include "alpd/receive.h"
#include "alpd/server_own.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

static void begin_queued(struct server *s);	/* whoever leaves makes room, and who then begins may end at once */

/* ---- standing -------------------------------------------------------------------------------- */

static void
set_standing(struct session *c, enum standing to)
{
	c->server->shaking += (to == SHAKING) - (c->standing == SHAKING);
	c->server->queued += (to == QUEUED) - (c->standing == QUEUED);
	c->standing = to;
}

void
session_drained(struct server *s)
{
	void (*fn)(void *) = s->drained;

	if (fn == NULL || s->count > 0)
		return;
	s->drained = NULL;
	fn(s->drained_arg);
}

/* The connection is somebody else's business from here on, or gone. */
static void
forget(struct session *c)
{
	struct server *s = c->server;

	set_standing(c, STRANGER);
	TAILQ_REMOVE(&s->sessions, c, link);
	s->count--;
	if (c->fd != -1)
		close(c->fd);
	free(c);
}

void
session_drop(struct session *c)
{
	struct server *s = c->server;
	struct link_call *call = steal(c->call);
	struct conn *conn = steal(c->conn);

	forget(c);
	if (call != NULL)
		receive_gone(call);
	conn_close(conn);
	begin_queued(s);
	session_drained(s);
}

/* How many of an origin (NULL: of all) are strangers, or known. */
static size_t
count_of(const struct server *s, const struct origin *o, bool known)
{
	const struct session *c;
	size_t n = 0;

	TAILQ_FOREACH(c, &s->sessions, link)
		n += (c->standing == KNOWN) == known && origin_same(&c->origin, o);
	return n;
}

/* The oldest stranger of an origin, or of all. */
struct session *
session_stranger(struct server *s, const struct origin *o)
{
	struct session *c;

	TAILQ_FOREACH(c, &s->sessions, link)
		if (c->standing != KNOWN && origin_same(&c->origin, o))
			break;
	return c;
}

/* The oldest of an origin's known sessions that waits for a request; `but` stays. */
static struct session *
oldest_idle(struct server *s, const struct session *but)
{
	struct session *c;

	TAILQ_FOREACH(c, &s->sessions, link)
		if (c != but && c->standing == KNOWN && c->call == NULL && origin_same(&c->origin, &but->origin))
			break;
	return c;
}

/* It is one who is pinned: no stranger's arrival ends it. False: its address has too many that are busy. */
static bool
recognise(struct session *c)
{
	struct session *other = NULL;

	if (c->standing == KNOWN)
		return true;
	set_standing(c, KNOWN);
	conn_limit(c->conn, FRAME_MAX);
	if (count_of(c->server, &c->origin, true) <= SERVER_ADDRESS_MAX)
		return true;
	if ((other = oldest_idle(c->server, c)) == NULL)
		return false;
	session_drop(other);
	return true;
}

struct session *
session_idle(struct server *s)
{
	struct session *c;

	TAILQ_FOREACH(c, &s->sessions, link)
		if (c->call == NULL)
			break;
	return c;
}

/* ---- what a session is told ------------------------------------------------------------------ */

static int
port_send(void *arg, const char *text, size_t len, struct error *e)
{
	struct session *c = arg;

	return conn_send(c->conn, text, len, e);
}

/* The one answer of a Unix socket, or of our last moments. */
static void
finish(struct session *c)
{
	conn_finish(steal(c->conn));
	session_drop(c);
}

static void
port_end(void *arg, bool drop_it)
{
	struct session *c = arg;

	c->call = NULL;
	if (drop_it || !recognise(c))
		session_drop(c);
	else if (conn_kind(c->conn) == CONN_UNIX || c->server->alpd->draining)
		finish(c);
	else
		conn_next(c->conn, SERVER_IDLE_MS);
}

static const char *
port_address(void *arg)
{
	return ((const struct session *)arg)->address;
}

static const struct link_port session_port = { .send = port_send, .end = port_end, .address = port_address };

static void
on_ready(void *arg)
{
	struct session *c = arg;
	struct server *s = c->server;

	set_standing(c, STRANGER);
	if (!pins_have(&s->pins, s->alpd->peers, conn_remote(c->conn))) {
		conn_limit(c->conn, SERVER_STRANGER_BYTES);
		conn_within(c->conn, SERVER_STRANGER_MS);
	} else if (!recognise(c)) {
		session_drop(c);
		return;
	}
	begin_queued(s);
}

/* A call that has ended already may have taken the session along. */
static void
on_message(void *arg, const char *text, size_t len)
{
	struct session *c = arg;
	struct link_call *call = receive_message(c->server->alpd, text, len, conn_remote(c->conn), &session_port, c);

	if (call == NULL)
		return;
	c->call = call;
	if (!recognise(c))
		session_drop(c);
}

static void
on_drained(void *arg)
{
	struct session *c = arg;

	if (c->call != NULL)
		receive_drained(c->call);
}

static void
on_closed(void *arg, const struct error *why)
{
	struct session *c = arg;

	log_debug("link from=%s closed: %s", c->address, why->text);
	c->conn = NULL;			/* it frees itself */
	session_drop(c);
}

static const struct conn_owner owner = {
	.ready = on_ready,
	.message = on_message,
	.drained = on_drained,
	.closed = on_closed,
};

/* ---- their beginning ------------------------------------------------------------------------- */

static void
begin(struct session *c)
{
	struct alpd *a = c->server->alpd;
	bool local = c->origin.family == AF_UNIX;
	int fd = c->fd;

	c->fd = -1;
	c->since = clock_mono_ms();
	set_standing(c, local ? STRANGER : SHAKING);
	c->conn = conn_accept(a->base, fd, local ? CONN_UNIX : CONN_TCP, a->self,
	    local ? SERVER_SILENCE_MS : SERVER_IDLE_MS, &owner, c);
}

static struct session *
first_of(struct server *s, enum standing standing)
{
	struct session *c;

	TAILQ_FOREACH(c, &s->sessions, link)
		if (c->standing == standing)
			break;
	return c;
}

/* Handshakes in the order they came; while some wait, one that takes long gives way. */
static void
begin_queued(struct server *s)
{
	struct timeval soon = { .tv_usec = SERVER_CROWD_MS / 4 * 1000 };
	struct session *c;

	while (s->queued > 0 && s->shaking < SERVER_HANDSHAKES_MAX)
		begin(first_of(s, QUEUED));
	if (s->queued == 0)
		event_del(s->crowd);
	else if (!event_pending(s->crowd, EV_TIMEOUT, NULL))
		event_add(s->crowd, &soon);
	if (s->queued > 0 && (c = first_of(s, SHAKING)) != NULL && clock_mono_ms() - c->since >= SERVER_CROWD_MS)
		session_drop(c);			/* and comes back here */
}

static void
on_crowd(evutil_socket_t fd, short what, void *arg)
{
	begin_queued(arg);
}

/* Room for one more of this origin: its own strangers give way first. False: there is none. */
static bool
make_room(struct server *s, const struct origin *o)
{
	size_t most = o->family == AF_UNIX ? SERVER_ADDRESS_MAX : SERVER_STRANGERS_MAX;
	struct session *other;

	if (count_of(s, o, false) >= most)
		session_drop(session_stranger(s, o));
	if (s->count < SERVER_SESSIONS_MAX)
		return true;
	if ((other = session_stranger(s, NULL)) == NULL)
		return false;
	session_drop(other);
	return true;
}

void
session_take(struct server *s, int fd, const struct sockaddr *from)
{
	struct session *c = xcalloc(1, sizeof(*c));

	c->server = s;
	c->fd = fd;
	c->standing = STRANGER;
	origin_of(from, &c->origin, c->address);
	if (!make_room(s, &c->origin)) {
		close(fd);
		free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&s->sessions, c, link);
	s->count++;
	if (c->origin.family == AF_UNIX) {
		begin(c);
		return;
	}
	set_standing(c, QUEUED);
	begin_queued(s);
}

void
session_init(struct server *s)
{
	TAILQ_INIT(&s->sessions);
	s->crowd = evtimer_new(s->alpd->base, on_crowd, s);
}

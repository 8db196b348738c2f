/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See server.h. A session is a stranger until it has shown a key that is
 * pinned, in the handshake or by an answer it got. Strangers are few per
 * address, and the oldest gives way to the newest; who is known is closed
 * for nobody's sake but that of its own address. What a message means is
 * the business of receive.c.
 */
#include "alpd/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "alpd/alpd.h"
#include "alpd/conn.h"
#include "alpd/frame.h"
#include "alpd/identity.h"
#include "alpd/peers.h"
#include "alpd/receive.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/unixsock.h"

#define ACCEPT_BATCH	64
#define PAUSE_MS	100		/* no descriptor is free */
#define ADDRESS_TEXT	(INET6_ADDRSTRLEN + 16)

enum standing { QUEUED, SHAKING, STRANGER, KNOWN };	/* the first three are strangers */

/* Whom a limit is counted for: an IPv4 address, a /64 of IPv6, or this machine. */
struct origin {
	int	family;
	uint8_t	prefix[8];
};

struct session {
	TAILQ_ENTRY(session)	 link;
	struct server		*server;
	enum standing		 standing;
	struct origin		 origin;
	char			 address[ADDRESS_TEXT];
	int			 fd;		/* QUEUED: not begun */
	int64_t			 since;		/* SHAKING: monotonic ms */
	struct conn		*conn;
	struct link_call	*call;		/* the request that is being answered */
};

/* A key that is pinned, as it shows in a handshake. */
struct pin {
	char	name[IDENTITY_BYTES];
	uint8_t	x25519[KEY_BYTES];
	bool	usable;
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
	struct event		*crowd, *pause;
	bool			 starved;	/* for want of descriptors; said once */
	struct pin		*pins;
	size_t			 npins;
	void			(*drained)(void *arg);
	void			*drained_arg;
};

/* ---- who is pinned --------------------------------------------------------------------------- */

/* The conversion costs a multiplication on the curve, so it is done once for each key. */
static void
refresh_pin(struct server *s, size_t i, const char *pubkey)
{
	uint8_t public[KEY_BYTES];
	struct pin *p;

	if (i >= s->npins) {
		s->pins = xreallocarray(s->pins, i + 1, sizeof(*s->pins));
		memset(&s->pins[i], 0, sizeof(s->pins[i]));
		s->npins = i + 1;
	}
	p = &s->pins[i];
	if (strlen(pubkey) >= sizeof(p->name)) {
		p->usable = false;
		return;
	}
	if (strcmp(p->name, pubkey) == 0)
		return;
	strcpy(p->name, pubkey);
	p->usable = identity_parse(pubkey, public) == 0 && identity_to_x25519(public, p->x25519) == 0;
}

static bool
is_pinned(struct server *s, const uint8_t *remote)
{
	const struct peer *row;
	bool found = false;
	size_t i;

	for (i = 0; (row = peers_at(s->alpd->peers, i)) != NULL; i++) {
		refresh_pin(s, i, row->pubkey);
		found |= s->pins[i].usable && memcmp(s->pins[i].x25519, remote, KEY_BYTES) == 0;
	}
	s->npins = i;
	return found;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void begin_queued(struct server *s);

static void
set_standing(struct session *c, enum standing to)
{
	c->server->shaking += (to == SHAKING) - (c->standing == SHAKING);
	c->server->queued += (to == QUEUED) - (c->standing == QUEUED);
	c->standing = to;
}

static void
check_drained(struct server *s)
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

static void
drop(struct session *c)
{
	struct server *s = c->server;
	struct link_call *call = steal(c->call);
	struct conn *conn = steal(c->conn);

	forget(c);
	if (call != NULL)
		receive_gone(call);
	conn_close(conn);
	begin_queued(s);
	check_drained(s);
}

static bool
same_origin(const struct origin *a, const struct origin *b)
{
	return a == NULL || b == NULL || memcmp(a, b, sizeof(*a)) == 0;
}

/* How many of an origin (NULL: of all) are strangers, or known. */
static size_t
count_of(const struct server *s, const struct origin *o, bool known)
{
	const struct session *c;
	size_t n = 0;

	TAILQ_FOREACH(c, &s->sessions, link)
		n += (c->standing == KNOWN) == known && same_origin(&c->origin, o);
	return n;
}

/* The oldest stranger of an origin, or of all. */
static struct session *
oldest_stranger(struct server *s, const struct origin *o)
{
	struct session *c;

	TAILQ_FOREACH(c, &s->sessions, link)
		if (c->standing != KNOWN && same_origin(&c->origin, o))
			break;
	return c;
}

/* The oldest of an origin's known sessions that waits for a request; `but` stays. */
static struct session *
oldest_idle(struct server *s, const struct session *but)
{
	struct session *c;

	TAILQ_FOREACH(c, &s->sessions, link)
		if (c != but && c->standing == KNOWN && c->call == NULL && same_origin(&c->origin, &but->origin))
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
	drop(other);
	return true;
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
	drop(c);
}

static void
port_end(void *arg, bool drop_it)
{
	struct session *c = arg;

	c->call = NULL;
	if (drop_it || !recognise(c))
		drop(c);
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
	if (!is_pinned(s, conn_remote(c->conn))) {
		conn_limit(c->conn, SERVER_STRANGER_BYTES);
		conn_within(c->conn, SERVER_STRANGER_MS);
	} else if (!recognise(c)) {
		drop(c);
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
		drop(c);
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
	drop(c);
}

static const struct conn_owner owner = {
	.ready = on_ready,
	.message = on_message,
	.drained = on_drained,
	.closed = on_closed,
};

/* ---- who comes in ---------------------------------------------------------------------------- */

static struct timeval
ms(int n)
{
	return (struct timeval){ n / 1000, (suseconds_t)(n % 1000) * 1000 };
}

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
	struct timeval soon = ms(SERVER_CROWD_MS / 4);
	struct session *c;

	while (s->queued > 0 && s->shaking < SERVER_HANDSHAKES_MAX)
		begin(first_of(s, QUEUED));
	if (s->queued == 0)
		event_del(s->crowd);
	else if (!event_pending(s->crowd, EV_TIMEOUT, NULL))
		event_add(s->crowd, &soon);
	if (s->queued > 0 && (c = first_of(s, SHAKING)) != NULL && clock_mono_ms() - c->since >= SERVER_CROWD_MS)
		drop(c);			/* and comes back here */
}

static void
on_crowd(evutil_socket_t fd, short what, void *arg)
{
	begin_queued(arg);
}

/* Where it comes from, to count and to print. */
static void
place(struct session *c, const struct sockaddr *from)
{
	const struct sockaddr_in6 *v6 = (const void *)from;
	const struct sockaddr_in *v4 = (const void *)from;
	bool mapped = from->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
	const void *bytes = from->sa_family == AF_INET ? (const void *)&v4->sin_addr : &v6->sin6_addr.s6_addr[mapped ? 12 : 0];
	int family = mapped ? AF_INET : from->sa_family;
	char host[INET6_ADDRSTRLEN] = "?";

	c->origin.family = family;
	if (family == AF_UNIX) {
		strcpy(c->address, "unix");
		return;
	}
	memcpy(c->origin.prefix, bytes, family == AF_INET ? 4 : 8);
	inet_ntop(family, bytes, host, sizeof(host));
	snprintf(c->address, sizeof(c->address), family == AF_INET ? "%s:%u" : "[%s]:%u", host,
	    ntohs(from->sa_family == AF_INET ? v4->sin_port : v6->sin6_port));
}

/* Room for one more of this origin: its own strangers give way first. False: there is none. */
static bool
make_room(struct server *s, const struct origin *o)
{
	size_t most = o->family == AF_UNIX ? SERVER_ADDRESS_MAX : SERVER_STRANGERS_MAX;
	struct session *other;

	if (count_of(s, o, false) >= most)
		drop(oldest_stranger(s, o));
	if (s->count < SERVER_SESSIONS_MAX)
		return true;
	if ((other = oldest_stranger(s, NULL)) == NULL)
		return false;
	drop(other);
	return true;
}

static void
take(struct server *s, int fd, const struct sockaddr *from)
{
	struct session *c = xcalloc(1, sizeof(*c));

	c->server = s;
	c->fd = fd;
	c->standing = STRANGER;
	place(c, from);
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

static void
accepting(struct server *s, bool on)
{
	for (size_t i = 0; i < COUNT(s->listeners); i++)
		if (s->listeners[i].acceptable != NULL && on)
			event_add(s->listeners[i].acceptable, NULL);
		else if (s->listeners[i].acceptable != NULL)
			event_del(s->listeners[i].acceptable);
}

/* No descriptor is free: the caller stays in the kernel's queue, and is not asked for again at once. */
static void
out_of_files(struct server *s)
{
	struct session *c = oldest_stranger(s, NULL);
	struct timeval later = ms(PAUSE_MS);

	if (!s->starved)
		log_warn("no connection can be accepted: %s", strerror(errno));
	s->starved = true;
	if (c != NULL)
		drop(c);
	accepting(s, false);
	event_add(s->pause, &later);
}

static void
on_pause(evutil_socket_t fd, short what, void *arg)
{
	accepting(arg, true);
}

static bool
may_enter(const struct listener *l, int fd)
{
	uid_t uid = (uid_t)-1;

	if (l->kind == CONN_TCP || unix_peer_is_own(fd, &uid))
		return true;
	log_warn("link client refused uid=%d", (int)uid);
	return false;
}

static void
on_acceptable(evutil_socket_t listener, short what, void *arg)
{
	struct listener *l = arg;
	struct sockaddr_storage from;
	socklen_t len;
	int fd;

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		len = sizeof(from);
		memset(&from, 0, sizeof(from));
		fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
			out_of_files(l->server);
		if (fd == -1 && errno != ECONNABORTED && errno != EINTR)
			return;
		if (fd == -1)
			continue;
		l->server->starved = false;
		if (l->kind == CONN_UNIX)
			from.ss_family = AF_UNIX;
		if (may_enter(l, fd))
			take(l->server, fd, (struct sockaddr *)&from);
		else
			close(fd);
	}
}

/* ---- start and end ---------------------------------------------------------------------------- */

static int
bind_tcp(const char *host, int port, struct error *e)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	bool is_v4 = inet_pton(AF_INET, host, &v4.sin_addr) == 1;
	int fd, on = 1;

	if (!is_v4 && inet_pton(AF_INET6, host, &v6.sin6_addr) != 1)
		return error_set(e, ERR_invalid, "%s: no address to listen at", host);
	if ((fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return error_errno(e, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, is_v4 ? (void *)&v4 : (void *)&v6, is_v4 ? sizeof(v4) : sizeof(v6)) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;
	error_errno(e, "%s port %d", host, port);
	close(fd);
	return -1;
}

static void
listen_at(struct server *s, enum conn_kind kind, int fd)
{
	struct listener *l = &s->listeners[kind];

	*l = (struct listener){ .fd = fd, .kind = kind, .server = s };
	l->acceptable = event_new(s->alpd->base, fd, EV_READ | EV_PERSIST, on_acceptable, l);
}

/* Without its port a profile is still reached on this machine (alp-wire.md, 7.3). */
static void
listen_tcp(struct server *s)
{
	struct alpd_settings *set = &s->alpd->settings;
	struct error e = { 0 };
	int fd;

	if (set->bind == NULL)
		return;
	if ((fd = bind_tcp(set->bind, set->port, &e)) != -1) {
		listen_at(s, CONN_TCP, fd);
		return;
	}
	log_warn("no peers over TCP: %s", e.text);
	free(set->no_tcp);
	set->no_tcp = xstrdup(e.text);
}

struct server *
server_listen(struct alpd *a, struct error *e)
{
	struct server *s = xcalloc(1, sizeof(*s));
	int fd;

	s->alpd = a;
	s->path = path_join(a->home, "alp/alp.sock");
	TAILQ_INIT(&s->sessions);
	s->crowd = evtimer_new(a->base, on_crowd, s);
	s->pause = evtimer_new(a->base, on_pause, s);
	if ((fd = unix_listen(s->path, e)) == -1) {
		free(steal(s->path));		/* not ours to remove */
		server_close(s);
		return NULL;
	}
	listen_at(s, CONN_UNIX, fd);
	listen_tcp(s);
	return s;
}

void
server_serve(struct server *s)
{
	accepting(s, true);
}

static void
close_listeners(struct server *s)
{
	for (size_t i = 0; i < COUNT(s->listeners); i++) {
		if (s->listeners[i].acceptable == NULL)
			continue;
		event_free(s->listeners[i].acceptable);
		close(s->listeners[i].fd);
		s->listeners[i].acceptable = NULL;
	}
	if (s->path != NULL)
		unlink(s->path);
	free(steal(s->path));
}

static struct session *
first_idle(struct server *s)
{
	struct session *c;

	TAILQ_FOREACH(c, &s->sessions, link)
		if (c->call == NULL)
			break;
	return c;
}

void
server_drain(struct server *s, void (*fn)(void *arg), void *arg)
{
	struct session *c;

	close_listeners(s);
	while ((c = first_idle(s)) != NULL)
		drop(c);
	s->drained = fn;
	s->drained_arg = arg;
	check_drained(s);
}

void
server_close(struct server *s)
{
	if (s == NULL)
		return;
	close_listeners(s);
	s->drained = NULL;
	while (!TAILQ_EMPTY(&s->sessions))
		drop(TAILQ_FIRST(&s->sessions));
	event_free(s->crowd);
	event_free(s->pause);
	free(s->pins);
	free(s);
}

size_t
server_sessions(const struct server *s)
{
	return s->count;
}

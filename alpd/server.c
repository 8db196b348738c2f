/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See server.h: the two doors, and who may come in through which. Anybody
 * may connect over TCP, only this user over the Unix socket; whom that makes
 * room for and whom it costs his place is server_session.c's.
 */
#include "alpd/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alpd/server_own.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/unixsock.h"

#define ACCEPT_BATCH	64
#define PAUSE_MS	100		/* no descriptor is free */

/* ---- who comes in ---------------------------------------------------------------------------- */

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
	struct session *c = session_stranger(s, NULL);
	struct timeval later = { .tv_usec = PAUSE_MS * 1000 };

	if (!s->starved)
		log_warn("no connection can be accepted: %s", strerror(errno));
	s->starved = true;
	if (c != NULL)
		session_drop(c);
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
			session_take(l->server, fd, (struct sockaddr *)&from);
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
	session_init(s);
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

void
server_drain(struct server *s, void (*fn)(void *arg), void *arg)
{
	struct session *c;

	close_listeners(s);
	while ((c = session_idle(s)) != NULL)
		session_drop(c);
	s->drained = fn;
	s->drained_arg = arg;
	session_drained(s);
}

void
server_close(struct server *s)
{
	if (s == NULL)
		return;
	close_listeners(s);
	s->drained = NULL;
	while (!TAILQ_EMPTY(&s->sessions))
		session_drop(TAILQ_FIRST(&s->sessions));
	event_free(s->crowd);
	event_free(s->pause);
	pins_clear(&s->pins);
	free(s);
}

size_t
server_sessions(const struct server *s)
{
	return s->count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that we begin (conn.h): a socket of this machine, or a host
 * and port whose addresses are tried in turn. Nothing waits here but events.
 */
#include "alpd/conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alpd/conn_own.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/unixsock.h"

/* Outlives its connection by a turn of the loop: the resolver reports a cancelled question too. */
struct lookup {
	struct conn			*conn;		/* NULL: it was forgotten */
	struct evdns_getaddrinfo_request *request;
	struct evutil_addrinfo		*addresses, *next;
	int64_t				 until;		/* monotonic ms */
};

/* ---- this machine ---------------------------------------------------------------------------- */

/* A listener whose queue is full is not waited for. */
static int
connect_path(const char *path, struct error *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) > UNIX_PATH_BYTES)
		return error_set(e, ERR_unavailable, "%s: longer than a socket's name may be", path);
	memcpy(at.sun_path, path, strlen(path));
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return error_errno(e, "socket");
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	error_set(e, ERR_unavailable, "%s: %s", path, strerror(errno));
	close(fd);
	return -1;
}

struct conn *
conn_dial_unix(struct event_base *base, const char *path, int connect_ms, const struct conn_owner *owner, void *arg,
    struct error *e)
{
	int fd = connect_path(path, e);
	struct conn *c;

	if (fd == -1)
		return NULL;
	c = conn_new(base, CONN_UNIX, owner, arg);
	conn_socket(c, fd);
	c->step = CONN_OPEN;
	event_active(c->soon, EV_TIMEOUT, 0);
	return c;
}

/* ---- TCP --------------------------------------------------------------------------------------- */

void
dial_forget(struct lookup *l)
{
	if (l == NULL)
		return;
	l->conn = NULL;
	if (l->request != NULL) {
		evdns_getaddrinfo_cancel(l->request);	/* its callback frees the rest */
		return;
	}
	if (l->addresses != NULL)
		evutil_freeaddrinfo(l->addresses);
	free(l);
}

static int
connect_address(struct conn *c, const struct evutil_addrinfo *to)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return error_errno(&c->why, "socket");
	if (connect(fd, to->ai_addr, (socklen_t)to->ai_addrlen) == -1 && errno != EINPROGRESS) {
		error_set(&c->why, ERR_unavailable, "%s", strerror(errno));
		close(fd);
		return -1;
	}
	conn_socket(c, fd);
	event_add(c->writable, NULL);
	return 0;
}

static void
try_next(struct conn *c)
{
	struct lookup *l = c->lookup;
	char why[ERROR_TEXT_MAX];

	while (l->next != NULL) {
		const struct evutil_addrinfo *to = l->next;

		l->next = to->ai_next;
		if (connect_address(c, to) == 0)
			return;
	}
	snprintf(why, sizeof(why), "%s", c->why.text[0] != '\0' ? c->why.text : "it has no address");
	conn_fail(c, ERR_unavailable, why);
}

static int
socket_error(int fd)
{
	socklen_t len = sizeof(int);
	int failed;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) == -1 ? errno : failed;
}

void
dial_connected(struct conn *c)
{
	int64_t left = c->lookup->until - clock_mono_ms();
	int failed = socket_error(c->fd);

	if (failed != 0) {
		error_set(&c->why, ERR_unavailable, "%s", strerror(failed));
		conn_unsocket(c);
		try_next(c);
		return;
	}
	event_del(c->writable);
	dial_forget(steal(c->lookup));
	conn_timer(c, left > CONN_HANDSHAKE_MS ? CONN_HANDSHAKE_MS : left < 1 ? 1 : (int)left);
	conn_hello(c);
}

static void
on_resolved(int failed, struct evutil_addrinfo *addresses, void *arg)
{
	struct lookup *l = arg;

	l->request = NULL;
	l->addresses = l->next = addresses;
	if (l->conn == NULL)
		dial_forget(l);
	else if (failed != 0)
		conn_fail(l->conn, ERR_unavailable, evutil_gai_strerror(failed));
	else
		try_next(l->conn);
}

/* What is an address already needs no resolver. */
static void
resolve(struct lookup *l, struct evdns_base *dns, const char *host, const char *port)
{
	struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
	    .ai_flags = EVUTIL_AI_NUMERICHOST | EVUTIL_AI_NUMERICSERV };
	struct evutil_addrinfo *addresses = NULL;

	if (evutil_getaddrinfo(host, port, &hints, &addresses) == 0 || dns == NULL) {
		on_resolved(addresses == NULL ? EVUTIL_EAI_NONAME : 0, addresses, l);
		return;
	}
	hints.ai_flags = EVUTIL_AI_NUMERICSERV | EVUTIL_AI_ADDRCONFIG;
	l->request = evdns_getaddrinfo(dns, host, port, &hints, on_resolved, l);
}

struct conn *
conn_dial_tcp(struct event_base *base, struct evdns_base *dns, const char *host, int port, struct identity *self,
    const uint8_t responder[KEY_BYTES], int connect_ms, const struct conn_owner *owner, void *arg, struct error *e)
{
	struct conn *c = conn_new(base, CONN_TCP, owner, arg);
	struct lookup *l = c->lookup = xcalloc(1, sizeof(*l));
	char service[16];

	snprintf(service, sizeof(service), "%d", port);
	l->conn = c;
	l->until = clock_mono_ms() + connect_ms;
	c->step = CONN_CONNECTING;
	conn_timer(c, connect_ms);
	conn_noise(c, self, responder);
	resolve(l, dns, host, service);
	return c;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of a fixture's daemon on real sockets, and clients of it: what
 * test_link_server and test_link_crowd share. One process is both ends, on
 * one loop.
 */
#ifndef ALPI_LINK_SERVER_FIXTURE_H
#define ALPI_LINK_SERVER_FIXTURE_H

#include "tests/unit/link_in_fixture.h"

#include <netinet/in.h>

#include "alpd/conn.h"
#include "alpd/server.h"

struct host {
	struct fixture	*f;
	int		 port;
};

static inline int
free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	socklen_t len = sizeof(at);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (void *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (void *)&at, &len), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static inline struct host
host_open(void)
{
	struct host h = { .f = fixture_open(), .port = free_port() };
	struct error e = { 0 };

	clock_fake(-1, -1);
	h.f->a.settings.bind = (char *)"0.0.0.0";
	h.f->a.settings.port = h.port;
	if ((h.f->a.server = server_listen(&h.f->a, &e)) == NULL)
		fail_msg("%s", e.text);
	if (h.f->a.settings.no_tcp != NULL)
		fail_msg("%s", h.f->a.settings.no_tcp);
	server_serve(h.f->a.server);
	return h;
}

static inline void
host_close(struct host *h)
{
	server_close(h->f->a.server);
	pump(h->f);
	fixture_close(h->f);
}

/* ---- a client ------------------------------------------------------------------------------------- */

struct client_side {
	struct fixture	*f;
	struct conn	*conn;
	bool		 ready, closed;
	char		*answer;
};

static inline void
on_ready(void *arg)
{
	((struct client_side *)arg)->ready = true;
}

static inline void
on_message(void *arg, const char *text, size_t len)
{
	struct client_side *c = arg;

	free(c->answer);
	c->answer = xstrndup(text, len);
}

static inline void
on_closed(void *arg, const struct error *why)
{
	struct client_side *c = arg;

	c->closed = true;
	c->conn = NULL;
}

static const struct conn_owner owner = { .ready = on_ready, .message = on_message, .closed = on_closed };

#define WAIT_FOR(f, condition) do { } while (!(condition) && (answer_usage(f), event_base_loop((f)->d.base, EVLOOP_ONCE)) != -1)

static inline void
dial_as(struct host *h, struct client_side *c, const struct person *who)
{
	memset(c, 0, sizeof(*c));
	c->f = h->f;
	c->conn = conn_dial_tcp(h->f->d.base, NULL, "127.0.0.1", h->port, who->id, identity_x25519(h->f->bob.id), 10000, &owner,
	    c, NULL);
	assert_non_null(c->conn);
	WAIT_FOR(h->f, c->ready || c->closed);
}

static inline void
dial_unix(struct host *h, struct client_side *c)
{
	cleanup_free char *path = path_join(h->f->home, "alp/alp.sock");
	struct error e = { 0 };

	memset(c, 0, sizeof(*c));
	c->f = h->f;
	if ((c->conn = conn_dial_unix(h->f->d.base, path, 1000, &owner, c, &e)) == NULL)
		fail_msg("%s", e.text);
	WAIT_FOR(h->f, c->ready);
}

static inline void
hang_up(struct client_side *c)
{
	conn_close(c->conn);
	free(c->answer);
	memset(c, 0, sizeof(*c));
}

static inline void
say_as(struct client_side *c, const struct person *who, const char *method, const char *params)
{
	cleanup_free char *text = signed_by(who, identity_name(c->f->bob.id), method, params);

	assert_int_equal(conn_send(c->conn, text, strlen(text), NULL), 0);
	conn_next(c->conn, 0);
}

static inline bool
served(struct client_side *c, const struct person *who)
{
	free(steal(c->answer));
	say_as(c, who, "link.ping", "{}");
	WAIT_FOR(c->f, c->answer != NULL || c->closed);
	return c->answer != NULL && strstr(c->answer, "\"version\":1") != NULL;
}

#endif

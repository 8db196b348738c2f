/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox of bus.h: who connects may ask, many questions at a time; each is
 * held until it is answered, in any order. Callers are not known here but by
 * their user, as the kernel told it when they connected.
 *
 * A caller that is gone takes nothing with it that others hold: its questions
 * stay until they are answered, to nobody.
 */
#include "common/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bus_own.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/unixsock.h"
#include "common/wire.h"
#include "proto/proto.h"

#define FLUSH_MS	1000
#define AGAIN_MS	100		/* out of descriptors: until then nobody is accepted */

struct caller {
	LIST_ENTRY(caller)		 link;
	struct bus			*bus;
	struct wire			*wire;		/* NULL: gone */
	long				 uid;
	LIST_HEAD(, bus_message)	 questions;	/* held or being answered */
};

struct bus_message {
	struct wire_out			 out;		/* first: what is sent is its message */
	LIST_ENTRY(bus_message)		 link;
	struct caller			*from;
	uint32_t			 number;
	char				*bytes;		/* the question, later the answer */
	size_t				 len;
};

/* ---- callers -------------------------------------------------------------------------------- */

static void
caller_free(struct caller *c)
{
	LIST_REMOVE(c, link);
	wire_close(c->wire);
	free(c);
}

static void
message_free(struct bus_message *m)
{
	struct caller *c = m->from;

	LIST_REMOVE(m, link);
	free(m->bytes);
	free(m);
	if (c->wire == NULL && LIST_EMPTY(&c->questions))
		caller_free(c);
}

static void
on_up(void *arg)
{
}

static void
on_question(void *arg, uint32_t number, char *bytes, size_t len)
{
	struct caller *c = arg;
	struct bus_message *m = xcalloc(1, sizeof(*m));

	m->from = c;
	m->number = number;
	m->bytes = bytes;
	m->len = len;
	LIST_INSERT_HEAD(&c->questions, m, link);
	c->bus->held++;
	c->bus->on_request(c->bus->arg, m);
}

static void
on_sent(void *arg, struct wire_out *out)
{
	struct bus_message *m = (struct bus_message *)out;

	m->from->bus->unsent -= out->len;
	message_free(m);
}

/* Answers that did not reach it are dropped, questions stay with whoever works on them. */
static void
on_gone(void *arg)
{
	struct caller *c = arg;
	struct bus_message *m, *next;

	for (m = LIST_FIRST(&c->questions); m != NULL; m = next) {
		next = LIST_NEXT(m, link);
		if (m->out.text != NULL)
			on_sent(c, &m->out);
	}
	wire_close(c->wire);
	c->wire = NULL;
	if (LIST_EMPTY(&c->questions))
		caller_free(c);
}

static const struct wire_events events = { on_up, on_question, on_sent, on_gone };

static long
user_of(int fd)
{
	uid_t uid = 0;

	unix_peer_is_own(fd, &uid);
	return (long)uid;
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval after = { .tv_usec = AGAIN_MS * 1000 };
	struct bus *b = arg;
	struct caller *c;
	int conn = accept(fd, NULL, NULL);

	if (conn == -1) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			event_del(b->accept);
			event_add(b->again, &after);
		}
		return;
	}
	fcntl(conn, F_SETFD, FD_CLOEXEC);
	c = xcalloc(1, sizeof(*c));
	c->bus = b;
	c->uid = user_of(conn);
	LIST_INIT(&c->questions);
	LIST_INSERT_HEAD(&b->callers, c, link);
	c->wire = wire_new(b->base, conn, WIRE_REP, WIRE_REQ, PROTO_MESSAGE_MAX, &events, c);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct bus *b = arg;

	event_add(b->accept, NULL);
}

int
bus_listen(struct bus *b, const char *path, struct error *e)
{
	if ((b->fd = unix_listen(path, e)) == -1)
		return -1;
	b->accept = event_new(b->base, b->fd, EV_READ | EV_PERSIST, on_accept, b);
	b->again = evtimer_new(b->base, on_again, b);
	event_add(b->accept, NULL);
	return 0;
}

void
bus_unlisten(struct bus *b)
{
	if (b == NULL || b->fd == -1)
		return;
	event_free(b->accept);
	event_free(b->again);
	close(b->fd);
	b->fd = -1;
}

/* ---- questions ------------------------------------------------------------------------------ */

const char *
bus_message_text(const struct bus_message *m, size_t *len)
{
	*len = m->bytes != NULL ? m->len - WIRE_TEXT : 0;
	return m->bytes != NULL ? m->bytes + WIRE_TEXT : NULL;
}

void
bus_message_read(struct bus_message *m)
{
	free(m->bytes);
	m->bytes = NULL;
}

long
bus_message_uid(const struct bus_message *m)
{
	return m->from->uid;
}

int
bus_answer(struct bus_message *m, const char *text, size_t len, int must)
{
	struct bus *b = m->from->bus;

	if (!must && b->unsent + len > BUS_BYTES_MAX)
		return -1;
	b->held--;
	if (m->from->wire == NULL) {
		message_free(m);
		return 0;
	}
	free(m->bytes);
	m->bytes = xmalloc(len + 1);
	memcpy(m->bytes, text, len);
	b->unsent += len;
	wire_send(m->from->wire, &m->out, m->number, m->bytes, len);
	return 0;
}

void
bus_ignore(struct bus_message *m)
{
	m->from->bus->held--;
	message_free(m);
}

size_t
bus_held(const struct bus *b)
{
	return b->held;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* The last caller of the row with an answer to be written; NULL when there is none. */
static struct caller *
pending(const struct bus *b)
{
	struct caller *c, *found = NULL;

	LIST_FOREACH(c, &b->callers, link)
		if (c->wire != NULL && wire_pending(c->wire))
			found = c;
	return found;
}

/* One that takes nothing any more must not keep the others waiting: its turn is short. */
static void
flush(struct bus *b)
{
	int64_t until = clock_mono_ms() + FLUSH_MS;
	struct pollfd p = { .events = POLLOUT };
	struct caller *c;

	while ((c = pending(b)) != NULL && clock_mono_ms() < until) {
		LIST_REMOVE(c, link);		/* others first, next time */
		LIST_INSERT_HEAD(&b->callers, c, link);
		p.fd = wire_fd(c->wire);
		if (poll(&p, 1, 10) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0)
			on_gone(c);
		else
			wire_flush(c->wire);
	}
}

static void
drop(struct caller *c)
{
	struct bus_message *m;

	while ((m = LIST_FIRST(&c->questions)) != NULL) {
		LIST_REMOVE(m, link);
		free(m->bytes);
		free(m);
	}
	caller_free(c);
}

void
bus_inbox_close(struct bus *b)
{
	flush(b);
	bus_unlisten(b);
	while (!LIST_EMPTY(&b->callers))
		drop(LIST_FIRST(&b->callers));
}

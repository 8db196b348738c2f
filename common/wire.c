/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See wire.h. Of what comes in, nothing is believed but the peer's right to
 * speak at all, which the socket's mode gives it: lengths are checked before
 * anything is allocated, and memory grows with what has arrived.
 *
 * A write that fails ends nothing: the end is read, after whatever the other
 * side still said before it died.
 */
#include "common/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/mem.h"

#define GREETING	8
#define PREFIX		9		/* the type and the length of a message */
#define MESSAGE		1		/* the only type there is */
#define READ_BYTES	(64 * 1024)	/* taken from one connection before others have their turn */
#define FIRST_BYTES	4096		/* of a message that has only been announced */

TAILQ_HEAD(outs, wire_out);

struct wire {
	struct event			*readable, *writable;
	int				 fd;
	size_t				 max;
	const struct wire_events	*events;
	void				*arg;
	bool				 greeted, busy, closed;	/* busy: our events are running */
	unsigned char			 expected[GREETING];
	unsigned char			 head[PREFIX];		/* of the message that comes, or the greeting */
	size_t				 head_have;
	char				*bytes;
	size_t				 len, have, room;
	struct outs			 outs;
};

/* ---- in ------------------------------------------------------------------------------------- */

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Copy what is missing of a head; true when it is whole. */
static bool
fill_head(struct wire *w, size_t size, const char **p, size_t *n)
{
	size_t take = least(size - w->head_have, *n);

	memcpy(w->head + w->head_have, *p, take);
	w->head_have += take;
	*p += take;
	*n -= take;
	return w->head_have == size;
}

static int
greeting(struct wire *w)
{
	if (memcmp(w->head, w->expected, GREETING) != 0)
		return -1;
	w->greeted = true;
	w->head_have = 0;
	w->events->up(w->arg);
	return 0;
}

/* A message is announced. -1: it is none, or longer than may be. */
static int
announced(struct wire *w)
{
	uint64_t len = 0;

	for (int i = 1; i < PREFIX; i++)
		len = len << 8 | w->head[i];
	if (w->head[0] != MESSAGE || len < WIRE_TEXT || len > w->max + WIRE_TEXT)
		return -1;
	w->len = (size_t)len;
	w->have = 0;
	w->room = least(w->len, FIRST_BYTES);
	w->bytes = xmalloc(w->room + 1);
	return 0;
}

static void
fill_body(struct wire *w, const char **p, size_t *n)
{
	size_t take = least(w->len - w->have, *n);

	if (w->have + take > w->room) {
		w->room = least(w->len, 2 * (w->have + take));
		w->bytes = xreallocarray(w->bytes, w->room + 1, 1);
	}
	memcpy(w->bytes + w->have, *p, take);
	w->have += take;
	*p += take;
	*n -= take;
}

/* -1: its number is none of a question asked directly. */
static int
arrived(struct wire *w)
{
	char *bytes = steal(w->bytes);
	uint32_t number = 0;

	for (int i = 0; i < WIRE_TEXT; i++)
		number = number << 8 | (unsigned char)bytes[i];
	w->head_have = 0;
	bytes[w->len] = '\0';
	if ((number & WIRE_NUMBER) == 0) {
		free(bytes);
		return -1;
	}
	w->events->message(w->arg, number, bytes, w->len);
	return 0;
}

/* Take in bytes that were read; -1 when they are not what is spoken here. */
static int
take_in(struct wire *w, const char *p, size_t n)
{
	while (n > 0 && !w->closed) {
		if (w->bytes == NULL) {
			if (!fill_head(w, w->greeted ? PREFIX : GREETING, &p, &n))
				return 0;
			if ((w->greeted ? announced : greeting)(w) == -1)
				return -1;
			continue;
		}
		fill_body(w, &p, &n);
		if (w->have == w->len && arrived(w) == -1)
			return -1;
	}
	return 0;
}

static void
wire_free(struct wire *w)
{
	free(w->bytes);
	free(w);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static char chunk[READ_BYTES];
	struct wire *w = arg;
	ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	bool ended = n == 0 || (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);

	w->busy = true;
	if (n > 0)
		ended = take_in(w, chunk, (size_t)n) == -1;
	if (ended && !w->closed) {
		event_del(w->readable);
		event_del(w->writable);
		w->events->down(w->arg);
	}
	w->busy = false;
	if (w->closed)
		wire_free(w);
}

/* ---- out ------------------------------------------------------------------------------------ */

/* The parts of a message that are still to be written. */
static int
parts(const struct wire_out *o, struct iovec v[2])
{
	size_t skip = o->written < WIRE_HEAD ? o->written : WIRE_HEAD;
	size_t past = o->written - skip;

	v[0] = (struct iovec){ (void *)(o->head + skip), WIRE_HEAD - skip };
	v[1] = (struct iovec){ (void *)(o->text + past), o->len - past };
	return skip < WIRE_HEAD ? 0 : 1;
}

/* One write of the first message; false when the kernel takes no more. */
static bool
write_some(struct wire *w, struct wire_out *o)
{
	struct iovec v[2];
	int first = parts(o, v);
	struct msghdr m = { .msg_iov = v + first, .msg_iovlen = (size_t)(2 - first) };
	ssize_t n = sendmsg(w->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n == -1 && errno == EINTR)
		return true;
	if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK)
		event_del(w->writable);		/* broken: the reader finds out */
	else if (n == -1)
		event_add(w->writable, NULL);
	else
		o->written += (size_t)n;
	return n >= 0;
}

void
wire_flush(struct wire *w)
{
	struct wire_out *o;

	while ((o = TAILQ_FIRST(&w->outs)) != NULL && write_some(w, o))
		if (o->written == WIRE_HEAD + o->len) {
			TAILQ_REMOVE(&w->outs, o, link);
			w->events->sent(w->arg, o);
		}
	if (o == NULL)
		event_del(w->writable);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	wire_flush(arg);
}

static void
put_number(unsigned char *to, int bytes, uint64_t n)
{
	for (int i = bytes - 1; i >= 0; i--, n >>= 8)
		to[i] = (unsigned char)n;
}

/* Written from the loop, at once: the owner is told of nothing while it sends. */
void
wire_send(struct wire *w, struct wire_out *out, uint32_t number, const char *text, size_t len)
{
	out->head[0] = MESSAGE;
	put_number(out->head + 1, 8, len + WIRE_TEXT);
	put_number(out->head + PREFIX, WIRE_TEXT, number);
	out->text = text;
	out->len = len;
	out->written = 0;
	TAILQ_INSERT_TAIL(&w->outs, out, link);
	if (!event_pending(w->writable, EV_WRITE, NULL))
		event_active(w->writable, EV_WRITE, 0);
}

void
wire_withdraw(struct wire *w, struct wire_out *out)
{
	TAILQ_REMOVE(&w->outs, out, link);
}

int
wire_pending(const struct wire *w)
{
	return !TAILQ_EMPTY(&w->outs);
}

int
wire_fd(const struct wire *w)
{
	return w->fd;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static void
greet(unsigned char to[GREETING], uint16_t protocol)
{
	static const unsigned char form[GREETING] = { 0, 'S', 'P', 0 };

	memcpy(to, form, GREETING);
	put_number(to + 4, 2, protocol);
}

struct wire *
wire_new(struct event_base *base, int fd, uint16_t we, uint16_t they, size_t max,
    const struct wire_events *events, void *arg)
{
	struct wire *w = xcalloc(1, sizeof(*w));
	unsigned char ours[GREETING];

	w->fd = fd;
	w->max = max;
	w->events = events;
	w->arg = arg;
	TAILQ_INIT(&w->outs);
	greet(w->expected, they);
	greet(ours, we);
	w->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, w);
	w->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, w);
	event_add(w->readable, NULL);
	(void)!send(fd, ours, sizeof(ours), MSG_NOSIGNAL | MSG_DONTWAIT);	/* fits, or the other side is gone, which is read */
	return w;
}

void
wire_close(struct wire *w)
{
	if (w == NULL || w->closed)
		return;
	event_free(w->readable);
	event_free(w->writable);
	close(w->fd);
	w->closed = true;
	if (!w->busy)
		wire_free(w);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See conn.h. What is read is never more than the message that is due: first
 * its length, then, once that is within the limit, exactly the rest. All
 * else stays with the kernel, and so with its sender. The other side is
 * believed nothing before the handshake is through and every tag fits; who
 * it is, and whether it may say this, is the owner's business. What goes out
 * is conn_write.c's.
 */
#include "alpd/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alpd/conn_own.h"
#include "alpd/envelope.h"
#include "alpd/frame.h"
#include "common/mem.h"

#define LINE_READ	65536		/* a line does not say how long it is */

/* ---- the end ------------------------------------------------------------------------------- */

static void
drop_event(struct event **ev)
{
	if (*ev != NULL)
		event_free(*ev);
	*ev = NULL;
}

void
conn_unsocket(struct conn *c)
{
	drop_event(&c->readable);
	drop_event(&c->writable);
	drop_event(&c->left);
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
}

void
conn_free(struct conn *c)
{
	conn_unsocket(c);
	dial_forget(c->lookup);
	drop_event(&c->timer);
	drop_event(&c->soon);
	evbuffer_free(c->in);
	evbuffer_free(c->out);
	explicit_bzero(c, sizeof(*c));		/* session keys */
	free(c);
}

void
conn_fail(struct conn *c, enum error_code code, const char *why)
{
	if (c->step == CONN_ENDED)
		return;
	c->step = CONN_ENDED;
	error_set(&c->why, code, "%s", why);
	conn_unsocket(c);
	event_active(c->soon, EV_TIMEOUT, 0);
}

void
conn_close(struct conn *c)
{
	if (c == NULL)
		return;
	if (!c->calling) {
		conn_free(c);
		return;
	}
	c->step = CONN_ENDED;
	c->owner = NULL;
	conn_unsocket(c);
}

const struct conn_owner *
conn_enter(struct conn *c)
{
	c->calling = true;
	return c->owner;
}

bool
conn_leave(struct conn *c)
{
	c->calling = false;
	if (c->owner != NULL)
		return true;
	conn_free(c);
	return false;
}

static void
report_end(struct conn *c)
{
	const struct conn_owner *owner = c->owner;
	struct error why = c->why;
	void *arg = c->arg;
	bool silent = c->finishing;

	conn_free(c);
	if (!silent)
		owner->closed(arg, &why);
}

/* ---- time ---------------------------------------------------------------------------------- */

void
conn_timer(struct conn *c, int ms)
{
	struct timeval tv = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

	if (ms > 0)
		event_add(c->timer, &tv);
	else
		event_del(c->timer);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	conn_fail(c, ERR_timeout, c->step == CONN_READING ? "silent for too long" : "no connection in time");
}

/* ---- reading ------------------------------------------------------------------------------- */

static enum frame_kind
frame_of(const struct conn *c)
{
	if (c->kind == CONN_UNIX)
		return FRAME_LINE;
	return c->step == CONN_SHAKING ? FRAME_HANDSHAKE : FRAME_MESSAGE;
}

/* How many bytes the message that is due has in all, as far as is known: its head, then head and body. */
static size_t
due(const struct conn *c)
{
	size_t head = frame_of(c) == FRAME_HANDSHAKE ? 2 : 4, len = 0;
	uint8_t bytes[4];

	if (c->kind == CONN_UNIX)
		return evbuffer_get_length(c->in) + LINE_READ;
	if (evbuffer_copyout(c->in, bytes, head) < (ev_ssize_t)head)
		return head;
	for (size_t i = 0; i < head; i++)
		len = len << 8 | bytes[i];
	return head + len;
}

/* 1: some came, or the end; 0: nothing for now; -1: it broke. */
static int
read_some(struct conn *c)
{
	size_t want = due(c) - evbuffer_get_length(c->in);
	struct evbuffer_iovec room;
	ssize_t n;

	/* In one piece with what is there, so that nothing has to be moved again. */
	if (evbuffer_reserve_space(c->in, (ev_ssize_t)want, &room, 1) != 1)
		abort();
	n = recv(c->fd, room.iov_base, want, MSG_DONTWAIT);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	c->eof = n == 0;
	room.iov_len = (size_t)n;
	evbuffer_commit_space(c->in, &room, 1);
	return 1;
}

/* Somebody who leaves while nothing is read is still noticed. */
static void
watch_leaving(struct conn *c)
{
	if (c->step == CONN_OPEN && !c->eof && !c->finishing)
		event_add(c->left, NULL);
}

/*
 * What lies unread comes first, whatever follows it. On a Unix socket a
 * client that only closed its sending half still waits for its answer.
 */
static void
on_left(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct pollfd p = { .fd = c->fd };
	char byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	event_del(c->left);
	if (n == 1)
		return;
	if (n == -1 || c->kind == CONN_TCP || poll(&p, 1, 0) == -1 || (p.revents & (POLLHUP | POLLERR)))
		conn_fail(c, ERR_gone, "closed by the other side");
}

/* ---- the handshake -------------------------------------------------------------------------- */

static int
send_handshake(struct conn *c)
{
	struct buf message cleanup_buf = BUF(FRAME_HANDSHAKE_MAX);

	if (noise_write(&c->noise, NULL, 0, &message, NULL) == -1)
		return -1;
	frame_begin(FRAME_HANDSHAKE, c->out, message.len);
	evbuffer_add(c->out, message.data, message.len);
	conn_flush(c);
	return 0;
}

static void
end_handshake(struct conn *c)
{
	bool ours = c->noise.initiator;

	noise_split(&c->noise, ours ? &c->seal : &c->open, ours ? &c->open : &c->seal);
	c->step = ours ? CONN_OPEN : CONN_READING;
	conn_timer(c, ours ? 0 : c->first_ms);
	if (ours)
		event_del(c->readable);
	conn_enter(c)->ready(c->arg);
	if (conn_leave(c))
		watch_leaving(c);
}

static void
shake(struct conn *c, size_t len)
{
	const char *message = (const char *)evbuffer_pullup(c->in, (ev_ssize_t)(2 + len)) + 2;
	int read = noise_read(&c->noise, message, len, NULL, NULL);

	evbuffer_drain(c->in, 2 + len);
	if (read == -1 || (noise_writes(&c->noise) && send_handshake(c) == -1))
		conn_fail(c, ERR_invalid, "the handshake failed");
	else if (c->step != CONN_ENDED && c->noise.message == NOISE_MESSAGES)
		end_handshake(c);
}

void
conn_hello(struct conn *c)
{
	c->step = CONN_SHAKING;
	event_add(c->readable, NULL);
	if (send_handshake(c) == -1)
		conn_fail(c, ERR_invalid, "the handshake failed");
}

/* ---- messages ------------------------------------------------------------------------------- */

/* Hand one message over; the owner asks for the next. */
static void
deliver(struct conn *c, size_t head, size_t body, size_t tail)
{
	char none[1] = "", *text = none;
	size_t len = body;

	if (head + body > 0)
		text = (char *)evbuffer_pullup(c->in, (ev_ssize_t)(head + body)) + head;
	if (c->kind == CONN_TCP && cipher_open(&c->open, (uint8_t *)text, len) == -1) {
		conn_fail(c, ERR_invalid, "a message that is not theirs");
		return;
	}
	if (c->kind == CONN_TCP)
		len -= NOISE_TAG;
	c->step = CONN_OPEN;
	conn_timer(c, 0);
	event_del(c->readable);
	conn_enter(c)->message(c->arg, text, len);
	if (!conn_leave(c))
		return;
	evbuffer_drain(c->in, head + body + tail);
	if (c->step == CONN_READING && evbuffer_get_length(c->in) > 0)
		event_active(c->readable, EV_READ, 0);
	watch_leaving(c);
}

/* What is there of the message that is due. 1: it was taken; 0: there is more to come; -1: it ended. */
static int
take(struct conn *c)
{
	size_t head = 0, body = 0, tail = 0;
	int whole = frame_next(frame_of(c), c->in, c->eof, &head, &body, &tail);

	if (whole == -1 || (c->kind == CONN_TCP && due(c) > c->limit + 4)) {
		conn_fail(c, ERR_invalid, "a message beyond the limits");
		return -1;
	}
	if (whole == 0)
		return 0;
	if (c->step == CONN_SHAKING)
		shake(c, body);
	else
		deliver(c, head, body, tail);
	return 1;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	if (evbuffer_get_length(c->in) > 0 && take(c) != 0)
		return;
	switch (c->eof ? 1 : read_some(c)) {
	case -1:
		conn_fail(c, ERR_gone, "the connection broke");
		return;
	case 0:
		return;
	}
	if ((evbuffer_get_length(c->in) == 0 || take(c) == 0) && c->eof)
		conn_fail(c, ERR_gone, "closed by the other side");
}

void
conn_next(struct conn *c, int within_ms)
{
	if (c->step != CONN_OPEN || c->finishing)
		return;
	c->step = CONN_READING;
	conn_timer(c, within_ms);
	event_del(c->left);
	event_add(c->readable, NULL);
	if (!c->calling && (c->eof || evbuffer_get_length(c->in) > 0))
		event_active(c->readable, EV_READ, 0);
}

void
conn_within(struct conn *c, int within_ms)
{
	if (c->step == CONN_READING)
		conn_timer(c, within_ms);
}

void
conn_limit(struct conn *c, size_t bytes)
{
	c->limit = bytes;
}

enum conn_kind
conn_kind(const struct conn *c)
{
	return c->kind;
}

const uint8_t *
conn_remote(const struct conn *c)
{
	return c->kind == CONN_TCP && c->noise.message == NOISE_MESSAGES ? c->noise.rs : NULL;
}

/* ---- the beginning --------------------------------------------------------------------------- */

/* A Unix socket that was dialled is ready, or one ended: said from the loop. */
static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	if (c->step == CONN_ENDED) {
		report_end(c);
		return;
	}
	conn_enter(c)->ready(c->arg);
	if (conn_leave(c))
		watch_leaving(c);
}

struct conn *
conn_new(struct event_base *base, enum conn_kind kind, const struct conn_owner *owner, void *arg)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->base = base;
	c->kind = kind;
	c->owner = owner;
	c->arg = arg;
	c->fd = -1;
	c->limit = FRAME_MAX;
	c->in = evbuffer_new();
	c->out = evbuffer_new();
	c->timer = evtimer_new(base, on_time, c);
	c->soon = event_new(base, -1, 0, on_soon, c);
	return c;
}

void
conn_socket(struct conn *c, int fd)
{
	int on = 1;

	c->fd = fd;
	evutil_make_socket_nonblocking(fd);
	if (c->kind == CONN_TCP)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->readable = event_new(c->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(c->base, fd, EV_WRITE | EV_PERSIST, conn_writable, c);
	c->left = event_new(c->base, fd, EV_READ | EV_PERSIST, on_left, c);
}

static int
ask_child(void *self, const uint8_t theirs[NOISE_KEY], uint8_t out[NOISE_KEY])
{
	return identity_dh(self, theirs, out, NULL);
}

void
conn_noise(struct conn *c, struct identity *self, const uint8_t *responder)
{
	noise_init(&c->noise, responder != NULL, NULL, 0, identity_x25519(self), ask_child, self, responder, NULL);
}

struct conn *
conn_accept(struct event_base *base, int fd, enum conn_kind kind, struct identity *self, int first_ms,
    const struct conn_owner *owner, void *arg)
{
	struct conn *c = conn_new(base, kind, owner, arg);

	conn_socket(c, fd);
	event_add(c->readable, NULL);
	if (kind == CONN_UNIX) {
		c->step = CONN_READING;
		conn_timer(c, first_ms);
		return c;
	}
	c->first_ms = first_ms;
	c->step = CONN_SHAKING;
	conn_timer(c, CONN_HANDSHAKE_MS);
	conn_noise(c, self, NULL);
	return c;
}

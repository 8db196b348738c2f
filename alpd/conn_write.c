/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes out of a connection (conn.h): sealed or as lines, as fast as the
 * other side takes it. What it does not take is bounded, and so is how long
 * it may take nothing; a message is put in whole or refused.
 */
#include <errno.h>
#include <stdlib.h>

#include "alpd/conn_own.h"
#include "alpd/envelope.h"
#include "alpd/frame.h"

void
conn_flush(struct conn *c)
{
	static const struct timeval most = { CONN_WRITE_MS / 1000, CONN_WRITE_MS % 1000 * 1000 };

	while (evbuffer_get_length(c->out) > 0)
		if (evbuffer_write(c->out, c->fd) <= 0)
			break;
	if (evbuffer_get_length(c->out) == 0)
		event_del(c->writable);
	else if (errno == EAGAIN || errno == EINTR)
		event_add(c->writable, &most);
	else
		conn_fail(c, ERR_gone, "the connection broke");
}

static void
on_room(struct conn *c)
{
	if (c->finishing && evbuffer_get_length(c->out) == 0) {
		conn_free(c);
		return;
	}
	if (!c->refused || evbuffer_get_length(c->out) >= CONN_OUT_MAX / 2)
		return;
	c->refused = false;
	if (c->owner->drained != NULL) {
		conn_enter(c)->drained(c->arg);
		conn_leave(c);
	}
}

void
conn_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	if (what & EV_TIMEOUT)
		conn_fail(c, ERR_timeout, "takes nothing of what it is sent");
	else if (c->step == CONN_CONNECTING)
		dial_connected(c);
	else {
		conn_flush(c);
		if (c->step != CONN_ENDED)
			on_room(c);
	}
}

static int
put_sealed(struct conn *c, const char *text, size_t len, struct error *e)
{
	size_t whole = len + NOISE_TAG;
	struct evbuffer_iovec room;

	frame_begin(FRAME_MESSAGE, c->out, whole);
	if (evbuffer_reserve_space(c->out, (ev_ssize_t)whole, &room, 1) != 1)
		abort();			/* only for want of memory */
	if (cipher_seal(&c->seal, text, len, room.iov_base) == -1)
		return error_set(e, ERR_gone, "the session's counter is used up");
	room.iov_len = whole;
	evbuffer_commit_space(c->out, &room, 1);
	return 0;
}

static int
put_line(struct conn *c, const char *text, size_t len)
{
	frame_begin(FRAME_LINE, c->out, len);
	evbuffer_add(c->out, text, len);
	frame_end(FRAME_LINE, c->out);
	return 0;
}

int
conn_send(struct conn *c, const char *text, size_t len, struct error *e)
{
	bool idle = evbuffer_get_length(c->out) == 0;

	if ((c->step != CONN_OPEN && c->step != CONN_READING) || c->finishing)
		return error_set(e, ERR_gone, "the connection is closed");
	if (len > ENVELOPE_MAX)
		return error_set(e, ERR_too_large, "a message of %zu bytes", len);
	if (evbuffer_get_length(c->out) + len > CONN_OUT_MAX) {
		c->refused = true;
		return error_set(e, ERR_busy, "the other side reads too slowly");
	}
	if ((c->kind == CONN_TCP ? put_sealed(c, text, len, e) : put_line(c, text, len)) == -1)
		return -1;
	if (idle)
		conn_flush(c);
	return 0;
}

void
conn_finish(struct conn *c)
{
	c->finishing = true;
	event_del(c->timer);
	if (c->step == CONN_ENDED)
		return;
	event_del(c->readable);
	event_del(c->left);
	if (evbuffer_get_length(c->out) == 0)
		conn_close(c);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The asking side of bus.h. Each peer is a REQ socket of its own, so that one
 * that hangs delays no other; each question is a context of it. What was sent
 * once is never sent again: whoever asks knows by the error whether it was.
 */
#include "common/bus.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include "common/bus_queue.h"
#include "common/mem.h"
#include "proto/proto.h"

#define RECONNECT_MS	10
#define RECONNECT_MAX_MS 200
#define DIAL_S		3		/* nobody there for so long and nobody asking: stop looking */

struct bus_peer {
	struct item	 item;
	struct bus	*bus;
	struct bus_peer	*next;
	char		*url;
	nng_socket	 sock;
	nng_dialer	 dialer;
	int		 dialing;
	struct event	*idle;
	atomic_int	 pipes, queued;
	size_t		 asks, bytes;
};

struct bus_ask {
	struct item	 item;
	struct bus_peer	*peer;
	nng_ctx		 ctx;
	nng_aio		*aio;
	atomic_int	 sent;
	int		 open, result;
	nng_msg		*reply;
	size_t		 len;
	bus_done_fn	*done;
	void		*arg;
};

/* ---- peers ---------------------------------------------------------------------------------- */

/*
 * A peer that is away is looked for as long as somebody asks, and a little
 * longer: a timer that runs forever would keep the machine awake.
 */
static void
watch_idle(struct bus_peer *p)
{
	const struct timeval after = { .tv_sec = DIAL_S };

	if (!p->dialing || bus_peer_connected(p))
		event_del(p->idle);
	else if (!event_pending(p->idle, EV_TIMEOUT, NULL))
		event_add(p->idle, &after);
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct bus_peer *p = arg;

	if (p->dialing && p->asks == 0 && !bus_peer_connected(p)) {
		nng_dialer_close(p->dialer);
		p->dialing = 0;
	}
	watch_idle(p);
}

/* The loop: a connection came or went. */
static void
run_peer(struct item *i)
{
	struct bus_peer *p = (struct bus_peer *)i;

	atomic_store(&p->queued, 0);
	watch_idle(p);
}

/* An nng thread. */
static void
on_pipe(nng_pipe pipe, nng_pipe_ev ev, void *arg)
{
	struct bus_peer *p = arg;

	atomic_fetch_add(&p->pipes, ev == NNG_PIPE_EV_ADD_POST ? 1 : -1);
	if (atomic_exchange(&p->queued, 1) == 0)
		bus_push(p->bus, &p->item, 1);
}

static int
dial(struct bus_peer *p, struct error *e)
{
	int rv;

	if (p->dialing)
		return 0;
	if ((rv = nng_dialer_create(&p->dialer, p->sock, p->url)) != 0)
		return bus_nng_error(e, ERR_invalid, p->url, rv);
	nng_dialer_set_ms(p->dialer, NNG_OPT_RECONNMINT, RECONNECT_MS);
	nng_dialer_set_ms(p->dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
	if ((rv = nng_dialer_start(p->dialer, NNG_FLAG_NONBLOCK)) != 0) {
		nng_dialer_close(p->dialer);
		return bus_nng_error(e, ERR_unavailable, p->url, rv);
	}
	p->dialing = 1;
	watch_idle(p);
	return 0;
}

/* Resending is off on each socket: what was sent once is never sent again, not even to a successor. */
static int
peer_open(struct bus_peer *p)
{
	int rv;

	if ((rv = nng_req0_open(&p->sock)) != 0)
		return rv;
	if ((rv = nng_socket_set_ms(p->sock, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE)) != 0 ||
	    (rv = nng_socket_set_size(p->sock, NNG_OPT_RECVMAXSZ, PROTO_MESSAGE_MAX)) != 0 ||
	    (rv = nng_pipe_notify(p->sock, NNG_PIPE_EV_ADD_POST, on_pipe, p)) != 0 ||
	    (rv = nng_pipe_notify(p->sock, NNG_PIPE_EV_REM_POST, on_pipe, p)) != 0)
		nng_close(p->sock);
	return rv;
}

struct bus_peer *
bus_peer(struct bus *b, const char *path, struct error *e)
{
	cleanup_free char *url = bus_url(path);
	struct bus_peer *p;
	int rv;

	for (p = b->peers; p != NULL; p = p->next)
		if (strcmp(p->url, url) == 0)
			return p;
	p = xcalloc(1, sizeof(*p));
	p->bus = b;
	p->item.run = run_peer;
	if ((rv = peer_open(p)) != 0) {
		bus_nng_error(e, ERR_internal, path, rv);
		free(p);
		return NULL;
	}
	p->url = steal(url);
	p->idle = evtimer_new(b->base, on_idle, p);
	p->next = b->peers;
	b->peers = p;
	return p;
}

int
bus_peer_connected(const struct bus_peer *p)
{
	return atomic_load(&p->pipes) > 0;
}

/* ---- questions that go out ------------------------------------------------------------------ */

static void
ask_close(struct bus_ask *a)
{
	if (a->open)
		nng_ctx_close(a->ctx);
	a->open = 0;
}

static void
ask_free(struct bus_ask *a)
{
	ask_close(a);
	nng_aio_free(a->aio);
	if (a->reply != NULL)
		nng_msg_free(a->reply);
	free(a);
}

static void
ask_report(struct bus_ask *a)
{
	struct error e = { 0 };

	if (a->result == 0) {
		a->done(a->arg, nng_msg_body(a->reply), nng_msg_len(a->reply), NULL);
		return;
	}
	if (bus_ask_sent(a))
		error_set(&e, ERR_gone, "it went away while it worked on this");
	else
		error_set(&e, ERR_unavailable, "it is not there");
	a->done(a->arg, NULL, 0, &e);
}

/* The loop: a question ended, one way or the other. */
static void
run_ask(struct item *i)
{
	struct bus_ask *a = (struct bus_ask *)i;

	a->peer->asks--;
	a->peer->bytes -= a->len;
	if (a->done != NULL && !a->peer->bus->ending)
		ask_report(a);
	ask_free(a);
}

/* An nng thread: the question left, then the answer came; or either failed. */
static void
on_ask_aio(void *arg)
{
	struct bus_ask *a = arg;
	nng_msg *msg = nng_aio_get_msg(a->aio);

	a->result = nng_aio_result(a->aio);
	if (!bus_ask_sent(a) && a->result == 0) {
		atomic_store(&a->sent, 1);
		nng_aio_set_msg(a->aio, NULL);
		nng_ctx_recv(a->ctx, a->aio);
		return;
	}
	if (a->result == 0)
		a->reply = msg;
	else if (!bus_ask_sent(a) && msg != NULL)
		nng_msg_free(msg);
	bus_push(a->peer->bus, &a->item, 1);
}

static int
ask_send(struct bus_ask *a, const char *text, struct error *e)
{
	nng_msg *msg;
	int rv;

	if ((rv = nng_aio_alloc(&a->aio, on_ask_aio, a)) != 0 || (rv = nng_ctx_open(&a->ctx, a->peer->sock)) != 0)
		return bus_nng_error(e, ERR_internal, "ask", rv);
	a->open = 1;
	if ((rv = nng_ctx_set_ms(a->ctx, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE)) != 0 ||
	    (rv = nng_msg_alloc(&msg, a->len)) != 0)
		return bus_nng_error(e, ERR_internal, "ask", rv);
	memcpy(nng_msg_body(msg), text, a->len);
	nng_aio_set_msg(a->aio, msg);
	a->peer->asks++;
	a->peer->bytes += a->len;
	nng_ctx_send(a->ctx, a->aio);
	return 0;
}

struct bus_ask *
bus_ask(struct bus_peer *p, const char *text, size_t len, bus_done_fn *done, void *arg, struct error *e)
{
	struct bus_ask *a;

	if (len > PROTO_MESSAGE_MAX) {
		error_set(e, ERR_too_large, "the message is larger than %d bytes", PROTO_MESSAGE_MAX);
		return NULL;
	}
	if (p->asks >= BUS_ASKS_MAX || p->bytes + len > BUS_BYTES_MAX) {
		error_set(e, ERR_busy, "too many open requests");
		return NULL;
	}
	if (dial(p, e) == -1)
		return NULL;
	a = xcalloc(1, sizeof(*a));
	*a = (struct bus_ask){ .item = { .run = run_ask }, .peer = p, .len = len, .done = done, .arg = arg };
	if (ask_send(a, text, e) == 0)
		return a;
	ask_free(a);
	return NULL;
}

int
bus_ask_sent(const struct bus_ask *a)
{
	return atomic_load(&a->sent);
}

/* Closing the context ends whatever it is doing; its callback puts it on the queue, and the loop frees it there. */
void
bus_ask_end(struct bus_ask *a)
{
	ask_close(a);
}

void
bus_ask_cancel(struct bus_ask *a)
{
	a->done = NULL;
	ask_close(a);
}

/* ---- the end ------------------------------------------------------------------------------- */

static size_t
open_asks(const struct bus *b)
{
	size_t n = 0;

	for (const struct bus_peer *p = b->peers; p != NULL; p = p->next)
		n += p->asks;
	return n;
}

void
bus_peers_close(struct bus *b)
{
	struct bus_peer *p;

	for (p = b->peers; p != NULL; p = p->next)
		nng_close(p->sock);
	bus_settle(b, open_asks);
	while ((p = b->peers) != NULL) {
		b->peers = p->next;
		event_free(p->idle);
		free(p->url);
		free(p);
	}
}

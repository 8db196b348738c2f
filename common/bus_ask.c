/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The asking side of bus.h: one connection to each inbox we ask, made when
 * there is something to ask, and made again for what was not written yet when
 * it broke. Whatever was written is never written again: whoever asks knows by
 * the error whether it was.
 */
#include "common/bus.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus_own.h"
#include "common/mem.h"
#include "common/unixsock.h"
#include "common/wire.h"
#include "proto/proto.h"

#define RETRY_MS	10		/* a peer that is away is looked for again, ever more rarely */
#define RETRY_MAX_MS	200
#define SLOTS		BUS_ASKS_MAX	/* a power of two: the low bits of a question's number */

TAILQ_HEAD(asks, bus_ask);

struct bus_peer {
	LIST_ENTRY(bus_peer)	 link;
	struct bus		*bus;
	char			*path;
	struct wire		*wire;		/* NULL: away */
	bool			 up;
	struct event		*retry;
	int			 retry_ms;
	struct asks		 asks;		/* in their order, what was cancelled half written included */
	struct bus_ask		**slots;	/* by number */
	size_t			 n_slots, n_asks, bytes;
	uint32_t		 turn;		/* the high bits: a late answer finds nobody */
};

struct bus_ask {
	struct wire_out		 out;		/* first: what is sent is its question */
	TAILQ_ENTRY(bus_ask)	 link;
	struct asks		*on;		/* the list it is on */
	struct bus_peer		*peer;
	uint32_t		 number;
	char			*text;		/* until it is written */
	size_t			 len;
	bus_done_fn		*done;		/* NULL: cancelled */
	void			*arg;
};

/* ---- numbers -------------------------------------------------------------------------------- */

static struct bus_ask **
slot(const struct bus_peer *p, uint32_t number)
{
	size_t i = number % SLOTS;

	return i < p->n_slots ? &p->slots[i] : NULL;
}

/* A number that no open question has; its slot is made if all are taken. */
static uint32_t
take_slot(struct bus_peer *p, struct bus_ask *a)
{
	size_t i = p->n_slots;

	if (p->n_asks == p->n_slots)
		p->slots = xreallocarray(p->slots, ++p->n_slots, sizeof(struct bus_ask *));
	else
		for (i = p->turn % p->n_slots; p->slots[i] != NULL; i = (i + 1) % p->n_slots)
			continue;
	p->slots[i] = a;
	p->turn++;
	return WIRE_NUMBER | p->turn * SLOTS | (uint32_t)i;
}

/* ---- the end of a question ------------------------------------------------------------------ */

static void
ask_free(struct bus_ask *a)
{
	struct bus_peer *p = a->peer;

	TAILQ_REMOVE(a->on, a, link);
	*slot(p, a->number) = NULL;
	p->n_asks--;
	p->bytes -= a->len;
	free(a->text);
	free(a);
}

/* Free it, then tell: what is told may ask again. */
static void
ask_report(struct bus_ask *a, const char *text, size_t len)
{
	bus_done_fn *done = a->done;
	void *arg = a->arg;
	struct error e = { 0 };

	if (bus_ask_sent(a))
		error_set(&e, ERR_gone, "it went away while it worked on this");
	else
		error_set(&e, ERR_unavailable, "it does not answer");
	ask_free(a);
	if (done != NULL)
		done(arg, text, len, text == NULL ? &e : NULL);
}

/* ---- the connection ------------------------------------------------------------------------- */

static void
look_later(struct bus_peer *p)
{
	const struct timeval after = { .tv_usec = p->retry_ms * 1000 };

	if (TAILQ_EMPTY(&p->asks) || evtimer_pending(p->retry, NULL))
		return;
	evtimer_add(p->retry, &after);
	p->retry_ms = 2 * p->retry_ms < RETRY_MAX_MS ? 2 * p->retry_ms : RETRY_MAX_MS;
}

static void
on_up(void *arg)
{
	struct bus_peer *p = arg;
	struct bus_ask *a;

	p->up = true;
	p->retry_ms = RETRY_MS;
	TAILQ_FOREACH(a, &p->asks, link)
		wire_send(p->wire, &a->out, a->number, a->text, a->len);
}

static void
on_answer(void *arg, uint32_t number, char *bytes, size_t len)
{
	struct bus_ask **at = slot(arg, number);

	if (at != NULL && *at != NULL && (*at)->number == number && bus_ask_sent(*at))
		ask_report(*at, bytes + WIRE_TEXT, len - WIRE_TEXT);
	free(bytes);
}

static void
on_sent(void *arg, struct wire_out *out)
{
	struct bus_ask *a = (struct bus_ask *)out;

	free(steal(a->text));
	if (a->done == NULL)
		ask_free(a);
}

/* What was written is lost, and told of; what was not waits for the next connection. */
static void
on_down(void *arg)
{
	struct bus_peer *p = arg;
	struct asks lost = TAILQ_HEAD_INITIALIZER(lost);
	struct bus_ask *a, *next;

	wire_close(p->wire);
	p->wire = NULL;
	p->up = false;
	for (a = TAILQ_FIRST(&p->asks); a != NULL; a = next) {
		next = TAILQ_NEXT(a, link);
		if (!bus_ask_sent(a))
			continue;
		TAILQ_REMOVE(&p->asks, a, link);
		TAILQ_INSERT_TAIL(&lost, a, link);
		a->on = &lost;
	}
	look_later(p);
	while ((a = TAILQ_FIRST(&lost)) != NULL)
		ask_report(a, NULL, 0);
}

static const struct wire_events events = { on_up, on_answer, on_sent, on_down };

/* As long as somebody asks: to look for one of whom nobody wants anything would keep the machine awake. */
static void
look(struct bus_peer *p)
{
	int fd;

	if (p->wire != NULL || TAILQ_EMPTY(&p->asks) || evtimer_pending(p->retry, NULL))
		return;
	if ((fd = unix_dial(p->path, NULL)) == -1)
		look_later(p);
	else
		p->wire = wire_new(p->bus->base, fd, WIRE_REQ, WIRE_REP, PROTO_MESSAGE_MAX, &events, p);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	look(arg);
}

struct bus_peer *
bus_peer(struct bus *b, const char *path)
{
	struct bus_peer *p;

	LIST_FOREACH(p, &b->peers, link)
		if (strcmp(p->path, path) == 0)
			return p;
	p = xcalloc(1, sizeof(*p));
	p->bus = b;
	p->path = xstrdup(path);
	p->retry = evtimer_new(b->base, on_retry, p);
	p->retry_ms = RETRY_MS;
	TAILQ_INIT(&p->asks);
	LIST_INSERT_HEAD(&b->peers, p, link);
	return p;
}

int
bus_peer_connected(const struct bus_peer *p)
{
	return p->up;
}

/* ---- questions ------------------------------------------------------------------------------ */

struct bus_ask *
bus_ask(struct bus_peer *p, const char *text, size_t len, bus_done_fn *done, void *arg, struct error *e)
{
	struct bus_ask *a;

	if (len > PROTO_MESSAGE_MAX) {
		error_set(e, ERR_too_large, "the message is larger than %d bytes", PROTO_MESSAGE_MAX);
		return NULL;
	}
	if (p->n_asks >= BUS_ASKS_MAX || p->bytes + len > BUS_BYTES_MAX) {
		error_set(e, ERR_busy, "too many open requests");
		return NULL;
	}
	a = xcalloc(1, sizeof(*a));
	*a = (struct bus_ask){ .on = &p->asks, .peer = p, .text = xmalloc(len + 1), .len = len, .done = done, .arg = arg };
	memcpy(a->text, text, len);
	a->number = take_slot(p, a);
	TAILQ_INSERT_TAIL(&p->asks, a, link);
	p->n_asks++;
	p->bytes += len;
	if (p->up)
		wire_send(p->wire, &a->out, a->number, a->text, a->len);
	else
		look(p);
	return a;
}

int
bus_ask_sent(const struct bus_ask *a)
{
	return a->out.written > 0;
}

/* One that is half written must be written to its end, or those behind it would not be understood. */
void
bus_ask_cancel(struct bus_ask *a)
{
	a->done = NULL;
	if (bus_ask_sent(a) && a->text != NULL)
		return;
	if (!bus_ask_sent(a) && a->peer->up)
		wire_withdraw(a->peer->wire, &a->out);
	ask_free(a);
}

void
bus_ask_end(struct bus_ask *a)
{
	bus_done_fn *done = a->done;
	void *arg = a->arg;
	struct error e = { 0 };

	if (bus_ask_sent(a))
		error_set(&e, ERR_gone, "it did not answer in time");
	else
		error_set(&e, ERR_unavailable, "it does not answer");
	bus_ask_cancel(a);
	done(arg, NULL, 0, &e);
}

/* ---- the end -------------------------------------------------------------------------------- */

void
bus_peers_close(struct bus *b)
{
	struct bus_peer *p;

	while ((p = LIST_FIRST(&b->peers)) != NULL) {
		LIST_REMOVE(p, link);
		wire_close(p->wire);
		while (!TAILQ_EMPTY(&p->asks))
			ask_free(TAILQ_FIRST(&p->asks));
		event_free(p->retry);
		free(p->slots);
		free(p->path);
		free(p);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See asks.h: the asks under their keys, those that run and those that have
 * ended and may be asked about once more.
 */
#include "alpd/asks.h"

#include <stdlib.h>
#include <string.h>

#include "alpd/asks_own.h"
#include "common/audit.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define RUNNING_MAX	64
#define KEPT_MAX	256		/* with those that ended */
#define CONVERSATION	32		/* hex digits */

/* ---- one ask ---------------------------------------------------------------------------------------- */

static void
ask_free(struct ask *k)
{
	struct asks *s = k->in;
	struct error e = { .code = ERR_unavailable, .text = "the link daemon is stopping" };

	if (s->alpd->daemon->bus != NULL)
		told_leave(&k->told, &e);
	if (k->call != NULL)
		client_cancel(k->call);
	TAILQ_REMOVE(&s->all, k, link);
	s->n--;
	s->running -= !k->told.done;
	told_clear(&k->told);
	event_free(k->timer);
	free(k->key);
	free(k->peer);
	free(k->params);
	free(k->session);
	free(k);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ask *k = arg;

	if (k->told.done)
		ask_free(k);
	else
		ask_try(k);
}

/* The peer is never told which session of ours asks (alp-wire.md, 12.2). */
static char *
params_of(const struct link_ask *m)
{
	struct buf b = BUF(0);
	char hash[65] = "";

	if (m->session != NULL && m->session[0] != '\0')
		audit_hash(m->session, strlen(m->session), hash);
	buf_addf(&b, "{\"conversation\":\"%.*s\",\"prompt\":", CONVERSATION, hash);
	canonical_string(&b, m->prompt, strlen(m->prompt));
	buf_puts(&b, ",\"stream\":true}");
	return buf_take(&b);
}

static struct ask *
ask_new(struct asks *s, const struct link_ask *m)
{
	struct ask *k = xcalloc(1, sizeof(*k));

	k->in = s;
	k->key = xstrdup(m->key);
	k->peer = xstrdup(m->peer);
	k->params = params_of(m);
	k->since = clock_mono_ms();
	k->timer = evtimer_new(s->alpd->base, on_timer, k);
	told_init(&k->told, s->alpd->base);
	TAILQ_INSERT_TAIL(&s->all, k, link);
	s->n++;
	s->running++;
	return k;
}

/* ---- the bus -------------------------------------------------------------------------------------------- */

static struct ask *
find(struct asks *s, const char *key)
{
	struct ask *k;

	TAILQ_FOREACH(k, &s->all, link)
		if (strcmp(k->key, key) == 0)
			return k;
	return NULL;
}

/* On disk before the peer hears of it: who asked, whom, and the hash of what. */
static int
note(struct alpd *a, const struct call *c, const struct link_ask *m, struct error *e)
{
	char hash[65];
	cleanup_json json_t *detail = NULL;

	audit_hash(m->prompt, strlen(m->prompt), hash);
	detail = json_pack("{s:s, s:s, s:s}", "peer", m->peer, "key", m->key, "prompt", hash);
	return audit_add(a->audit, "peer.ask", c->grant->who, "allow", detail, e);
}

/* Ends are kept while there is room. */
static int
make_room(struct asks *s, struct error *e)
{
	struct ask *k;

	if (s->running >= RUNNING_MAX)
		return error_set(e, ERR_busy, "%d asks are running", RUNNING_MAX);
	TAILQ_FOREACH(k, &s->all, link)
		if (k->told.done && s->n >= KEPT_MAX) {
			ask_free(k);
			break;
		}
	return 0;
}

int
asks_ask(struct call *c, const void *in, struct error *e)
{
	const struct link_ask *m = in;
	struct alpd *a = c->ctx;

	if (find(a->asks, m->key) != NULL)
		return call_reply(c, &(struct link_ask_reply){ .known = true });
	if (!grant_allows_tool(c->grant, "peer", NULL))
		return error_set(e, ERR_denied, "the grant does not hold the tool peer");
	if (peers_by_id(a->peers, m->peer) == NULL)
		return error_set(e, ERR_not_found, "no peer %s", m->peer);
	if (make_room(a->asks, e) == -1 || note(a, c, m, e) == -1)
		return -1;
	ask_try(ask_new(a->asks, m));
	return call_reply(c, &(struct link_ask_reply){ .known = false });
}

int
asks_next(struct call *c, const void *in, struct error *e)
{
	const struct link_next *m = in;
	struct alpd *a = c->ctx;
	struct ask *k = find(a->asks, m->key);

	if (k == NULL)
		return error_set(e, ERR_not_found, "no such ask");
	return told_next(&k->told, c, m->after, m->wait_ms);
}

int
asks_cancel(struct call *c, const void *in, struct error *e)
{
	const struct link_cancel *m = in;
	struct alpd *a = c->ctx;
	struct ask *k = find(a->asks, m->key);
	bool runs = k != NULL && !k->told.done;

	if (runs)
		ask_cancel(k);
	return call_reply(c, &(struct link_cancel_reply){ .cancelled = runs });
}

/* ---- start and end ---------------------------------------------------------------------------------------- */

struct asks *
asks_new(struct alpd *a)
{
	struct asks *s = xcalloc(1, sizeof(*s));

	s->alpd = a;
	TAILQ_INIT(&s->all);
	return s;
}

void
asks_free(struct asks *s)
{
	if (s == NULL)
		return;
	while (!TAILQ_EMPTY(&s->all))
		ask_free(TAILQ_FIRST(&s->all));
	free(s);
}

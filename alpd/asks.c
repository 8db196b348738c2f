/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See asks.h. An ask is sent once. It is only tried again while it is certain
 * that no turn began for it at the peer: it could not be sent, or the peer
 * said in a signed answer that it is busy. A peer that falls silent within
 * its answer is told to stop, and the ask has failed.
 */
#include "alpd/asks.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "alpd/client.h"
#include "common/audit.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

#define RUNNING_MAX	64
#define KEPT_MAX	256		/* with those that ended */
#define KEEP_S		600		/* an end */
#define BUSY_MS		120000		/* a busy peer is asked again for so long */
#define AWAY_MS		10000		/* one that cannot be reached */
#define PAUSE_MS	200		/* between the first two tries; doubled, and half of it by chance */
#define PAUSE_MAX_MS	8000
#define UNREAD_MAX	(4 * 1024 * 1024)	/* bytes of events that nobody has taken */
#define MERGE_MAX	65536		/* bytes of an event that grows while it was not shown */
#define REPLY_EVENTS	1024		/* of one link.next */
#define REPLY_BYTES	1048576
#define CONVERSATION	32		/* hex digits */

struct piece {				/* an event, until it was taken */
	TAILQ_ENTRY(piece)	 link;
	int64_t			 seq;
	const char		*kind;
	struct buf		 text;		/* empty: none */
};

struct ask {
	TAILQ_ENTRY(ask)	 link;
	struct asks		*in;
	char			*key, *peer, *params;
	char			*session;	/* theirs, when they told it */
	TAILQ_HEAD(pieces, piece) pieces;
	size_t			 unread;	/* bytes of them */
	int64_t			 seq, shown;	/* the newest, and the newest that was in an answer */
	struct client_call	*call;
	struct event		*timer;		/* to try again; after the end, to forget it */
	int64_t			 since;		/* monotonic ms of the first try */
	int			 pause_ms;
	struct call		*waiter;	/* a link.next without an answer yet ... */
	int64_t			 after;
	struct event		*patience;	/* ... and the end of its time */
	bool			 done;
	json_t			*result;
	char			*failure, *failure_name;
};

struct asks {
	struct alpd		*alpd;
	TAILQ_HEAD(, ask)	 all;		/* oldest first */
	size_t			 n, running;
};

/* ---- events --------------------------------------------------------------------------------------- */

static void
piece_free(struct ask *k, struct piece *p)
{
	TAILQ_REMOVE(&k->pieces, p, link);
	k->unread -= sizeof(*p) + p->text.len;
	buf_clear(&p->text);
	free(p);
}

static void
ms_in(struct event *timer, int64_t ms)
{
	event_add(timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

/* The rows of one answer: what came after `after`, as far as it fits. False: there is more. */
static bool
collect(struct ask *k, int64_t after, struct link_event *rows, size_t *n)
{
	const struct piece *p;
	size_t bytes = 0;

	*n = 0;
	TAILQ_FOREACH(p, &k->pieces, link) {
		if (p->seq <= after)
			continue;
		bytes += p->text.len;
		if (*n == REPLY_EVENTS || (*n > 0 && bytes > REPLY_BYTES))
			return false;
		rows[(*n)++] = (struct link_event){ .seq = p->seq, .kind = p->kind,
		    .text = p->text.len == 0 ? NULL : buf_str(&p->text) };
	}
	return true;
}

static int
reply(struct ask *k, struct call *c, int64_t after)
{
	cleanup_free struct link_event *rows = xcalloc(REPLY_EVENTS, sizeof(*rows));
	struct link_next_reply r = { .events = rows };
	bool all = collect(k, after, rows, &r.n_events);

	if (r.n_events > 0 && rows[r.n_events - 1].seq > k->shown)
		k->shown = rows[r.n_events - 1].seq;
	if (k->done && all) {
		r.done = true;
		r.result = k->result;
		r.failure = k->failure;
		r.failure_name = k->failure_name;
	}
	return call_reply(c, &r);
}

static void
answer_waiter(struct ask *k)
{
	if (k->waiter == NULL)
		return;
	event_del(k->patience);
	reply(k, steal(k->waiter), k->after);
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	answer_waiter(arg);
}

/* Text that nobody has seen yet grows; the same news twice is one. */
static bool
joins(const struct ask *k, const struct piece *last, const char *kind, const char *text)
{
	if (last == NULL || last->seq <= k->shown || strcmp(last->kind, kind) != 0)
		return false;
	return strcmp(kind, "text") != 0 || last->text.len + strlen(text) <= MERGE_MAX;
}

static void
tell(struct ask *k, const char *kind, const char *text)
{
	struct piece *p = TAILQ_LAST(&k->pieces, pieces);
	bool joined = joins(k, p, kind, text);

	if (!joined) {
		p = xcalloc(1, sizeof(*p));
		p->seq = ++k->seq;
		p->kind = kind;
		TAILQ_INSERT_TAIL(&k->pieces, p, link);
		k->unread += sizeof(*p);
	}
	if (text != NULL && (!joined || strcmp(kind, "text") == 0)) {
		buf_puts(&p->text, text);
		k->unread += strlen(text);
	}
	answer_waiter(k);
}

/* ---- the end -------------------------------------------------------------------------------------- */

static void
ask_free(struct ask *k)
{
	struct asks *s = k->in;
	struct error e = { .code = ERR_unavailable, .text = "the link daemon is stopping" };

	if (k->waiter != NULL && s->alpd->daemon->bus != NULL)
		call_fail(k->waiter, &e);
	if (k->call != NULL)
		client_cancel(k->call);
	while (!TAILQ_EMPTY(&k->pieces))
		piece_free(k, TAILQ_FIRST(&k->pieces));
	TAILQ_REMOVE(&s->all, k, link);
	s->n--;
	s->running -= !k->done;
	event_free(k->timer);
	event_free(k->patience);
	json_decref(k->result);
	free(k->key);
	free(k->peer);
	free(k->params);
	free(k->session);
	free(k->failure);
	free(k->failure_name);
	free(k);
}

static void
finish(struct ask *k)
{
	k->done = true;
	k->in->running--;
	free(steal(k->params));
	ms_in(k->timer, KEEP_S * 1000);
	answer_waiter(k);
}

static void
fail(struct ask *k, const char *name, const char *why)
{
	log_info("ask failed key=%s peer=%s reason=%s", k->key, k->peer, name);
	k->failure = xstrndup(why, utf8_cut(why, strlen(why), 511));
	k->failure_name = xstrdup(name);
	finish(k);
}

static void
copy_string(json_t *to, const char *name, const struct node *from)
{
	size_t len = 0;
	const char *text = node_str(node_get(from, name), &len);
	cleanup_free char *clean = text == NULL ? NULL : utf8_clean(text, len);

	if (clean != NULL)
		json_object_set_new(to, name, json_string(clean));
}

static void
copy_number(json_t *to, const char *name, const struct node *from)
{
	const struct node *n = node_get(from, name);

	if (node_is(n, NODE_INTEGER) || node_is(n, NODE_REAL))
		json_object_set_new(to, name, node_json(n));
}

static void
copy_bool(json_t *to, const char *name, const struct node *from)
{
	const struct node *n = node_get(from, name);

	if (node_is(n, NODE_TRUE) || node_is(n, NODE_FALSE))
		json_object_set_new(to, name, json_boolean(node_is(n, NODE_TRUE)));
}

/* What the protocol knows of a result (9.2), of the right kinds; nothing else of a peer goes further. */
static json_t *
known_result(const struct node *n)
{
	static const struct {
		const char	*name;
		void		(*copy)(json_t *, const char *, const struct node *);
	} members[] = {
		{ "text", copy_string }, { "session_id", copy_string }, { "history", copy_string },
		{ "tokens_in", copy_number }, { "tokens_out", copy_number }, { "cost", copy_number },
		{ "interrupted", copy_bool }, { "transient", copy_bool },
	};
	json_t *out = json_object();

	for (size_t i = 0; i < COUNT(members); i++)
		members[i].copy(out, members[i].name, n);
	return out;
}

/* ---- stopping the peer ------------------------------------------------------------------------------ */

static void
on_stopped(void *arg, const struct client_end *end)
{
}

/* Another of our asks may run at the same peer: without a name of the session it would be hit. */
static bool
may_hit_another(const struct ask *k)
{
	const struct ask *other;

	TAILQ_FOREACH(other, &k->in->all, link)
		if (other != k && !other->done && strcmp(other->peer, k->peer) == 0)
			return true;
	return false;
}

/* Best effort: peers of before 0.14.12 do not see that we left. */
static void
stop_peer(struct ask *k)
{
	struct alpd *a = k->in->alpd;
	const struct peer *p = peers_by_id(a->peers, k->peer);
	struct buf params cleanup_buf = BUF(0);

	if (p == NULL || (k->session == NULL && may_hit_another(k)))
		return;
	buf_puts(&params, "{");
	if (k->session != NULL) {
		buf_puts(&params, "\"session_id\":");
		canonical_string(&params, k->session, strlen(k->session));
	}
	buf_puts(&params, "}");
	client_ask(a->client, p, &(struct client_order){ .lane = LANE_REST, .method = "link.cancel",
	    .params = buf_str(&params), .connect_ms = CLIENT_SHORT_MS, .reply_ms = CLIENT_SHORT_MS,
	    .end = on_stopped });
}

/* ---- trying ------------------------------------------------------------------------------------------ */

/* Half of the pause is chance, so that those who wait for the same peer do not come together. */
static int
next_pause(struct ask *k)
{
	int pause = k->pause_ms;
	uint32_t chance;

	random_bytes(&chance, sizeof(chance));
	k->pause_ms = 2 * pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : 2 * pause;
	return pause / 2 + (int)(chance % (uint32_t)(pause / 2));
}

/* Is another try allowed: no turn began there, and it may soon go better? */
static bool
is_worth(const struct ask *k, const struct client_end *end)
{
	bool said = end->how == CLIENT_REFUSED;

	return client_transient(end) && (said || !end->sent) &&
	    clock_mono_ms() - k->since < (said ? BUSY_MS : AWAY_MS);
}

static bool
on_chunk(void *arg, const struct node *result)
{
	struct ask *k = arg;
	const struct node *event = node_get(result, "event");
	size_t len = 0;
	const char *text = node_str(node_get(result, "text"), &len);
	cleanup_free char *clean = NULL;

	if (node_equals(event, "started") && k->session == NULL) {
		k->session = node_dup(node_get(result, "session_id"));
		tell(k, "started", NULL);
	} else if (node_equals(event, "progress")) {
		tell(k, "progress", NULL);
	}
	if (text == NULL || len == 0)
		return true;
	clean = utf8_clean(text, len);
	tell(k, "text", clean);
	return k->unread <= UNREAD_MAX;
}

static void
on_end(void *arg, const struct client_end *end)
{
	struct ask *k = arg;

	k->call = NULL;
	if (end->how == CLIENT_OK) {
		k->result = known_result(end->result);
		finish(k);
	} else if (is_worth(k, end)) {
		ms_in(k->timer, next_pause(k));
		tell(k, "waiting", end->why);
	} else if (k->unread > UNREAD_MAX) {
		stop_peer(k);
		fail(k, "unread", "its answer was not taken");
	} else {
		if (end->how == CLIENT_TIMEOUT && end->sent)
			stop_peer(k);
		fail(k, client_word(end), end->why);
	}
}

static int
to_int(int64_t ms)
{
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

static void
try(struct ask *k)
{
	struct alpd *a = k->in->alpd;
	const struct peer *p = peers_by_id(a->peers, k->peer);

	if (p == NULL) {
		fail(k, "unknown-peer", "it is not pinned any more");
		return;
	}
	k->call = client_ask(a->client, p, &(struct client_order){ .lane = LANE_ASK, .method = "link.ask",
	    .params = k->params, .connect_ms = CLIENT_SHORT_MS, .reply_ms = to_int(a->settings.idle_ms),
	    .whole_ms = to_int(a->settings.whole_ms), .chunk = on_chunk, .end = on_end, .arg = k });
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ask *k = arg;

	if (k->done)
		ask_free(k);
	else
		try(k);
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

static struct ask *
ask_new(struct asks *s, const struct link_ask *m)
{
	struct ask *k = xcalloc(1, sizeof(*k));
	struct event_base *base = s->alpd->base;

	k->in = s;
	k->key = xstrdup(m->key);
	k->peer = xstrdup(m->peer);
	k->params = params_of(m);
	k->since = clock_mono_ms();
	k->pause_ms = PAUSE_MS;
	k->timer = evtimer_new(base, on_timer, k);
	k->patience = evtimer_new(base, on_patience, k);
	TAILQ_INIT(&k->pieces);
	TAILQ_INSERT_TAIL(&s->all, k, link);
	s->n++;
	s->running++;
	return k;
}

/* Ends are kept while there is room. */
static int
make_room(struct asks *s, struct error *e)
{
	struct ask *k;

	if (s->running >= RUNNING_MAX)
		return error_set(e, ERR_busy, "%d asks are running", RUNNING_MAX);
	TAILQ_FOREACH(k, &s->all, link)
		if (k->done && s->n >= KEPT_MAX) {
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
	try(ask_new(a->asks, m));
	return call_reply(c, &(struct link_ask_reply){ .known = false });
}

/* What was taken is not needed any more. */
static void
taken(struct ask *k, int64_t after)
{
	struct piece *p;

	while ((p = TAILQ_FIRST(&k->pieces)) != NULL && p->seq <= after)
		piece_free(k, p);
}

int
asks_next(struct call *c, const void *in, struct error *e)
{
	const struct link_next *m = in;
	struct alpd *a = c->ctx;
	struct ask *k = find(a->asks, m->key);

	if (k == NULL)
		return error_set(e, ERR_not_found, "no such ask");
	answer_waiter(k);		/* whoever asked before has given up */
	taken(k, m->after);
	if (k->done || !TAILQ_EMPTY(&k->pieces) || m->wait_ms <= 0)
		return reply(k, c, m->after);
	k->waiter = c;
	k->after = m->after;
	ms_in(k->patience, m->wait_ms);
	return CALL_LATER;
}

int
asks_cancel(struct call *c, const void *in, struct error *e)
{
	const struct link_cancel *m = in;
	struct alpd *a = c->ctx;
	struct ask *k = find(a->asks, m->key);
	bool runs = k != NULL && !k->done;

	if (runs) {
		if (k->call != NULL) {
			client_cancel(steal(k->call));
			stop_peer(k);
		}
		fail(k, "cancelled", "it was cancelled");
	}
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See client.h. A call is one request and its end; a session is one
 * connection, which carries one call at a time. Everything happens from the
 * loop, so whoever asks never meets its own callback. A peer is believed
 * only what it signed for this very request: all else ends the call and the
 * connection.
 */
#include "alpd/client.h"

#include <limits.h>
#include <string.h>
#include <sys/queue.h>

#include "alpd/conn.h"
#include "alpd/envelope.h"
#include "alpd/local.h"
#include "alpd/seen.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

struct session {
	LIST_ENTRY(session)	 link;
	struct client		*client;
	struct conn		*conn;
	struct client_call	*call;		/* NULL: it waits for the next */
	enum client_lane	 lane;
	char			*pubkey, *address;	/* whose it is; address NULL: a Unix socket */
	bool			 ready;
};

struct client_call {
	LIST_ENTRY(client_call)	 link;
	struct client		*client;
	struct session		*session;	/* NULL: not begun */
	struct client_order	 order;		/* its texts are ours */
	char			*pubkey, *address, *peer;
	char			*via;
	char			 id[ENVELOPE_ID_BYTES];
	struct event		*timer;		/* to begin, then for all of it */
	int64_t			 began_ns;
	struct seen		 seen;
	bool			 begun;
	bool			 reused;	/* its session had carried another request ... */
	bool			 again;		/* ... and turned out to be closed */
	bool			 sent, heard;	/* the request; the first message of the reply */
};

struct client {
	struct alpd		*alpd;
	LIST_HEAD(, session)	 sessions;
	LIST_HEAD(, client_call) calls;
	uint8_t			 secret[SEEN_SECRET];	/* of the nonces' hashes */
};

/* ---- ends ------------------------------------------------------------------------------------ */

static void
session_free(struct session *s)
{
	LIST_REMOVE(s, link);
	conn_close(s->conn);
	free(s->pubkey);
	free(s->address);
	free(s);
}

static void
call_free(struct client_call *k)
{
	LIST_REMOVE(k, link);
	if (k->session != NULL)
		k->session->call = NULL;
	event_free(k->timer);
	seen_clear(&k->seen);
	free((char *)k->order.method);
	free((char *)k->order.params);
	free(k->pubkey);
	free(k->address);
	free(k->peer);
	free(k->via);
	free(k);
}

/* The last word on a call. Its session, if it has one still, is the caller's to keep or close. */
static void
end(struct client_call *k, struct client_end *how)
{
	how->via = k->via;
	how->sent = k->sent;
	how->took_us = (clock_mono_ns() - k->began_ns) / 1000;
	if (k->session != NULL)
		k->session->call = NULL;
	k->session = NULL;
	k->order.end(k->order.arg, how);
	call_free(k);
}

static void
fail(struct client_call *k, enum client_how how, const char *name, const char *why)
{
	end(k, &(struct client_end){ .how = how, .name = name, .why = why });
}

/* The same, and its session is of no more use. */
static void
fail_session(struct session *s, enum client_how how, const char *why)
{
	struct client_call *k = s->call;

	s->call = NULL;
	k->session = NULL;
	session_free(s);
	fail(k, how, NULL, why);
}

/* ---- what comes ------------------------------------------------------------------------------- */

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct session *
find_idle(struct client *c, enum client_lane lane, const char *pubkey, const char *address, const struct session *but)
{
	struct session *s;

	LIST_FOREACH(s, &c->sessions, link)
		if (s != but && s->call == NULL && s->lane == lane && strcmp(s->pubkey, pubkey) == 0 &&
		    is_same(s->address, address))
			return s;
	return NULL;
}

/* A reply is complete. A Unix socket carries one request; of a lane's sessions one waits for the next. */
static void
settle(struct session *s, bool keep)
{
	if (!keep || s->address == NULL || find_idle(s->client, s->lane, s->pubkey, s->address, s) != NULL)
		session_free(s);
	else
		conn_next(s->conn, CLIENT_REUSE_MS);
}

/* Text of the peer for a person or a program, cut to what fits. */
static void
copy_text(char *out, size_t size, const struct node *n)
{
	cleanup_free char *text = node_text(n);
	size_t len = text == NULL ? 0 : utf8_cut(text, strlen(text), size - 1);

	snprintf(out, size, "%.*s", (int)len, text == NULL ? "" : text);
	log_clean(out, len);
}

static void
refused(struct client_call *k, const struct node *error)
{
	char name[CLIENT_NAME_MAX + 1], detail[200], why[400];
	const struct node *data = node_get(error, "data");
	int64_t code = 0;

	copy_text(name, sizeof(name), node_get(error, "message"));
	copy_text(detail, sizeof(detail), node_get(data, "detail"));
	node_int(node_get(error, "code"), &code);
	snprintf(why, sizeof(why), "%s refused %s: %s%s%s", k->peer, k->order.method, name[0] == '\0' ? "no reason" : name,
	    detail[0] == '\0' ? "" : ", ", detail);
	end(k, &(struct client_end){ .how = CLIENT_REFUSED, .code = code < INT_MIN || code > INT_MAX ? 0 : (int)code,
	    .name = name, .data = data, .why = why });
}

/* 1: more is to come; 0: that was the end, the session is as good as before; -1: both have ended. */
static int
take(struct session *s, const struct envelope *v, struct error *e)
{
	struct client_call *k = s->call;
	bool chunk = node_equals(v->stream, "chunk");

	if (v->stream != NULL && !chunk && !node_equals(v->stream, "final"))
		return error_set(e, ERR_invalid, "neither a chunk nor the final message of a stream");
	if (v->error != NULL && v->stream != NULL)
		return error_set(e, ERR_invalid, "an error within the stream");
	if (chunk && k->order.chunk == NULL)
		return error_set(e, ERR_invalid, "a part of a stream, where one answer was asked for");
	if (chunk && !k->order.chunk(k->order.arg, v->result))
		return error_set(e, ERR_gone, "the reply was not wanted any more");
	if (chunk)
		return 1;
	if (v->error != NULL)
		refused(k, v->error);
	else
		end(k, &(struct client_end){ .how = CLIENT_OK, .result = v->result });
	return 0;
}

/* Everything that is checked before the peer is believed (alp-wire.md, 4 and 5). */
static int
check(struct session *s, const char *text, size_t len, struct envelope *v, struct error *e)
{
	struct client_call *k = s->call;
	struct alpd *a = s->client->alpd;

	if (envelope_open(v, text, len, clock_wall_ms() * 1000, e) == -1 ||
	    envelope_answers(v, identity_name(a->self), k->pubkey, k->id, e) == -1)
		return -1;
	return seen_new(&k->seen, v->nonce, s->client->secret) ? 0 : error_set(e, ERR_invalid, "a message was repeated");
}

static void
on_message(void *arg, const char *text, size_t len)
{
	struct session *s = arg;
	struct client_call *k = s->call;
	struct envelope v = { 0 };
	struct error e = { 0 };
	int more = -1, reply_ms;
	bool keep;

	if (k == NULL) {		/* nobody asked */
		session_free(s);
		return;
	}
	k->heard = true;
	reply_ms = k->order.reply_ms;
	keep = k->order.repeatable;
	if (check(s, text, len, &v, &e) == 0)
		more = take(s, &v, &e);
	envelope_clear(&v);
	if (more == 1) {
		conn_next(s->conn, reply_ms);
	} else if (more == 0) {
		settle(s, keep);
	} else {
		if (e.code != ERR_gone)
			error_add(&e, "what %s sent is no answer", k->peer);
		fail_session(s, e.code == ERR_gone ? CLIENT_LOST : CLIENT_BAD, e.text);
	}
}

/* ---- what goes -------------------------------------------------------------------------------- */

static void
say(struct session *s)
{
	struct client_call *k = s->call;
	struct error e = { 0 };
	size_t len = 0;
	cleanup_free char *text = envelope_request(s->client->alpd->self, k->pubkey, k->order.method, k->order.params,
	    k->id, &len, &e);

	if (text == NULL || conn_send(s->conn, text, len, &e) == -1) {
		fail_session(s, CLIENT_BAD, e.text);
		return;
	}
	k->sent = true;
	if (k->reused)
		conn_within(s->conn, k->order.reply_ms);
	else
		conn_next(s->conn, k->order.reply_ms);
}

static void
on_ready(void *arg)
{
	struct session *s = arg;

	s->ready = true;
	say(s);
}

/* ---- connections that ended by themselves ------------------------------------------------------- */

static void
not_connected(struct client_call *k, struct error *e)
{
	if (e->code == ERR_timeout) {
		error_add(e, "%s did not take the connection in time", k->peer);
		fail(k, CLIENT_TIMEOUT, NULL, e->text);
	} else if (e->code == ERR_unavailable) {
		error_add(e, "%s is not reachable", k->peer);
		fail(k, CLIENT_OFFLINE, NULL, e->text);
	} else {
		error_add(e, "whoever listens there does not hold the key of %s", k->peer);
		fail(k, CLIENT_BAD, "handshake-failed", e->text);
	}
}

static void
no_answer(struct client_call *k, struct error *e)
{
	if (e->code == ERR_timeout) {
		error_set(e, ERR_timeout, "%s was silent for %d s", k->peer, k->order.reply_ms / 1000);
		fail(k, CLIENT_TIMEOUT, NULL, e->text);
	} else if (e->code == ERR_invalid) {
		error_add(e, "what %s sent is no answer", k->peer);
		fail(k, CLIENT_BAD, NULL, e->text);
	} else if (k->heard) {
		error_set(e, ERR_gone, "the connection to %s ended within its answer", k->peer);
		fail(k, CLIENT_LOST, NULL, e->text);
	} else {
		error_set(e, ERR_gone, "%s closed the connection without a word: it has not pinned our key, or the clocks "
		    "differ", k->peer);
		fail(k, CLIENT_DROPPED, NULL, e->text);
	}
}

/* A responder may end a session after any reply; then a request that met its end was never read. */
static void
on_closed(void *arg, const struct error *why)
{
	struct session *s = arg;
	struct client_call *k = s->call;
	struct error e = *why;
	bool ready = s->ready;

	s->conn = NULL;			/* it frees itself */
	s->call = NULL;
	session_free(s);
	if (k == NULL)
		return;
	k->session = NULL;
	if (!ready) {
		not_connected(k, &e);
	} else if (k->reused && !k->heard && e.code == ERR_gone) {
		k->reused = k->sent = k->begun = false;
		k->again = true;
		event_active(k->timer, EV_TIMEOUT, 0);
	} else {
		no_answer(k, &e);
	}
}

/* ---- calls --------------------------------------------------------------------------------------- */

static const struct conn_owner owner = { .ready = on_ready, .message = on_message, .closed = on_closed };

static struct conn *
dial_tcp(struct session *s, struct client_call *k, struct error *e)
{
	struct alpd *a = s->client->alpd;
	uint8_t key[KEY_BYTES], x25519[KEY_BYTES];
	cleanup_free char *host = NULL;
	int port;

	if (address_split(k->address, &host, &port, e) == -1)
		return NULL;
	if (identity_parse(k->pubkey, key) == -1 || identity_to_x25519(key, x25519) == -1) {
		error_set(e, ERR_invalid, "its key is malformed");
		return NULL;
	}
	free(k->via);
	k->via = xasprintf("tcp %s:%d", host, port);
	return conn_dial_tcp(a->base, a->dns, host, port, a->self, x25519, k->order.connect_ms, &owner, s, e);
}

static struct conn *
dial_unix(struct session *s, struct client_call *k, struct error *e)
{
	struct alpd *a = s->client->alpd;
	struct peer p = { .id = k->peer, .pubkey = k->pubkey };
	cleanup_free char *path = local_socket(a->root, a->daemon->boot.run, &p, e);

	free(k->via);
	k->via = xstrdup("unix");
	return path == NULL ? NULL : conn_dial_unix(a->base, path, k->order.connect_ms, &owner, s, e);
}

static void
dial(struct client_call *k)
{
	struct session *s = xcalloc(1, sizeof(*s));
	struct error e = { 0 };

	s->client = k->client;
	s->lane = k->order.lane;
	s->pubkey = xstrdup(k->pubkey);
	s->address = xstrdup0(k->address);
	s->call = k;
	k->session = s;
	LIST_INSERT_HEAD(&k->client->sessions, s, link);
	s->conn = k->address != NULL ? dial_tcp(s, k, &e) : dial_unix(s, k, &e);
	if (s->conn != NULL)
		return;
	error_add(&e, "%s is not reachable", k->peer);
	fail_session(s, CLIENT_OFFLINE, e.text);
}

static void
begin(struct client_call *k)
{
	struct session *s = NULL;

	k->begun = true;
	if (k->order.whole_ms > 0)
		event_add(k->timer, &(struct timeval){ k->order.whole_ms / 1000, k->order.whole_ms % 1000 * 1000 });
	if (k->order.repeatable && k->address != NULL && !k->again)
		s = find_idle(k->client, k->order.lane, k->pubkey, k->address, NULL);
	if (s == NULL) {
		dial(k);
		return;
	}
	s->call = k;
	k->session = s;
	k->reused = true;
	k->via = xasprintf("tcp %s", k->address);
	say(s);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct client_call *k = arg;
	char why[200];

	if (!k->begun) {
		begin(k);
		return;
	}
	snprintf(why, sizeof(why), "%.100s was not done within %d s", k->peer, k->order.whole_ms / 1000);
	fail_session(k->session, CLIENT_TIMEOUT, why);
}

struct client_call *
client_ask(struct client *c, const struct peer *p, const struct client_order *o)
{
	struct client_call *k = xcalloc(1, sizeof(*k));

	k->client = c;
	k->order = *o;
	k->order.method = xstrdup(o->method);
	k->order.params = xstrdup(o->params);
	k->peer = xstrdup(p->id);
	k->pubkey = xstrdup(p->pubkey);
	k->address = xstrdup0(p->address);
	k->began_ns = clock_mono_ns();
	k->timer = evtimer_new(c->alpd->base, on_timer, k);
	event_active(k->timer, EV_TIMEOUT, 0);
	LIST_INSERT_HEAD(&c->calls, k, link);
	return k;
}

void
client_cancel(struct client_call *k)
{
	struct session *s = k->session;

	call_free(k);
	if (s != NULL)
		session_free(s);
}

struct client *
client_new(struct alpd *a)
{
	struct client *c = xcalloc(1, sizeof(*c));
	struct error e = { 0 };

	c->alpd = a;
	LIST_INIT(&c->sessions);
	LIST_INIT(&c->calls);
	random_bytes(c->secret, sizeof(c->secret));
	if (local_publish(a->home, identity_name(a->self), &e) == -1)
		log_warn("other profiles of this machine will not find us by our key: %s", e.text);
	return c;
}

void
client_free(struct client *c)
{
	if (c == NULL)
		return;
	while (!LIST_EMPTY(&c->calls))
		client_cancel(LIST_FIRST(&c->calls));
	while (!LIST_EMPTY(&c->sessions))
		session_free(LIST_FIRST(&c->sessions));
	free(c);
}

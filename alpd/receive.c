/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See receive.h. Before step 10 there is one way out, silence: `check` says
 * which step it was to our own log alone. From step 10 on there is an answer,
 * and what is admitted or refused for want of a capability stands in the
 * audit chain before anything comes of it.
 */
#include "alpd/receive.h"

#include <string.h>

#include "alpd/budget.h"
#include "alpd/ratelimit.h"
#include "alpd/replay.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

#define PENDING_PER_MINUTE	60	/* strangers that are written down */
#define METHOD_MAX		64	/* bytes of a name in an audit row */

/* A call and what its methods need not see. */
struct held {
	struct link_call	 call;
	char			*text;		/* the envelope points into it */
	char			*name;		/* of the method; NULL: none was named */
	bool			 goes_on;	/* an upload that is neither begun nor ended by this */
	bool			 waiting;	/* for the budget's answer */
	char			*last;		/* an answer that waits for room */
	size_t			 last_len;
	bool			*ended;		/* whoever made it wants to know */
};

static struct held *
held_of(struct link_call *c)
{
	return (struct held *)c;
}

static void
call_free(struct held *h)
{
	if (h->waiting)
		budget_forget(h->call.alpd->budget, h);
	envelope_clear(&h->call.env);
	free(h->call.peer_id);
	free(h->call.address);
	free(h->name);
	free(h->text);
	free(h->last);
	free(h);
}

/* Over: nothing of the call is left when its port hears of it. */
static void
end(struct held *h, bool drop)
{
	const struct link_port *port = h->call.port;
	void *arg = h->call.arg;

	if (h->ended != NULL)
		*h->ended = true;
	call_free(h);
	port->end(arg, drop);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* text is taken; NULL says that it could not be signed. */
static void
send_last(struct held *h)
{
	struct error e = { 0 };

	if (h->call.port->send(h->call.arg, h->last, h->last_len, &e) == 0)
		end(h, false);
	else if (e.code != ERR_busy)
		end(h, true);
}

static void
answer(struct held *h, char *text, size_t len, const struct error *why)
{
	if (text == NULL) {
		log_warn("link peer=%s no answer: %s", h->call.peer_id, why->text);
		end(h, true);
		return;
	}
	h->last = text;
	h->last_len = len;
	send_last(h);
}

static void
answer_result(struct link_call *c, const char *result, const char *stream)
{
	struct error e = { 0 };
	size_t len = 0;
	char *text = envelope_result(c->alpd->self, &c->env, result, stream, &len, &e);

	if (text == NULL && e.code == ERR_too_large)
		text = envelope_error(c->alpd->self, &c->env, -32603, "internal-error", "{\"detail\":\"the answer is too large\"}",
		    &len, &e);
	answer(held_of(c), text, len, &e);
}

void
link_result(struct link_call *c, const char *result)
{
	answer_result(c, result, NULL);
}

void
link_final(struct link_call *c, const char *result)
{
	answer_result(c, result, "final");
}

void
link_error(struct link_call *c, int code, const char *name, const char *data)
{
	struct error e = { 0 };
	size_t len = 0;
	char *text = envelope_error(c->alpd->self, &c->env, code, name, data, &len, &e);

	answer(held_of(c), text, len, &e);
}

/* {"NAME": text}, canonical. */
static char *
one_string(const char *name, const char *text)
{
	struct buf b = BUF(0);

	buf_addf(&b, "{\"%s\":", name);
	if (text == NULL)
		buf_puts(&b, "null");
	else
		canonical_string(&b, text, strlen(text));
	buf_addc(&b, '}');
	return buf_take(&b);
}

void
link_refuse(struct link_call *c, int code, const char *name, const char *detail)
{
	cleanup_free char *data = one_string("detail", detail);

	link_error(c, code, name, data);
}

void
link_invalid(struct link_call *c, const char *name, const char *detail)
{
	link_refuse(c, -32602, name, detail);
}

int
link_chunk(struct link_call *c, const char *result, struct error *e)
{
	cleanup_free char *text = NULL;
	size_t len = 0;

	if ((text = envelope_result(c->alpd->self, &c->env, result, "chunk", &len, e)) == NULL)
		return -1;
	return c->port->send(c->arg, text, len, e);
}

/* ---- the audit chain ------------------------------------------------------------------------- */

static int
audit(struct held *h, const char *decision, struct error *e)
{
	struct link_call *c = &h->call;
	const char *name = h->name == NULL ? "" : h->name;
	cleanup_free char *shown = xstrndup(name, utf8_cut(name, strlen(name), METHOD_MAX));
	struct buf params cleanup_buf = BUF(0);
	json_t *detail;
	char hash[65];
	int written;

	if (c->env.params != NULL)
		canonical_node(&params, c->env.params, NULL);
	audit_hash(buf_str(&params), params.len, hash);
	detail = json_pack("{s:s, s:s, s:s, s:s}", "method", shown, "nonce", c->env.nonce, "address", c->address,
	    "params", hash);
	written = audit_add(c->alpd->audit, c->method == NULL ? "link" : c->method->name, c->peer_id, decision, detail, e);
	json_decref(detail);
	return written;
}

/* ---- steps 10 to 14 --------------------------------------------------------------------------- */

static const struct link_method *
find_method(const char *name)
{
	const struct link_method *m;

	for (m = link_methods; m->name != NULL; m++)
		if (name != NULL && strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

static void
run(struct held *h)
{
	struct link_call *c = &h->call;
	struct error e = { 0 };

	if (node_kind(c->env.params) == NODE_NULL)
		c->env.params = NULL;
	else if (!node_is(c->env.params, NODE_OBJECT)) {
		link_invalid(c, "invalid-params", "params is not an object");
		return;
	}
	if (!c->method->quiet && !h->goes_on && audit(h, "allow", &e) == -1) {
		log_error("link peer=%s refused, it cannot be written down: %s", c->peer_id, e.text);
		link_refuse(c, -32603, "internal-error", "not now");
		return;
	}
	c->method->fn(c);
}

static void
on_budget(void *arg, bool spent, double cap, double used)
{
	struct buf data cleanup_buf = BUF(0);
	struct held *h = arg;

	h->waiting = false;
	if (!spent) {
		run(h);
		return;
	}
	buf_puts(&data, "{\"cap\":");
	canonical_real(&data, cap);
	buf_puts(&data, ",\"cap_kind\":\"usd\",\"used\":");
	canonical_real(&data, used);
	buf_puts(&data, "}");
	link_error(&h->call, -32005, "budget-exceeded", buf_str(&data));
}

/* A chunk of an upload that goes on has a budget of its own (8.3). */
static bool
within_rate(struct held *h, const struct peer *p)
{
	const struct link_method *m = h->call.method;
	const struct node *params = h->call.env.params;
	struct ratelimit *rates = h->call.alpd->rates;
	cleanup_free char *own = NULL;
	int64_t offset = 0;

	if (m == NULL || !m->chunked || !node_int(node_get(params, "offset"), &offset) || offset <= 0)
		return ratelimit_admit(rates, p->pubkey, p->per_minute, clock_mono_ms());
	h->goes_on = !node_is(node_get(params, "final"), NODE_TRUE);
	own = xasprintf("%s %s", p->pubkey, m->name);
	return ratelimit_admit(rates, own, RATE_CHUNKS, clock_mono_ms());
}

static void
deny(struct held *h)
{
	cleanup_free char *data = one_string("method", h->name);
	struct error e = { 0 };

	if (audit(h, "deny", &e) == -1)
		log_warn("link peer=%s a refusal is not written down: %s", h->call.peer_id, e.text);
	link_error(&h->call, -32001, "capability-denied", data);
}

/* p is the sender, and gone with the next question to peers. */
static void
admit(struct held *h, const struct peer *p)
{
	const struct node *method = h->call.env.method;
	bool may = h->name != NULL && peer_may(p, h->name);

	if (!within_rate(h, p))
		link_error(&h->call, -32005, "rate-limited", "{\"window_seconds\":60}");
	else if (h->name == NULL && method != NULL && !node_is(method, NODE_NULL) && !node_is(method, NODE_STRING))
		end(h, true);
	else if (!may)
		deny(h);
	else if (h->call.method == NULL)
		link_error(&h->call, -32601, "method-not-found", "null");
	else {
		h->waiting = true;
		budget_ask(h->call.alpd->budget, on_budget, h);
	}
}

/* ---- steps 1 to 9 ------------------------------------------------------------------------------ */

static int
is_session_key(const char *from, const uint8_t *remote)
{
	uint8_t public[KEY_BYTES], x25519[KEY_BYTES];

	if (remote == NULL)
		return 1;
	return identity_parse(from, public) == 0 && identity_to_x25519(public, x25519) == 0 &&
	    memcmp(x25519, remote, KEY_BYTES) == 0;
}

/* Whoever writes it down for every stranger lets strangers keep the disk busy. */
static void
note_stranger(struct alpd *a, const char *from)
{
	struct error e = { 0 };

	if (ratelimit_admit(a->rates, "pending", PENDING_PER_MINUTE, clock_mono_ms()) &&
	    pending_note(a->peers, from, (double)clock_wall_ms() / 1000, &e) == -1)
		log_warn("a stranger is not noted: %s", e.text);
}

static void
on_replay_due(evutil_socket_t fd, short what, void *arg)
{
	struct alpd *a = arg;
	struct error e = { 0 };

	a->replay_due = false;
	if (replay_sync(a->replay, &e) == -1)
		log_warn("what was seen is not safe from a power cut: %s", e.text);
}

/* One sync for all that is seen within a second. */
static void
note_seen(struct alpd *a)
{
	if (!a->replay_due)
		event_base_once(a->base, -1, EV_TIMEOUT, on_replay_due, a, &(struct timeval){ .tv_sec = 1 });
	a->replay_due = true;
}

/* The sender, or NULL with the reason for our own log: then nothing is said. */
static const struct peer *
check(struct alpd *a, const struct envelope *v, const uint8_t *remote, struct error *e)
{
	int64_t now_us = clock_wall_ms() * 1000;
	const struct peer *p = NULL;
	int fresh = 0;

	if (strcmp(v->to, identity_name(a->self)) != 0)
		error_set(e, ERR_denied, "not for us");
	else if (!is_session_key(v->from, remote))
		error_set(e, ERR_denied, "its session is another's");
	else if ((p = peers_by_key(a->peers, v->from)) == NULL) {
		note_stranger(a, v->from);
		error_set(e, ERR_denied, "not pinned");
	} else if ((fresh = replay_add(a->replay, v->from, v->nonce, now_us, e)) == 0)
		error_set(e, ERR_denied, "a replay");
	if (fresh == 1)
		note_seen(a);
	return fresh == 1 ? p : NULL;
}

static struct held *
hold(struct alpd *a, const char *text, size_t len, const struct link_port *port, void *arg)
{
	struct held *h = xcalloc(1, sizeof(*h));

	h->text = xmalloc(len + 1);
	memcpy(h->text, text, len);
	h->call.alpd = a;
	h->call.port = port;
	h->call.arg = arg;
	h->call.address = xstrdup(port->address(arg));
	return h;
}

struct link_call *
receive_message(struct alpd *a, const char *text, size_t len, const uint8_t *remote, const struct link_port *port, void *arg)
{
	struct held *h = hold(a, text, len, port, arg);
	const struct peer *p = NULL;
	struct error e = { 0 };
	bool ended = false;

	if (a->draining)
		error_set(&e, ERR_unavailable, "we are ending");
	else if (envelope_open(&h->call.env, h->text, len, clock_wall_ms() * 1000, &e) == 0)
		p = check(a, &h->call.env, remote, &e);
	if (p == NULL) {
		log_info("link from=%s dropped: %s", h->call.address, e.text);
		end(h, true);
		return NULL;
	}
	h->call.peer_id = xstrdup(p->id);
	h->name = node_dup(h->call.env.method);
	h->call.method = find_method(h->name);
	h->ended = &ended;
	admit(h, p);
	if (ended)
		return NULL;
	h->ended = NULL;
	return &h->call;
}

void
receive_gone(struct link_call *c)
{
	struct held *h = held_of(c);

	if (c->gone != NULL && h->last == NULL)
		c->gone(c);
	call_free(h);
}

void
receive_drained(struct link_call *c)
{
	struct held *h = held_of(c);

	if (h->last != NULL)
		send_last(h);
	else if (c->drained != NULL)
		c->drained(c);
}

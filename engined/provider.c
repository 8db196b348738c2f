/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See provider.h. A call is a row of attempts; an attempt is a request, its
 * stream and its answer. Between attempts a call waits. The rules of
 * spec/engine.md, section 5, stand here once for all dialects:
 *
 *   - again only while nothing was yielded, at most max_retries times;
 *   - the watchdogs count events, not bytes: a server that only sends
 *     comments to keep the connection up is as stalled as a silent one;
 *   - a connection that ends before the server said why it stopped is an
 *     error, never a short answer.
 *
 * The key goes into one header and nowhere else; should a server repeat it
 * in an error, it is taken out.
 */
#include "engined/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/http.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/answer.h"
#include "engined/dialect.h"
#include "engined/ollama.h"
#include "engined/refusal.h"
#include "engined/sse.h"

#define BODY_MAX	(512u << 20)	/* of any answer: a token's frame is a hundred times its text */
#define REFUSAL_BODY	65536		/* kept of an answer that is none */
#define WHOLE_MAX	(8u << 20)	/* an answer that is not a stream */
#define DRAIN_MS	200		/* from the stream's last event to the end of its connection's part */
#define CLOSING_MS	10000		/* from the reason why the model stopped to that last event */
#define OFFLINE_DELTA	24		/* bytes of a delta of the offline dialect */

enum phase { PROBING, PAUSED, ASKED, STREAMING, COMPOSED, OVER };
enum shape { UNKNOWN, EVENTS, WHOLE };

struct provider {
	struct event_base	*base;
	struct http		*http;
	struct ollama		 ollama;
	LIST_HEAD(, provider_call) calls;
	LIST_HEAD(, provider_probe) probes;
};

struct provider_probe {
	LIST_ENTRY(provider_probe) link;
	struct ollama_probe	*ollama;
	void			(*done)(void *arg);
	void			*arg;
};

struct provider_call {
	LIST_ENTRY(provider_call) link;
	struct provider		*p;
	struct target	 target;
	struct provider_limits	 limits;
	struct provider_events	 ev;
	void			*arg;
	char			*url, *body;	/* the body without what the probe may add */
	bool			 whole;
	struct provider_probe	*probe;
	struct http_call	*http;
	struct event		*timer;		/* watchdog or pause, one at a time */
	enum phase		 phase;
	enum shape		 shape;
	int			 attempt;	/* 0 for the first */
	int			 depth;		/* our functions on the stack; freed when they are gone */
	/* of this attempt */
	struct answer		 answer;
	struct sse		 sse;
	struct buf		 raw;		/* an answer that is not a stream, or a refusal */
	int			 status;
	long			 retry_after_ms;
	struct error		 fault;		/* what the stream's reader found */
	/* offline */
	json_t			*composed;
	size_t			 told;		/* bytes of its text */
};

static int
to_ms(double seconds)
{
	return seconds > 1e6 ? 1000000000 : (int)(seconds * 1000);
}

void
provider_limits(const json_t *config, struct provider_limits *l)
{
	l->first_byte_ms = to_ms(config_num(config, "runtime.first_byte_timeout_s", 0));
	l->idle_ms = to_ms(config_num(config, "runtime.stream_idle_timeout_s", 0));
	l->max_retries = (int)config_int(config, "runtime.max_retries", 0);
	l->backoff_ms = to_ms(config_num(config, "runtime.retry_backoff_s", 0));
}

/* ---- what is known of local servers -------------------------------------------------------- */

/* Somebody's own server, which may be an Ollama. */
static bool
may_be_ollama(const struct target *t)
{
	return t->local && t->dialect == &openai_dialect;
}

int64_t
provider_window(const struct provider *p, const struct target *t)
{
	int64_t n = may_be_ollama(t) ? ollama_window(&p->ollama, t->url, t->name) : 0;

	return n > 0 ? n : PROVIDER_WINDOW;
}

static void
probe_over(void *arg)
{
	struct provider_probe *q = arg;
	void (*done)(void *) = q->done;
	void *done_arg = q->arg;

	LIST_REMOVE(q, link);
	free(q);
	done(done_arg);
}

struct provider_probe *
provider_probe(struct provider *p, const struct target *t, void (*done)(void *arg), void *arg)
{
	struct provider_probe *q;

	if (!may_be_ollama(t) || ollama_window(&p->ollama, t->url, t->name) != -1)
		return NULL;
	q = xcalloc(1, sizeof(*q));
	q->done = done;
	q->arg = arg;
	if ((q->ollama = ollama_probe(&p->ollama, t->url, t->name, probe_over, q)) == NULL) {
		free(q);
		return NULL;
	}
	LIST_INSERT_HEAD(&p->probes, q, link);
	return q;
}

void
provider_probe_cancel(struct provider_probe *q)
{
	if (q == NULL)
		return;
	ollama_cancel(q->ollama);
	LIST_REMOVE(q, link);
	free(q);
}

/* ---- the body ------------------------------------------------------------------------------ */

/* What only the probe knows goes in last: {"a":1} -> {"a":1,"options":{"num_ctx":N}}. */
static char *
with_options(const struct provider *p, const struct target *t, const char *body)
{
	int64_t n = may_be_ollama(t) ? ollama_window(&p->ollama, t->url, t->name) : 0;

	if (n <= 0)
		return xstrdup(body);
	return xasprintf("%.*s,\"options\":{\"num_ctx\":%lld}}", (int)strlen(body) - 1, body, (long long)n);
}

static char *
plain_body(const struct provider_request *r)
{
	const struct dialect *d = r->target->dialect;
	cleanup_json json_t *j = (d != NULL && d->body != NULL ? d : &openai_dialect)->body(r);

	return json_text(j);
}

char *
provider_body(const struct provider *p, const struct provider_request *r)
{
	cleanup_free char *body = plain_body(r);

	return with_options(p, r->target, body);
}

/* ---- the end of a call --------------------------------------------------------------------- */

static void
clear_attempt(struct provider_call *c)
{
	http_cancel(steal(c->http));
	event_del(c->timer);
	answer_clear(&c->answer);
	sse_clear(&c->sse);
	buf_clear(&c->raw);
}

/* Our functions hold the call while they are on the stack; a cancelled one goes when the last returns. */
static void
enter(struct provider_call *c)
{
	c->depth++;
}

static void
leave(struct provider_call *c)
{
	if (--c->depth > 0 || c->phase != OVER)
		return;
	clear_attempt(c);
	event_free(c->timer);
	target_clear(&c->target);
	json_decref(c->composed);
	free(c->url);
	free(c->body);
	free(c);
}

/* No callback from here on. */
static void
end_call(struct provider_call *c)
{
	c->phase = OVER;
	LIST_REMOVE(c, link);
	provider_probe_cancel(steal(c->probe));
	http_cancel(steal(c->http));
	event_del(c->timer);
}

void
provider_cancel(struct provider_call *c)
{
	if (c == NULL || c->phase == OVER)
		return;
	enter(c);
	end_call(c);
	leave(c);
}

static void
arm(struct provider_call *c, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(c->timer, &tv);
}

/* ---- failing, and trying again ------------------------------------------------------------- */

static void
fail(struct provider_call *c, struct error *e)
{
	target_hide_key(&c->target, e->text);
	error_add(e, "%s", c->target.provider);
	end_call(c);
	c->ev.failed(c->arg, e);
}

/* Timeouts, connection errors, 429, 5xx, an API error without a status (0). */
static bool
is_transient(const struct error *e, int status)
{
	if (e->code == ERR_provider)
		return status == 0 || status == 429 || status >= 500;
	return e->code == ERR_timeout || e->code == ERR_unavailable || e->code == ERR_gone;
}

/* backoff * 2^(attempt-1) * random(0.8..1.2), or what the server asks for. */
static int
pause_ms(const struct provider_call *c, int attempt)
{
	unsigned char r[2];
	double ms = c->limits.backoff_ms;

	if (c->retry_after_ms > 0 && (c->status == 429 || c->status == 503))
		return c->retry_after_ms < PROVIDER_RETRY_AFTER_MS ? (int)c->retry_after_ms : PROVIDER_RETRY_AFTER_MS;
	random_bytes(r, sizeof(r));
	for (int i = 1; i < attempt && ms < 3600000; i++)
		ms *= 2;
	return (int)(ms * (0.8 + 0.4 * (r[0] << 8 | r[1]) / 65535));
}

/* This attempt failed with e, and with this HTTP status (0: none). */
static void
attempt_failed(struct provider_call *c, struct error *e, int status)
{
	int wait;

	http_cancel(steal(c->http));
	event_del(c->timer);
	if (c->answer.yielded || !is_transient(e, status)) {
		fail(c, e);
		return;
	}
	if (c->attempt >= c->limits.max_retries) {
		if (c->attempt > 0 && strlen(e->text) < ERROR_TEXT_MAX - 32)
			snprintf(e->text + strlen(e->text), 32, " (after %d attempts)", c->attempt + 1);
		fail(c, e);
		return;
	}
	c->attempt++;
	wait = pause_ms(c, c->attempt);
	c->phase = PAUSED;
	arm(c, wait);
	target_hide_key(&c->target, e->text);
	error_add(e, "%s", c->target.provider);
	if (c->ev.retrying != NULL)
		c->ev.retrying(c->arg, c->attempt, wait, e);
}

/* ---- done ---------------------------------------------------------------------------------- */

static size_t
call_bytes(const json_t *calls)
{
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(calls, i, row)
		n += strlen(json_str(row, "arguments", "")) + strlen(json_str(row, "name", ""));
	return n;
}

/* Tokens that nobody counted: four bytes each, and never none. */
static int64_t
estimate(size_t bytes)
{
	return (int64_t)(bytes + 3) / 4 + (bytes == 0);
}

static void
succeed(struct provider_call *c)
{
	struct answer *a = &c->answer;
	cleanup_json json_t *calls = NULL;
	struct provider_result r = { 0 };

	http_cancel(steal(c->http));
	event_del(c->timer);
	answer_end(a);
	if (c->phase == OVER)			/* cancelled in that last delta */
		return;
	calls = answer_calls(a);
	r.tool_calls = calls;
	r.extra = a->extra;
	r.finish_reason = answer_reason(a);
	r.estimated = a->input_tokens < 0 || a->output_tokens < 0;
	r.input_tokens = a->input_tokens >= 0 ? a->input_tokens : estimate(strlen(c->body));
	r.output_tokens = a->output_tokens >= 0 ? a->output_tokens : estimate(a->shown + call_bytes(calls));
	r.cost_usd = a->cost_usd > 0 ? a->cost_usd : 0;
	end_call(c);
	c->ev.done(c->arg, &r);
}

/* ---- reading an answer --------------------------------------------------------------------- */

static void
sink_text(void *arg, const char *text, size_t len)
{
	struct provider_call *c = arg;

	if (c->phase != OVER && c->ev.text != NULL)
		c->ev.text(c->arg, text, len);
}

static void
sink_reasoning(void *arg, const char *text, size_t len)
{
	struct provider_call *c = arg;

	if (c->phase != OVER && c->ev.reasoning != NULL)
		c->ev.reasoning(c->arg, text, len);
}

static const struct answer_sink sink = { sink_text, sink_reasoning };

/* Something came: the gap to the next is limited from now on. */
static void
progress(struct provider_call *c)
{
	c->phase = STREAMING;
	if (c->limits.idle_ms > 0)
		arm(c, c->limits.idle_ms);
	else
		event_del(c->timer);
}

static int
on_event(void *arg, const struct sse_event *ev)
{
	struct provider_call *c = arg;

	if (ev->len == 0 || c->answer.closed)
		return 0;
	progress(c);
	if (c->target.dialect->event(&c->answer, ev, &c->fault) == -1) {
		if (strcmp(ev->name, "error") == 0 && c->answer.status == 0) {
			cleanup_free char *line = refusal_line(ev->data, ev->len);
			error_set(&c->fault, ERR_provider, "%s", line);
		}
		return -1;
	}
	if (c->phase == OVER)
		return -1;
	if (c->answer.closed)
		arm(c, DRAIN_MS);		/* the connection is reusable when its end is read, too */
	else if (c->answer.complete)
		arm(c, CLOSING_MS);
	return 0;
}

static void
on_head(void *arg, int status, const char *type, long retry_after_ms)
{
	struct provider_call *c = arg;

	c->status = status;
	c->retry_after_ms = retry_after_ms;
	c->shape = status < 200 || status > 299 || c->whole ? WHOLE :
	    strncmp(type, "text/event-stream", 17) == 0 ? EVENTS : UNKNOWN;
}

/* A stream's server that mislabels it, or answers with one object or a page, shows by its first byte. */
static enum shape
shape_of(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr(" \t\r\n", bytes[i]) == NULL || bytes[i] == '\0')
			return bytes[i] == '{' || bytes[i] == '[' || bytes[i] == '<' ? WHOLE : EVENTS;
	return UNKNOWN;
}

/* What is kept of a body that is not a stream; of a refusal only the beginning counts. */
static int
keep_raw(struct provider_call *c, const char *bytes, size_t len)
{
	bool refusal = c->status < 200 || c->status > 299;
	size_t room;

	progress(c);
	if (refusal) {
		room = REFUSAL_BODY - c->raw.len;
		(void)buf_add(&c->raw, bytes, len < room ? len : room);
		return 0;
	}
	if (buf_add(&c->raw, bytes, len) == 0)
		return 0;
	return error_set(&c->fault, ERR_too_large, "the answer is longer than %u bytes", WHOLE_MAX);
}

static int
on_data(void *arg, const void *bytes, size_t len)
{
	struct provider_call *c = arg;
	int result;

	if (c->answer.closed)
		return 0;
	if (c->shape == UNKNOWN)
		c->shape = shape_of(bytes, len);
	enter(c);
	if (c->shape == WHOLE)
		result = keep_raw(c, bytes, len);
	else
		result = sse_feed(&c->sse, bytes, len, on_event, c, &c->fault);
	leave(c);
	return result == 0 ? 0 : -1;
}

/* The status line said no. */
static void
refused(struct provider_call *c)
{
	cleanup_free char *line = refusal_line(buf_str(&c->raw), c->raw.len);
	struct error e = { 0 };

	if (c->status >= 300 && c->status < 400)
		error_set(&e, ERR_provider, "HTTP %d: the address is not the API's own (redirects are not followed)", c->status);
	else
		error_set(&e, ERR_provider, "HTTP %d%s%s", c->status, line[0] ? ": " : "", line);
	attempt_failed(c, &e, c->status);
}

/* One object where a stream was wanted is an answer as well, or an error with status 200. */
static void
read_whole(struct provider_call *c, struct error *e)
{
	cleanup_json json_t *j = NULL;
	cleanup_free char *line = NULL;

	if (buf_str(&c->raw)[strspn(buf_str(&c->raw), " \t\r\n")] == '<') {
		line = refusal_line(buf_str(&c->raw), c->raw.len);
		error_set(e, ERR_provider, "the server sent a page, not an answer: %s", line);
	} else if ((j = answer_parse(&c->answer, buf_str(&c->raw), c->raw.len, e)) != NULL) {
		if (c->target.dialect->whole(&c->answer, j, e) == 0 && !c->answer.complete && c->phase != OVER)
			error_set(e, ERR_provider, "the server's answer is not of this API");
	}
}

/* The body is whole. */
static void
conclude(struct provider_call *c)
{
	struct error e = { 0 };

	if (c->status < 200 || c->status > 299) {
		refused(c);
		return;
	}
	if (c->shape == WHOLE)
		read_whole(c, &e);
	else if (sse_end(&c->sse, on_event, c, &c->fault) == -1 && c->answer.refused)
		e = c->fault;			/* else a last line that was cut: told below */
	if (c->phase == OVER)
		return;
	if (e.code == ERR_none && !c->answer.complete)
		error_set(&e, ERR_gone, "the connection was cut before the answer was complete");
	if (e.code != ERR_none)
		attempt_failed(c, &e, c->answer.status);
	else
		succeed(c);
}

/* The transfer broke; what had come may still be all that matters. */
static void
broken(struct provider_call *c, const struct error *why)
{
	struct error e = *why;

	if (c->fault.code != ERR_none) {
		attempt_failed(c, &c->fault, c->answer.status);
	} else if (c->answer.complete && c->shape != WHOLE) {
		succeed(c);
	} else if (c->status >= 300) {
		refused(c);
	} else {
		if (c->answer.yielded || c->status != 0)
			error_add(&e, "the connection was cut before the answer was complete");
		else
			error_add(&e, "no connection");
		attempt_failed(c, &e, 0);
	}
}

static void
on_done(void *arg, const struct error *e)
{
	struct provider_call *c = arg;

	c->http = NULL;
	enter(c);
	if (e == NULL && c->fault.code == ERR_none)
		conclude(c);
	else
		broken(c, e != NULL ? e : &c->fault);
	leave(c);
}

/* ---- an attempt ---------------------------------------------------------------------------- */

static void
begin_attempt(struct provider_call *c)
{
	const struct dialect *d = c->target.dialect;
	cleanup_free char *auth = d->auth != NULL ? xasprintf(d->auth, c->target.key != NULL ? c->target.key : "") : NULL;
	cleanup_free char *body = with_options(c->p, &c->target, c->body);
	const char *headers[] = {
		"Content-Type: application/json", c->whole ? "Accept: application/json" : "Accept: text/event-stream",
		"User-Agent: alpi/" ALPI_VERSION, auth, d->header, NULL,
	};
	struct http_events ev = { on_head, on_data, on_done };
	struct http_request r = {
		.method = "POST", .url = c->url, .headers = headers, .body = body, .body_len = strlen(body), .max_body = BODY_MAX,
	};
	struct error e = { 0 };

	answer_clear(&c->answer);
	answer_init(&c->answer, &sink, c);
	sse_clear(&c->sse);
	sse_init(&c->sse);
	buf_reset(&c->raw);
	c->status = 0;
	c->retry_after_ms = -1;
	c->fault.code = ERR_none;
	c->shape = UNKNOWN;
	c->phase = ASKED;
	if (c->limits.first_byte_ms > 0)
		arm(c, c->limits.first_byte_ms);
	c->http = http_start(c->p->http, &r, &ev, c, &e);
	if (auth != NULL)
		explicit_bzero(auth, strlen(auth));
	if (c->http == NULL)
		fail(c, &e);
}

static void
stalled(struct provider_call *c)
{
	struct error e = { 0 };

	if (c->answer.complete) {		/* only the usage, the end mark or the connection's end is missing */
		succeed(c);
		return;
	}
	if (c->phase == ASKED)
		error_set(&e, ERR_timeout, "stalled: no answer within %d s", c->limits.first_byte_ms / 1000);
	else
		error_set(&e, ERR_timeout, "stalled: the answer stopped for %d s", c->limits.idle_ms / 1000);
	attempt_failed(c, &e, 0);
}

static void
on_probed(void *arg)
{
	struct provider_call *c = arg;

	c->probe = NULL;
	enter(c);
	begin_attempt(c);
	leave(c);
}

/* ---- offline: no server, the same course of events ----------------------------------------- */

static void
take_composed_calls(struct provider_call *c)
{
	const json_t *call;
	size_t i;

	json_array_foreach(json_object_get(c->composed, "tool_calls"), i, call) {
		const char *arguments = json_str(call, "arguments", "{}");

		(void)answer_call(&c->answer, &(struct answer_delta){
			.index = (int64_t)i, .id = json_str(call, "id", NULL), .name = json_str(call, "name", NULL),
			.arguments = arguments, .len = strlen(arguments),
		}, NULL);
	}
}

static void
tell_composed(struct provider_call *c)
{
	const char *text = json_str(c->composed, "text", "");
	size_t left = strlen(text) - c->told, n = left;

	if (!c->whole && n > OFFLINE_DELTA)
		n = utf8_cut(text + c->told, left, OFFLINE_DELTA);
	if (n > 0) {
		cleanup_free char *delta = xstrndup(text + c->told, n);

		c->told += n;
		arm(c, 0);
		(void)answer_text(&c->answer, delta, n, NULL);
		return;
	}
	take_composed_calls(c);
	succeed(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct provider_call *c = arg;

	enter(c);
	if (c->phase == PAUSED)
		begin_attempt(c);
	else if (c->phase == COMPOSED)
		tell_composed(c);
	else if (c->phase == ASKED || c->phase == STREAMING)
		stalled(c);
	leave(c);
}

/* ---- a call -------------------------------------------------------------------------------- */

static int
check_request(const struct provider_request *r, struct error *e)
{
	if (target_check(r->target, e) == -1)
		return -1;
	if (!json_is_array(r->messages))
		return error_set(e, ERR_invalid, "the messages are not a list");
	return 0;
}

static struct provider_call *
new_call(struct provider *p, const struct provider_request *r, const struct provider_events *ev, void *arg)
{
	struct provider_call *c = xcalloc(1, sizeof(*c));

	c->p = p;
	c->target = target_copy(r->target);
	c->limits = r->limits;
	c->whole = r->whole;
	c->ev = *ev;
	c->arg = arg;
	c->body = plain_body(r);
	c->raw = (struct buf)BUF(WHOLE_MAX);
	c->timer = evtimer_new(p->base, on_timer, c);
	answer_init(&c->answer, &sink, c);
	sse_init(&c->sse);
	LIST_INSERT_HEAD(&p->calls, c, link);
	return c;
}

struct provider_call *
provider_start(struct provider *p, const struct provider_request *r, const struct provider_events *ev, void *arg,
    struct error *e)
{
	struct provider_call *c;

	if (check_request(r, e) == -1)
		return NULL;
	c = new_call(p, r, ev, arg);
	if (r->target->dialect->compose != NULL) {
		c->composed = r->target->dialect->compose(r);
		c->phase = COMPOSED;
		arm(c, 0);
		return c;
	}
	c->url = r->target->dialect->url(r);
	c->phase = PROBING;
	if ((c->probe = provider_probe(p, r->target, on_probed, c)) == NULL) {
		c->phase = PAUSED;		/* the first attempt begins on the loop, like every other */
		arm(c, 0);
	}
	return c;
}

struct provider *
provider_new(struct event_base *base, struct error *e)
{
	struct provider *p = xcalloc(1, sizeof(*p));

	p->base = base;
	if ((p->http = http_new(base, e)) == NULL) {
		free(p);
		return NULL;
	}
	ollama_init(&p->ollama, p->http);
	LIST_INIT(&p->calls);
	LIST_INIT(&p->probes);
	return p;
}

void
provider_free(struct provider *p)
{
	if (p == NULL)
		return;
	while (!LIST_EMPTY(&p->calls))
		provider_cancel(LIST_FIRST(&p->calls));
	while (!LIST_EMPTY(&p->probes))
		provider_probe_cancel(LIST_FIRST(&p->probes));
	http_free(p->http);
	ollama_clear(&p->ollama);
	free(p);
}

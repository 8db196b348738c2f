/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See provider.h. A call is a row of attempts with pauses between them; what
 * one attempt is stands in attempt.c, whether there is a next in retry.c. A
 * local server is asked once what window its model has, before the first.
 *
 * A callback of the caller may cancel the call it is told of. So each stands
 * last in its function; where the call is freed behind it, the call is marked
 * as over and cannot be cancelled any more.
 */
#include "engined/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/config.h"
#include "common/http.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/attempt.h"
#include "engined/dialect.h"
#include "engined/ollama.h"
#include "engined/retry.h"
#include "engined/tokens.h"

struct provider {
	struct event_base	*base;
	struct http		*http;
	struct ollama		 ollama;
	LIST_HEAD(, provider_call) calls;
};

struct provider_call {
	LIST_ENTRY(provider_call) link;
	struct provider		*p;
	struct target		 target;
	struct provider_limits	 limits;
	struct provider_events	 ev;
	void			*arg;
	char			*url, *body;	/* the body without what the probe may add */
	bool			 whole;
	bool			 over;		/* its end is being told */
	struct ollama_probe	*probe;
	struct event		*pause;
	struct attempt		*attempt;
	int			 retries;
	int64_t			 asked;		/* tokens of the request, estimated */
	size_t			 shown;		/* bytes of text and reasoning */
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

struct ollama_probe *
provider_probe(struct provider *p, const struct target *t, void (*done)(void *arg), void *arg)
{
	if (!may_be_ollama(t) || ollama_window(&p->ollama, t->url, t->name) != -1)
		return NULL;
	return ollama_probe(&p->ollama, t->url, t->name, done, arg);
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
free_call(struct provider_call *c)
{
	event_free(c->pause);
	target_clear(&c->target);
	free(c->url);
	free(c->body);
	free(c);
}

/* Nothing comes from it any more. */
static void
end_call(struct provider_call *c)
{
	c->over = true;
	LIST_REMOVE(c, link);
	ollama_cancel(steal(c->probe));
	attempt_cancel(steal(c->attempt));
	event_del(c->pause);
}

void
provider_cancel(struct provider_call *c)
{
	if (c == NULL || c->over)
		return;
	end_call(c);
	free_call(c);
}

static void
fail(struct provider_call *c, struct error *e)
{
	target_hide_key(&c->target, e->text);
	error_add(e, "%s", c->target.provider);
	end_call(c);
	c->ev.failed(c->arg, e);
	free_call(c);
}

static size_t
call_bytes(const json_t *calls)
{
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(calls, i, row)
		n += strlen(json_str(row, "arguments", "")) + strlen(json_str(row, "name", ""));
	return n;
}

bool
provider_unfinished(const struct provider_call *c, struct provider_result *r)
{
	if (c == NULL || c->shown == 0)
		return false;
	*r = (struct provider_result){ .estimated = true, .input_tokens = c->asked, .output_tokens = tokens_of_bytes(c->shown) };
	r->cost_usd = target_cost(&c->target, 0, r->input_tokens, r->output_tokens);
	return true;
}

static void
on_answer(void *arg, const struct answer *a)
{
	struct provider_call *c = arg;
	cleanup_json json_t *calls = answer_calls(a);
	struct provider_result r = {
		.tool_calls = calls, .extra = a->extra, .finish_reason = answer_reason(a),
		.estimated = a->input_tokens < 0 || a->output_tokens < 0,
		.input_tokens = a->input_tokens >= 0 ? a->input_tokens : c->asked,
		.output_tokens = a->output_tokens >= 0 ? a->output_tokens : tokens_of_bytes(a->shown + call_bytes(calls)),
	};

	r.cost_usd = target_cost(&c->target, a->cost_usd, r.input_tokens, r.output_tokens);
	c->attempt = NULL;
	end_call(c);
	c->ev.done(c->arg, &r);
	free_call(c);
}

/* ---- attempts ------------------------------------------------------------------------------ */

static void
on_text(void *arg, const char *text, size_t len)
{
	struct provider_call *c = arg;

	c->shown += len;
	if (c->ev.text != NULL)
		c->ev.text(c->arg, text, len);
}

static void
on_reasoning(void *arg, const char *text, size_t len)
{
	struct provider_call *c = arg;

	c->shown += len;
	if (c->ev.reasoning != NULL)
		c->ev.reasoning(c->arg, text, len);
}

static void
wait_ms(struct provider_call *c, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(c->pause, &tv);
}

static void
try_again(struct provider_call *c, const struct failure *f)
{
	int wait = retry_pause_ms(f, c->limits.backoff_ms, ++c->retries);
	struct error e = f->why;

	wait_ms(c, wait);
	target_hide_key(&c->target, e.text);
	error_add(&e, "%s", c->target.provider);
	if (c->ev.retrying != NULL)
		c->ev.retrying(c->arg, c->retries, wait, &e);
}

static void
on_failure(void *arg, const struct failure *f)
{
	struct provider_call *c = arg;
	struct error e = f->why;

	c->attempt = NULL;
	if (retry_worth(f) && c->retries < c->limits.max_retries) {
		try_again(c, f);
		return;
	}
	if (retry_worth(f) && c->retries > 0 && strlen(e.text) < ERROR_TEXT_MAX - 32)
		snprintf(e.text + strlen(e.text), 32, " (after %d attempts)", c->retries + 1);
	fail(c, &e);
}

static const struct attempt_events attempt_events = { on_text, on_reasoning, on_answer, on_failure };

static void
begin_attempt(struct provider_call *c)
{
	cleanup_free char *body = with_options(c->p, &c->target, c->body);
	struct attempt_order o = {
		.dialect = c->target.dialect, .url = c->url, .key = c->target.key, .body = body,
		.first_byte_ms = c->limits.first_byte_ms, .idle_ms = c->limits.idle_ms, .whole = c->whole,
	};
	struct error e = { 0 };

	if ((c->attempt = attempt_start(c->p->base, c->p->http, &o, &attempt_events, c, &e)) == NULL)
		fail(c, &e);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	begin_attempt(arg);
}

static void
on_probed(void *arg)
{
	struct provider_call *c = arg;

	c->probe = NULL;
	begin_attempt(c);
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
	c->asked = tokens_of_request(c->body, r->messages);
	c->pause = evtimer_new(p->base, on_pause_over, c);
	LIST_INSERT_HEAD(&p->calls, c, link);
	return c;
}

static void
begin_composed(struct provider_call *c, const struct provider_request *r)
{
	cleanup_json json_t *composed = r->target->dialect->compose(r);
	struct attempt_order o = { .dialect = r->target->dialect, .composed = composed, .whole = r->whole };

	c->attempt = attempt_start(c->p->base, NULL, &o, &attempt_events, c, NULL);
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
		begin_composed(c, r);
		return c;
	}
	c->url = r->target->dialect->url(r);
	if ((c->probe = provider_probe(p, r->target, on_probed, c)) == NULL)
		wait_ms(c, 0);		/* the first attempt begins on the loop, like every other */
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
	return p;
}

struct http *
provider_http(struct provider *p)
{
	return p->http;
}

void
provider_free(struct provider *p)
{
	if (p == NULL)
		return;
	while (!LIST_EMPTY(&p->calls))
		provider_cancel(LIST_FIRST(&p->calls));
	ollama_clear(&p->ollama);
	http_free(p->http);
	free(p);
}

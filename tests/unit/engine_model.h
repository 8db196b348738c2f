/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model that follows a script, in place of engined/provider.c and of what
 * else asks a server: it answers from the loop, and notes what it was asked.
 */
#ifndef ALPI_ENGINE_MODEL_H
#define ALPI_ENGINE_MODEL_H

#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/embed.h"
#include "engined/provider.h"
#include "engined/transcribe.h"

struct answer {				/* what the model does when it is asked once more */
	const char	*text;		/* NULL: none */
	const char	*reasoning;
	const char	*calls;		/* JSON list [{id, name, arguments}], NULL: none */
	const char	*error;		/* fails with this after the text */
	bool		 hangs;		/* never ends */
	bool		 late;		/* its error is that it took too long */
};

static struct event_base *base;		/* of all that runs here */
static const struct answer *script;	/* ends with a row of zeroes: "ok" from then on */
static size_t script_at;
static json_t *asked;			/* [{messages, tools, effort}] as the model was given them */
static int64_t context_window;
static bool no_key;
static bool free_model;			/* it costs nothing */

struct provider_call {
	const struct answer		*answer;
	struct provider_events		 ev;
	void				*arg;
	struct event			*timer;
	bool				 shown;
};

static bool
is_end(const struct answer *a)
{
	return a->text == NULL && a->calls == NULL && a->error == NULL && !a->hangs;
}

static void
call_free_(struct provider_call *c)
{
	event_free(c->timer);
	free(c);
}

static void
answer_now(evutil_socket_t fd, short what, void *arg)
{
	struct provider_call *c = arg;
	static const struct answer ok = { .text = "ok" };
	const struct answer *a = is_end(c->answer) ? &ok : c->answer;
	struct provider_result r = { .finish_reason = "stop", .input_tokens = 100, .output_tokens = 10, .cost_usd = 0.01 };
	struct provider_events ev = c->ev;
	void *to = c->arg;
	struct error e = { .code = ERR_provider };

	if (a->reasoning != NULL)
		ev.reasoning(to, a->reasoning, strlen(a->reasoning));
	if (a->text != NULL)
		ev.text(to, a->text, strlen(a->text));
	c->shown = a->text != NULL || a->reasoning != NULL;
	if (a->hangs)
		return;
	if (a->error != NULL) {
		e.code = a->late ? ERR_timeout : ERR_provider;
		snprintf(e.text, sizeof(e.text), "%s", a->error);
		ev.failed(to, &e);
		call_free_(c);
		return;
	}
	call_free_(c);
	r.tool_calls = a->calls == NULL ? json_array() : json_loads(a->calls, 0, NULL);
	assert_non_null(r.tool_calls);
	ev.done(to, &r);
	json_decref(r.tool_calls);
}

struct provider_call *
provider_start(struct provider *p, const struct provider_request *r, const struct provider_events *ev, void *arg,
    struct error *e)
{
	struct provider_call *c = xcalloc(1, sizeof(*c));
	static const struct answer end;

	json_array_append_new(asked, json_pack("{s:s*, s:o, s:o}", "effort", r->effort, "messages", json_deep_copy(r->messages),
	    "tools", r->tools == NULL ? json_array() : json_deep_copy(r->tools)));
	c->answer = script == NULL ? &end : &script[script_at];
	if (!is_end(c->answer))
		script_at++;
	c->ev = *ev;
	c->arg = arg;
	c->timer = evtimer_new(base, answer_now, c);
	event_active(c->timer, 0, 0);
	return c;
}

/* No server makes vectors here. */
struct http *
provider_http(struct provider *p)
{
	return NULL;
}

struct embed *
embed_start(struct event_base *b, struct http *http, const struct target *t, json_t *texts, int timeout_ms, embed_done *done,
    void *arg, struct error *e)
{
	json_decref(texts);
	error_set(e, ERR_unavailable, "no embedding server");
	return NULL;
}

void
embed_cancel(struct embed *x)
{
}

int
transcribe_start(struct event_base *b, struct http *http, const struct target *t, const char *language, const char *name,
    const struct buf *sound, transcribe_done *done, void *arg, struct error *e)
{
	return error_set(e, ERR_unavailable, "nobody listens");
}

void
provider_cancel(struct provider_call *c)
{
	if (c != NULL)
		call_free_(c);
}

bool
provider_unfinished(const struct provider_call *c, struct provider_result *r)
{
	*r = (struct provider_result){ .estimated = true, .input_tokens = 90, .output_tokens = 1, .cost_usd = 0.005 };
	return c != NULL && c->shown;
}

int64_t
provider_window(const struct provider *p, const struct target *t)
{
	return context_window;
}

struct ollama_probe *
provider_probe(struct provider *p, const struct target *t, void (*done)(void *arg), void *arg)
{
	return NULL;
}

int
target_resolve(const json_t *config, target_secret *secret, void *secret_arg, const char *model,
    struct target *t, struct error *e)
{
	*t = (struct target){ .model = xstrdup(model == NULL ? "fake/one" : model), .provider = xstrdup("fake"),
	    .name = xstrdup("one"), .free = free_model };
	return no_key ? error_set(e, ERR_denied, "fake: FAKE_API_KEY is not set") : 0;
}

void
target_clear(struct target *t)
{
	free(t->model);
	free(t->provider);
	free(t->name);
	*t = (struct target){ 0 };
}

void
provider_limits(const json_t *config, struct provider_limits *l)
{
	*l = (struct provider_limits){ 0 };
}

char *
provider_body(const struct provider *p, const struct provider_request *r)
{
	return json_text(r->messages);
}

/* The messages of the n-th request to the model, counted from 0. */
static json_t *
messages_of(size_t n)
{
	json_t *m = json_object_get(json_array_get(asked, n), "messages");

	assert_non_null(m);
	return m;
}

/* All contents of the n-th request with this role, joined by newlines; the caller frees. */
static inline char *
contents(size_t n, const char *role)
{
	json_t *m;
	size_t i;
	struct buf b = BUF(0);

	json_array_foreach(messages_of(n), i, m)
		if (strcmp(json_str(m, "role", ""), role) == 0)
			buf_addf(&b, "%s\n", json_str(m, "content", ""));
	return buf_take(&b);
}

static void
model_up(void)
{
	asked = json_array();
	script = NULL;
	script_at = 0;
	context_window = 200000;
	no_key = free_model = false;
}

#endif

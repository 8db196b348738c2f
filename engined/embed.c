/* SPDX-License-Identifier: Apache-2.0 */
/* See embed.h. */
#include "engined/embed.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/dialect.h"
#include "engined/refusal.h"
#include "engined/retry.h"
#include "engined/vectors.h"

#define BODY_MAX	(32u << 20)
#define DEPTH		8
#define RETRIES		2
#define BACKOFF_MS	500
#define COST_MAX	1000.0		/* USD of one request; more is nonsense */

struct embed {
	struct event_base	*base;
	struct http		*http;
	struct target		 target;
	struct http_call	*call;
	struct event		*pause;
	char			*body;
	size_t			 count;
	int			 timeout_ms, retries, status;
	long			 retry_after_ms;
	struct buf		 answer;
	embed_done		*done;
	void			*arg;
};

/* ---- the answer ------------------------------------------------------------------------------------ */

static int
read_vector(const json_t *row, size_t at, struct embed_result *r, struct error *e)
{
	const json_t *list = json_object_get(row, "embedding"), *number;
	size_t i;

	if ((int64_t)json_array_size(list) != r->dim)
		return error_set(e, ERR_provider, "the server lies about its dimension: a vector of %zu numbers after one of %lld",
		    json_array_size(list), (long long)r->dim);
	json_array_foreach(list, i, number) {
		float f = (float)json_number_value(number);

		if (!json_is_number(number) || !isfinite(f))
			return error_set(e, ERR_provider, "the server's vector has something in it that is no number");
		r->numbers[at * (size_t)r->dim + i] = f;
	}
	return 0;
}

/* The place of a row: what it says, each once, or its own. */
static int
read_rows(const json_t *rows, struct embed_result *r, struct error *e)
{
	cleanup_free bool *seen = xcalloc(r->count, sizeof(*seen));
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		int64_t at = json_int(row, "index", (int64_t)i);

		if (at < 0 || (size_t)at >= r->count || seen[at])
			return error_set(e, ERR_provider, "the server answered for a text that was not sent");
		seen[at] = true;
		if (read_vector(row, (size_t)at, r, e) == -1)
			return -1;
	}
	return 0;
}

int
embed_read(const char *body, size_t len, size_t count, struct embed_result *r, struct error *e)
{
	cleanup_json json_t *j = json_parse(body, len, DEPTH, e);
	const json_t *rows = json_object_get(j, "data");
	size_t dim = json_array_size(json_object_get(json_array_get(rows, 0), "embedding"));

	*r = (struct embed_result){ .count = count, .dim = (int64_t)dim, .tokens = json_int(json_object_get(j, "usage"), "prompt_tokens", 0) };
	if (j == NULL)
		return error_set(e, ERR_provider, "the server's answer is not JSON");
	if (json_array_size(rows) != count || count == 0)
		return error_set(e, ERR_provider, "the server answered with %zu vectors for %zu texts", json_array_size(rows), count);
	if (dim == 0 || dim > VECTORS_DIM_MAX)
		return error_set(e, ERR_provider, "the server's vectors have %zu numbers; 1 to %d can be kept", dim, VECTORS_DIM_MAX);
	if (r->tokens < 0 || r->tokens > INT32_MAX)
		r->tokens = 0;
	r->cost = json_num(json_object_get(j, "usage"), "cost", 0);
	if (!(r->cost >= 0 && r->cost < COST_MAX))
		r->cost = 0;
	r->numbers = xcalloc(count * dim, sizeof(float));
	if (read_rows(rows, r, e) == 0)
		return 0;
	embed_clear(r);
	return -1;
}

void
embed_clear(struct embed_result *r)
{
	free(r->numbers);
	*r = (struct embed_result){ 0 };
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void
embed_free(struct embed *x)
{
	if (x->call != NULL)
		http_cancel(x->call);
	event_free(x->pause);
	target_clear(&x->target);
	buf_clear(&x->answer);
	free(x->body);
	free(x);
}

void
embed_cancel(struct embed *x)
{
	if (x != NULL)
		embed_free(x);
}

/* again: the same may go well another time. */
static void
fail(struct embed *x, const struct error *why, bool again)
{
	struct failure f = { .why = *why, .status = x->status == 200 ? 0 : x->status, .retry_after_ms = x->retry_after_ms };
	struct timeval tv;
	int ms;

	if (again && retry_worth(&f) && x->retries < RETRIES) {
		ms = retry_pause_ms(&f, BACKOFF_MS, ++x->retries);
		tv = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
		evtimer_add(x->pause, &tv);
		return;
	}
	target_hide_key(&x->target, f.why.text);
	error_add(&f.why, "%s", x->target.provider);
	x->done(x->arg, NULL, &f.why);
	embed_free(x);
}

static void
finish(struct embed *x)
{
	struct embed_result r;
	struct error e = { 0 };

	if (x->status != 200) {
		cleanup_free char *line = refusal_line(buf_str(&x->answer), x->answer.len);

		error_set(&e, ERR_provider, "HTTP %d: %s", x->status, line);
		fail(x, &e, true);
	} else if (embed_read(buf_str(&x->answer), x->answer.len, x->count, &r, &e) == -1) {
		fail(x, &e, false);
	} else {
		x->done(x->arg, &r, NULL);
		embed_clear(&r);
		embed_free(x);
	}
}

/* ---- the request ---------------------------------------------------------------------------------------- */

static void
on_head(void *arg, int status, const char *type, long retry_after_ms)
{
	struct embed *x = arg;

	x->status = status;
	x->retry_after_ms = status == 429 || status == 503 ? retry_after_ms : -1;
}

static int
on_data(void *arg, const void *bytes, size_t len)
{
	struct embed *x = arg;

	return buf_add(&x->answer, bytes, len);
}

static void
on_done(void *arg, const struct error *e)
{
	struct embed *x = arg;

	x->call = NULL;
	if (e != NULL)
		fail(x, e, true);
	else
		finish(x);
}

static const struct http_events events = { on_head, on_data, on_done };

static void
on_begin(evutil_socket_t fd, short what, void *arg)
{
	struct embed *x = arg;
	cleanup_free char *url = xasprintf("%s/embeddings", x->target.url);
	char *auth = xasprintf(x->target.dialect->auth, x->target.key == NULL ? "" : x->target.key);
	const char *headers[] = { "Content-Type: application/json", auth, NULL };
	struct http_request r = { .method = "POST", .url = url, .headers = headers, .body = x->body, .body_len = strlen(x->body),
	    .first_byte_ms = x->timeout_ms, .idle_ms = x->timeout_ms, .max_body = BODY_MAX };
	struct error e = { 0 };

	buf_reset(&x->answer);
	x->answer.max = BODY_MAX;
	x->status = 0;
	x->retry_after_ms = -1;
	x->call = http_start(x->http, &r, &events, x, &e);
	explicit_bzero(auth, strlen(auth));
	free(auth);
	if (x->call == NULL)
		fail(x, &e, false);
}

struct embed *
embed_start(struct event_base *base, struct http *http, const struct target *t, json_t *texts, int timeout_ms, embed_done *done,
    void *arg, struct error *e)
{
	cleanup_json json_t *body = json_pack("{s:s, s:o}", "model", t->name, "input", texts);
	struct timeval now = { 0 };
	struct embed *x;

	if (t->dialect != &openai_dialect) {
		error_set(e, ERR_invalid, "%s does not offer embeddings the way OpenAI and Ollama do", t->provider);
		return NULL;
	}
	x = xcalloc(1, sizeof(*x));
	*x = (struct embed){ .base = base, .http = http, .target = target_copy(t), .body = json_text(body),
	    .count = json_array_size(texts), .timeout_ms = timeout_ms, .done = done, .arg = arg };
	x->pause = evtimer_new(base, on_begin, x);
	evtimer_add(x->pause, &now);
	return x;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See endpoint.h. */
#include "engined/endpoint.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "engined/dialect.h"
#include "engined/refusal.h"
#include "engined/retry.h"

#define RETRIES		2
#define BACKOFF_MS	500

struct endpoint {
	struct event_base	*base;
	struct http		*http;
	struct target		 target;
	struct http_call	*call;
	struct event		*pause;
	char			*path, *type, *body;
	size_t			 len, most;
	int			 timeout_ms, retries, status;
	long			 retry_after_ms;
	struct buf		 answer;
	endpoint_done		*done;
	void			*arg;
};

/* ---- the end ------------------------------------------------------------------------------------------ */

static void
endpoint_free(struct endpoint *x)
{
	if (x->call != NULL)
		http_cancel(x->call);
	event_free(x->pause);
	target_clear(&x->target);
	buf_clear(&x->answer);
	free(x->path);
	free(x->type);
	free(x->body);
	free(x);
}

void
endpoint_cancel(struct endpoint *x)
{
	if (x != NULL)
		endpoint_free(x);
}

/* again: the same may go well another time. */
static void
fail(struct endpoint *x, const struct error *why, bool again)
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
	endpoint_free(x);
}

static void
finish(struct endpoint *x)
{
	struct error e = { 0 };

	if (x->status != 200) {
		cleanup_free char *line = refusal_line(buf_str(&x->answer), x->answer.len);

		error_set(&e, ERR_provider, "HTTP %d: %s", x->status, line);
		fail(x, &e, true);
	} else {
		x->done(x->arg, &x->answer, NULL);
		endpoint_free(x);
	}
}

/* ---- the request ---------------------------------------------------------------------------------------- */

static void
on_head(void *arg, int status, const char *type, long retry_after_ms)
{
	struct endpoint *x = arg;

	x->status = status;
	x->retry_after_ms = status == 429 || status == 503 ? retry_after_ms : -1;
}

static int
on_data(void *arg, const void *bytes, size_t len)
{
	struct endpoint *x = arg;

	return buf_add(&x->answer, bytes, len);
}

static void
on_done(void *arg, const struct error *e)
{
	struct endpoint *x = arg;

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
	struct endpoint *x = arg;
	cleanup_free char *url = xasprintf("%s%s", x->target.url, x->path), *type = xasprintf("Content-Type: %s", x->type);
	char *auth = xasprintf(x->target.dialect->auth, x->target.key == NULL ? "" : x->target.key);
	const char *headers[] = { type, auth, NULL };
	struct http_request r = { .method = "POST", .url = url, .headers = headers, .body = x->body, .body_len = x->len,
	    .first_byte_ms = x->timeout_ms, .idle_ms = x->timeout_ms, .max_body = x->most };
	struct error e = { 0 };

	buf_reset(&x->answer);
	x->answer.max = x->most;
	x->status = 0;
	x->retry_after_ms = -1;
	x->call = http_start(x->http, &r, &events, x, &e);
	explicit_bzero(auth, strlen(auth));
	free(auth);
	if (x->call == NULL)
		fail(x, &e, false);
}

struct endpoint *
endpoint_start(struct event_base *base, struct http *http, const struct endpoint_request *r, endpoint_done *done, void *arg,
    struct error *e)
{
	struct timeval now = { 0 };
	struct endpoint *x;

	if (r->target->dialect != &openai_dialect) {
		error_set(e, ERR_invalid, "%s does not offer %s the way OpenAI and Ollama do", r->target->provider, r->path + 1);
		return NULL;
	}
	x = xcalloc(1, sizeof(*x));
	*x = (struct endpoint){ .base = base, .http = http, .target = target_copy(r->target), .path = xstrdup(r->path),
	    .type = xstrdup(r->type), .body = xmalloc(r->len + 1), .len = r->len, .most = r->most, .timeout_ms = r->timeout_ms,
	    .done = done, .arg = arg };
	memcpy(x->body, r->body, r->len);
	x->pause = evtimer_new(base, on_begin, x);
	evtimer_add(x->pause, &now);
	return x;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See attempt.h. The watchdog counts events, not bytes: a server that only
 * sends comments to keep the connection up is as stalled as a silent one.
 */
#include "engined/attempt.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/refusal.h"
#include "engined/sse.h"

#define BODY_MAX	(512u << 20)	/* of any answer: a token's frame is a hundred times its text */
#define REFUSAL_BODY	65536		/* kept of an answer that is none */
#define WHOLE_MAX	(8u << 20)	/* an answer that is not a stream */
#define DRAIN_MS	200		/* from the stream's last event to the end of its connection's part */
#define CLOSING_MS	10000		/* from the reason why the model stopped to that last event */
#define COMPOSED_DELTA	24		/* bytes of a delta of a composed answer */

enum shape { UNKNOWN, EVENTS, WHOLE };

struct attempt {
	const struct dialect	*dialect;
	struct attempt_events	 ev;
	void			*arg;
	int			 first_byte_ms, idle_ms;
	bool			 whole;
	struct event		*timer;		/* the watchdog; of a composed answer, the next delta */
	bool			 begun;		/* something came */
	bool			 over;
	int			 depth;		/* our functions on the stack; freed when they are gone */
	struct http_call	*http;
	enum shape		 shape;
	int			 status;
	long			 retry_after_ms;
	struct sse		 sse;
	struct buf		 raw;		/* an answer that is not a stream, or a refusal */
	struct answer		 answer;
	struct error		 fault;		/* what the stream's reader found */
	json_t			*composed;
	size_t			 told;		/* bytes of its text */
};

/* ---- the end ------------------------------------------------------------------------------- */

/* Our functions hold the attempt while they are on the stack; one that is over goes when the last returns. */
static void
enter(struct attempt *a)
{
	a->depth++;
}

static void
leave(struct attempt *a)
{
	if (--a->depth > 0 || !a->over)
		return;
	event_free(a->timer);
	answer_clear(&a->answer);
	sse_clear(&a->sse);
	buf_clear(&a->raw);
	json_decref(a->composed);
	free(a);
}

/* No callback from here on, but the one that says so. */
static void
end(struct attempt *a)
{
	a->over = true;
	http_cancel(steal(a->http));
	event_del(a->timer);
}

void
attempt_cancel(struct attempt *a)
{
	if (a == NULL || a->over)
		return;
	enter(a);
	end(a);
	leave(a);
}

/* With this HTTP status, or the one an error object named (0: none). */
static void
fail(struct attempt *a, const struct error *why, int status)
{
	bool asks = a->status == 429 || a->status == 503;
	struct failure f = {
		.why = *why, .status = status, .retry_after_ms = asks ? a->retry_after_ms : -1, .shown = a->answer.yielded,
	};

	end(a);
	a->ev.failed(a->arg, &f);
}

static void
succeed(struct attempt *a)
{
	http_cancel(steal(a->http));
	event_del(a->timer);
	answer_end(&a->answer);
	if (a->over)			/* cancelled in that last delta */
		return;
	end(a);
	a->ev.done(a->arg, &a->answer);
}

/* ---- the watchdog -------------------------------------------------------------------------- */

static void
arm(struct attempt *a, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(a->timer, &tv);
}

/* Something came: the gap to the next is limited from now on. */
static void
progress(struct attempt *a)
{
	a->begun = true;
	if (a->idle_ms > 0)
		arm(a, a->idle_ms);
	else
		event_del(a->timer);
}

static void
stalled(struct attempt *a)
{
	struct error e = { 0 };

	if (a->answer.complete) {		/* only the usage, the end mark or the connection's end is missing */
		succeed(a);
		return;
	}
	if (!a->begun)
		error_set(&e, ERR_timeout, "stalled: no answer within %d s", a->first_byte_ms / 1000);
	else
		error_set(&e, ERR_timeout, "stalled: the answer stopped for %d s", a->idle_ms / 1000);
	fail(a, &e, 0);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void
sink_text(void *arg, const char *text, size_t len)
{
	struct attempt *a = arg;

	if (!a->over)
		a->ev.text(a->arg, text, len);
}

static void
sink_reasoning(void *arg, const char *text, size_t len)
{
	struct attempt *a = arg;

	if (!a->over)
		a->ev.reasoning(a->arg, text, len);
}

static const struct answer_sink sink = { sink_text, sink_reasoning };

static int
on_event(void *arg, const struct sse_event *ev)
{
	struct attempt *a = arg;

	if (ev->len == 0 || a->answer.closed)
		return 0;
	progress(a);
	if (a->dialect->event(&a->answer, ev, &a->fault) == -1) {
		if (strcmp(ev->name, "error") == 0 && a->answer.status == 0) {
			cleanup_free char *line = refusal_line(ev->data, ev->len);
			error_set(&a->fault, ERR_provider, "%s", line);
		}
		return -1;
	}
	if (a->over)
		return -1;
	if (a->answer.closed)
		arm(a, DRAIN_MS);		/* the connection is reusable when its end is read, too */
	else if (a->answer.complete)
		arm(a, CLOSING_MS);
	return 0;
}

/* The status line said yes. */
static bool
accepted(const struct attempt *a)
{
	return a->status >= 200 && a->status < 300;
}

static void
on_head(void *arg, int status, const char *type, long retry_after_ms)
{
	struct attempt *a = arg;

	a->status = status;
	a->retry_after_ms = retry_after_ms;
	a->shape = !accepted(a) || a->whole ? WHOLE :
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
keep_raw(struct attempt *a, const char *bytes, size_t len)
{
	size_t room;

	progress(a);
	if (!accepted(a)) {
		room = REFUSAL_BODY - a->raw.len;
		(void)buf_add(&a->raw, bytes, len < room ? len : room);
		return 0;
	}
	if (buf_add(&a->raw, bytes, len) == 0)
		return 0;
	return error_set(&a->fault, ERR_too_large, "the answer is longer than %u bytes", WHOLE_MAX);
}

static int
on_data(void *arg, const void *bytes, size_t len)
{
	struct attempt *a = arg;
	int result;

	if (a->answer.closed)
		return 0;
	if (a->shape == UNKNOWN)
		a->shape = shape_of(bytes, len);
	enter(a);
	if (a->shape == WHOLE)
		result = keep_raw(a, bytes, len);
	else
		result = sse_feed(&a->sse, bytes, len, on_event, a, &a->fault);
	leave(a);
	return result == 0 ? 0 : -1;
}

/* The status line said no. */
static void
refused(struct attempt *a)
{
	cleanup_free char *line = refusal_line(buf_str(&a->raw), a->raw.len);
	struct error e = { 0 };

	if (a->status >= 300 && a->status < 400)
		error_set(&e, ERR_provider, "HTTP %d: the address is not the API's own (redirects are not followed)", a->status);
	else
		error_set(&e, ERR_provider, "HTTP %d%s%s", a->status, line[0] ? ": " : "", line);
	fail(a, &e, a->status);
}

/* One object where a stream was wanted is an answer as well, or an error with status 200. */
static void
read_whole(struct attempt *a, struct error *e)
{
	cleanup_json json_t *j = NULL;
	cleanup_free char *line = NULL;

	if (buf_str(&a->raw)[strspn(buf_str(&a->raw), " \t\r\n")] == '<') {
		line = refusal_line(buf_str(&a->raw), a->raw.len);
		error_set(e, ERR_provider, "the server sent a page, not an answer: %s", line);
	} else if ((j = answer_parse(&a->answer, buf_str(&a->raw), a->raw.len, e)) != NULL) {
		if (a->dialect->whole(&a->answer, j, e) == 0 && !a->answer.complete && !a->over)
			error_set(e, ERR_provider, "the server's answer is not of this API");
	}
}

/* The body is whole. */
static void
conclude(struct attempt *a)
{
	struct error e = { 0 };

	if (!accepted(a)) {
		refused(a);
		return;
	}
	if (a->shape == WHOLE)
		read_whole(a, &e);
	else if (sse_end(&a->sse, on_event, a, &a->fault) == -1 && a->answer.refused)
		e = a->fault;			/* else a last line that was cut: told below */
	if (a->over)
		return;
	if (e.code == ERR_none && !a->answer.complete)
		error_set(&e, ERR_gone, "the connection was cut before the answer was complete");
	if (e.code != ERR_none)
		fail(a, &e, a->answer.status);
	else
		succeed(a);
}

/* The transfer broke; what had come may still be all that matters. */
static void
broken(struct attempt *a, const struct error *why)
{
	struct error e = *why;

	if (a->fault.code != ERR_none) {
		fail(a, &a->fault, a->answer.status);
	} else if (a->answer.complete && a->shape != WHOLE) {
		succeed(a);
	} else if (a->status >= 300) {
		refused(a);
	} else {
		if (a->answer.yielded || a->status != 0)
			error_add(&e, "the connection was cut before the answer was complete");
		else
			error_add(&e, "no connection");
		fail(a, &e, 0);
	}
}

static void
on_done(void *arg, const struct error *e)
{
	struct attempt *a = arg;

	a->http = NULL;
	enter(a);
	if (e == NULL && a->fault.code == ERR_none)
		conclude(a);
	else
		broken(a, e != NULL ? e : &a->fault);
	leave(a);
}

/* ---- a composed answer: no server, the same course of events ------------------------------- */

static void
take_composed_calls(struct attempt *a)
{
	const json_t *call;
	size_t i;

	json_array_foreach(json_object_get(a->composed, "tool_calls"), i, call) {
		const char *arguments = json_str(call, "arguments", "{}");

		(void)answer_call(&a->answer, &(struct answer_delta){
			.index = (int64_t)i, .id = json_str(call, "id", NULL), .name = json_str(call, "name", NULL),
			.arguments = arguments, .len = strlen(arguments),
		}, NULL);
	}
}

static void
tell_composed(struct attempt *a)
{
	const char *text = json_str(a->composed, "text", "");
	size_t left = strlen(text) - a->told, n = left;

	if (!a->whole && n > COMPOSED_DELTA)
		n = utf8_cut(text + a->told, left, COMPOSED_DELTA);
	if (n > 0) {
		cleanup_free char *delta = xstrndup(text + a->told, n);

		a->told += n;
		arm(a, 0);
		(void)answer_text(&a->answer, delta, n, NULL);
		return;
	}
	take_composed_calls(a);
	succeed(a);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;

	enter(a);
	if (a->composed != NULL)
		tell_composed(a);
	else
		stalled(a);
	leave(a);
}

/* ---- the beginning ------------------------------------------------------------------------- */

/* The key goes into one header and nowhere else. */
static int
send_request(struct attempt *a, struct http *http, const struct attempt_order *o, struct error *e)
{
	const struct dialect *d = o->dialect;
	cleanup_free char *auth = d->auth != NULL ? xasprintf(d->auth, o->key != NULL ? o->key : "") : NULL;
	const char *headers[] = {
		"Content-Type: application/json", o->whole ? "Accept: application/json" : "Accept: text/event-stream",
		"User-Agent: alpi/" ALPI_VERSION, auth, d->header, NULL,
	};
	struct http_events ev = { on_head, on_data, on_done };
	struct http_request r = {
		.method = "POST", .url = o->url, .headers = headers, .body = o->body, .body_len = strlen(o->body), .max_body = BODY_MAX,
	};

	a->http = http_start(http, &r, &ev, a, e);
	if (auth != NULL)
		explicit_bzero(auth, strlen(auth));
	return a->http != NULL ? 0 : -1;
}

struct attempt *
attempt_start(struct event_base *base, struct http *http, const struct attempt_order *o, const struct attempt_events *ev,
    void *arg, struct error *e)
{
	struct attempt *a = xcalloc(1, sizeof(*a));

	*a = (struct attempt){
		.dialect = o->dialect, .ev = *ev, .arg = arg, .first_byte_ms = o->first_byte_ms, .idle_ms = o->idle_ms,
		.whole = o->whole, .raw = BUF(WHOLE_MAX), .retry_after_ms = -1, .composed = json_incref(o->composed),
	};
	a->timer = evtimer_new(base, on_timer, a);
	answer_init(&a->answer, &sink, a);
	sse_init(&a->sse);
	if (a->composed != NULL) {
		arm(a, 0);
		return a;
	}
	if (a->first_byte_ms > 0)
		arm(a, a->first_byte_ms);
	if (send_request(a, http, o, e) == 0)
		return a;
	attempt_cancel(a);
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See botapi.h. */
#include "gatewayd/botapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/url.h"
#include "gatewayd/settings.h"
#include "gatewayd/update.h"

#define API		"https://api.telegram.org"
#define ANSWER_MAX	(16 * 1024 * 1024)
#define WHY_MAX		ERROR_TEXT_MAX
#define RETRY_MAX_MS	3600000
#define DIGITS		"0123456789"
#define WORD		DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"

struct botapi_call {
	struct http_call	*http;
	struct event		*soon;		/* for a call that could not even begin */
	botapi_done		*done;
	void			*arg;
	int			 status;
	int64_t			 retry_ms;
	struct buf		 body;
	char			 why[WHY_MAX];
};

static void
call_free(struct botapi_call *c)
{
	event_free(c->soon);
	buf_clear(&c->body);
	free(c);
}

/* c is gone after. */
static void
finish(struct botapi_call *c, const struct botapi_answer *a)
{
	c->http = NULL;
	c->done(c->arg, a);
	call_free(c);
}

static void
on_head(void *arg, int status, const char *content_type, long retry_after_ms)
{
	struct botapi_call *c = arg;

	c->status = status;
	c->retry_ms = retry_after_ms;
}

static int
on_data(void *arg, const void *bytes, size_t len)
{
	struct botapi_call *c = arg;

	return buf_add(&c->body, bytes, len);
}

/* {"ok", "result" or "error_code", "description", "parameters": {"retry_after"}} */
static void
finish_with(struct botapi_call *c, const json_t *said)
{
	int64_t after = json_int(json_object_get(said, "parameters"), "retry_after", -1);
	struct botapi_answer a = { .ok = json_bool(said, "ok", false), .result = json_object_get(said, "result") };

	a.status = (int)json_int(said, "error_code", c->status);
	a.retry_ms = after < 0 ? c->retry_ms : after > RETRY_MAX_MS / 1000 ? RETRY_MAX_MS : after * 1000;
	snprintf(c->why, sizeof(c->why), "%d %s", a.status, json_str(said, "description", "no reason given"));
	a.why = a.ok ? NULL : c->why;
	finish(c, &a);
}

static void
on_done(void *arg, const struct error *e)
{
	struct botapi_call *c = arg;
	cleanup_json json_t *said = NULL;
	size_t bad = 0;

	if (e == NULL)
		said = updates_answer(buf_str(&c->body), c->body.len, &bad);
	if (bad > 0)
		log_warn("telegram: %zu updates cannot be read, they are passed", bad);
	if (json_is_object(said)) {
		finish_with(c, said);
		return;
	}
	if (e != NULL)
		snprintf(c->why, sizeof(c->why), "%s", e->code == ERR_invalid ? "the address cannot be used" : e->text);
	else
		snprintf(c->why, sizeof(c->why), "status %d without an answer of the Bot API", c->status);
	finish(c, &(struct botapi_answer){ .why = c->why, .retry_ms = c->retry_ms });
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct botapi_call *c = arg;

	finish(c, &(struct botapi_answer){ .why = "the request cannot be made", .retry_ms = -1 });
}

static struct botapi_call *
call_new(struct event_base *base, botapi_done *done, void *arg)
{
	struct botapi_call *c = xcalloc(1, sizeof(*c));

	c->done = done;
	c->arg = arg;
	c->retry_ms = -1;
	c->body.max = ANSWER_MAX;
	c->soon = evtimer_new(base, on_soon, c);
	return c;
}

struct botapi_call *
botapi_fail(struct event_base *base, botapi_done *done, void *arg)
{
	struct botapi_call *c = call_new(base, done, arg);

	event_active(c->soon, EV_TIMEOUT, 0);
	return c;
}

struct botapi_call *
botapi_post(struct http *http, struct event_base *base, const struct bot *bot, const char *method, const char *header,
    const void *body, size_t len, int wait_ms, botapi_done *done, void *arg)
{
	static const struct http_events events = { .head = on_head, .data = on_data, .done = on_done };
	const char *headers[] = { header, NULL };
	struct botapi_call *c = call_new(base, done, arg);
	cleanup_free char *url = xasprintf("%s/bot%s/%s", bot->api, bot->token, method);

	c->http = http_start(http, &(struct http_request){ .method = "POST", .url = url, .headers = headers, .body = body,
	    .body_len = len, .first_byte_ms = wait_ms, .idle_ms = 30000, .max_body = ANSWER_MAX }, &events, c, NULL);
	if (c->http == NULL)
		event_active(c->soon, EV_TIMEOUT, 0);
	explicit_bzero(url, strlen(url));
	return c;
}

struct botapi_call *
botapi_start(struct http *http, struct event_base *base, const struct bot *bot, const char *method,
    json_t *params, int wait_ms, botapi_done *done, void *arg)
{
	cleanup_free char *body = json_text(params);

	json_decref(params);
	return botapi_post(http, base, bot, method, "Content-Type: application/json", body, strlen(body), wait_ms, done, arg);
}

void
botapi_cancel(struct botapi_call *c)
{
	if (c == NULL)
		return;
	http_cancel(c->http);
	call_free(c);
}

/* The token goes into addresses: digits, a colon, and nothing that an address could take for something else. */
static bool
is_token(const char *token)
{
	size_t n = strspn(token, DIGITS);

	return n > 0 && n < 20 && token[n] == ':' && strlen(token) <= 128 && token[n + 1] != '\0' &&
	    token[n + 1 + strspn(token + n + 1, WORD)] == '\0';
}

const char *
bot_set(struct bot *b, const char *token, const char *api)
{
	if (!is_token(token))
		return "TELEGRAM_BOT_TOKEN is no bot token (digits, a colon, letters)";
	b->token = token;
	b->account = xstrndup(token, strspn(token, DIGITS));
	b->api = settings_base(api != NULL ? api : API);
	return url_is_safe(b->api) ? NULL : "TELEGRAM_API_URL must begin with https:// or be on this machine";
}

void
bot_clear(struct bot *b)
{
	free(b->account);
	free(b->api);
	*b = (struct bot){ 0 };
}

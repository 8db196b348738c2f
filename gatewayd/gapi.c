/* SPDX-License-Identifier: Apache-2.0 */
/* See gapi.h. */
#include "gatewayd/gapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/json_foreign.h"
#include "common/mem.h"

#define ANSWER_MAX	(4 * 1024 * 1024)
#define PLAIN		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.~"
#define DEPTH		48
#define WAIT_MS		30000
#define RETRY_MAX_MS	3600000

struct gapi_call {
	struct http_call	*http;
	struct event		*soon;		/* for a call that could not even begin */
	gapi_done		*done;
	void			*arg;
	int			 status;
	int64_t			 retry_ms;
	struct buf		 body;
	char			 why[ERROR_TEXT_MAX];
};

static void
call_free(struct gapi_call *c)
{
	event_free(c->soon);
	if (c->body.data != NULL)
		explicit_bzero(c->body.data, c->body.len);	/* it may hold tokens */
	buf_clear(&c->body);
	free(c);
}

/* c is gone after. */
static void
finish(struct gapi_call *c, const struct gapi_answer *a)
{
	c->http = NULL;
	c->done(c->arg, a);
	call_free(c);
}

static void
on_head(void *arg, int status, const char *content_type, long retry_after_ms)
{
	struct gapi_call *c = arg;

	c->status = status;
	c->retry_ms = retry_after_ms > RETRY_MAX_MS ? RETRY_MAX_MS : retry_after_ms;
}

static int
on_data(void *arg, const void *bytes, size_t len)
{
	struct gapi_call *c = arg;

	return buf_add(&c->body, bytes, len);
}

/* {"error": "code", "error_description"} of the token server, {"error": {"status", "message"}} of the API. */
static void
refused(struct gapi_call *c, const json_t *said)
{
	const json_t *error = json_object_get(said, "error");
	const char *code = json_is_string(error) ? json_string_value(error) : json_str(error, "status", "");
	const char *words = json_str(said, "error_description", json_str(error, "message", "no reason given"));

	snprintf(c->why, sizeof(c->why), "%d %s%s%.300s", c->status, code, *code != '\0' ? ": " : "", words);
	finish(c, &(struct gapi_answer){ .status = c->status, .code = code, .why = c->why, .retry_ms = c->retry_ms });
}

static void
on_done(void *arg, const struct error *e)
{
	struct gapi_call *c = arg;
	cleanup_json json_t *said = NULL;

	if (e == NULL && c->body.len == 0)
		said = json_object();			/* 204 */
	else if (e == NULL)
		said = json_foreign(buf_str(&c->body), c->body.len, DEPTH, NULL);
	if (json_is_object(said) && c->status >= 200 && c->status < 300) {
		finish(c, &(struct gapi_answer){ .ok = true, .status = c->status, .said = said, .code = "", .retry_ms = -1 });
		return;
	}
	if (json_is_object(said)) {
		refused(c, said);
		return;
	}
	if (e != NULL)
		snprintf(c->why, sizeof(c->why), "%s", e->code == ERR_invalid ? "the address cannot be used" : e->text);
	else
		snprintf(c->why, sizeof(c->why), "status %d and no JSON", c->status);
	finish(c, &(struct gapi_answer){ .status = e == NULL ? c->status : 0, .code = "", .why = c->why, .retry_ms = c->retry_ms,
	    .too_large = e != NULL && (e->code == ERR_too_large || e->code == ERR_cancelled) });
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	finish(arg, &(struct gapi_answer){ .code = "", .why = "the request cannot be made", .retry_ms = -1 });
}

char *
gapi_escape(const char *text)
{
	struct buf b = BUF(0);

	for (; *text != '\0'; text++)
		if (strchr(PLAIN, *text) != NULL)
			(void)buf_addc(&b, *text);
		else
			(void)buf_addf(&b, "%%%02X", (unsigned char)*text);
	return b.data == NULL ? xstrdup("") : buf_take(&b);
}

struct gapi_call *
gapi_start(struct http *http, struct event_base *base, const struct gapi_request *r, gapi_done *done, void *arg)
{
	static const struct http_events events = { .head = on_head, .data = on_data, .done = on_done };
	struct gapi_call *c = xcalloc(1, sizeof(*c));
	cleanup_free char *bearer = r->bearer == NULL ? NULL : xasprintf("Authorization: Bearer %s", r->bearer);
	cleanup_free char *type = r->type == NULL ? NULL : xasprintf("Content-Type: %s", r->type);
	const char *headers[3] = { NULL };
	size_t n = 0;

	if (bearer != NULL)
		headers[n++] = bearer;
	if (type != NULL)
		headers[n++] = type;
	c->done = done;
	c->arg = arg;
	c->retry_ms = -1;
	c->body.max = r->max > 0 ? r->max : ANSWER_MAX;
	c->soon = evtimer_new(base, on_soon, c);
	c->http = http_start(http, &(struct http_request){ .method = r->method, .url = r->url, .headers = headers, .body = r->body,
	    .body_len = r->body == NULL ? 0 : strlen(r->body), .first_byte_ms = WAIT_MS, .idle_ms = WAIT_MS,
	    .max_body = c->body.max }, &events, c, NULL);
	if (c->http == NULL)
		event_active(c->soon, EV_TIMEOUT, 0);
	if (bearer != NULL)
		explicit_bzero(bearer, strlen(bearer));
	return c;
}

void
gapi_cancel(struct gapi_call *c)
{
	if (c == NULL)
		return;
	if (c->http != NULL)
		http_cancel(c->http);
	call_free(c);
}

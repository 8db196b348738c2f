/* SPDX-License-Identifier: Apache-2.0 */
/* See webcall.h. */
#include "gatewayd/webcall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define IDLE_MS		30000
#define PLAIN		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"

struct webcall {
	struct http_call	*http;
	struct event		*soon;		/* for a request that could not even begin */
	webcall_done		*done;
	void			*arg;
	int			 status;
	bool			 large;
	int64_t			 retry_ms;
	struct buf		 body;
	char			 type[128], why[ERROR_TEXT_MAX];
};

static void
call_free(struct webcall *c)
{
	event_free(c->soon);
	buf_clear(&c->body);
	free(c);
}

/* c is gone after. */
static void
finish(struct webcall *c, const char *why)
{
	c->http = NULL;
	c->done(c->arg, &(struct webcall_answer){ .status = why == NULL ? c->status : 0, .type = c->type, .body = &c->body, .why = why,
	    .large = c->large, .retry_ms = c->retry_ms });
	call_free(c);
}

static void
on_head(void *arg, int status, const char *content_type, long retry_after_ms)
{
	struct webcall *c = arg;

	c->status = status;
	c->retry_ms = retry_after_ms;
	snprintf(c->type, sizeof(c->type), "%s", content_type);
}

static int
on_data(void *arg, const void *bytes, size_t len)
{
	struct webcall *c = arg;

	return buf_add(&c->body, bytes, len);
}

static void
on_done(void *arg, const struct error *e)
{
	struct webcall *c = arg;

	c->large = e != NULL && e->code == ERR_too_large;
	if (e != NULL)
		snprintf(c->why, sizeof(c->why), "%s", e->code == ERR_invalid ? "the address cannot be used" : e->text);
	finish(c, e != NULL ? c->why : NULL);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	finish(arg, "the request cannot be made");
}

struct webcall *
webcall_start(struct http *http, struct event_base *base, const struct webcall_request *r, webcall_done *done, void *arg)
{
	static const struct http_events events = { .head = on_head, .data = on_data, .done = on_done };
	struct webcall *c = xcalloc(1, sizeof(*c));

	c->done = done;
	c->arg = arg;
	c->retry_ms = -1;
	c->body.max = r->most;
	c->soon = evtimer_new(base, on_soon, c);
	c->http = http_start(http, &(struct http_request){ .method = r->method, .url = r->url, .headers = r->headers, .body = r->body,
	    .body_len = r->len, .first_byte_ms = r->wait_ms, .idle_ms = IDLE_MS, .max_body = r->most }, &events, c, NULL);
	if (c->http == NULL)
		event_active(c->soon, EV_TIMEOUT, 0);
	return c;
}

void
webcall_cancel(struct webcall *c)
{
	if (c == NULL)
		return;
	http_cancel(c->http);
	call_free(c);
}

char *
webcall_escape(const char *name)
{
	struct buf b = BUF(0);

	for (; *name != '\0'; name++)
		if (strchr(PLAIN, *name) != NULL)
			buf_addc(&b, *name);
		else
			buf_addf(&b, "%%%02X", (unsigned char)*name);
	return b.len == 0 ? xstrdup("") : buf_take(&b);
}

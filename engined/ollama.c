/* SPDX-License-Identifier: Apache-2.0 */
/* See ollama.h. Two requests, one after the other. */
#include "engined/ollama.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#define TAGS_MS		1000
#define SHOW_MS		2000
#define BODY_MAX	(8u << 20)	/* /api/show carries the licence and the template */
#define DEPTH_MAX	32
#define WINDOW_MAX	100000000

struct ollama_probe {
	LIST_ENTRY(ollama_probe) link;
	struct ollama	*o;
	char		*url, *name;
	void		(*done)(void *arg);
	void		*arg;
	struct http_call *http;
	struct buf	 body;
	int		 status;
};

void
ollama_init(struct ollama *o, struct http *http)
{
	o->http = http;
	o->servers = json_object();
	LIST_INIT(&o->probes);
}

int64_t
ollama_window(const struct ollama *o, const char *url, const char *name)
{
	const json_t *server = json_object_get(o->servers, url);

	return json_is_null(server) ? 0 : json_int(server, name, -1);
}

/* ---- what the server says ------------------------------------------------------------------ */

/* "num_ctx   8192" on a line of its own. */
static int64_t
num_ctx(const char *parameters)
{
	for (const char *p = parameters; p != NULL; p = strchr(p, '\n')) {
		p += strspn(p, " \t\r\n");
		if (strncmp(p, "num_ctx", 7) == 0 && strchr(" \t", p[7]) != NULL && p[7] != '\0')
			return strtoll(p + 7, NULL, 10);
	}
	return 0;
}

static int64_t
context_length(const json_t *info)
{
	static const char end[] = ".context_length";
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)info, key, value) {
		size_t n = strlen(key);

		if (n >= sizeof(end) - 1 && strcmp(key + n - (sizeof(end) - 1), end) == 0)
			return json_integer_value(value);
	}
	return 0;
}

int64_t
ollama_show_window(const json_t *show)
{
	int64_t n = num_ctx(json_str(show, "parameters", NULL));

	if (n <= 0)
		n = context_length(json_object_get(show, "model_info"));
	return n > 0 && n < WINDOW_MAX ? n : OLLAMA_WINDOW;
}

/* ---- asking -------------------------------------------------------------------------------- */

static void
free_probe(struct ollama_probe *q)
{
	LIST_REMOVE(q, link);
	buf_clear(&q->body);
	free(q->url);
	free(q->name);
	free(q);
}

static void
end_probe(struct ollama_probe *q)
{
	void (*done)(void *) = q->done;
	void *arg = q->arg;

	free_probe(q);
	done(arg);
}

void
ollama_cancel(struct ollama_probe *q)
{
	if (q == NULL)
		return;
	http_cancel(q->http);
	free_probe(q);
}

void
ollama_clear(struct ollama *o)
{
	while (!LIST_EMPTY(&o->probes))
		ollama_cancel(LIST_FIRST(&o->probes));
	json_decref(o->servers);
	o->servers = NULL;
}

static void
on_head(void *arg, int status, const char *type, long retry_after_ms)
{
	((struct ollama_probe *)arg)->status = status;
}

static int
on_data(void *arg, const void *bytes, size_t len)
{
	return buf_add(&((struct ollama_probe *)arg)->body, bytes, len);
}

/* ".../v1" -> ".../api/NAME" */
static char *
api_url(const char *url, const char *name)
{
	size_t n = strlen(url);

	if (n >= 3 && strcmp(url + n - 3, "/v1") == 0)
		n -= 3;
	return xasprintf("%.*s/api/%s", (int)n, url, name);
}

static int
ask(struct ollama_probe *q, const char *what, const char *body, int limit_ms, void (*done)(void *, const struct error *))
{
	const char *headers[] = { "Content-Type: application/json", NULL };
	cleanup_free char *url = api_url(q->url, what);
	struct http_events ev = { .head = on_head, .data = on_data, .done = done };
	struct http_request r = {
		.method = body != NULL ? "POST" : "GET",
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = body != NULL ? strlen(body) : 0,
		.connect_ms = limit_ms,
		.first_byte_ms = limit_ms,
		.idle_ms = limit_ms,
		.max_body = BODY_MAX,
	};

	buf_reset(&q->body);
	q->status = 0;
	q->http = http_start(q->o->http, &r, &ev, q, NULL);
	return q->http == NULL ? -1 : 0;
}

/* A definite answer, as against a server that is away. */
static json_t *
reply_of(const struct ollama_probe *q)
{
	return q->status == 200 ? json_parse(buf_str(&q->body), q->body.len, DEPTH_MAX, NULL) : NULL;
}

static void
on_show(void *arg, const struct error *e)
{
	struct ollama_probe *q = arg;
	cleanup_json json_t *reply = NULL;
	json_t *server;

	q->http = NULL;
	if (e == NULL && q->status < 500) {
		reply = reply_of(q);
		server = json_object_get(q->o->servers, q->url);
		if (!json_is_object(server))
			json_object_set_new(q->o->servers, q->url, server = json_object());
		json_object_set_new(server, q->name, json_integer(ollama_show_window(reply)));
	}
	end_probe(q);
}

static void
on_tags(void *arg, const struct error *e)
{
	struct ollama_probe *q = arg;
	cleanup_json json_t *reply = NULL, *order = NULL;
	cleanup_free char *body = NULL;

	q->http = NULL;
	if (e != NULL || q->status >= 500) {
		end_probe(q);
		return;
	}
	reply = reply_of(q);
	if (!json_is_array(json_object_get(reply, "models"))) {
		json_object_set_new(q->o->servers, q->url, json_null());
		end_probe(q);
		return;
	}
	order = json_pack("{s:s}", "name", q->name);
	body = json_text(order);
	if (ask(q, "show", body, SHOW_MS, on_show) == -1)
		end_probe(q);
}

struct ollama_probe *
ollama_probe(struct ollama *o, const char *url, const char *name, void (*done)(void *arg), void *arg)
{
	struct ollama_probe *q = xcalloc(1, sizeof(*q));

	*q = (struct ollama_probe){
		.o = o, .url = xstrdup(url), .name = xstrdup(name), .done = done, .arg = arg, .body = BUF(BODY_MAX),
	};
	LIST_INSERT_HEAD(&o->probes, q, link);
	if (ask(q, "tags", NULL, TAGS_MS, on_tags) == 0)
		return q;
	free_probe(q);
	return NULL;
}

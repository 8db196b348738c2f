/* SPDX-License-Identifier: Apache-2.0 */
/* See osv.h. One request to /v1/querybatch. */
#include "engined/osv.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/http.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/url.h"

#define BODY_MAX	(4u << 20)
#define DEPTH		8
#define ID_MAX		64

struct osv {
	struct http_call	*call;
	struct event		*limit;
	const struct packages	*packages;
	struct buf		 body;
	int			 status;
	osv_done		*done;
	void			*arg;
};

char *
osv_question(const struct packages *p)
{
	cleanup_json json_t *queries = json_array(), *body = NULL;

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(queries, json_pack("{s:{s:s, s:s}}", "package", "name", p->names[i], "ecosystem", p->ecosystem));
	body = json_pack("{s:O}", "queries", queries);
	return json_text(body);
}

/* ---- the answer --------------------------------------------------------------------------------- */

static bool
is_id(const char *id)
{
	size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:");

	return n > 0 && id[n] == '\0' && n <= ID_MAX;
}

/* What is known of one package: its advisory, borrowed, or NULL; whole: that was all. */
static const char *
read_row(const json_t *row, bool *whole)
{
	const json_t *list = json_object_get(row, "vulns"), *token = json_object_get(row, "next_page_token"), *v;
	size_t i;

	*whole = json_is_object(row) && (list == NULL || json_is_array(list)) && (token == NULL || json_is_null(token));
	json_array_foreach(list, i, v) {
		const char *id = json_str(v, "id", "");

		if (!is_id(id))
			*whole = false;
		else if (strncmp(id, "MAL-", 4) == 0)
			return id;
	}
	return NULL;
}

int
osv_read(const char *body, size_t len, const struct packages *asked, char **malware, struct error *e)
{
	cleanup_json json_t *j = json_parse(body, len, DEPTH, NULL);
	const json_t *rows = json_object_get(j, "results"), *row;
	bool all = true, whole;
	size_t i;

	*malware = NULL;
	if (!json_is_array(rows))
		return error_set(e, ERR_provider, "the answer is none that OSV would give");
	if (json_array_size(rows) != asked->n)
		return error_set(e, ERR_provider, "an answer about %zu packages, asked were %zu", json_array_size(rows), asked->n);
	json_array_foreach(rows, i, row) {
		const char *id = read_row(row, &whole);

		all &= whole;
		if (id != NULL && *malware == NULL)
			*malware = xasprintf("%s (%s)", asked->names[i], id);
	}
	if (!all && *malware == NULL)
		return error_set(e, ERR_provider, "the answer is not whole");
	return 0;
}

/* ---- asking ------------------------------------------------------------------------------------- */

static void
osv_free(struct osv *o)
{
	if (o->call != NULL)
		http_cancel(o->call);
	if (o->limit != NULL)
		event_free(o->limit);
	buf_clear(&o->body);
	free(o);
}

void
osv_cancel(struct osv *o)
{
	if (o != NULL)
		osv_free(o);
}

/* The handle goes first: whoever is told may end what holds it. */
static void
end(struct osv *o, const char *malware, const struct error *e)
{
	osv_done *done = o->done;
	void *arg = o->arg;

	osv_free(o);
	done(arg, malware, e);
}

static void
on_head(void *arg, int status, const char *type, long retry_after_ms)
{
	((struct osv *)arg)->status = status;
}

static int
on_data(void *arg, const void *bytes, size_t len)
{
	return buf_add(&((struct osv *)arg)->body, bytes, len);
}

static void
on_done(void *arg, const struct error *why)
{
	struct osv *o = arg;
	cleanup_free char *malware = NULL;
	struct error e = { 0 };

	o->call = NULL;
	if (why != NULL)
		e = *why;
	else if (o->status != 200)
		error_set(&e, ERR_provider, "HTTP %d", o->status);
	else
		osv_read(buf_str(&o->body), o->body.len, o->packages, &malware, &e);
	end(o, malware, e.code == ERR_none ? NULL : &e);
}

static void
on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct error e = { 0 };

	error_set(&e, ERR_timeout, "no answer within %d s", OSV_MS / 1000);
	end(arg, NULL, &e);
}

struct osv *
osv_ask(struct event_base *base, struct http *http, const char *url, const struct packages *p, osv_done *done, void *arg,
    struct error *e)
{
	static const struct http_events events = { on_head, on_data, on_done };
	const char *headers[] = { "Content-Type: application/json", NULL };
	struct timeval tv = { .tv_sec = OSV_MS / 1000, .tv_usec = OSV_MS % 1000 * 1000 };
	size_t len = strlen(url);
	cleanup_free char *whole = NULL, *body = osv_question(p);
	struct http_request r = { .method = "POST", .headers = headers, .body = body, .body_len = strlen(body), .max_body = BODY_MAX };
	struct osv *o;

	while (len > 0 && url[len - 1] == '/')
		len--;
	r.url = whole = xasprintf("%.*s/v1/querybatch", (int)len, url);
	if (!url_is_safe(url)) {
		error_set(e, ERR_invalid, "skills.osv_url must begin with https:// or be on this machine");
		return NULL;
	}
	o = xcalloc(1, sizeof(*o));
	*o = (struct osv){ .packages = p, .body = BUF(BODY_MAX), .done = done, .arg = arg };
	if ((o->call = http_start(http, &r, &events, o, e)) == NULL) {
		osv_free(o);
		return NULL;
	}
	o->limit = evtimer_new(base, on_limit, o);
	evtimer_add(o->limit, &tv);
	return o;
}

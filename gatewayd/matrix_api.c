/* SPDX-License-Identifier: Apache-2.0 */
/* See matrix_api.h. */
#include "gatewayd/matrix_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/json_foreign.h"
#include "common/mem.h"
#include "gatewayd/matrix_sync.h"
#include "gatewayd/webcall.h"

#define ANSWER_MAX	(16 * 1024 * 1024)
#define LOAD_MS		60000
#define UPLOAD_MS	120000
#define JSON		"application/json"
#define RETRY_MAX_MS	3600000

struct matrix_call {
	struct webcall	*web;
	bool		 file;
	matrix_done	*done;
	void		*arg;
	char		 why[ERROR_TEXT_MAX];
};

/* How long the server asks us to wait: retry_after_ms of its words, else the header. */
static int64_t
wait_of(const json_t *said, const struct webcall_answer *a)
{
	int64_t ms = json_int(said, "retry_after_ms", a->retry_ms);

	return ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms < -1 ? -1 : ms;
}

/* The server's words are a stranger's: one line of them. */
static void
explain(struct matrix_call *c, const struct webcall_answer *a, const json_t *said)
{
	snprintf(c->why, sizeof(c->why), "%d %s %s", a->status, json_str(said, "errcode", ""),
	    json_bool(said, "soft_logout", false) ? "(logged out)" : json_str(said, "error", "no reason given"));
	for (char *p = c->why; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
}

static void
on_answer(void *arg, const struct webcall_answer *a)
{
	struct matrix_call *c = arg;
	bool good = a->status >= 200 && a->status < 300;
	struct matrix_answer m = { .ok = good, .status = a->status, .errcode = "", .type = a->type };
	cleanup_json json_t *said = NULL;

	c->web = NULL;
	if (good && c->file) {
		m.bytes = buf_str(a->body);
		m.len = a->body->len;
	} else if (a->body->len > 0) {
		said = json_foreign(buf_str(a->body), a->body->len, MATRIX_DEPTH, NULL);
	}
	m.body = json_is_object(said) ? said : NULL;
	m.retry_ms = wait_of(m.body, a);
	if (!good) {
		m.errcode = json_str(m.body, "errcode", "");
		if (a->status != 0)
			explain(c, a, m.body);
		m.why = a->status != 0 ? c->why : a->why;
		m.large = a->large;
	}
	c->done(c->arg, &m);
	free(c);
}

static struct matrix_call *
start(const struct matrix_server *m, const struct webcall_request *r, const char *path, const char *type, bool file, matrix_done *done,
    void *arg)
{
	struct matrix_call *c = xcalloc(1, sizeof(*c));
	cleanup_free char *url = xasprintf("%s%s", m->url, path), *bearer = xasprintf("Authorization: Bearer %s", m->token);
	cleanup_free char *kind = xasprintf("Content-Type: %s", type);
	struct webcall_request whole = *r;

	c->file = file;
	c->done = done;
	c->arg = arg;
	whole.url = url;
	whole.headers = (const char *[]){ bearer, kind, NULL };
	c->web = webcall_start(m->http, m->base, &whole, on_answer, c);
	explicit_bzero(bearer, strlen(bearer));
	return c;
}

struct matrix_call *
matrix_ask(const struct matrix_server *m, const char *method, const char *path, json_t *body, int wait_ms, matrix_done *done, void *arg)
{
	cleanup_free char *text = body == NULL ? NULL : json_text(body);

	json_decref(body);
	return start(m, &(struct webcall_request){ .method = method, .body = text, .len = text == NULL ? 0 : strlen(text),
	    .wait_ms = wait_ms, .most = ANSWER_MAX }, path, JSON, false, done, arg);
}

struct matrix_call *
matrix_upload(const struct matrix_server *m, const char *path, const char *type, const void *bytes, size_t len, matrix_done *done,
    void *arg)
{
	return start(m, &(struct webcall_request){ .method = "POST", .body = bytes, .len = len, .wait_ms = UPLOAD_MS,
	    .most = ANSWER_MAX }, path, type, false, done, arg);
}

struct matrix_call *
matrix_load(const struct matrix_server *m, const char *path, size_t most, matrix_done *done, void *arg)
{
	return start(m, &(struct webcall_request){ .method = "GET", .wait_ms = LOAD_MS, .most = most }, path, JSON, true, done, arg);
}

void
matrix_cancel(struct matrix_call *c)
{
	if (c == NULL)
		return;
	webcall_cancel(c->web);
	free(c);
}

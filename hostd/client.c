/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See client.h. Here are the order of checks (host-plane.md, 2), the shapes
 * of answers and the one table from our errors to the host plane's codes.
 * A stranger's text is parsed in client_request and nowhere else.
 */
#include "hostd/client.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "proto/proto.h"

#define ID_MAX		256		/* bytes of a request's id: it is repeated in every frame */

static const struct {
	enum error_code	 code;
	int		 number;
	const char	*message;
} rpc_errors[] = {
	{ ERR_invalid,		-32602, "invalid-params" },
	{ ERR_too_large,	-32602, "invalid-params" },
	{ ERR_not_found,	-32004, "not-found" },
	{ ERR_denied,		-32001, "forbidden" },
	{ ERR_exists,		-32008, "name-taken" },
	{ ERR_busy,		-32008, "precondition-failed" },
	{ ERR_budget,		-32008, "precondition-failed" },
	{ ERR_conflict,		-32009, "conflict" },
	{ ERR_unavailable,	-32010, "unavailable" },
	{ ERR_gone,		-32010, "unavailable" },
	{ ERR_timeout,		-32010, "unavailable" },
	{ ERR_unsupported,	-32601, "method-not-found" },
};

static int
send_text(struct ask *a, const char *text, size_t len)
{
	struct client *c = a->client;

	return c == NULL ? -1 : c->transport->send(c->conn, text, len);
}

/* {"id":ID, and the rest of an object's text */
static int
send_with_id(struct ask *a, const char *object)
{
	struct buf b cleanup_buf = BUF(MESSAGE_MAX);
	const char *rest = object + 1;

	if (buf_addf(&b, "{\"id\":%s%s", a->id, *rest == '}' ? "" : ",") == -1 || buf_puts(&b, rest) == -1)
		return 1;
	return send_text(a, b.data, b.len);
}

void
ask_end(struct ask *a)
{
	struct client *c = a->client;

	if (c != NULL) {
		c->ask = NULL;
		c->transport->end(c->conn);
	}
	json_decref(a->params);
	free(a->id);
	free(a);
}

/* data is taken; NULL: none. */
static void
fail_with(struct ask *a, int number, const char *message, json_t *data)
{
	json_t *o = json_pack("{s:{s:i, s:s, s:o*}}", "error", "code", number, "message", message, "data", data);
	cleanup_free char *text = json_text(o);

	json_decref(o);
	send_with_id(a, text);
	ask_end(a);
}

static void
fail(struct ask *a, int number, const char *message, const char *detail)
{
	fail_with(a, number, message, detail == NULL || *detail == '\0' ? NULL : json_pack("{s:s}", "detail", detail));
}

void
ask_conflict(struct ask *a, const char *rev)
{
	fail_with(a, -32009, "conflict", json_pack("{s:s, s:s}", "rev", rev, "detail", "it was changed since you read it"));
}

/* The text behind "default/engined: ". */
static const char *
without_unit(const char *text)
{
	static const char *const daemons[] = {
#define DAEMON(name, scope) "/" #name ": ",
#include "proto/channels.def"
	};
	size_t profile = strcspn(text, "/: ");

	for (size_t i = 0; i < COUNT(daemons); i++)
		if (strncmp(text + profile, daemons[i], strlen(daemons[i])) == 0)
			return text + profile + strlen(daemons[i]);
	return text;
}

char *
error_words(const struct error *e)
{
	if (e->code == ERR_unavailable || e->code == ERR_gone || e->code == ERR_timeout)
		return xasprintf(without_unit(e->text) != e->text ? "%s (alpi daemon status tells more)" : "%s", e->text);
	return xstrdup(without_unit(e->text));
}

void
ask_error_as(struct ask *a, const char *message, const struct error *e)
{
	cleanup_free char *words = error_words(e);

	for (size_t i = 0; i < COUNT(rpc_errors); i++)
		if (rpc_errors[i].code == e->code) {
			fail(a, rpc_errors[i].number, message != NULL ? message : rpc_errors[i].message, words);
			return;
		}
	log_warn("%s: %s", a->method->name, e->text);
	fail(a, -32603, "internal-error", words);
}

void
ask_error(struct ask *a, const struct error *e)
{
	ask_error_as(a, NULL, e);
}

void
ask_result_text(struct ask *a, const char *json)
{
	struct buf b cleanup_buf = BUF(MESSAGE_MAX);

	if (buf_puts(&b, "{\"result\":") == -1 || buf_puts(&b, json) == -1 || buf_addc(&b, '}') == -1 ||
	    send_with_id(a, b.data) == 1) {
		fail(a, -32603, "internal-error", "the answer is larger than a message may be");
		return;
	}
	ask_end(a);
}

void
ask_result(struct ask *a, json_t *result)
{
	cleanup_free char *text = json_text(result);

	json_decref(result);
	ask_result_text(a, text);
}

void
ask_ok(struct ask *a)
{
	ask_result(a, json_pack("{s:b}", "ok", 1));
}

int
ask_frame(struct ask *a, const char *rest)
{
	return send_with_id(a, rest) == 0 ? 0 : -1;
}

int
ask_frame_text(struct ask *a, const char *kind, const char *text, const char *code)
{
	json_t *o = json_pack("{s:s, s:s*, s:s*}", "event", kind, "text", text, "code", code);
	cleanup_free char *frame = json_text(o);

	json_decref(o);
	return ask_frame(a, frame);
}

size_t
ask_queued_bytes(const struct ask *a)
{
	return a->client == NULL ? 0 : a->client->transport->queued_bytes(a->client->conn);
}

size_t
ask_queued_messages(const struct ask *a)
{
	return a->client == NULL ? 0 : a->client->transport->queued_messages(a->client->conn);
}

const char *
ask_str(const struct ask *a, const char *name)
{
	return json_str(a->params, name, "");
}

const char *
ask_str0(const struct ask *a, const char *name)
{
	const char *s = json_str(a->params, name, "");

	return *s == '\0' ? NULL : s;
}

static const struct method *
find_method(const char *name)
{
	for (const struct method *m = methods; m->name != NULL; m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

static int
may_call(const struct client *c, const struct method *m, struct error *e)
{
	if (m->local_only && !c->local)
		return error_set(e, ERR_denied, "%s is local only", m->name);
	if (c->role < m->role)
		return error_set(e, ERR_denied, "%s needs an admin", m->name);
	return 0;
}

static struct ask *
ask_new(struct client *c, const json_t *request)
{
	static const struct method unnamed = { .name = "request" };
	json_t *params = json_object_get(request, "params"), *id = json_object_get(request, "id");
	struct ask *a = xcalloc(1, sizeof(*a));

	a->host = c->host;
	a->client = c;
	a->method = &unnamed;
	a->id = id == NULL ? xstrdup("null") : json_text(id);
	a->params = params == NULL ? json_object() : json_incref(params);
	c->ask = a;
	return a;
}

static void
serve(struct ask *a, const char *name)
{
	const struct method *m = find_method(name);
	struct error e = { 0 };

	if (m != NULL && may_call(a->client, m, &e) == -1) {
		ask_error(a, &e);
		return;
	}
	if (!json_is_object(a->params)) {
		fail(a, -32602, "invalid-params", "params is not an object");
		return;
	}
	if (m == NULL) {
		fail(a, -32601, "method-not-found", NULL);
		return;
	}
	a->method = m;
	if (params_check(a->params, m->needs, m->may, &e) == -1 || m->fn(a, &e) == -1)
		ask_error(a, &e);
}

int
client_request(struct client *c, const char *text, size_t len)
{
	struct error e = { 0 };
	cleanup_json json_t *request = json_parse(text, len, PROTO_DEPTH_MAX, &e);
	const char *name = json_str(request, "method", NULL);
	struct ask *a;

	if (!json_is_object(request) || name == NULL)
		return -1;
	a = ask_new(c, request);
	if (strlen(a->id) > ID_MAX) {
		c->ask = NULL;
		a->client = NULL;
		ask_end(a);
		return -1;
	}
	serve(a, name);
	return 0;
}

void
client_gone(struct client *c)
{
	struct ask *a = c->ask;

	c->ask = NULL;
	if (a == NULL)
		return;
	a->client = NULL;
	if (a->gone != NULL)
		a->gone(a->arg);
}

void
client_drained(struct client *c)
{
	if (c->ask != NULL && c->ask->drained != NULL)
		c->ask->drained(c->ask->arg);
}

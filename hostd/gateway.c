/* SPDX-License-Identifier: Apache-2.0 */
/* See gateway.h. A change is told to clients when the gateway already runs with it, so that what they ask next meets it. */
#include "hostd/gateway.h"

#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "hostd/forward.h"
#include "hostd/host.h"
#include "hostd/init.h"
#include "hostd/stream.h"

#define PROBE_MS	60000		/* three servers, one after the other, at most */
#define RELOAD_S	30

/* ---- status -------------------------------------------------------------------------------------------- */

/* What is configured, while gatewayd is asked for the rest. */
struct status {
	struct ask	*ask;
	json_t		*result;	/* of the order "gateways" */
};

static const json_t *
row_named(const json_t *rows, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(json_str(row, "name", ""), name) == 0)
			return row;
	return NULL;
}

/* Why a platform does not listen, by its settings; NULL: they let it. */
static char *
why_off(const json_t *row, const char *off)
{
	if (json_str(row, "missing", NULL) != NULL)
		return xasprintf("%s is missing", json_str(row, "missing", ""));
	if (!json_bool(row, "configured", false))
		return xstrdup("not configured");
	if (!json_bool(row, "enabled", true))
		return xstrdup("switched off");
	return xstrdup0(off);
}

/* It listens: how it fares is `now`, gatewayd's row of it. */
static void
fill(json_t *row, const json_t *now)
{
	static const char *const taken[] = { "status", "failures", "disabled_until", "ignored", "waiting" };
	const char *why = json_str(now, "last_error", ""), *opens = json_str(row, "opens", NULL);
	cleanup_free char *closed = opens == NULL ? NULL : xasprintf("nobody is let in: %s is empty", opens);

	for (size_t i = 0; i < COUNT(taken); i++)
		if (json_object_get(now, taken[i]) != NULL)
			json_object_set(row, taken[i], json_object_get(now, taken[i]));
	if (*why == '\0' && closed != NULL && json_int(row, "allowed", 0) == 0)
		why = closed;
	json_object_set_new(row, "why", json_string(why));
}

static void
finish_row(json_t *row, const char *off, const json_t *now, const char *silent)
{
	cleanup_free char *why = why_off(row, off);

	json_object_set_new(row, "status", json_string("off"));
	json_object_set_new(row, "ignored", json_integer(0));
	json_object_set_new(row, "waiting", json_integer(0));
	if (why == NULL && now != NULL)
		fill(row, now);
	else
		json_object_set_new(row, "why", json_string(why != NULL ? why : silent));
	json_object_del(row, "opens");
}

static void
on_running(void *arg, const void *reply, const struct error *e)
{
	struct status *s = arg;
	cleanup_json json_t *now = reply == NULL ? NULL : forward_json(MSG_gateway_status, reply, NULL);
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(s->result, "gateways"), i, row)
		finish_row(row, json_str(s->result, "off", NULL), row_named(json_object_get(now, "platforms"), json_str(row, "name", "")),
		    e != NULL ? e->text : "the gateway does not know it");
	json_object_set_new(s->result, "running", json_integer(json_int(now, "running", 0)));
	json_object_set_new(s->result, "waiting", json_integer(json_int(now, "waiting", 0)));
	json_object_del(s->result, "off");
	ask_result(s->ask, steal(s->result));
	free(s);
}

static void
on_configured(void *arg, const json_t *result, const struct error *e)
{
	struct ask *a = arg;
	struct host *h = a->host;
	struct error none = { .code = ERR_unavailable, .text = "the gateway does not run" };
	cleanup_free char *unit = host_unit(h, ask_str(a, "profile"), "gatewayd", NULL);
	struct status *s;

	if (result == NULL) {
		ask_error(a, e);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct status){ .ask = a, .result = json_deep_copy(result) };
	if (unit == NULL || h->send(h->daemon, unit, MSG_gateway_status, &(struct gateway_status){ }, NULL, FORWARD_MS, on_running,
	    s, &none) == NULL)
		on_running(s, NULL, &none);
}

int
gateway_status(struct ask *a, struct error *e)
{
	return forward_order(a, "gateways", on_configured);
}

static void
on_config(void *arg, const json_t *result, const struct error *e)
{
	if (result == NULL)
		ask_error(arg, e);
	else
		ask_result(arg, json_deep_copy(result));
}

int
gateway_config(struct ask *a, struct error *e)
{
	return forward_order(a, "gateway_config", on_config);
}

/* ---- probe --------------------------------------------------------------------------------------------- */

static void
cannot(struct ask *a, const char *reason)
{
	ask_result(a, json_pack("{s:s, s:s}", "status", "error", "reason", reason));
}

static void
on_probed(void *arg, const void *reply, const struct error *e)
{
	const struct gateway_probe_reply *r = reply;
	struct ask *a = arg;

	if (r == NULL)
		cannot(a, e->text);
	else if (r->ok)
		ask_result(a, json_pack("{s:s, s:s*}", "status", "ok", "who", r->who));
	else
		cannot(a, r->reason != NULL ? r->reason : "it does not say why");
}

static void
on_probe_settings(void *arg, const json_t *result, const struct error *e)
{
	struct ask *a = arg;
	struct host *h = a->host;
	const json_t *row = row_named(json_object_get(result, "gateways"), ask_str(a, "name"));
	cleanup_free char *unit = host_unit(h, ask_str(a, "profile"), "gatewayd", NULL), *why = NULL;
	struct error local = { 0 };

	if (result != NULL && row == NULL)
		error_set(&local, ERR_not_found, "no platform %s", ask_str(a, "name"));
	if (row == NULL) {
		ask_error(a, result == NULL ? e : &local);
		return;
	}
	if ((why = why_off(row, json_str(result, "off", NULL))) != NULL || unit == NULL)
		cannot(a, why != NULL ? why : "the gateway does not run");
	else if (h->send(h->daemon, unit, MSG_gateway_probe, &(struct gateway_probe){ .name = ask_str(a, "name") }, NULL, PROBE_MS,
	    on_probed, a, &local) == NULL)
		cannot(a, local.text);
}

int
gateway_probe(struct ask *a, struct error *e)
{
	return forward_order(a, "gateways", on_probe_settings);
}

/* ---- changes ------------------------------------------------------------------------------------------- */

static void
changed(struct ask *a, const char *action)
{
	stream_emit(a->host->stream, "gateway_changed", json_pack("{s:s, s:s, s:s}", "profile", ask_str(a, "profile"), "name",
	    ask_str(a, "name"), "action", action));
	ask_result(a, json_pack("{s:b}", "ok", 1));
}

/* The profile's gateway begins, goes or begins anew with what it now gets. */
static void
reload(struct ask *a, init_done *done)
{
	cleanup_free char *order = xasprintf("reload %s", ask_str(a, "profile"));

	init_order(a->host, order, RELOAD_S, done, a);
}

static void
warn_unless(const struct ask *a, const char *lines, const struct error *e)
{
	if (lines == NULL)
		log_warn("profile %s: not reloaded: %s", ask_str(a, "profile"), e->text);
}

static void
on_set_reloaded(void *arg, const char *lines, const struct error *e)
{
	struct ask *a = arg;

	warn_unless(a, lines, e);
	changed(a, json_bool(a->params, "enabled", true) ? "configured" : "disabled");
}

static void
on_set(void *arg, const json_t *result, const struct error *e)
{
	if (result == NULL)
		ask_error(arg, e);
	else
		reload(arg, on_set_reloaded);
}

int
gateway_set(struct ask *a, struct error *e)
{
	const json_t *config = json_object_get(a->params, "config");

	if (config != NULL && !json_is_null(config) && !json_is_object(config))
		return error_set(e, ERR_invalid, "config is not an object");
	return forward_order(a, "gateway_set", on_set);
}

static void
on_forgotten(void *arg, const json_t *result, const struct error *e)
{
	if (result == NULL)
		ask_error(arg, e);
	else
		changed(arg, "removed");
}

/* Its files go last: who wrote them has ended. */
static void
on_clear_reloaded(void *arg, const char *lines, const struct error *e)
{
	struct ask *a = arg;

	warn_unless(a, lines, e);
	forward_order(a, "gateway_forget", on_forgotten);
}

static void
on_cleared(void *arg, const json_t *result, const struct error *e)
{
	if (result == NULL)
		ask_error(arg, e);
	else
		reload(arg, on_clear_reloaded);
}

int
gateway_remove(struct ask *a, struct error *e)
{
	return forward_order(a, "gateway_clear", on_cleared);
}

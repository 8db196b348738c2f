/* SPDX-License-Identifier: Apache-2.0 */
/* See settings_orders.h: the message platforms' variables in .env, and the files that go with a platform. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/config.h"
#include "common/gateways.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/settings_orders.h"

static const struct gateway_kind *
kind_of(const struct order_job *j, struct error *e)
{
	const struct gateway_kind *g = gateway_kind_find(order_param(j, "name"));

	if (g == NULL)
		error_set(e, ERR_not_found, "no platform %s", order_param(j, "name"));
	return g;
}

static json_t *
switch_of(const json_t *config, const struct gateway_kind *g)
{
	cleanup_free char *key = xasprintf("gateway.%s.enabled", g->name);

	return json_at(config, key);
}

/* ---- what there is ----------------------------------------------------------------------------------- */

static bool
has_value(const void *env, const char *name)
{
	return *json_str(env, name, "") != '\0';
}

static const char *
missing_of(const char *home, const json_t *env, const struct gateway_kind *g)
{
	cleanup_free char *token = g->token == NULL ? NULL : path_join(home, g->token);

	const char *missing = gateway_lacks(g, has_value, env);

	if (missing != NULL)
		return missing;
	return token == NULL || access(token, F_OK) == 0 ? NULL : g->token;
}

/* Items of a comma separated list. */
static int
count_items(const char *list)
{
	int n = 0;

	while (*(list += strspn(list, ", \t")) != '\0') {
		list += strcspn(list, ",");
		n++;
	}
	return n;
}

static json_t *
row_of(const char *home, const json_t *env, const json_t *config, const struct gateway_kind *g)
{
	const char *missing = missing_of(home, env, g), *opens = NULL;
	int allowed = 0, set = 0;

	for (const struct gateway_key *k = g->keys; k->env != NULL; k++) {
		set += *json_str(env, k->env, "") != '\0';
		if (k->kind == GATEWAY_ALLOW) {
			allowed += count_items(json_str(env, k->env, ""));
			opens = opens == NULL ? k->env : opens;
		}
	}
	return json_pack("{s:s, s:b, s:b, s:i, s:s*, s:s*}", "name", g->name, "configured", missing == NULL, "enabled",
	    !json_is_false(switch_of(config, g)), "allowed", allowed, "missing", set > 0 ? missing : NULL, "opens", opens);
}

/* {gateways: [{name, configured, enabled, allowed, missing?, opens?}], off?}: `off` is why none of them listens. */
json_t *
order_gateways(const struct order_job *j, struct error *e)
{
	cleanup_json json_t *config = config_load(j->home, e), *env = env_load(j->home);
	json_t *rows;
	const char *off;

	if (config == NULL)
		return NULL;
	off = config_bool(config, "paused") ? "the profile is paused" :
	    !config_bool(config, "service.gateway") ? "service.gateway is off" : NULL;
	rows = json_array();
	for (const struct gateway_kind *g = gateway_kinds; g->name != NULL; g++)
		json_array_append_new(rows, row_of(j->home, env, config, g));
	return json_pack("{s:o, s:s*}", "gateways", rows, "off", off);
}

/* {accounts: [{id, type, address, configured}]}: those that somebody has begun to set up. */
json_t *
order_mail_accounts(const struct order_job *j, struct error *e)
{
	/* A Gmail account's address is known once it is authorized, and to gatewayd. */
	static const struct { const char *kind, *begun, *address; } mail[] = {
		{ "imap", "IMAP_ADDRESS", "IMAP_ADDRESS" }, { "gmail", "GMAIL_CLIENT_ID", NULL },
	};
	cleanup_json json_t *env = env_load(j->home);
	json_t *rows = json_array();

	for (size_t i = 0; i < COUNT(mail); i++) {
		const char *kind = mail[i].kind;

		if (has_value(env, mail[i].begun))
			json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:b}", "id", kind, "type", kind,
			    "address", mail[i].address == NULL ? "" : json_str(env, mail[i].address, ""),
			    "configured", missing_of(j->home, env, gateway_kind_find(kind)) == NULL));
	}
	return json_pack("{s:o}", "accounts", rows);
}

json_t *
order_gateway_config(const struct order_job *j, struct error *e)
{
	const struct gateway_kind *g = kind_of(j, e);
	cleanup_json json_t *env = env_load(j->home);
	json_t *shown;

	if (g == NULL)
		return NULL;
	shown = json_object();
	for (const struct gateway_key *k = g->keys; k->env != NULL; k++) {
		const char *value = json_str(env, k->env, "");

		if (*value != '\0')
			json_object_set_new(shown, k->env, k->kind == GATEWAY_SECRET ? secret_preview(value) : json_string(value));
	}
	return json_pack("{s:o}", "config", shown);
}

/* ---- changes ------------------------------------------------------------------------------------------ */

static int
check_values(const struct order_job *j, const struct gateway_kind *g, json_t *values, struct error *e)
{
	const char *env;
	json_t *value;

	json_object_foreach(values, env, value) {
		if (gateway_key_find(g, env) == NULL)
			return error_set(e, ERR_invalid, "%.64s is no variable of %s", env, g->name);
		if (!json_is_string(value))
			return error_set(e, ERR_invalid, "%s is no text", env);
		if (env_check(j, env, json_string_value(value), e) == -1)
			return -1;
	}
	return 0;
}

/* The first key of a platform is the one that it cannot do without: it comes last. An empty value takes a variable away. */
static int
write_values(const struct order_job *j, const struct gateway_kind *g, const json_t *values, struct error *e)
{
	size_t n = 0;

	while (g->keys[n].env != NULL)
		n++;
	while (n-- > 0) {
		const char *value = json_str(values, g->keys[n].env, NULL);

		if (value != NULL && env_set(j->home, g->keys[n].env, *value == '\0' ? NULL : value, e) == -1)
			return -1;
	}
	return 0;
}

/* On is the default, so only off stands in the file. */
static int
set_switch(const struct order_job *j, const struct gateway_kind *g, bool on, struct error *e)
{
	cleanup_free char *key = xasprintf("gateway.%s.enabled", g->name);
	cleanup_json json_t *config = config_load(j->home, e), *no = json_false();

	if (config == NULL)
		return -1;
	if (on != json_is_false(switch_of(config, g)))
		return 0;
	return config_set(j->home, key, on ? NULL : no, e);
}

json_t *
order_gateway_set(const struct order_job *j, struct error *e)
{
	const struct gateway_kind *g = kind_of(j, e);
	json_t *values = json_object_get(j->params, "config");

	if (g == NULL || check_values(j, g, values, e) == -1 || write_values(j, g, values, e) == -1)
		return NULL;
	return order_done(set_switch(j, g, json_bool(j->params, "enabled", true), e));
}

/* The gateway's own files are its alone; it finds this when it begins next. Without its folder it never ran, and knows nothing. */
static int
leave_mark(const char *home, const struct gateway_kind *g, struct error *e)
{
	cleanup_free char *name = xasprintf(GATEWAY_REMOVED, g->name), *path = path_join(home, name), *dir = path_join(home, "gateway");

	return access(dir, F_OK) == -1 ? 0 : atomic_write(path, "", 0, 0600, e);
}

/* The mark first: whatever dies after it, what the platform knew is forgotten before it is read again. */
json_t *
order_gateway_clear(const struct order_job *j, struct error *e)
{
	const struct gateway_kind *g = kind_of(j, e);

	if (g == NULL || leave_mark(j->home, g, e) == -1 || set_switch(j, g, true, e) == -1)
		return NULL;
	for (const struct gateway_key *k = g->keys; k->env != NULL; k++)
		if (env_set(j->home, k->env, NULL, e) == -1)
			return NULL;
	return json_object();
}

/* Once nobody writes them any more. */
json_t *
order_gateway_forget(const struct order_job *j, struct error *e)
{
	const struct gateway_kind *g = kind_of(j, e);

	for (size_t i = 0; g != NULL && g->files[i] != NULL; i++) {
		cleanup_free char *path = path_join(j->home, g->files[i]);

		if (unlink(path) == -1 && errno != ENOENT) {
			error_errno(e, "%s", path);
			return NULL;
		}
	}
	return g == NULL ? NULL : json_object();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See settings_orders.h: changes of config.yaml. A value from outside becomes what its key holds, or is refused. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "hostd/settings_orders.h"

static int
check_key(const char *key, struct error *e)
{
	size_t n = strlen(key);

	if (n == 0 || n > 256 || key[0] == '.' || key[n - 1] == '.' || strstr(key, "..") != NULL)
		return error_set(e, ERR_invalid, "key is no dotted name");
	for (; *key != '\0'; key++)
		if (!isalnum((unsigned char)*key) && strchr("._-", *key) == NULL)
			return error_set(e, ERR_invalid, "key may hold letters, digits, '.', '_' and '-' only");
	return 0;
}

static bool
is_list_key(const char *key)
{
	cleanup_json json_t *all = config_defaults();

	return json_is_array(json_at(all, key));
}

/* What a key holds: as the host plane names it, or as its default is. */
static json_type
kind_of(const char *key)
{
	cleanup_json json_t *all = config_defaults();
	const json_t *by_default = json_at(all, key);

	if (strcmp(key, "alp.tcp_port") == 0 || strcmp(key, "host.tcp_port") == 0)
		return JSON_INTEGER;
	if (strcmp(key, "budget.daily_usd") == 0)
		return JSON_REAL;
	return by_default == NULL ? JSON_NULL : json_typeof(by_default);
}

static json_t *
to_number(const char *key, json_type kind, const json_t *value, struct error *e)
{
	const char *text = json_string_value(value);
	double d = json_number_value(value);
	char *end;

	if (text != NULL) {
		d = strtod(text, &end);
		if (*text == '\0' || *end != '\0')
			text = NULL;
	}
	if ((text == NULL && !json_is_number(value)) || !(d > -1e15 && d < 1e15) ||
	    (kind == JSON_INTEGER && d != (double)(json_int_t)d)) {
		error_set(e, ERR_invalid, "%s takes a number", key);
		return NULL;
	}
	return kind == JSON_INTEGER ? json_integer((json_int_t)d) : json_real(d);
}

/* A switch that were text would stand as its default says, whatever the text: what is no yes or no is refused. */
static json_t *
to_switch(const char *key, const json_t *value, struct error *e)
{
	static const char *const words[][2] = { { "false", "true" }, { "off", "on" }, { "no", "yes" }, { "0", "1" } };
	cleanup_free char *text = json_is_string(value) ? xstrdup(json_string_value(value)) : json_text(value);

	for (size_t i = 0; i < COUNT(words); i++)
		for (int on = 0; on < 2; on++)
			if (strcmp(text, words[i][on]) == 0)
				return json_boolean(on);
	error_set(e, ERR_invalid, "%s takes true or false", key);
	return NULL;
}

/* An unknown word would mean none, and not what somebody wanted. */
static int
check_network(const char *key, const json_t *value, struct error *e)
{
	const char *text = json_string_value(value);

	if (strcmp(key, "sandbox.network") != 0 ||
	    (text != NULL && (strcmp(text, "none") == 0 || strcmp(text, "public") == 0 || strcmp(text, "any") == 0)))
		return 0;
	return error_set(e, ERR_invalid, "%s takes none, public or any", key);
}

static json_t *
to_list(const char *key, const json_t *value, struct error *e)
{
	const json_t *row;
	size_t i;

	json_array_foreach(value, i, row)
		if (!json_is_string(row)) {
			error_set(e, ERR_invalid, "%s takes a list of strings", key);
			return NULL;
		}
	return json_deep_copy(value);
}

/* host-plane.md, 5: what a value from outside becomes in the file. */
static json_t *
coerce(const char *key, const json_t *value, struct error *e)
{
	json_type kind = kind_of(key);
	const char *text = json_string_value(value);
	cleanup_free char *other = NULL;

	if (json_is_null(value))
		return json_string("");
	if (json_is_array(value) && is_list_key(key))
		return to_list(key, value, e);
	if (json_is_array(value) || json_is_object(value)) {
		error_set(e, ERR_invalid, "%s does not take a list or an object", key);
		return NULL;
	}
	if (kind == JSON_INTEGER || kind == JSON_REAL)
		return to_number(key, kind, value, e);
	if (kind == JSON_TRUE || kind == JSON_FALSE)
		return to_switch(key, value, e);
	if (check_network(key, value, e) == -1)
		return NULL;
	if (json_is_boolean(value))
		return json_deep_copy(value);
	if (text == NULL)
		return json_string(other = json_text(value));
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return json_boolean(text[0] == 't');
	return json_string(text);
}

/* An effort that the model cannot use is not kept. */
static int
drop_effort(const char *home, struct error *e)
{
	cleanup_json json_t *config = config_load(home, e);

	if (config == NULL)
		return -1;
	if (*config_str(config, "model_reasoning.effort") == '\0' || model_reasons(config_str(config, "model")))
		return 0;
	return config_set(home, "model_reasoning.effort", NULL, e);
}

json_t *
order_set(const struct order_job *j, struct error *e)
{
	const char *key = order_param(j, "key");
	cleanup_json json_t *value = NULL;

	if (check_key(key, e) == -1)
		return NULL;
	if (strcmp(key, "host.endpoints") == 0) {
		error_set(e, ERR_denied, "host.endpoints may only be unset here");
		return NULL;
	}
	if ((value = coerce(key, json_object_get(j->params, "value"), e)) == NULL ||
	    config_set(j->home, key, value, e) == -1)
		return NULL;
	if (strcmp(key, "model") == 0 || strcmp(key, "model_reasoning.effort") == 0)
		return order_done(drop_effort(j->home, e));
	return json_object();
}

json_t *
order_unset(const struct order_job *j, struct error *e)
{
	const char *key = order_param(j, "key");

	if (check_key(key, e) == -1)
		return NULL;
	return order_done(config_set(j->home, key, NULL, e));
}

/* A command's label that a person allowed for good (tools.md, 3.3). */
json_t *
order_allow(const struct order_job *j, struct error *e)
{
	const char *label = order_param(j, "label");

	if (*label == '\0' || strlen(label) > 128 || strpbrk(label, "\r\n") != NULL) {
		error_set(e, ERR_invalid, "no label");
		return NULL;
	}
	return order_done(config_append(j->home, "tools.terminal.approval.allowlist", label, e));
}

/* sandbox.set and sandbox.network: `what` is the switch, `state` on or off. */
json_t *
order_sandbox(const struct order_job *j, struct error *e)
{
	const char *state = order_param(j, "state");
	bool network = strcmp(order_param(j, "what"), "network") == 0, on = strcmp(state, "on") == 0;
	cleanup_json json_t *config = config_load(j->home, e);
	const char *key = network ? "tools.terminal.allow_network" : "tools.terminal.sandbox";

	if (config == NULL)
		return NULL;
	if (!on && strcmp(state, "off") != 0) {
		error_set(e, ERR_invalid, "state is on or off");
		return NULL;
	}
	if (network && on && !config_bool(config, "tools.terminal.sandbox")) {
		error_set(e, ERR_busy, "the sandbox is off");
		return NULL;
	}
	if (!network && !on && config_bool(config, "tools.terminal.allow_network") &&
	    config_set(j->home, "tools.terminal.allow_network", json_false(), e) == -1)
		return NULL;
	return order_done(config_set(j->home, key, on ? json_true() : json_false(), e));
}

/* ---- servers ------------------------------------------------------------------------------- */

json_int_t
server_find(const json_t *list, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
		if (strcmp(json_str(row, "name", ""), name) == 0)
			return (json_int_t)i;
	return -1;
}

static int
check_server(const char *name, const char *url, struct error *e)
{
	if (*name == '\0' || strlen(name) > 64 || name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] != '\0')
		return error_set(e, ERR_invalid, "name may hold letters, digits, '.', '_' and '-' only");
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return error_set(e, ERR_invalid, "url begins with http:// or https://");
	if (strpbrk(url, " \r\n\t\"") != NULL)
		return error_set(e, ERR_invalid, "url holds a blank");
	return 0;
}

static json_t *
servers_of(const struct order_job *j, struct error *e)
{
	cleanup_json json_t *config = config_load(j->home, e);
	json_t *list = json_at(config, "providers.ollama");

	if (config == NULL)
		return NULL;
	return json_is_array(list) ? json_deep_copy(list) : json_array();
}

json_t *
order_add_ollama(const struct order_job *j, struct error *e)
{
	const char *name = order_param(j, "name"), *url = order_param(j, "url");
	cleanup_json json_t *list = servers_of(j, e);

	if (list == NULL || check_server(name, url, e) == -1)
		return NULL;
	if (server_find(list, name) != -1) {
		error_set(e, ERR_exists, "there is a server %s already", name);
		return NULL;
	}
	json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "url", url));
	return order_done(config_set(j->home, "providers.ollama", list, e));
}

json_t *
order_remove_ollama(const struct order_job *j, struct error *e)
{
	cleanup_json json_t *list = servers_of(j, e);
	json_int_t at;

	if (list == NULL)
		return NULL;
	if ((at = server_find(list, order_param(j, "name"))) == -1) {
		error_set(e, ERR_not_found, "no server %s", order_param(j, "name"));
		return NULL;
	}
	json_array_remove(list, (size_t)at);
	return order_done(config_set(j->home, "providers.ollama", list, e));
}

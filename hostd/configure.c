/* SPDX-License-Identifier: Apache-2.0 */
/* See configure.h. */
#include "hostd/configure.h"

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "hostd/forward.h"
#include "hostd/host.h"
#include "hostd/init.h"
#include "hostd/settings.h"
#include "hostd/stream.h"

static void
tell_change(struct ask *a, const char *scope)
{
	stream_emit(a->host->stream, "config_changed", json_pack("{s:s, s:s}", "profile", ask_str(a, "profile"),
	    "scope", scope));
}

static void
on_config(void *arg, const json_t *result, const struct error *e)
{
	struct ask *a = arg;

	if (result == NULL) {
		ask_error(a, e);
		return;
	}
	tell_change(a, ask_str0(a, "key") == NULL ? "providers" : ask_str(a, "key"));
	ask_ok(a);
}

int
config_set_field(struct ask *a, struct error *e)
{
	return forward_order(a, "set", on_config);
}

int
config_unset_field(struct ask *a, struct error *e)
{
	return forward_order(a, "unset", on_config);
}

static void
on_sandbox(void *arg, const json_t *result, const struct error *e)
{
	if (result != NULL)
		tell_change(arg, "sandbox");
	if (result == NULL)
		ask_error(arg, e);
	else
		ask_ok(arg);
}

static int
sandbox_switch(struct ask *a, const char *what)
{
	json_t *params = json_copy(a->params);

	json_object_set_new(params, "what", json_string(what));
	settings_order(a->host->settings, "sandbox", params, on_sandbox, a);
	return 0;
}

int
sandbox_set(struct ask *a, struct error *e)
{
	return sandbox_switch(a, "sandbox");
}

int
sandbox_network(struct ask *a, struct error *e)
{
	return sandbox_switch(a, "network");
}

/* What init hands out has changed: the profile's units get it before the client is told, so that the next turn has it. */
static void
on_reloaded(void *arg, const char *lines, const struct error *e)
{
	struct ask *a = arg;

	if (lines == NULL)
		log_warn("profile %s: not reloaded: %s", ask_str(a, "profile"), e->text);
	ask_ok(a);
}

static void
on_key(void *arg, const json_t *result, const struct error *e)
{
	struct ask *a = arg;
	cleanup_free char *reload = xasprintf("reload %s", ask_str(a, "profile"));

	if (result == NULL) {
		ask_error(a, e);
		return;
	}
	tell_change(a, "providers");
	init_order(a->host, reload, 10, on_reloaded, a);
}

int
providers_set_key(struct ask *a, struct error *e)
{
	return forward_order(a, "env_set", on_key);
}

int
providers_unset_key(struct ask *a, struct error *e)
{
	return forward_order(a, "env_unset", on_key);
}

int
providers_add_ollama(struct ask *a, struct error *e)
{
	return forward_order(a, "add_ollama", on_config);
}

int
providers_remove_ollama(struct ask *a, struct error *e)
{
	return forward_order(a, "remove_ollama", on_config);
}

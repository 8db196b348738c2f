/* SPDX-License-Identifier: Apache-2.0 */
/* See machine.h. */
#include "hostd/machine.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/forward.h"
#include "hostd/host.h"
#include "hostd/init.h"
#include "hostd/settings.h"
#include "hostd/stream.h"
#include "hostd/turns.h"

#define RESTART_MS	200		/* between the reply and a restart: clients must see the reply */

static char *
machine_name(const json_t *configured)
{
	const char *environment = getenv("DEVICE_HOSTNAME");
	char host[256] = "";

	if (json_string_length(configured) > 0)
		return xstrdup(json_string_value(configured));
	if (environment != NULL && *environment != '\0')
		return xstrdup(environment);
	gethostname(host, sizeof(host) - 1);
	return xstrdup(*host == '\0' ? "Alpi" : host);
}

static void
on_device_name(void *arg, const json_t *configured, const struct error *e)
{
	struct ask *a = arg;
	cleanup_free char *name = machine_name(configured);
	cleanup_free char *clean = utf8_clean(name, strlen(name));

	ask_result(a, json_pack("{s:s, s:s, s:n, s:s, s:s, s:s, s:s}", "agent_name", "alpi", "version", ALPI_VERSION,
	    "update_available", "device_name", clean, "device_id", a->host->device_id, "role",
	    a->client != NULL && a->client->role == ROLE_ADMIN ? "admin" : "member", "connection_id",
	    a->client == NULL ? "" : a->client->connection));
}

int
version(struct ask *a, struct error *e)
{
	return forward_order(a, "device_name", on_device_name);
}

static void
on_profiles(void *arg, const json_t *rows, const struct error *e)
{
	if (rows == NULL)
		ask_error(arg, e);
	else
		ask_result(arg, json_pack("{s:O}", "profiles", rows));
}

int
profiles_list(struct ask *a, struct error *e)
{
	return forward_order(a, "profiles", on_profiles);
}

/* Rows from the settings child that wait for what init says of their units. */
struct summaries {
	struct ask	*ask;
	json_t		*rows;
};

/* "unit NAME/engined STATE ..." for this profile says ready. */
static bool
is_running(const char *lines, const char *profile)
{
	cleanup_free char *start = xasprintf("unit %s/engined ready ", profile);
	const char *at = lines;

	while (at != NULL && (at = strstr(at, start)) != NULL) {
		if (at == lines || at[-1] == '\n')
			return true;
		at++;
	}
	return false;
}

static void
on_units(void *arg, const char *lines, const struct error *e)
{
	struct summaries *s = arg;
	json_int_t pid = 0;
	json_t *row;
	size_t i;

	if (lines != NULL && strncmp(lines, "init ", 5) == 0)
		pid = strtoll(lines + 5, NULL, 10);
	json_array_foreach(s->rows, i, row) {
		bool running = is_running(lines, json_str(row, "name", ""));

		json_object_set_new(row, "running", json_boolean(running));
		json_object_set_new(row, "pid", running ? json_integer(pid) : json_null());
	}
	ask_result(s->ask, json_pack("{s:o}", "profiles", s->rows));
	free(s);
}

static void
on_summaries(void *arg, const json_t *rows, const struct error *e)
{
	struct ask *a = arg;
	struct summaries *s;

	if (rows == NULL) {
		ask_error(a, e);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->ask = a;
	s->rows = json_deep_copy(rows);
	init_order(a->host, "list", 5, on_units, s);
}

int
profile_summaries(struct ask *a, struct error *e)
{
	return forward_order(a, "summaries", on_summaries);
}

static void
on_started(void *arg, const char *lines, const struct error *e)
{
}

static void
on_created(void *arg, const json_t *result, const struct error *e)
{
	struct ask *a = arg;
	cleanup_free char *start = xasprintf("start %s", ask_str(a, "name"));

	if (result == NULL) {
		ask_error(a, e);
		return;
	}
	/* One of that name was there a moment ago: init still keeps its units, stopped. Else it finds them by itself. */
	if (json_object_del(a->host->removed, ask_str(a, "name")) == 0)
		init_order(a->host, start, 30, on_started, NULL);
	stream_emit(a->host->stream, "profile_changed", json_pack("{s:s, s:s}", "profile", ask_str(a, "name"),
	    "action", "created"));
	ask_result(a, json_pack("{s:b, s:s}", "ok", 1, "home", json_str(result, "home", "")));
}

int
profile_create(struct ask *a, struct error *e)
{
	return forward_order(a, "create", on_created);
}

static void
on_removed(void *arg, const json_t *result, const struct error *e)
{
	struct ask *a = arg;
	cleanup_free char *start = xasprintf("start %s", ask_str(a, "name")), *unit = NULL;

	if (result == NULL) {
		init_order(a->host, start, 30, on_started, NULL);
		ask_error(a, e);
		return;
	}
	if ((unit = host_engine(a->host, ask_str(a, "name"), NULL)) != NULL)
		json_object_set_new(a->host->removed, ask_str(a, "name"), json_true());
	stream_emit(a->host->stream, "profile_changed", json_pack("{s:s, s:s}", "profile", ask_str(a, "name"),
	    "action", "deleted"));
	ask_result(a, json_pack("{s:b, s:s}", "ok", 1, "archived_at", json_str(result, "archived_at", "")));
}

/* Its units let go of the home before it is moved; that init knows none of them is no obstacle. */
static void
on_units_stopped(void *arg, const char *lines, const struct error *e)
{
	struct ask *a = arg;

	if (lines == NULL)
		log_info("profile %s: %s", ask_str(a, "name"), e->text);
	settings_order(a->host->settings, "remove", json_pack("{s:s}", "profile", ask_str(a, "name")), on_removed, a);
}

int
profile_delete(struct ask *a, struct error *e)
{
	const char *name = ask_str(a, "name");
	cleanup_free char *stop = xasprintf("stop %s", name);

	if (strcmp(name, "default") == 0)
		return error_set(e, ERR_invalid, "the default profile cannot be removed");
	if (profile_check(name, e) == -1)
		return -1;
	if (turns_open_in(a->host->turns, name) > 0 && !json_bool(a->params, "force", false))
		return error_set(e, ERR_busy, "a turn runs in profile %s", name);
	init_order(a->host, stop, 30, on_units_stopped, a);
	return 0;
}

/* The reply is out and taken before init ends us with the others. */
static void
restart_now(evutil_socket_t fd, short what, void *arg)
{
	init_order(arg, "restart all", 30, on_started, NULL);
}

int
daemon_restart(struct ask *a, struct error *e)
{
	struct host *h = a->host;

	log_info("restart asked for by a client");
	ask_result(a, json_pack("{s:b, s:b}", "ok", 1, "respawn", 1));
	event_base_once(h->daemon->base, -1, EV_TIMEOUT, restart_now, h, &(struct timeval){ .tv_usec = RESTART_MS * 1000 });
	return 0;
}

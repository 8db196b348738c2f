/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host plane's verbs (host-plane.md, 5): the table at the end, and above
 * it what each does, which is nearly always to hand the request on. Names
 * and kinds of parameters are checked before a verb is called; whether the
 * caller may call it, too.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/approvals.h"
#include "hostd/attachments.h"
#include "hostd/client.h"
#include "hostd/forward.h"
#include "hostd/host.h"
#include "hostd/init.h"
#include "hostd/outputs.h"
#include "hostd/peers.h"
#include "hostd/schedule.h"
#include "hostd/settings.h"
#include "hostd/stream.h"
#include "hostd/turns.h"

#define SEARCH_MS	(10 * 60 * 1000)
#define IMPORT_MS	(2 * 60 * 1000)
#define RESTART_MS	200		/* between the reply and a restart: clients must see the reply */

/* ---- what several do ----------------------------------------------------------------------- */

static json_t *
ok(void)
{
	return json_pack("{s:b}", "ok", 1);
}

static int
ask_engine(struct ask *a, enum msg type, const void *body, request_done *done, struct error *e)
{
	return forward(a, "engined", type, body, FORWARD_MS, done, e);
}

PASS_ON(session_list)
PASS_ON(session_read)
PASS_ON(session_delete)
PASS_ON(session_search)
PASS_ON(memory_call)
PASS_ON(skill_list)
PASS_ON(skill_call)
PASS_ON(skill_import)
PASS_ON(session_events)
PASS_ON(turn_explain)
PASS_ON(usage_daily)

static void
tell_change(struct ask *a, const char *scope)
{
	stream_emit(a->host->stream, "config_changed", json_pack("{s:s, s:s}", "profile", ask_str(a, "profile"),
	    "scope", scope));
}

/* ---- machine and profiles ------------------------------------------------------------------ */

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

static int
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

static int
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

static int
profile_summaries(struct ask *a, struct error *e)
{
	return forward_order(a, "summaries", on_summaries);
}

static void
on_result(void *arg, const json_t *result, const struct error *e)
{
	if (result == NULL)
		ask_error(arg, e);
	else
		ask_result(arg, json_deep_copy(result));
}

static int
profile_detail(struct ask *a, struct error *e)
{
	return forward_order(a, "detail", on_result);
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

static int
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

static int
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

static void
on_config(void *arg, const json_t *result, const struct error *e)
{
	struct ask *a = arg;

	if (result == NULL) {
		ask_error(a, e);
		return;
	}
	tell_change(a, ask_str0(a, "key") == NULL ? "providers" : ask_str(a, "key"));
	ask_result(a, ok());
}

static int
config_set_field(struct ask *a, struct error *e)
{
	return forward_order(a, "set", on_config);
}

static int
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
		ask_result(arg, ok());
}

static int
sandbox_switch(struct ask *a, const char *what)
{
	json_t *params = json_copy(a->params);

	json_object_set_new(params, "what", json_string(what));
	settings_order(a->host->settings, "sandbox", params, on_sandbox, a);
	return 0;
}

static int
sandbox_set(struct ask *a, struct error *e)
{
	return sandbox_switch(a, "sandbox");
}

static int
sandbox_network(struct ask *a, struct error *e)
{
	return sandbox_switch(a, "network");
}

/* The reply is out and taken before init ends us with the others. */
static void
restart_now(evutil_socket_t fd, short what, void *arg)
{
	init_order(arg, "restart all", 30, on_started, NULL);
}

static int
daemon_restart(struct ask *a, struct error *e)
{
	struct host *h = a->host;

	log_info("restart asked for by a client");
	ask_result(a, json_pack("{s:b, s:b}", "ok", 1, "respawn", 1));
	event_base_once(h->daemon->base, -1, EV_TIMEOUT, restart_now, h, &(struct timeval){ .tv_usec = RESTART_MS * 1000 });
	return 0;
}

/* ---- providers ----------------------------------------------------------------------------- */

/* What init hands out has changed: the profile's units get it before the client is told, so that the next turn has it. */
static void
on_reloaded(void *arg, const char *lines, const struct error *e)
{
	struct ask *a = arg;

	if (lines == NULL)
		log_warn("profile %s: not reloaded: %s", ask_str(a, "profile"), e->text);
	ask_result(a, ok());
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

static int
providers_set_key(struct ask *a, struct error *e)
{
	return forward_order(a, "env_set", on_key);
}

static int
providers_unset_key(struct ask *a, struct error *e)
{
	return forward_order(a, "env_unset", on_key);
}

static int
providers_add_ollama(struct ask *a, struct error *e)
{
	return forward_order(a, "add_ollama", on_config);
}

static int
providers_remove_ollama(struct ask *a, struct error *e)
{
	return forward_order(a, "remove_ollama", on_config);
}

/* ---- sessions ------------------------------------------------------------------------------ */

static int
sessions_list(struct ask *a, struct error *e)
{
	json_int_t limit = json_int(a->params, "limit", 0);

	return ask_engine(a, MSG_session_list, &(struct session_list){ .limit = limit > 1000 ? 1000 : limit },
	    on_session_list, e);
}

static int
session_read(struct ask *a, struct error *e)
{
	return ask_engine(a, MSG_session_read, &(struct session_read){
		.id = ask_str(a, "id"),
		.after_turn = json_int(a->params, "after_turn", 0),
		.tail_turns = json_int(a->params, "tail_turns", 0),
		.before_turn = json_int(a->params, "before_turn", 0),
		.max_turns = json_int(a->params, "max_turns", 0),
	}, on_session_read, e);
}

static int
sessions_delete(struct ask *a, struct error *e)
{
	const json_t *ids = json_object_get(a->params, "ids"), *row;
	const char *rows[201] = { NULL };
	size_t i;

	json_array_foreach(ids, i, row)
		if ((rows[i] = json_string_value(row)) == NULL)
			return error_set(e, ERR_invalid, "ids holds something else than strings");
	return ask_engine(a, MSG_session_delete, &(struct session_delete){ .ids = rows, .n_ids = json_array_size(ids) },
	    on_session_delete, e);
}

/* The first search of a profile reads all its sessions. */
static int
sessions_search(struct ask *a, struct error *e)
{
	json_int_t limit = json_int(a->params, "limit", 0);

	return forward(a, "engined", MSG_session_search, &(struct session_search){
		.query = ask_str(a, "text"),
		.limit = limit < 0 ? 0 : limit > 50 ? 50 : limit,
	}, SEARCH_MS, on_session_search, e);
}

static int
memory_call_verb(struct ask *a, struct error *e)
{
	return ask_engine(a, MSG_memory_call, &(struct memory_call){
		.action = ask_str(a, "action"), .target = ask_str0(a, "target"), .content = ask_str0(a, "content"),
		.match = ask_str0(a, "match"), .confidence = ask_str0(a, "confidence"), .id = ask_str0(a, "id"),
	}, on_memory_call, e);
}

static int
skills_list(struct ask *a, struct error *e)
{
	return ask_engine(a, MSG_skill_list, &(struct skill_list){ }, on_skill_list, e);
}

static int
skill_call_verb(struct ask *a, struct error *e)
{
	return ask_engine(a, MSG_skill_call, &(struct skill_call){
		.action = ask_str(a, "action"), .name = ask_str(a, "name"), .file = ask_str0(a, "file"),
	}, on_skill_call, e);
}

/* All its files are looked at by the scanner. */
static int
skill_import_verb(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_skill_import, &(struct skill_import){
		.check = json_bool(a->params, "check", false), .name = ask_str0(a, "name"), .category = ask_str0(a, "category"),
		.files = json_object_get(a->params, "files"),
	}, IMPORT_MS, on_skill_import, e);
}

static int
chat_events_since(struct ask *a, struct error *e)
{
	return ask_engine(a, MSG_session_events, &(struct session_events){
		.session = ask_str(a, "session_id"),
		.after = json_int(a->params, "after_seq", 0),
		.limit = json_int(a->params, "limit", 1000),
	}, on_session_events, e);
}

/* ---- chat ---------------------------------------------------------------------------------- */

static int
chat_send(struct ask *a, struct error *e)
{
	return turns_send(a->host->turns, a, e);
}

static int
chat_cancel(struct ask *a, struct error *e)
{
	return turns_cancel(a->host->turns, a, e);
}

static int
chat_explain(struct ask *a, struct error *e)
{
	const char *surface = ask_str0(a, "surface");

	return ask_engine(a, MSG_turn_explain, &(struct turn_explain){
		.text = ask_str(a, "text"),
		.session = ask_str0(a, "session_id"),
		.surface = surface == NULL ? "host" : surface,
		.model = ask_str0(a, "model"),
		.workspace = turns_workspace(a->host, ask_str0(a, "cwd")),
	}, on_turn_explain, e);
}

static int
activity_list(struct ask *a, struct error *e)
{
	static const char *const kinds[] = { "approval", "clarification" };
	json_t *needs = json_array(), *row;

	for (size_t k = 0; k < COUNT(kinds); k++) {
		cleanup_json json_t *rows = approvals_pending(a->host->approvals, kinds[k]);
		size_t i;

		json_array_foreach(rows, i, row) {
			json_object_set_new(row, "kind", json_string(kinds[k]));
			json_array_append(needs, row);
		}
	}
	ask_result(a, json_pack("{s:o, s:o, s:[]}", "needs_you", needs, "running", turns_running(a->host->turns),
	    "scheduled"));
	return 0;
}

/* engine.status and usage.today in one answer. */
struct status {
	struct ask	*ask;
	json_t		*result;
};

static void
on_usage(void *arg, const void *reply, const struct error *e)
{
	struct status *s = arg;
	json_t *usage = reply == NULL ? json_null() : forward_json(MSG_usage_today, reply, NULL);

	json_object_set_new(s->result, "usage", usage == NULL ? json_null() : usage);
	ask_result(s->ask, s->result);
	free(s);
}

static void
on_status(void *arg, const void *reply, const struct error *e)
{
	struct ask *a = arg;
	struct host *h = a->host;
	cleanup_free char *unit = xasprintf("%s/engined", ask_str(a, "profile"));
	struct error local = { 0 };
	json_t *result = reply == NULL ? NULL : forward_json(MSG_engine_status, reply, &local);
	struct status *s;

	if (result == NULL) {
		ask_error(a, reply == NULL ? e : &local);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct status){ .ask = a, .result = result };
	if (h->send(h->daemon, unit, MSG_usage_today, &(struct usage_today){ }, NULL, FORWARD_MS, on_usage, s,
	    &local) == NULL)
		on_usage(s, NULL, &local);
}

static int
engine_status(struct ask *a, struct error *e)
{
	return ask_engine(a, MSG_engine_status, &(struct engine_status){ }, on_status, e);
}

static int
usage_daily(struct ask *a, struct error *e)
{
	return ask_engine(a, MSG_usage_daily, &(struct usage_daily){ .days = json_int(a->params, "days", 0) }, on_usage_daily, e);
}

/* ---- questions and events ------------------------------------------------------------------ */

static int
pending(struct ask *a, const char *kind)
{
	ask_result(a, json_pack("{s:o}", "requests", approvals_pending(a->host->approvals, kind)));
	return 0;
}

static int
approval_pending(struct ask *a, struct error *e)
{
	return pending(a, "approval");
}

static int
clarification_pending(struct ask *a, struct error *e)
{
	return pending(a, "clarification");
}

static int
approval_respond(struct ask *a, struct error *e)
{
	return approvals_respond(a->host->approvals, "approval", a, e);
}

static int
clarification_respond(struct ask *a, struct error *e)
{
	return approvals_respond(a->host->approvals, "clarification", a, e);
}

static const json_t *
kinds_of(const struct ask *a)
{
	const json_t *kinds = json_object_get(a->params, "kinds");

	return json_array_size(kinds) > 0 ? kinds : NULL;
}

static int
events_subscribe(struct ask *a, struct error *e)
{
	stream_subscribe(a->host->stream, a, kinds_of(a));
	return 0;
}

static int
events_history(struct ask *a, struct error *e)
{
	json_int_t limit = json_int(a->params, "limit", STREAM_RING);
	cleanup_free char *text = NULL;

	if (limit < 1)
		limit = 1;
	text = stream_history(a->host->stream, json_int(a->params, "after_seq", 0), (size_t)limit, kinds_of(a));
	ask_result_text(a, text);
	return 0;
}

/* ---- the table ----------------------------------------------------------------------------- */

#define A ROLE_ADMIN
#define M ROLE_MEMBER

const struct method methods[] = {
	/* name				function		role local  free   needs, may have */
	{ "host.version",		version,		M, false, true,  "", "" },
	{ "host.profiles.list",		profiles_list,		M, false, true,  "", "" },
	{ "host.profile.summaries",	profile_summaries,	M, false, true,  "", "" },
	{ "host.profile.detail",	profile_detail,		A, false, false, "profile", "" },
	{ "host.profile.create",	profile_create,		A, false, false, "name", "" },
	{ "host.profile.delete",	profile_delete,		A, false, false, "name", "force" },
	{ "host.config.set_field",	config_set_field,	A, false, false, "profile key value", "" },
	{ "host.config.unset_field",	config_unset_field,	A, false, false, "profile key", "" },
	{ "host.sandbox.set",		sandbox_set,		A, false, false, "profile state", "" },
	{ "host.sandbox.network",	sandbox_network,	A, false, false, "profile state", "" },
	{ "host.daemon.restart",	daemon_restart,		A, false, false, "", "" },
	{ "host.engine.status",		engine_status,		A, false, false, "profile", "" },
	{ "host.usage.daily",		usage_daily,		A, false, false, "profile", "days" },

	{ "host.providers.set_key",	providers_set_key,	A, false, false, "profile key value", "" },
	{ "host.providers.unset_key",	providers_unset_key,	A, false, false, "profile key", "" },
	{ "host.providers.add_ollama",	providers_add_ollama,	A, false, false, "profile name url", "" },
	{ "host.providers.remove_ollama", providers_remove_ollama, A, false, false, "profile name", "" },

	{ "host.chat.send",		chat_send,		M, false, false, "",
	    "profile text request_id session_id model rewrite_from_turn attachments cwd interactive surface no_save" },
	{ "host.chat.cancel",		chat_cancel,		M, false, true,  "request_id", "profile" },
	{ "host.chat.events_since",	chat_events_since,	M, false, false, "profile session_id", "after_seq limit" },
	{ "host.chat.explain",		chat_explain,		M, false, false, "profile text",
	    "session_id model surface cwd" },
	{ "host.sessions.list",		sessions_list,		M, false, false, "profile", "limit" },
	{ "host.session.read",		session_read,		M, false, false, "profile id",
	    "after_turn tail_turns before_turn max_turns" },
	{ "host.sessions.search",	sessions_search,	A, false, false, "profile text", "limit" },
	{ "host.sessions.delete",	sessions_delete,	A, false, false, "profile ids", "" },
	{ "host.memory.call",		memory_call_verb,	A, false, false, "profile action",
	    "target content match confidence id" },
	{ "host.attachments.stage",	attachments_stage,	M, false, false, "profile name", "mime data_base64 data" },
	{ "host.outputs.list",		outputs_list,		A, false, false, "profile", "status limit" },
	{ "host.outputs.read",		outputs_read,		A, false, false, "profile id", "" },
	{ "host.outputs.mark_read",	outputs_mark_read,	A, false, false, "profile id", "" },
	{ "host.outputs.mark_all_read",	outputs_mark_all_read,	A, false, false, "profile", "" },
	{ "host.outputs.delete",	outputs_delete,		A, false, false, "profile id", "" },
	{ "host.skills.list",		skills_list,		A, false, false, "profile", "" },
	{ "host.skill.call",		skill_call_verb,	A, false, false, "profile action name", "file" },
	{ "host.skill.import",		skill_import_verb,	A, false, false, "profile files", "name category check" },
	{ "host.schedule.list",		schedule_list,		A, false, false, "profile", "limit" },
	{ "host.schedule.add",		schedule_add,		A, false, false, "profile job", "force" },
	{ "host.schedule.update",	schedule_update,	A, false, false, "profile id changes", "" },
	{ "host.schedule.remove",	schedule_remove,	A, false, false, "profile id", "" },
	{ "host.schedule.set_paused",	schedule_set_paused,	A, false, false, "profile id paused", "" },
	{ "host.schedule.fire",		schedule_fire,		A, false, false, "profile id", "" },
	{ "host.schedule.run_once",	schedule_run_once,	A, false, false, "profile", "" },
	{ "host.schedule.wait",		schedule_wait,		A, false, false, "profile", "run after wait_ms" },
	{ "host.schedule.history",	schedule_history,	A, false, false, "profile", "id limit" },
	{ "host.activity.list",		activity_list,		M, false, true,  "", "" },
	{ "host.approval.pending",	approval_pending,	M, false, true,  "", "" },
	{ "host.approval.respond",	approval_respond,	A, false, true,  "request_id choice", "" },
	{ "host.clarification.pending",	clarification_pending,	M, false, true,  "", "" },
	{ "host.clarification.respond",	clarification_respond,	M, false, false, "request_id choice", "" },

	{ "host.peers.list",		peers_list,		M, false, false, "profile", "" },
	{ "host.peers.add",		peers_add,		A, false, false, "profile id pubkey", "address alias allow" },
	{ "host.peers.remove",		peers_remove,		A, false, false, "profile id", "" },
	{ "host.peers.allow",		peers_allow,		A, false, false, "profile id method on", "" },
	{ "host.peers.pending_list",	peers_pending_list,	A, false, false, "profile", "" },
	{ "host.peers.pending_accept",	peers_pending_accept,	A, false, false, "profile pubkey id", "allow address" },
	{ "host.peers.pending_discard",	peers_pending_discard,	A, false, false, "profile pubkey", "" },
	{ "host.peers.ping",		peers_ping,		A, false, false, "profile peer_id", "" },
	{ "host.peers.blob_put",	peers_blob_put,		A, false, false,
	    "profile peer_id hash size offset data", "final" },
	{ "host.peers.blob_get",	peers_blob_get,		A, false, false, "profile peer_id hash offset", "" },

	{ "host.events.subscribe",	events_subscribe,	M, false, true,  "", "kinds" },
	{ "host.events.history",	events_history,		M, false, true,  "", "after_seq limit kinds" },
	{ 0 }
};

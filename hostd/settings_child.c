/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi-hostd --settings ROOT`: reads and writes config.yaml, .env and the
 * set of profiles below one root, by orders from hostd and nobody else. It
 * may touch every file there, so it does nothing that its table does not
 * name, checks names and values anew, and never hands out a key.
 */
#include "hostd/settings.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"

/* What an order is carried out on. */
struct job {
	const char	*root;
	char		*home;		/* of params' profile, when the row asks for one */
	const json_t	*params;
};

static const char *
param(const struct job *j, const char *name)
{
	return json_str(j->params, name, "");
}

static json_t *
done(int result)
{
	return result == -1 ? NULL : json_object();
}

/* ---- what is there ------------------------------------------------------------------------- */

static json_t *
profiles(const struct job *j, struct error *e)
{
	char **names = profile_list(j->root);
	json_t *rows = json_array();

	for (size_t i = 0; names[i] != NULL; i++) {
		cleanup_free char *home = profile_home(j->root, names[i]);

		json_array_append_new(rows, json_pack("{s:s, s:s, s:b}", "name", names[i], "home", home,
		    "is_default", strcmp(names[i], "default") == 0));
	}
	profile_list_free(names);
	return rows;
}

static const struct provider_key {
	const char	*head, *env;
} provider_keys[] = {
	{ "openai", "OPENAI_API_KEY" }, { "anthropic", "ANTHROPIC_API_KEY" },
	{ "openrouter", "OPENROUTER_API_KEY" }, { "gemini", "GEMINI_API_KEY" }, { "groq", "GROQ_API_KEY" },
};

static bool
has_any_provider(const json_t *config, const json_t *env)
{
	if (json_array_size(json_at(config, "providers.ollama")) > 0 ||
	    strncmp(config_str(config, "model"), "offline/", 8) == 0)
		return true;
	for (size_t i = 0; i < COUNT(provider_keys); i++)
		if (*json_str(env, provider_keys[i].env, "") != '\0')
			return true;
	return false;
}

/* Files of one folder that are rows for people: NAME.json, not the daemons' own "_..." */
static int
count_sessions(const char *home)
{
	cleanup_free char *path = path_join(home, "sessions");
	DIR *dir = opendir(path);
	struct dirent *d;
	int n = 0;

	if (dir == NULL)
		return 0;
	while ((d = readdir(dir)) != NULL) {
		const char *dot = strrchr(d->d_name, '.');

		n += d->d_name[0] != '_' && d->d_name[0] != '.' && dot != NULL && strcmp(dot, ".json") == 0;
	}
	closedir(dir);
	return n;
}

static json_int_t
memory_bytes(const char *home)
{
	static const char *const names[] = { "memories/USER.md", "memories/MEMORY.md", "memories/AGENT.md" };
	json_int_t sum = 0;
	struct stat st;

	for (size_t i = 0; i < COUNT(names); i++) {
		cleanup_free char *path = path_join(home, names[i]);

		if (stat(path, &st) == 0)
			sum += st.st_size;
	}
	return sum;
}

/* Today's spend from the ledger engined writes; nothing when it is of another day or does not parse. */
static void
add_spend(json_t *row, const char *home)
{
	cleanup_free char *path = path_join(home, "logs/ledger.json");
	cleanup_json json_t *ledger = json_load(path, 1024 * 1024, 16, NULL);
	const json_t *today = json_object_get(ledger, "profile");
	time_t now = clock_wall_ms() / 1000;
	char day[16];
	struct tm tm;

	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&now, &tm));
	if (strcmp(json_str(ledger, "day", ""), day) != 0)
		today = NULL;
	json_object_set_new(row, "budget_used_usd", json_real(json_num(today, "usd", 0)));
	json_object_set_new(row, "budget_used_tokens", json_integer(json_int(today, "tokens", 0)));
}

static json_t *
summary(const char *root, const char *name)
{
	cleanup_free char *home = profile_home(root, name);
	struct error e = { 0 };
	cleanup_json json_t *config = config_load(home, &e);
	cleanup_json json_t *env = env_load(home);
	json_t *row = json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:b, s:f, s:b}", "name", name, "home", home,
	    "is_default", strcmp(name, "default") == 0, "model", config_str(config, "model"),
	    "accent", config_str(config, "tui.accent"), "voice_id", config_str(config, "tools.tts.voice"),
	    "bio", config_str(config, "public_bio"), "paused", config_bool(config, "paused"),
	    "budget_daily_usd", config_num(config, "budget.daily_usd", 0), "has_any_provider",
	    has_any_provider(config, env));

	json_object_set_new(row, "counts", json_pack("{s:i, s:i, s:i, s:i, s:I}", "peers", 0, "workgroups", 0,
	    "sessions", count_sessions(home), "skills", 0, "memory_bytes", memory_bytes(home)));
	json_object_set_new(row, "subsystems", json_pack("{s:b, s:b, s:b, s:b}", "gateway", 0, "schedule", 0,
	    "alp", 0, "workgroups", 0));
	json_object_set_new(row, "installed_via", json_null());
	json_object_set_new(row, "latest_session", json_null());
	json_object_set_new(row, "pubkey_b64", json_string(""));
	add_spend(row, home);
	if (config == NULL)
		json_object_set_new(row, "config_error", json_string(e.text));
	return row;
}

static json_t *
summaries(const struct job *j, struct error *e)
{
	char **names = profile_list(j->root);
	json_t *rows = json_array();

	for (size_t i = 0; names[i] != NULL; i++)
		json_array_append_new(rows, summary(j->root, names[i]));
	profile_list_free(names);
	return rows;
}

/* First 3, an ellipsis, last 4; bullets alone for what is short. */
static json_t *
preview(const char *value)
{
	size_t n = strlen(value);
	cleanup_free char *cut = NULL, *clean = NULL;

	if (n <= 8)
		return json_string("••••••••");
	cut = xasprintf("%.3s…%s", value, value + n - 4);
	clean = utf8_clean(cut, strlen(cut));
	return json_string(clean);
}

static json_t *
key_previews(const json_t *env)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < COUNT(provider_keys); i++) {
		const char *value = json_str(env, provider_keys[i].env, "");

		if (*value != '\0')
			json_array_append_new(rows, json_pack("{s:s, s:o}", "env", provider_keys[i].env, "preview",
			    preview(value)));
	}
	return rows;
}

/* Models that can think with an effort (engine.md, 4.2), by how their name begins after the provider. */
static bool
can_reason(const char *model)
{
	static const char *const begins[] = {
		"gpt-5", "claude-3.7", "claude-3-7", "claude-opus-4", "claude-sonnet-4", "claude-haiku-4",
		"gemini-2.5", "2.5-", "gemini-3", "deepseek-r1", "grok-3", "grok-4",
	};
	const char *name = strrchr(model, '/');

	name = name == NULL ? model : name + 1;
	if (name[0] == 'o' && isdigit((unsigned char)name[1]))
		return true;
	for (size_t i = 0; i < COUNT(begins); i++)
		if (strncmp(name, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

static json_t *
detail(const struct job *j, struct error *e)
{
	cleanup_json json_t *config = config_load(j->home, e);
	cleanup_json json_t *env = env_load(j->home);
	const char *model = config_str(config, "model");
	json_t *o;

	if (config == NULL)
		return NULL;
	o = json_pack("{s:s, s:s, s:o, s:O, s:b, s:b, s:s, s:b, s:s, s:b}",
	    "workspace", config_str(config, "workspace"), "advertise_host", config_str(config, "network.host"),
	    "provider_keys", key_previews(env), "provider_ollama", json_at(config, "providers.ollama"),
	    "sandbox", config_bool(config, "tools.terminal.sandbox"),
	    "sandbox_allow_network", config_bool(config, "tools.terminal.allow_network"),
	    "voice_id", config_str(config, "tools.tts.voice"),
	    "voice_auto_read", config_bool(config, "tools.tts.auto_read"),
	    "model_reasoning_effort", config_str(config, "model_reasoning.effort"),
	    "model_reasoning_supported", can_reason(model));
	json_object_set_new(o, "model", json_string(model));
	json_object_set_new(o, "models", *model == '\0' ? json_array() : json_pack("[s]", model));
	json_object_set_new(o, "tcp_port", config_is_set(j->home, "alp.tcp_port") ?
	    json_integer(config_int(config, "alp.tcp_port", 1)) : json_null());
	json_object_set_new(o, "mcps", json_array());
	json_object_set_new(o, "peers", json_array());
	return o;
}

static json_t *
device_name(const struct job *j, struct error *e)
{
	cleanup_json json_t *config = config_load(j->root, NULL);

	return json_string(config_str(config, "host.device_name"));
}

/* ---- config.yaml --------------------------------------------------------------------------- */

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

/* Keys that hold a number: those the host plane names and those whose default is one. */
static json_type
number_kind(const char *key)
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
	json_type kind = number_kind(key);
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
	if (json_is_boolean(value))
		return json_deep_copy(value);
	if (text == NULL)
		return json_string(other = json_text(value));
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return json_boolean(text[0] == 't');
	return json_string(text);
}

static int
set_text(const char *home, const char *key, const char *value, struct error *e)
{
	cleanup_json json_t *v = json_string(value);

	return config_set(home, key, v, e);
}

/* An effort that the model cannot use is not kept. */
static int
drop_effort(const char *home, struct error *e)
{
	cleanup_json json_t *config = config_load(home, e);

	if (config == NULL)
		return -1;
	if (*config_str(config, "model_reasoning.effort") == '\0' || can_reason(config_str(config, "model")))
		return 0;
	return config_set(home, "model_reasoning.effort", NULL, e);
}

static json_t *
set(const struct job *j, struct error *e)
{
	const char *key = param(j, "key");
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
		return done(drop_effort(j->home, e));
	return json_object();
}

static json_t *
unset(const struct job *j, struct error *e)
{
	const char *key = param(j, "key");

	if (check_key(key, e) == -1)
		return NULL;
	return done(config_set(j->home, key, NULL, e));
}

/* A command's label that a person allowed for good (tools.md, 3.3). */
static json_t *
allow(const struct job *j, struct error *e)
{
	const char *label = param(j, "label");

	if (*label == '\0' || strlen(label) > 128 || strpbrk(label, "\r\n") != NULL) {
		error_set(e, ERR_invalid, "no label");
		return NULL;
	}
	return done(config_append(j->home, "tools.terminal.approval.allowlist", label, e));
}

/* sandbox.set and sandbox.network: `what` is the switch, `state` on or off. */
static json_t *
sandbox(const struct job *j, struct error *e)
{
	const char *state = param(j, "state");
	bool network = strcmp(param(j, "what"), "network") == 0, on = strcmp(state, "on") == 0;
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
	return done(config_set(j->home, key, on ? json_true() : json_false(), e));
}

static json_int_t
find_server(const json_t *list, const char *name)
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
servers_of(const struct job *j, struct error *e)
{
	cleanup_json json_t *config = config_load(j->home, e);
	json_t *list = json_at(config, "providers.ollama");

	if (config == NULL)
		return NULL;
	return json_is_array(list) ? json_deep_copy(list) : json_array();
}

static json_t *
add_ollama(const struct job *j, struct error *e)
{
	const char *name = param(j, "name"), *url = param(j, "url");
	cleanup_json json_t *list = servers_of(j, e);

	if (list == NULL || check_server(name, url, e) == -1)
		return NULL;
	if (find_server(list, name) != -1) {
		error_set(e, ERR_exists, "there is a server %s already", name);
		return NULL;
	}
	json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "url", url));
	return done(config_set(j->home, "providers.ollama", list, e));
}

static json_t *
remove_ollama(const struct job *j, struct error *e)
{
	cleanup_json json_t *list = servers_of(j, e);
	json_int_t at;

	if (list == NULL)
		return NULL;
	if ((at = find_server(list, param(j, "name"))) == -1) {
		error_set(e, ERR_not_found, "no server %s", param(j, "name"));
		return NULL;
	}
	json_array_remove(list, (size_t)at);
	return done(config_set(j->home, "providers.ollama", list, e));
}

/* ---- .env ---------------------------------------------------------------------------------- */

static int
check_env(const char *name, struct error *e)
{
	static const char *const refused[] = { "HOME", "PATH", "USER", "ALPI_HOME", "ALPI_PROFILE", "PYTHONPATH",
		"TMPDIR", "LANG", "LC_ALL" };
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	if (n == 0 || n > 64 || name[n] != '\0' || isdigit((unsigned char)name[0]))
		return error_set(e, ERR_invalid, "key is not [A-Z_][A-Z0-9_]{0,63}");
	for (size_t i = 0; i < COUNT(refused); i++)
		if (strcmp(name, refused[i]) == 0)
			return error_set(e, ERR_denied, "%s is not for settings", name);
	return 0;
}

/* One bot cannot serve two profiles: both would take its messages. */
static int
check_token(const struct job *j, const char *value, struct error *e)
{
	char **names = profile_list(j->root);
	int result = 0;

	for (size_t i = 0; names[i] != NULL && result == 0; i++) {
		cleanup_free char *home = profile_home(j->root, names[i]);
		cleanup_json json_t *env = env_load(home);

		if (strcmp(home, j->home) != 0 && strcmp(json_str(env, "TELEGRAM_BOT_TOKEN", ""), value) == 0)
			result = error_set(e, ERR_invalid, "profile %s uses this token", names[i]);
	}
	profile_list_free(names);
	return result;
}

static json_t *
env_add(const struct job *j, struct error *e)
{
	const char *name = param(j, "key"), *value = json_str(j->params, "value", NULL);

	if (check_env(name, e) == -1)
		return NULL;
	if (value == NULL || strlen(value) > 8192 || strpbrk(value, "\r\n") != NULL) {
		error_set(e, ERR_invalid, "value is not one line of text");
		return NULL;
	}
	if (strcmp(name, "TELEGRAM_BOT_TOKEN") == 0 && check_token(j, value, e) == -1)
		return NULL;
	return done(env_set(j->home, name, value, e));
}

/* The model, if it cannot be reached without this key. */
static bool
model_needs(const json_t *config, const char *key)
{
	const char *model = config_str(config, "model"), *slash = strchr(model, '/');
	cleanup_free char *head = slash == NULL ? NULL : xstrndup(model, (size_t)(slash - model));

	if (head == NULL || find_server(json_at(config, "providers.ollama"), head) != -1)
		return false;
	for (size_t i = 0; i < COUNT(provider_keys); i++)
		if (strcmp(provider_keys[i].head, head) == 0)
			return strcmp(provider_keys[i].env, key) == 0;
	return false;
}

static json_t *
env_remove(const struct job *j, struct error *e)
{
	const char *name = param(j, "key");
	cleanup_json json_t *config = config_load(j->home, NULL);
	bool clears = model_needs(config, name);

	if (check_env(name, e) == -1 || env_set(j->home, name, NULL, e) == -1)
		return NULL;
	if (clears && set_text(j->home, "model", "", e) == -1)
		return NULL;
	return json_pack("{s:b}", "model_cleared", clears);
}

/* ---- profiles ------------------------------------------------------------------------------ */

static json_t *
create(const struct job *j, struct error *e)
{
	const char *name = param(j, "name");
	cleanup_free char *home = profile_home(j->root, name), *made = xasprintf("%s/profiles/.%s.new", j->root, name);
	struct stat st;

	if (profile_check(name, e) == -1)
		return NULL;
	if (strcmp(name, "default") == 0) {
		error_set(e, ERR_invalid, "'default' is reserved");
		return NULL;
	}
	if (lstat(home, &st) == 0) {
		error_set(e, ERR_exists, "there is a profile %s already", name);
		return NULL;
	}
	if (home_create(made, e) == -1)		/* what is there of it is used by the next attempt */
		return NULL;
	if (rename(made, home) == -1) {
		error_errno(e, "%s", home);
		return NULL;
	}
	return json_pack("{s:s}", "home", home);
}

/* The folder of the link: with it, init begins a link daemon for the profile. */
static json_t *
alp_begin(const struct job *j, struct error *e)
{
	cleanup_free char *home = profile_home(j->root, param(j, "profile")), *dir = path_join(home, "alp");

	return make_dirs(dir, 0700, e) == -1 ? NULL : json_object();
}

static char *
trash_name(const char *root, const char *name)
{
	time_t now = clock_wall_ms() / 1000;
	char when[24];
	struct tm tm;

	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", localtime_r(&now, &tm));
	return xasprintf("%s/.trash/%s-%s", root, name, when);
}

static json_t *
move_to_trash(const struct job *j, struct error *e)
{
	cleanup_free char *trash = path_join(j->root, ".trash");
	cleanup_free char *to = trash_name(j->root, param(j, "profile"));

	if (strcmp(param(j, "profile"), "default") == 0) {
		error_set(e, ERR_invalid, "the default profile cannot be removed");
		return NULL;
	}
	if (make_dirs(trash, 0700, e) == -1)
		return NULL;
	if (rename(j->home, to) == -1) {
		error_errno(e, "move %s", j->home);
		return NULL;
	}
	return json_pack("{s:s}", "archived_at", to);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static const struct {
	const char	*name;
	json_t		*(*fn)(const struct job *, struct error *);
	bool		 needs_home;
} orders[] = {
	{ "profiles",		profiles,	false },
	{ "summaries",		summaries,	false },
	{ "device_name",	device_name,	false },
	{ "detail",		detail,		true },
	{ "set",		set,		true },
	{ "unset",		unset,		true },
	{ "allow",		allow,		true },
	{ "sandbox",		sandbox,	true },
	{ "add_ollama",		add_ollama,	true },
	{ "remove_ollama",	remove_ollama,	true },
	{ "env_set",		env_add,	true },
	{ "env_unset",		env_remove,	true },
	{ "create",		create,		false },
	{ "alp_begin",		alp_begin,	true },
	{ "remove",		move_to_trash,	true },
};

static int
find_home(struct job *j, struct error *e)
{
	const char *name = param(j, "profile");
	struct stat st;

	if (profile_check(name, e) == -1)
		return -1;
	j->home = profile_home(j->root, name);
	if (lstat(j->home, &st) == -1 || (!S_ISDIR(st.st_mode) && strcmp(name, "default") != 0))
		return error_set(e, ERR_not_found, "no profile %s", name);
	return 0;
}

static json_t *
carry_out(const char *root, const json_t *params, struct error *e)
{
	struct job j = { .root = root, .params = params };
	json_t *result = NULL;

	for (size_t i = 0; i < COUNT(orders); i++) {
		if (strcmp(orders[i].name, json_str(params, "order", "")) != 0)
			continue;
		if (!orders[i].needs_home || find_home(&j, e) == 0)
			result = orders[i].fn(&j, e);
		free(j.home);
		return result;
	}
	error_set(e, ERR_unsupported, "no such order");
	return NULL;
}

static int
answer(FILE *out, const char *root, const char *line, size_t len)
{
	struct error e = { .code = ERR_internal };
	cleanup_json json_t *params = json_parse(line, len, 32, &e);
	json_t *result = params == NULL ? NULL : carry_out(root, params, &e);
	cleanup_json json_t *whole = result != NULL ? json_pack("{s:o}", "result", result) :
	    json_pack("{s:{s:i, s:s}}", "error", "code", (int)e.code, "text", e.text);
	cleanup_free char *text = json_text(whole);

	return fprintf(out, "%s\n", text) < 0 || fflush(out) == EOF ? -1 : 0;
}

int
settings_child(int fd, const char *root)
{
	FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (in == NULL || out == NULL)
		return 1;
	while ((n = getline(&line, &size, in)) > 0) {
		if (answer(out, root, line, (size_t)n) == -1)
			break;
		explicit_bzero(line, (size_t)n);	/* it may have held a key */
	}
	free(line);
	fclose(in);
	fclose(out);
	return 0;
}

int
settings_main(int argc, char *argv[])
{
	struct error e = { 0 };

	if (argc != 3 || argv[2][0] != '/') {
		log_error("settings: alpi-hostd starts this");
		return 1;
	}
	/* hostd drains on SIGTERM and may need us until its end, which shows as end of file. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	umask(0077);
	tzset();	/* the zone's file is out of reach later */
	if (restrict_path(argv[2], "rw!", &e) == -1 || restrict_self("stdio files", &e) == -1) {
		log_error("settings: %s", e.text);
		return 1;
	}
	return settings_child(STDIN_FILENO, argv[2]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See settings_orders.h: what is there, for people to look at. Of a key only its ends are shown. */
#include <ctype.h>
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/settings_orders.h"

const struct provider_key provider_keys[] = {
	{ "openai", "OPENAI_API_KEY" }, { "anthropic", "ANTHROPIC_API_KEY" },
	{ "openrouter", "OPENROUTER_API_KEY" }, { "gemini", "GEMINI_API_KEY" }, { "groq", "GROQ_API_KEY" },
	{ NULL, NULL }
};

bool
model_reasons(const char *model)
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

json_t *
order_profiles(const struct order_job *j, struct error *e)
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

static bool
has_any_provider(const json_t *config, const json_t *env)
{
	if (json_array_size(json_at(config, "providers.ollama")) > 0 ||
	    strncmp(config_str(config, "model"), "offline/", 8) == 0)
		return true;
	for (size_t i = 0; provider_keys[i].env != NULL; i++)
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

json_t *
order_summaries(const struct order_job *j, struct error *e)
{
	char **names = profile_list(j->root);
	json_t *rows = json_array();

	for (size_t i = 0; names[i] != NULL; i++)
		json_array_append_new(rows, summary(j->root, names[i]));
	profile_list_free(names);
	return rows;
}

/* First 3, an ellipsis, last 4; bullets alone for what is short. */
json_t *
secret_preview(const char *value)
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

	for (size_t i = 0; provider_keys[i].env != NULL; i++) {
		const char *value = json_str(env, provider_keys[i].env, "");

		if (*value != '\0')
			json_array_append_new(rows, json_pack("{s:s, s:o}", "env", provider_keys[i].env, "preview",
			    secret_preview(value)));
	}
	return rows;
}

json_t *
order_detail(const struct order_job *j, struct error *e)
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
	    "model_reasoning_supported", model_reasons(model));
	json_object_set_new(o, "model", json_string(model));
	json_object_set_new(o, "models", *model == '\0' ? json_array() : json_pack("[s]", model));
	json_object_set_new(o, "tcp_port", config_is_set(j->home, "alp.tcp_port") ?
	    json_integer(config_int(config, "alp.tcp_port", 1)) : json_null());
	json_object_set_new(o, "mcps", json_array());
	json_object_set_new(o, "peers", json_array());
	return o;
}

json_t *
order_device_name(const struct order_job *j, struct error *e)
{
	cleanup_json json_t *config = config_load(j->root, NULL);

	return json_string(config_str(config, "host.device_name"));
}

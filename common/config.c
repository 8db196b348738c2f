/* SPDX-License-Identifier: Apache-2.0 */
/* See config.h: the defaults, the file over them, and typed values by key. */
#include "common/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/yaml.h"

/* spec/engine.md, section 3; the sandbox block is ours (docs/alpi.yaml.5). */
static const char defaults_text[] =
    "model: ''\n"
    "fallback_models: []\n"
    "model_reasoning: {effort: ''}\n"
    "workspace: ''\n"
    "public_bio: ''\n"
    "paused: false\n"
    "providers: {ollama: [], openrouter: {models: []}}\n"
    "tools:\n"
    "  max_steps_per_turn: 40\n"
    "  deny: []\n"
    "  terminal: {sandbox: false, allow_network: false, approval: {allowlist: []}}\n"
    "  web_extract: {model: ''}\n"
    "  read_image: {model: ''}\n"
    "  browser: {vision: false, allow_local: false}\n"
    "  tts: {voice: en-US-AriaNeural, rate: '', pitch: '', auto_read: false}\n"
    "  stt: {model: base, language: ''}\n"
    "  budget: {per_result_chars: 100000}\n"
    "tui: {show_cost: true, show_tokens: true, show_reasoning: true, accent: '#c8a24e',\n"
    "  theme: dark, auto_resume: false}\n"
    "mcp: {servers: {}}\n"
    "gateway:\n"
    "  telegram: {}\n"
    "  matrix: {}\n"
    "  imap: {poll_interval: 60, mark_as_read: true}\n"
    "  gmail: {poll_interval: 60, mark_as_read: true}\n"
    "  webhook: {port: 0, host: 127.0.0.1}\n"
    "runtime: {first_byte_timeout_s: 300, stream_idle_timeout_s: 120, max_retries: 2,\n"
    "  retry_backoff_s: 1.5}\n"
    "memory: {review_interval: 0}\n"
    "embeddings: {model: ''}\n"
    "notify: {channel: ''}\n"
    "skills: {osv: 'on', osv_url: 'https://api.osv.dev'}\n"
    "budget: {}\n"
    "prices: {}\n"
    "alp: {}\n"
    "host: {tcp_port: 49200, device_name: '', allow_public_bind: false}\n"
    "network: {host: ''}\n"
    "service: {gateway: true, schedule: true, alp: true, workgroups: true, host: true,\n"
    "  prefetch: auto}\n"
    "sandbox: {read: [], write: [], network: none, allow_missing: []}\n";

json_t *
config_defaults(void)
{
	struct error e = { 0 };
	json_t *j = yaml_parse(defaults_text, sizeof(defaults_text) - 1, &e);

	if (j == NULL)
		abort();
	return j;
}

/* Lay `over` on `base`: maps recurse, anything else replaces. */
static void
merge(json_t *base, json_t *over)
{
	const char *name;
	json_t *value, *old;

	json_object_foreach(over, name, value) {
		old = json_object_get(base, name);
		if (json_is_object(old) && json_is_object(value))
			merge(old, value);
		else
			json_object_set(base, name, value);
	}
}

json_t *
config_file(const char *home, struct error *e)
{
	cleanup_free char *path = path_join(home, "config.yaml");
	cleanup_buf struct buf text = BUF(0);
	struct error local = { 0 };
	json_t *j;

	if (file_read(path, CONFIG_MAX_BYTES, &text, &local) == -1) {
		if (local.code == ERR_not_found)
			return json_object();
		if (e != NULL)
			*e = local;
		return NULL;
	}
	j = yaml_parse(buf_str(&text), text.len, e);
	if (j != NULL && json_is_null(j)) {		/* a file of comments only */
		json_decref(j);
		j = json_object();
	}
	if (j != NULL && !json_is_object(j)) {
		error_set(e, ERR_invalid, "the file must hold keys and values");
		json_decref(j);
		j = NULL;
	}
	if (j == NULL)
		error_add(e, "%s", path);
	return j;
}

json_t *
config_over_defaults(json_t *file)
{
	json_t *all = config_defaults();

	merge(all, file);
	return all;
}

json_t *
config_load(const char *home, struct error *e)
{
	cleanup_json json_t *file = config_file(home, e);

	return file == NULL ? NULL : config_over_defaults(file);
}

int
config_is_set(const char *home, const char *key)
{
	cleanup_json json_t *file = config_file(home, NULL);

	return json_at(file, key) != NULL;
}

static const json_t *
defaults(void)
{
	static json_t *kept;

	if (kept == NULL)
		kept = config_defaults();
	return kept;
}

const char *
config_str(const json_t *config, const char *key)
{
	const char *s = json_string_value(json_at(config, key));

	if (s == NULL)
		s = json_string_value(json_at(defaults(), key));
	return s == NULL ? "" : s;
}

bool
config_bool(const json_t *config, const char *key)
{
	const json_t *j = json_at(config, key);

	return json_is_true(json_is_boolean(j) ? j : json_at(defaults(), key));
}

double
config_num(const json_t *config, const char *key, double least)
{
	const json_t *j = json_at(config, key);

	if (!json_is_number(j) || json_number_value(j) < least)
		j = json_at(defaults(), key);
	return json_number_value(j);
}

int64_t
config_int(const json_t *config, const char *key, int64_t least)
{
	double value = config_num(config, key, (double)least);

	return value > 9e18 ? INT64_MAX : (int64_t)value;
}

char **
config_list(const json_t *config, const char *key)
{
	const json_t *list = json_at(config, key);
	char **out = xcalloc(json_array_size(list) + 1, sizeof(*out));
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(list, i, row) {
		const char *s = json_string_value(row);
		size_t len;
		int known = 0;

		if (s == NULL)
			continue;
		while (isspace((unsigned char)*s))
			s++;
		for (len = strlen(s); len > 0 && isspace((unsigned char)s[len - 1]); len--)
			continue;
		for (size_t k = 0; k < n; k++)
			known |= strlen(out[k]) == len && strncmp(out[k], s, len) == 0;
		if (len > 0 && !known)
			out[n++] = xstrndup(s, len);
	}
	return out;
}

void
config_list_free(char **list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

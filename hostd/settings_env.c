/* SPDX-License-Identifier: Apache-2.0 */
/* See settings_orders.h: the keys in .env. They come in and never go out. */
#include <ctype.h>
#include <string.h>

#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/settings_orders.h"

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

/* One bot cannot serve two profiles: both would take its messages. It is compared as it will be read. */
static int
check_token(const struct order_job *j, const char *value, struct error *e)
{
	cleanup_free char *line = xasprintf("TELEGRAM_BOT_TOKEN=%s", value);
	cleanup_json json_t *new = env_parse(line, strlen(line));
	const char *token = json_str(new, "TELEGRAM_BOT_TOKEN", "");
	char **names = profile_list(j->root);
	int result = 0;

	for (size_t i = 0; *token != '\0' && names[i] != NULL && result == 0; i++) {
		cleanup_free char *home = profile_home(j->root, names[i]);
		cleanup_json json_t *env = env_load(home);

		if (strcmp(home, j->home) != 0 && strcmp(json_str(env, "TELEGRAM_BOT_TOKEN", ""), token) == 0)
			result = error_set(e, ERR_invalid, "profile %s uses this token", names[i]);
	}
	profile_list_free(names);
	explicit_bzero(line, strlen(line));
	return result;
}

int
env_check(const struct order_job *j, const char *name, const char *value, struct error *e)
{
	if (check_env(name, e) == -1)
		return -1;
	if (value == NULL || strlen(value) > 8192 || strpbrk(value, "\r\n") != NULL)
		return error_set(e, ERR_invalid, "value is not one line of text");
	return strcmp(name, "TELEGRAM_BOT_TOKEN") == 0 ? check_token(j, value, e) : 0;
}

json_t *
order_env_set(const struct order_job *j, struct error *e)
{
	const char *name = order_param(j, "key"), *value = json_str(j->params, "value", NULL);

	return env_check(j, name, value, e) == -1 ? NULL : order_done(env_set(j->home, name, value, e));
}

/* The model, if it cannot be reached without this key. */
static bool
model_needs(const json_t *config, const char *key)
{
	const char *model = config_str(config, "model"), *slash = strchr(model, '/');
	cleanup_free char *head = slash == NULL ? NULL : xstrndup(model, (size_t)(slash - model));

	if (head == NULL || server_find(json_at(config, "providers.ollama"), head) != -1)
		return false;
	for (size_t i = 0; provider_keys[i].env != NULL; i++)
		if (strcmp(provider_keys[i].head, head) == 0)
			return strcmp(provider_keys[i].env, key) == 0;
	return false;
}

static int
set_text(const char *home, const char *key, const char *value, struct error *e)
{
	cleanup_json json_t *v = json_string(value);

	return config_set(home, key, v, e);
}

json_t *
order_env_unset(const struct order_job *j, struct error *e)
{
	const char *name = order_param(j, "key");
	cleanup_json json_t *config = config_load(j->home, NULL);
	bool clears = model_needs(config, name);

	if (check_env(name, e) == -1 || env_set(j->home, name, NULL, e) == -1)
		return NULL;
	if (clears && set_text(j->home, "model", "", e) == -1)
		return NULL;
	return json_pack("{s:b}", "model_cleared", clears);
}

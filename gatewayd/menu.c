/* SPDX-License-Identifier: Apache-2.0 */
/* See menu.h. */
#include "gatewayd/menu.h"

#include <stdbool.h>
#include <string.h>

#include "common/mem.h"

#define CANCEL	"mx"

static void
add_button(json_t *rows, const char *text, const char *data)
{
	json_array_append_new(rows, json_pack("[{s:s, s:s}]", "text", text, "callback_data", data));
}

/* The rows as a keyboard with a way out. rows is taken. */
static json_t *
keyboard(json_t *rows)
{
	if (json_array_size(rows) == 0) {
		json_decref(rows);
		return NULL;
	}
	add_button(rows, "Cancel", CANCEL);
	return json_pack("{s:o}", "inline_keyboard", rows);
}

static bool
is_of(const char *model, const char *provider, size_t len)
{
	return strncmp(model, provider, len) == 0 && model[len] == '/' && model[len + 1] != '\0';
}

/* Does a model before this one have the same provider? */
static bool
was_before(const char *const *models, size_t i, size_t len)
{
	for (size_t k = 0; k < i; k++)
		if (is_of(models[k], models[i], len))
			return true;
	return false;
}

json_t *
menu_providers(const char *const *models, size_t n)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(models[i], "/");
		cleanup_free char *name = xstrndup(models[i], len), *data = xasprintf("mp:%s", name);

		if (models[i][len] == '/' && strlen(data) <= MENU_DATA_MAX && !was_before(models, i, len))
			add_button(rows, name, data);
	}
	return keyboard(rows);
}

json_t *
menu_models(const char *const *models, size_t n, const char *provider)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(provider);
		cleanup_free char *data = NULL;

		if (!is_of(models[i], provider, len))
			continue;
		data = xasprintf("mm:%s:%s", provider, models[i] + len + 1);
		if (strlen(data) <= MENU_DATA_MAX)
			add_button(rows, models[i] + len + 1, data);
	}
	return keyboard(rows);
}

enum menu_press
menu_read(const char *data, char **name)
{
	size_t len = strlen(data) < 3 ? 0 : strcspn(data + 3, ":");

	*name = NULL;
	if (strlen(data) > MENU_DATA_MAX)
		return MENU_other;
	if (strcmp(data, CANCEL) == 0)
		return MENU_cancel;
	if (strncmp(data, "mp:", 3) == 0 && data[3] != '\0') {
		*name = xstrdup(data + 3);
		return MENU_provider;
	}
	if (strncmp(data, "mm:", 3) != 0 || len == 0 || data[3 + len] != ':' || data[4 + len] == '\0')
		return MENU_other;
	*name = xasprintf("%.*s/%s", (int)len, data + 3, data + 4 + len);
	return MENU_model;
}

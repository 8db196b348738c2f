/* SPDX-License-Identifier: Apache-2.0 */
/* See options.h. */
#include "gatewayd/options.h"

#include <string.h>

#include "common/config.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

static void
take(struct boot *b, const char *platform, const char *key, const json_t *value)
{
	cleanup_free char *other = json_is_string(value) ? NULL : json_text(value), *line = NULL;

	if (json_is_object(value) || json_is_array(value))
		return;
	line = xasprintf("option gateway.%s.%s %s", platform, key, other != NULL ? other : json_string_value(value));
	if (strpbrk(line, "\r\n") != NULL || boot_line(b, line, NULL) == -1)
		log_warn("gateway.%s.%s is not understood", platform, key);
}

void
options_read(struct boot *b)
{
	struct error e = { 0 };
	cleanup_json json_t *config = config_load(b->home, &e), *otherwise = config != NULL ? NULL : config_defaults();
	const char *platform, *key;
	json_t *values, *value;

	if (config == NULL)
		log_warn("the defaults count: %s", e.text);
	json_object_foreach(json_object_get(config != NULL ? config : otherwise, "gateway"), platform, values)
		json_object_foreach(values, key, value)
			take(b, platform, key, value);
}

bool
options_enabled(const struct boot *b, const char *platform)
{
	cleanup_free char *name = xasprintf("gateway.%s.enabled", platform);
	const char *value = boot_option(b, name);

	return value == NULL || strcmp(value, "false") != 0;
}

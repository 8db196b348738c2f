/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration somebody wrote by hand: read it, ask it everything, change it, and what was there is still there. */
#include <stdint.h>

#include "common/config.h"
#include "common/json.h"
#include "common/yaml.h"
#include "tests/fuzz/home.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A key of no letters can be an alias of nothing, which is written as null wherever it stands. */
static bool
is_nameless(const json_t *value)
{
	const char *key;
	json_t *v;
	size_t i;

	json_array_foreach(value, i, v)
		if (is_nameless(v))
			return true;
	json_object_foreach((json_t *)value, key, v)
		if (*key == '\0' || is_nameless(v))
			return true;
	return false;
}

static void
check_kept(const json_t *before, const json_t *after)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)before, key, v)
		if (strcmp(key, "fuzz") != 0 && *key != '\0' && !is_nameless(v) && !json_equal(v, json_object_get(after, key)))
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_json json_t *before = yaml_parse((const char *)data, size, NULL), *after = NULL, *file = NULL, *value = NULL;

	if (before == NULL || !json_is_object(before))
		return 0;
	fuzz_put(".", "config.yaml", data, size);
	json_decref(config_load(fuzz_home, NULL));
	value = json_string("yes");
	if (config_set(fuzz_home, "fuzz.added", value, NULL) == -1)
		return 0;
	if ((after = config_load(fuzz_home, NULL)) == NULL ||
	    strcmp(json_str(json_object_get(after, "fuzz"), "added", ""), "yes") != 0)
		abort();
	file = config_file(fuzz_home, NULL);
	check_kept(before, file);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A .env somebody wrote by hand: names are never empty, values hold no line break. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/json.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_json json_t *env = env_parse((const char *)data, size);
	const char *name;
	json_t *value;

	json_object_foreach(env, name, value)
		if (name[0] == '\0' || strchr(json_string_value(value), '\n') != NULL)
			abort();
	return 0;
}

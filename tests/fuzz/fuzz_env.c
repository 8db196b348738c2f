/* SPDX-License-Identifier: Apache-2.0 */
/* A .env somebody wrote by hand: names are never empty, values lie in the text and hold no line break, and both readers agree. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/env.h"
#include "common/json.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *name, *found;
	cleanup_json json_t *env = env_parse(text, size);
	size_t len = 0;
	json_t *value;

	json_object_foreach(env, name, value)
		if (name[0] == '\0' || strchr(json_string_value(value), '\n') != NULL)
			abort();
	found = env_value(text, size, "OPENAI_API_KEY", &len);
	if ((found == NULL) != (json_object_get(env, "OPENAI_API_KEY") == NULL))
		abort();
	if (found != NULL && (found < text || found + len > text + size || memchr(found, '\n', len) != NULL))
		abort();
	return 0;
}

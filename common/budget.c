/* SPDX-License-Identifier: Apache-2.0 */
/* See budget.h. */
#include "common/budget.h"

#include <ctype.h>
#include <string.h>

#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"

#define OUTPUT_MAX	4194304		/* bytes: what proto lets pass */

/* No path into the settings: what is taken for a tool's name may be a model's. */
int64_t
budget_of(const json_t *config, const char *tool)
{
	const json_t *own = json_object_get(json_object_get(json_object_get(config, "tools"), tool), "max_result_chars");

	if (json_is_integer(own))
		return json_integer_value(own);
	return config_int(config, "tools.budget.per_result_chars", INT32_MIN);
}

char *
budget_cut(const char *text, int64_t budget)
{
	size_t len = strlen(text), chars = utf8_count(text, len), end;

	if ((budget < 0 || chars <= (size_t)budget) && len <= OUTPUT_MAX)
		return xstrdup(text);
	end = budget < 0 || (size_t)budget > chars ? len : utf8_offset(text, len, (size_t)budget);
	if (end > OUTPUT_MAX - 128)
		end = utf8_cut(text, len, OUTPUT_MAX - 128);
	chars -= utf8_count(text, end);
	while (end > 0 && isspace((unsigned char)text[end - 1]))
		end--;
	return xasprintf("%.*s\n\xe2\x80\xa6 [%zu chars elided by tool budget]", (int)end, text, chars);
}

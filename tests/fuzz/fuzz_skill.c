/* SPDX-License-Identifier: Apache-2.0 */
/* A SKILL.md of any origin: the head lies in the text, what is declared could be a variable, and there is a bounded number of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/skill.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *begin = NULL, *end = NULL, *body = skill_head(text, size, &begin, &end);
	char **names = skill_declared(text, size), *value = skill_value(text, size, "output_schema");
	size_t n = 0;

	if (body != NULL && !(text < begin && begin <= end && end < body && body <= text + size))
		abort();
	if (body == NULL && (names[0] != NULL || value != NULL))
		abort();
	for (; names[n] != NULL; n++)
		if (!skill_variable_ok(names[n]))
			abort();
	if (n > SKILL_VARIABLES_MAX || (value != NULL && strchr(value, '\n') != NULL))
		abort();
	skill_words_free(names);
	free(value);
	return 0;
}

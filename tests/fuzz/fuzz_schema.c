/* SPDX-License-Identifier: Apache-2.0 */
/* A schema, a NUL, and what a script put out: what fits a schema fits it however it is written, and an error has its place. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/schema.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const json_t *schema, const json_t *value)
{
	cleanup_free char *text = json_text(value);
	cleanup_json json_t *again = json_parse(text, strlen(text), 64, NULL);
	struct error e = { 0 }, e2 = { 0 };
	int fits = schema_fits(schema, value, &e);

	if (fits == -1 && strchr(e.text, '$') == NULL)
		abort();
	if (again != NULL && schema_fits(schema, again, &e2) != fits)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = memchr(data, 0, size);
	size_t len = cut == NULL ? size : (size_t)(cut - data);
	cleanup_json json_t *schema = json_parse((const char *)data, len, 64, NULL);
	cleanup_json json_t *value = cut == NULL ? json_object() : json_parse((const char *)cut + 1, size - len - 1, 64, NULL);

	if (schema != NULL && value != NULL)
		check(schema, value);
	return 0;
}

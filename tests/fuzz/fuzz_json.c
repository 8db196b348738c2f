/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign JSON: what parses prints and parses again to the same value; UTF-8 is always made whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_json json_t *j = json_parse((const char *)data, size, 32, NULL);
	cleanup_free char *clean = utf8_clean((const char *)data, size);
	size_t len = strlen(clean);

	if (utf8_offset(clean, len, utf8_count(clean, len)) != len || utf8_cut(clean, len, len / 2) > len / 2)
		abort();
	if (j != NULL) {
		cleanup_free char *text = json_text(j);
		cleanup_json json_t *again = json_parse(text, strlen(text), 32, NULL);

		if (again == NULL || (!json_is_real(j) && json_typeof(again) != json_typeof(j)))
			abort();
	}
	return 0;
}

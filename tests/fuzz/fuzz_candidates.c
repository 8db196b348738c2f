/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a model says: at most five candidates, each with a file that there is and a text. */
#include <stdint.h>
#include <stdlib.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/candidates.h"
#include "engined/memory.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = utf8_clean((const char *)data, size);
	cleanup_json json_t *rows = candidates_parse(text), *call = json_pack("{s:s, s:s}", "name", "memory", "arguments", text);
	cleanup_json json_t *args = candidates_add(call);
	enum confidence conf;
	enum memory_file f;
	json_t *row;
	size_t i;

	if (json_array_size(rows) > CANDIDATES_MAX)
		abort();
	json_array_foreach(rows, i, row)
		if (memory_file_of(json_str(row, "target", ""), &f) == -1 || json_str(row, "text", "")[0] == '\0' ||
		    confidence_of(json_str(row, "confidence", ""), &conf) == -1)
			abort();
	return args != NULL && !json_is_object(args) ? abort(), 0 : 0;
}

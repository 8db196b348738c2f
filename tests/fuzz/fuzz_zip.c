/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a ZIP: what is taken from it has paths that stay below a folder, and is within the limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "unpack/zip.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_json json_t *files = zip_files(data, size, NULL);
	json_t *row;
	size_t i, total = 0;

	json_array_foreach(files, i, row) {
		if (zip_path_check(json_str(row, "path", ""), NULL) == -1)
			abort();
		total += strlen(json_str(row, "data", "")) / 4 * 3;
	}
	if (total > ZIP_TOTAL_MAX + 3 * ZIP_ENTRIES_MAX)
		abort();
	return 0;
}

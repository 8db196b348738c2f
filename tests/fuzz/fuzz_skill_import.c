/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the SKILL.md of somebody else: what becomes of it has a head that can be read, and says it is the user's. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/skill_import.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL);
	cleanup_free char *text = xmalloc(room);
	cleanup_json json_t *files = NULL, *report = NULL;

	sodium_bin2base64(text, room, data, size, sodium_base64_VARIANT_ORIGINAL);
	files = json_pack("[{s:s, s:s}, {s:s, s:s}]", "path", "reference.md", "data", "QQ==", "path", "SKILL.md", "data", text);
	report = skill_import_files("/nonexistent", &(struct skill_import_order){ .files = files, .check = true }, NULL);
	if (report != NULL && (json_array_size(json_object_get(report, "files")) != 2 || json_str(report, "refused", NULL) == NULL))
		abort();
	return 0;
}

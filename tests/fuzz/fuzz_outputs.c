/* SPDX-License-Identifier: Apache-2.0 */
/* outputs.jsonl, by whoever wrote it: what is listed can be marked, is read then, and is still there. */
#include "common/json.h"
#include "engined/outputs.h"
#include "tests/fuzz/home.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char bad[sizeof(fuzz_file) + 4];
	cleanup_json json_t *before = NULL, *after = NULL, *unread = NULL;

	fuzz_put("outputs", "outputs.jsonl", data, size);
	snprintf(bad, sizeof(bad), "%s.bad", fuzz_file);
	unlink(bad);
	if ((before = outputs_list(fuzz_home, NULL, 500, NULL)) == NULL || outputs_mark(fuzz_home, NULL, NULL) == -1)
		abort();
	after = outputs_list(fuzz_home, NULL, 500, NULL);
	unread = outputs_list(fuzz_home, "unread", 500, NULL);
	if (json_array_size(after) != json_array_size(before) || json_array_size(unread) != 0)
		abort();
	return 0;
}

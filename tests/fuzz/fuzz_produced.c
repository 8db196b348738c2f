/* SPDX-License-Identifier: Apache-2.0 */
/* What a script put out: the object that it may begin with, and the file that this may name. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/produced.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct tool_call call = { .name = "skill", .workspace = "/usr/share", .home = "/nonexistent/.alpi", .root = "/nonexistent/.alpi",
	    .person = "/nonexistent" };
	cleanup_free char *text = xmalloc(size + 1);	/* its own end, for the sanitizer */
	cleanup_json json_t *row = NULL;

	memcpy(text, data, size);
	text[size] = '\0';
	row = produced_find(&call, text, size);
	if (row != NULL && strncmp(json_str(row, "path", ""), "/usr/share/", 11) != 0)
		abort();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* write_file (tools.md, 6 and 7.1): a whole file, or nothing. */
#include "toolrunner/tool.h"

#include <string.h>
#include <sys/stat.h>

#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/files.h"

int
tool_write_file(struct tool_call *call, struct error *e)
{
	const char *text = json_str(call->args, "content", "");
	cleanup_free char *path = files_resolve(call, json_str(call->args, "path", ""), e);
	cleanup_buf struct buf before = BUF(FILES_EDIT_MAX);
	size_t len = strlen(text);
	struct stat st;
	bool exists;

	if (path == NULL)
		return -1;
	exists = lstat(path, &st) == 0;
	if (exists && files_read(call, path, &before, e) == -1)
		return -1;
	if (files_save(call, path, exists ? "write" : "create", exists ? &before : NULL, text, len, e) == -1)
		return -1;
	buf_addf(&call->result.output, "Wrote %zu chars to %s", utf8_count(text, len), path);
	call->result.ok = true;
	return 0;
}

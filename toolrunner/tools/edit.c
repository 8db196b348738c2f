/* SPDX-License-Identifier: Apache-2.0 */
/* edit_file (tools.md, 6 and 7.1): one place of a file, named by its text, becomes another text. */
#include "toolrunner/tool.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/files.h"

static size_t
count(const struct buf *b, const char *text, size_t len, size_t *at)
{
	const char *p = b->data, *end = b->data + b->len;
	size_t n = 0;

	while (b->len > 0 && (p = memmem(p, (size_t)(end - p), text, len)) != NULL) {
		if (n++ == 0)
			*at = (size_t)(p - b->data);
		p += len;
	}
	return n;
}

static int
check_count(size_t n, const char *path, struct error *e)
{
	if (n == 0)
		return error_set(e, ERR_not_found, "old_string does not occur in %s (0 occurrences, exactly 1 is needed)", path);
	if (n > 1)
		return error_set(e, ERR_conflict, "old_string occurs %zu times in %s, exactly 1 is needed: "
		    "take more of the lines around it", n, path);
	return 0;
}

int
tool_edit_file(struct tool_call *call, struct error *e)
{
	const char *old = json_str(call->args, "old_string", ""), *new = json_str(call->args, "new_string", "");
	cleanup_free char *path = files_resolve(call, json_str(call->args, "path", ""), e);
	cleanup_buf struct buf before = BUF(FILES_EDIT_MAX), after = BUF(0);
	size_t at = 0, oldlen = strlen(old);

	if (path == NULL)
		return -1;
	if (oldlen == 0)
		return error_set(e, ERR_invalid, "edit_file: old_string is empty; write_file makes a new file");
	if (files_read(call, path, &before, e) == -1)
		return -1;
	if (files_is_binary(before.data, before.len))
		return error_set(e, ERR_invalid, "%s is a binary file", path);
	if (check_count(count(&before, old, oldlen, &at), path, e) == -1)
		return -1;
	buf_add(&after, before.data, at);
	buf_puts(&after, new);
	buf_add(&after, before.data + at + oldlen, before.len - at - oldlen);
	if (files_save(call, path, "edit", &before, buf_str(&after), after.len, e) == -1)
		return -1;
	buf_addf(&call->result.output, "Edited %s", path);
	call->result.ok = true;
	return 0;
}

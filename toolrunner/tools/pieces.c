/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a file that engined passes on as they are, with a message say
 * (tools.md, 7.4): it asks for them piece by piece.
 */
#include "toolrunner/tool.h"

#include <errno.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/files.h"

#define FILE_MAX	(20 * 1024 * 1024)
#define PIECE		716799		/* in base64 it fits into an output with room to spare */

/* As much of a piece as there is. */
static ssize_t
read_piece(int fd, unsigned char *data, int64_t offset)
{
	size_t got = 0;
	ssize_t n = 1;

	while (got < PIECE && n != 0) {
		n = pread(fd, data + got, PIECE - got, offset + (int64_t)got);
		if (n == -1 && errno != EINTR)
			return -1;
		got += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)got;
}

static int
check(const char *path, const struct stat *st, int64_t offset, struct error *e)
{
	if (!S_ISREG(st->st_mode))
		return error_set(e, ERR_invalid, "%s is not a regular file", path);
	if (st->st_size == 0)
		return error_set(e, ERR_invalid, "%s is empty", path);
	if (st->st_size > FILE_MAX)
		return error_set(e, ERR_too_large, "%s is larger than 20 MB", path);
	if (offset < 0 || offset >= st->st_size)
		return error_set(e, ERR_invalid, "%s changed while it was read", path);
	return 0;
}

int
tool_read_pieces(struct tool_call *call, struct error *e)
{
	int64_t offset = json_int(call->args, "offset", 0);
	cleanup_free char *path = files_resolve(call, json_str(call->args, "path", ""), e), *text = NULL;
	cleanup_free unsigned char *data = NULL;
	struct stat st;
	ssize_t n;

	if (path == NULL)
		return -1;
	cleanup_close int fd = files_open(call, path, &st, e);
	if (fd == -1 || check(path, &st, offset, e) == -1)
		return -1;
	data = xmalloc(PIECE);
	if ((n = read_piece(fd, data, offset)) <= 0)
		return n == -1 ? error_errno(e, "read %s", path) : error_set(e, ERR_invalid, "%s changed while it was read", path);
	text = base64_text(data, (size_t)n);
	buf_addf(&call->result.output, "{\"size\":%lld,\"data\":\"%s\"}", (long long)st.st_size, text);
	call->result.ok = true;
	return 0;
}

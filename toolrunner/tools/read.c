/* SPDX-License-Identifier: Apache-2.0 */
/* read_file (tools.md, 7.1): lines of a text file, each with its number. */
#include "toolrunner/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/files.h"

#define LINES_DEFAULT	2000
#define BLOCK		65536

struct reading {
	struct buf	*out;
	int64_t		 first, last;	/* lines wanted: first < n <= last */
	int64_t		 line;		/* that the next byte belongs to, from 1 */
	bool		 begun;		/* the line has its number already */
	bool		 more;		/* there are lines past the last one wanted, or past what fits */
};

/* Take a block; 0 when nothing more is wanted. */
static int
take(struct reading *r, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (r->line > r->last) {
			r->more = true;
			return 0;
		}
		if (r->line > r->first) {
			if (!r->begun && (buf_addf(r->out, "%s%6lld\t", r->out->len > 0 ? "\n" : "", (long long)r->line) == -1))
				r->more = true;
			r->begun = true;
			if (data[i] != '\n' && buf_addc(r->out, data[i]) == -1)
				r->more = true;
		}
		if (r->more)
			return 0;
		if (data[i] == '\n') {
			r->line++;
			r->begun = false;
		}
	}
	return 1;
}

static int
read_lines(int fd, struct reading *r, const char *path, struct error *e)
{
	cleanup_free char *block = xmalloc(BLOCK);
	bool first = true;
	ssize_t n;

	while ((n = read(fd, block, BLOCK)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return error_errno(e, "read %s", path);
		if (first && files_is_binary(block, (size_t)n))
			return error_set(e, ERR_invalid, "%s is a binary file", path);
		first = false;
		if (!take(r, block, (size_t)n))
			break;
	}
	return 0;
}

int
tool_read_file(struct tool_call *call, struct error *e)
{
	int64_t offset = json_int(call->args, "offset", 0), limit = json_int(call->args, "limit", LINES_DEFAULT);
	cleanup_free char *path = files_resolve(call, json_str(call->args, "path", ""), e);
	struct reading r = { .out = &call->result.output, .line = 1 };
	struct stat st;

	if (path == NULL)
		return -1;
	cleanup_close int fd = files_open(call, path, &st, e);
	if (fd == -1)
		return -1;
	if (S_ISDIR(st.st_mode))
		return error_set(e, ERR_invalid, "%s is a directory; search with target files lists it", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_invalid, "%s is not a regular file", path);
	r.first = offset > 0 ? offset : 0;
	r.last = r.first + (limit > 0 && limit < INT32_MAX ? limit : LINES_DEFAULT);
	call->result.output.max -= 128;		/* room for the note below */
	if (read_lines(fd, &r, path, e) == -1)
		return -1;
	call->result.output.max += 128;
	if (r.more)
		buf_addf(&call->result.output, "\n… [there is more: offset %lld goes on]", (long long)r.line - 1);
	call->result.ok = true;
	return 0;
}

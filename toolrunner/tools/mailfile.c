/* SPDX-License-Identifier: Apache-2.0 */
/*
 * email (tools.md, 7.4), its half that touches the disk: engined asks for the
 * bytes of a file that goes with a mail, and hands over those of one that came
 * with it, piece by piece. A piece that is handed over again changes nothing;
 * a file that is there is never replaced: what came from outside has to find
 * a name of its own.
 */
#include "toolrunner/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/files.h"

#define FILE_MAX (25 * 1024 * 1024)
#define PART	 ".alpi-part"		/* a name that only we give: a person's own .part file is not ours to begin anew */

struct piece {
	char		*path, *part;		/* where it ends, where it grows */
	unsigned char	*data;
	size_t		 len;
	int64_t		 offset, size;
};

static void
piece_clear(struct piece *p)
{
	free(p->path);
	free(p->part);
	free(p->data);
}

static int
piece_read(struct tool_call *call, struct piece *p, struct error *e)
{
	const char *text = json_str(call->args, "data", "");
	cleanup_free char *part = NULL;

	p->offset = json_int(call->args, "offset", 0);
	p->size = json_int(call->args, "size", -1);
	if ((p->data = base64_bytes(text, strlen(text), &p->len)) == NULL)
		return error_set(e, ERR_invalid, "the piece is no base64");
	if (p->size < 0 || p->size > FILE_MAX)
		return error_set(e, ERR_too_large, "a file of a mail has at most 25 MB");
	if (p->offset < 0 || p->offset > p->size || (int64_t)p->len > p->size - p->offset)
		return error_set(e, ERR_invalid, "the piece is longer than the file");
	if ((p->path = files_resolve(call, json_str(call->args, "path", ""), e)) == NULL)
		return -1;
	part = xasprintf("%s" PART, p->path);
	return (p->part = files_resolve(call, part, e)) == NULL ? -1 : 0;
}

/* Are these bytes there already, at their place in a file of that size at least? */
static bool
is_there(const struct piece *p, const char *path, int64_t least)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	cleanup_free unsigned char *bytes = xmalloc(p->len + 1);
	struct stat st;

	return fd != -1 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= least &&
	    pread(fd, bytes, p->len, p->offset) == (ssize_t)p->len && memcmp(bytes, p->data, p->len) == 0;
}

static int
make_parents(const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *dir = slash == NULL || slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));

	return make_dirs(dir, 0755, e);
}

static int
grow(const struct piece *p, struct error *e)
{
	struct stat st = { .st_size = 0 };

	if (p->offset == 0) {
		if (make_parents(p->path, e) == -1)
			return -1;
		unlink(p->part);
	} else if (lstat(p->part, &st) == -1 || !S_ISREG(st.st_mode)) {
		return error_set(e, ERR_not_found, "%s is gone", p->part);
	}
	if (st.st_size > p->offset && is_there(p, p->part, p->offset + (int64_t)p->len))
		return 0;
	if (st.st_size != p->offset)
		return error_set(e, ERR_invalid, "the piece at byte %lld does not follow what is there", (long long)p->offset);
	return atomic_append(p->part, p->data, p->len, 0644, p->offset + (int64_t)p->len == p->size, e);
}

/* It is whole, and on disk before that is said. A link, unlike a rename, replaces nothing. */
static int
finish(const struct piece *p, struct error *e)
{
	if (link(p->part, p->path) == -1)
		return error_errno(e, "%s", p->path);
	if (unlink(p->part) == -1)
		return error_errno(e, "%s", p->part);
	atomic_sync_parent(p->path);
	return 0;
}

/* A file that holds the same is the one that was handed over before. */
static int
take(const struct piece *p, struct error *e)
{
	struct stat st;

	if (lstat(p->path, &st) == 0 && (st.st_size != p->size || !is_there(p, p->path, p->size)))
		return error_set(e, ERR_exists, "%s exists; save it under another name", p->path);
	if (lstat(p->path, &st) == 0)
		return 0;
	if (grow(p, e) == -1)
		return -1;
	return p->offset + (int64_t)p->len == p->size ? finish(p, e) : 0;
}

static int
put_piece(struct tool_call *call, struct error *e)
{
	struct piece p = { 0 };
	int done = piece_read(call, &p, e) == 0 ? take(&p, e) : -1;

	if (done == 0) {
		cleanup_json json_t *row = json_pack("{s:s, s:I}", "path", p.path, "next_offset", (json_int_t)(p.offset + (int64_t)p.len));
		cleanup_free char *text = json_text(row);

		buf_puts(&call->result.output, text);
		call->result.ok = true;
	}
	piece_clear(&p);
	return done;
}

int
tool_email(struct tool_call *call, struct error *e)
{
	return json_object_get(call->args, "data") == NULL ? tool_read_pieces(call, e) : put_piece(call, e);
}

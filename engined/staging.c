/* SPDX-License-Identifier: Apache-2.0 */
/* See staging.h. */
#include "engined/staging.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/paths.h"
#include "engined/beneath.h"
#include "engined/sniff.h"

#define KEEP_S		(6 * 3600)
#define STAGED_MAX	32		/* at once */
#define NAME_MAX_	128
#define PART		"part"		/* of a file that is not whole; no name of ours is hidden or bare of an id */
#define SPARE		(16 * 1024 * 1024)	/* bytes that stay free on the disk */

/* ---- the folder ----------------------------------------------------------------------------- */

static int
open_dir(const char *home, struct error *e)
{
	cleanup_free char *path = path_join(home, STAGING_DIR);
	int fd;

	if (make_dirs(path, 0700, e) == -1)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd == -1 ? error_errno(e, "%s", path) : fd;
}

static bool
is_id(const char *id)
{
	return strlen(id) == STAGING_ID - 1 && strspn(id, "0123456789abcdef") == STAGING_ID - 1;
}

/* What is old goes; how many are left. */
static size_t
sweep(int dir)
{
	char **names = beneath_names(dir, "", true);
	size_t left = 0;
	struct stat st;

	for (char **n = names; *n != NULL; n++) {
		bool old = fstatat(dir, *n, &st, AT_SYMLINK_NOFOLLOW) == 0 && clock_wall_ms() / 1000 - st.st_mtime > KEEP_S;

		if (!old || beneath_remove(dir, *n, NULL) == -1)
			left++;
	}
	beneath_names_free(names);
	return left;
}

/* ---- pieces --------------------------------------------------------------------------------- */

static int
begin(int dir, char id[STAGING_ID], struct error *e)
{
	if (sweep(dir) >= STAGED_MAX)
		return error_set(e, ERR_busy, "%d files wait to be sent already; each is kept for 6 hours", STAGED_MAX);
	random_hex(id, STAGING_ID / 2);
	return mkdirat(dir, id, 0700) == -1 ? error_errno(e, "%s", STAGING_DIR) : 0;
}

int
staging_put(const char *home, char id[STAGING_ID], int64_t offset, const void *data, size_t len, struct error *e)
{
	cleanup_close int dir = open_dir(home, e);
	cleanup_free char *path = NULL;

	if (dir == -1 || disk_has(home, SPARE + len, e) == -1)
		return -1;
	if (id[0] == '\0' && (offset != 0 || begin(dir, id, e) == -1))
		return offset != 0 ? error_set(e, ERR_invalid, "a file begins at byte 0") : -1;
	if (!is_id(id))
		return error_set(e, ERR_invalid, "not the id of a file that waits");
	path = xasprintf("%s/" STAGING_DIR "/%s/" PART, home, id);
	if (atomic_piece(path, offset, data, len, SNIFF_IMAGE_MAX, e) == 0)
		return 0;
	beneath_remove(dir, id, NULL);
	return -1;
}

/* ---- whole ---------------------------------------------------------------------------------- */

/* Letters, digits and "._-", not hidden, at most 128 of them. The caller frees. */
static char *
clean_name(const char *name)
{
	char *clean = xstrndup(name, NAME_MAX_);

	for (char *c = clean; *c != '\0'; c++)
		if (strspn(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == 0 || (*c == '.' && c == clean))
			*c = '_';
	if (clean[0] != '\0' && strcmp(clean, PART) != 0)
		return clean;
	free(clean);
	return xstrdup("file");
}

static json_t *
finish(int dir, const char *home, const char *id, const char *clean, const char *name, const char *mime, struct error *e)
{
	cleanup_free char *part = xasprintf("%s/" PART, id), *to = xasprintf("%s/%s", id, clean);
	cleanup_buf struct buf b = BUF(0);
	cleanup_free char *path = xasprintf("%s/" STAGING_DIR "/%s", home, to);
	const char *type;

	if (beneath_read(dir, part, SNIFF_IMAGE_MAX, &b, e) == -1 ||
	    (type = sniff(name, mime, buf_str(&b), b.len, e)) == NULL || beneath_move(dir, part, to, e) == -1)
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:I}", "path", path, "name", clean, "mime", type, "size", (json_int_t)b.len);
}

json_t *
staging_end(const char *home, const char *id, const char *name, const char *mime, struct error *e)
{
	cleanup_close int dir = open_dir(home, e);
	cleanup_free char *clean = clean_name(name);
	json_t *row = dir == -1 || !is_id(id) ? NULL : finish(dir, home, id, clean, name, mime, e);

	if (row == NULL && dir != -1 && is_id(id))
		beneath_remove(dir, id, NULL);
	return row;
}

void
staging_drop(const char *home, const char *id)
{
	cleanup_close int dir = open_dir(home, NULL);

	if (dir != -1 && is_id(id))
		beneath_remove(dir, id, NULL);
}

/* The folder, and in *rest the path below it, as staging_end gave it: ID/NAME, borrowed. -1: it is no such path. */
static int
locate(const char *home, const char *path, const char **rest, struct error *e)
{
	cleanup_free char *top = xasprintf("%s/" STAGING_DIR "/", home), *id = NULL;

	*rest = strncmp(path, top, strlen(top)) == 0 ? path + strlen(top) : "";
	id = xstrndup(*rest, strcspn(*rest, "/"));
	if (!is_id(id) || (*rest)[strlen(id)] != '/')
		return error_set(e, ERR_invalid, "%.200s was not sent along: host.attachments.stage comes first", path);
	return open_dir(home, e);
}

int
staging_read(const char *home, const char *path, struct buf *out, struct error *e)
{
	const char *rest;
	cleanup_close int dir = locate(home, path, &rest, e);

	if (dir == -1)
		return -1;
	if (beneath_read(dir, rest, SNIFF_IMAGE_MAX, out, e) == 0)
		return 0;
	return error_add(e, "attachment %.128s", rest + STAGING_ID);
}

/* ---- what is shown of it ---------------------------------------------------------------------- */

/* No file that is sent gets a hidden name. The caller frees. */
static char *
name_beside(const char *rest, const char *what, int64_t page)
{
	return xasprintf("%.*s/.%s%lld", STAGING_ID - 1, rest, what, (long long)page);
}

int
staging_put_beside(const char *home, const char *path, const char *what, int64_t page, const void *data, size_t len, struct error *e)
{
	const char *rest;
	cleanup_close int dir = locate(home, path, &rest, e);
	cleanup_free char *name = NULL;

	if (dir == -1 || disk_has(home, SPARE + len, e) == -1)
		return -1;
	name = name_beside(rest, what, page);
	return beneath_write(dir, name, data, len, 0600, e);
}

int
staging_read_beside(const char *home, const char *path, const char *what, int64_t page, struct buf *out, struct error *e)
{
	const char *rest;
	cleanup_close int dir = locate(home, path, &rest, e);
	cleanup_free char *name = NULL;

	if (dir == -1)
		return -1;
	name = name_beside(rest, what, page);
	return beneath_read(dir, name, SNIFF_IMAGE_MAX, out, e);
}

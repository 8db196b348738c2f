/* SPDX-License-Identifier: Apache-2.0 */
/* See skill_files.h. Hidden files are left out; a link or anything else that is no file refuses the whole. */
#include "cli/skill_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "common/base64.h"
#include "common/buf.h"
#include "common/child.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

#define DEPTH_MAX	8
#define FILES_MAX	256
#define FILE_MAX	(1024 * 1024)
#define TOTAL_MAX	(4 * 1024 * 1024)
#define ANSWER_MAX	(8 * 1024 * 1024)

/* ---- a folder ------------------------------------------------------------------------------- */

struct walk {
	json_t	*rows;
	size_t	 total;
};

static int	walk_folder(struct walk *w, int dir, const char *prefix, int depth, struct error *e);

static int
read_whole(int fd, size_t max, const char *path, struct buf *out, struct error *e)
{
	char block[65536];
	ssize_t n;

	out->max = max;
	while ((n = read(fd, block, sizeof(block))) != 0) {
		if (n == -1 && errno != EINTR)
			return error_errno(e, "%s", path);
		if (n > 0 && buf_add(out, block, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "%s: larger than %zu bytes", path, max);
	}
	return 0;
}

static int
add_file(struct walk *w, int fd, const char *path, struct error *e)
{
	cleanup_buf struct buf b = BUF(0);
	cleanup_free char *text = NULL;

	if (read_whole(fd, FILE_MAX, path, &b, e) == -1)
		return -1;
	if ((w->total += b.len) > TOTAL_MAX || json_array_size(w->rows) == FILES_MAX)
		return error_set(e, ERR_too_large, "more than %d files, or more than %d bytes together", FILES_MAX, TOTAL_MAX);
	text = base64_text(buf_str(&b), b.len);
	json_array_append_new(w->rows, json_pack("{s:s, s:s}", "path", path, "data", text));
	return 0;
}

static int
take(struct walk *w, int dir, const char *prefix, const char *name, int depth, struct error *e)
{
	cleanup_free char *path = xasprintf("%s%s", prefix, name), *below = xasprintf("%s/", path);
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return errno == ELOOP ? error_set(e, ERR_denied, "%s is a link", path) : error_errno(e, "%s", path);
	if (fstat(fd, &st) == -1)
		return error_errno(e, "%s", path);
	if (S_ISDIR(st.st_mode))
		return walk_folder(w, fd, below, depth + 1, e);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_denied, "%s is no regular file", path);
	return add_file(w, fd, path, e);
}

static int
walk_folder(struct walk *w, int dir, const char *prefix, int depth, struct error *e)
{
	int copy = depth > DEPTH_MAX ? -1 : openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = copy == -1 ? NULL : fdopendir(copy);
	struct dirent *row;

	if (d == NULL)
		return depth > DEPTH_MAX ? error_set(e, ERR_invalid, "%s: too many folders in folders", prefix) : error_errno(e, "%s", prefix);
	while (r == 0 && (row = readdir(d)) != NULL)
		if (row->d_name[0] != '.')
			r = take(w, dir, prefix, row->d_name, depth, e);
	closedir(d);
	return r;
}

/* ---- a ZIP ---------------------------------------------------------------------------------- */

static json_t *
answer_of(const struct buf *b, struct error *e)
{
	cleanup_json json_t *answer = json_parse(buf_str(b), b->len, 8, e);
	json_t *files = json_object_get(answer, "files");

	if (answer == NULL)
		return NULL;
	if (json_is_array(files))
		return json_incref(files);
	error_set(e, ERR_invalid, "%s", json_str(answer, "error", "alpi-unpack did not answer"));
	return NULL;
}

/* It hears the file as its input, so that it need not be able to open any. */
static json_t *
unzip(int fd, struct error *e)
{
	cleanup_free char *program = program_path("alpi-unpack");
	char *const argv[] = { program, NULL };
	cleanup_buf struct buf b = BUF(0);
	int ends[2], status = -1, r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) == -1) {
		error_errno(e, "pipe");
		return NULL;
	}
	pid = child_start(&(struct child){ .argv = argv, .fds = { fd, ends[1], -1, -1 }, .bound = 1 });
	close(ends[1]);
	r = read_whole(ends[0], ANSWER_MAX, "alpi-unpack", &b, e);
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (r == -1)
		return NULL;
	if (status != 0) {
		error_set(e, ERR_unavailable, "alpi-unpack, which reads ZIPs, failed");
		return NULL;
	}
	return answer_of(&b, e);
}

/* ---- where the skill lies --------------------------------------------------------------------- */

static size_t
depth_of(const char *path)
{
	size_t n = 0;

	for (; *path != '\0'; path++)
		n += *path == '/';
	return n;
}

/* The folder of the topmost SKILL.md, with its slash; borrowed, its length in *len. NULL: none, or several. */
static const char *
base_of(const json_t *rows, size_t *len, struct error *e)
{
	const char *found = NULL;
	size_t depth = 0, n = 0, i;
	json_t *row;

	json_array_foreach(rows, i, row) {
		const char *path = json_str(row, "path", "");

		if (strcmp(path_base(path), "SKILL.md") != 0 || (found != NULL && depth_of(path) > depth))
			continue;
		n = found != NULL && depth_of(path) == depth ? n + 1 : 1;
		found = path;
		depth = depth_of(path);
	}
	if (n == 1) {
		*len = strlen(found) - strlen("SKILL.md");
		return found;
	}
	error_set(e, ERR_invalid, n == 0 ? "there is no SKILL.md in it" : "there are %zu skills in it; import their folders one by one", n);
	return NULL;
}

/* Paths from the base on; what lies elsewhere is no part of the skill. */
static json_t *
below_base(const json_t *rows, struct error *e)
{
	json_t *out, *row;
	const char *base;
	size_t len = 0, i;

	if ((base = base_of(rows, &len, e)) == NULL)
		return NULL;
	out = json_array();
	json_array_foreach(rows, i, row) {
		const char *path = json_str(row, "path", "");

		if (strncmp(path, base, len) == 0 && path[len] != '.')
			json_array_append_new(out, json_pack("{s:s, s:O}", "path", path + len, "data", json_object_get(row, "data")));
	}
	return out;
}

json_t *
skill_files(const char *path, struct error *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct walk w = { .total = 0 };
	cleanup_json json_t *rows = NULL;
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1) {
		error_errno(e, "%s", path);
		return NULL;
	}
	if (S_ISDIR(st.st_mode)) {
		w.rows = rows = json_array();
		if (walk_folder(&w, fd, "", 0, e) == -1)
			return NULL;
	} else if (S_ISREG(st.st_mode))
		rows = unzip(fd, e);
	else
		error_set(e, ERR_invalid, "%s is neither a folder nor a ZIP", path);
	return rows == NULL ? NULL : below_base(rows, e);
}

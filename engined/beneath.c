/* SPDX-License-Identifier: Apache-2.0 */
/* See beneath.h. */
#include "engined/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

#define DEPTH_MAX	32		/* folders in folders that are removed */
#define NAMES_MAX	4096		/* of one folder */

/* ---- folders -------------------------------------------------------------------------------- */

static bool
is_element(const char *name)
{
	return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strchr(name, '/') == NULL;
}

static int
open_element(int dir, const char *name, mode_t make, struct error *e)
{
	int fd;

	if (!is_element(name))
		return error_set(e, ERR_invalid, "\"%.100s\" is no name", name);
	if (make != 0 && mkdirat(dir, name, make) == -1 && errno != EEXIST)
		return error_errno(e, "make %.100s", name);
	if ((fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) == -1) {
		if (errno == ELOOP || errno == ENOTDIR)
			return error_set(e, ERR_invalid, "%.100s is no folder; links are not followed", name);
		return error_errno(e, "%.100s", name);
	}
	return fd;
}

int
beneath_dir(int dir, const char *path, mode_t make, struct error *e)
{
	cleanup_free char *copy = xstrdup(path);
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;
	char *rest = copy, *name;

	if (fd == -1)
		return error_errno(e, "%.100s", path);
	while (copy[0] != '\0' && (name = strsep(&rest, "/")) != NULL) {
		next = open_element(fd, name, make, e);
		close(fd);
		if ((fd = next) == -1)
			return -1;
	}
	return fd;
}

/* The folder of a path, open; *name is its last element. -1. */
static int
open_parent(int dir, const char *path, const char **name, struct error *e)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *parent = slash == NULL ? xstrdup("") : xstrndup(path, (size_t)(slash - path));

	*name = slash == NULL ? path : slash + 1;
	if (!is_element(*name))
		return error_set(e, ERR_invalid, "\"%.100s\" is no name", *name);
	return beneath_dir(dir, parent, 0, e);
}

/* ---- files ---------------------------------------------------------------------------------- */

static int
read_all(int fd, const char *path, size_t max, struct buf *out, struct error *e)
{
	char block[16384];
	ssize_t n;

	buf_reset(out);
	out->max = max;
	while ((n = read(fd, block, sizeof(block))) != 0) {
		if (n == -1 && errno != EINTR)
			return error_errno(e, "read %.200s", path);
		if (n > 0 && buf_add(out, block, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "%.200s is larger than %zu bytes", path, max);
	}
	return 0;
}

int
beneath_read(int dir, const char *path, size_t max, struct buf *out, struct error *e)
{
	const char *name;
	cleanup_close int parent = open_parent(dir, path, &name, e);
	cleanup_close int fd = -1;
	struct stat st;

	if (parent == -1)
		return -1;
	if ((fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) == -1) {
		if (errno == ELOOP)
			return error_set(e, ERR_invalid, "%.200s is a link; links are not followed", path);
		return error_errno(e, "%.200s", path);
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return error_set(e, ERR_invalid, "%.200s is no regular file", path);
	return read_all(fd, path, max, out, e);
}

static int
write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len > 0; data += n, len -= (size_t)n)
		if ((n = write(fd, data, len)) == -1) {
			if (errno != EINTR)
				return -1;
			n = 0;
		}
	return 0;
}

int
beneath_write(int dir, const char *path, const void *data, size_t len, mode_t mode, struct error *e)
{
	const char *name;
	cleanup_close int parent = open_parent(dir, path, &name, e);
	cleanup_close int fd = -1;
	char tmp[32] = ".", random[17];

	if (parent == -1)
		return -1;
	random_hex(random, 8);
	strcat(strcat(tmp, random), ".tmp");
	if ((fd = openat(parent, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)) == -1)
		return error_errno(e, "write %.200s", path);
	if (fchmod(fd, mode) == -1 || write_all(fd, data, len) == -1 || fsync(fd) == -1 ||
	    renameat(parent, tmp, parent, name) == -1) {
		error_errno(e, "write %.200s", path);
		unlinkat(parent, tmp, 0);
		return -1;
	}
	fsync(parent);
	return 0;
}

/* ---- removing ------------------------------------------------------------------------------- */

static int	remove_at(int dir, const char *name, int depth, struct error *e);

static int
empty_folder(int fd, int depth, struct error *e)
{
	DIR *d = fdopendir(fd);		/* takes the descriptor */
	struct dirent *row;
	int r = 0;

	if (d == NULL) {
		close(fd);
		return error_errno(e, "read a folder");
	}
	while (r == 0 && (row = readdir(d)) != NULL)
		if (is_element(row->d_name))
			r = remove_at(dirfd(d), row->d_name, depth + 1, e);
	closedir(d);
	return r;
}

static int
remove_at(int dir, const char *name, int depth, struct error *e)
{
	int fd;

	if (depth > DEPTH_MAX)
		return error_set(e, ERR_invalid, "%.100s: too many folders in folders", name);
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)		/* EPERM: what POSIX says of a folder */
		return error_errno(e, "remove %.100s", name);
	if ((fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) == -1)
		return error_errno(e, "remove %.100s", name);
	if (empty_folder(fd, depth, e) == -1)
		return -1;
	return unlinkat(dir, name, AT_REMOVEDIR) == 0 ? 0 : error_errno(e, "remove %.100s", name);
}

int
beneath_remove(int dir, const char *path, struct error *e)
{
	const char *name;
	struct error why = { 0 };
	cleanup_close int parent = open_parent(dir, path, &name, &why);

	if (parent == -1)
		return why.code == ERR_not_found ? 0 : error_set(e, why.code, "%s", why.text);
	return remove_at(parent, name, 0, e);
}

int
beneath_move(int dir, const char *from, const char *to, struct error *e)
{
	const char *old, *new;
	cleanup_close int source = open_parent(dir, from, &old, e);
	cleanup_close int target = source == -1 ? -1 : open_parent(dir, to, &new, e);

	if (target == -1)
		return -1;
	if (renameat(source, old, target, new) == -1)
		return error_errno(e, "move %.100s to %.200s", from, to);
	fsync(source);
	fsync(target);
	return 0;
}

/* ---- names ---------------------------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_wanted(int dir, const char *name, bool folders)
{
	struct stat st;

	return name[0] != '.' && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (folders ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode));
}

char **
beneath_names(int dir, const char *path, bool folders)
{
	int fd = beneath_dir(dir, path, 0, NULL);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	char **names = xcalloc(1, sizeof(*names));
	struct dirent *row;
	size_t n = 0;

	if (d == NULL && fd != -1)
		close(fd);
	while (d != NULL && n < NAMES_MAX && (row = readdir(d)) != NULL) {
		if (!is_wanted(dirfd(d), row->d_name, folders))
			continue;
		names = xreallocarray(names, n + 2, sizeof(*names));
		names[n++] = xstrdup(row->d_name);
		names[n] = NULL;
	}
	if (d != NULL)
		closedir(d);
	qsort(names, n, sizeof(*names), by_name);
	return names;
}

void
beneath_names_free(char **names)
{
	for (char **p = names; p != NULL && *p != NULL; p++)
		free(*p);
	free(names);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See atomic.h. */
#include "common/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

static int
write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		if ((n = write(fd, p, len)) == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Some file systems cannot sync a directory; that is theirs to answer for. */
void
atomic_sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *dir = slash == NULL ? xstrdup(".") :
	    xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd != -1)
		fsync(fd);
}

/* DIR/.NAME.<random>.tmp beside path. */
static char *
temporary_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir = slash == NULL ? 0 : (int)(slash - path) + 1;
	char random[17];

	random_hex(random, 8);
	return xasprintf("%.*s.%s.%s.tmp", dir, path, path + dir, random);
}

int
atomic_write(const char *path, const void *data, size_t len, int mode, struct error *e)
{
	cleanup_free char *tmp = temporary_name(path);
	cleanup_close int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd == -1)
		return error_errno(e, "write %s", path);
	if (fchmod(fd, (mode_t)mode) == -1 || write_all(fd, data, len) == -1 || fsync(fd) == -1 ||
	    rename(tmp, path) == -1) {
		error_errno(e, "write %s", path);
		unlink(tmp);
		return -1;
	}
	atomic_sync_parent(path);
	return 0;
}

int
atomic_append(const char *path, const void *data, size_t len, int mode, int sync, struct error *e)
{
	cleanup_close int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode);
	off_t before;

	if (fd == -1)
		return error_errno(e, "append to %s", path);
	before = lseek(fd, 0, SEEK_END);
	if (write_all(fd, data, len) == -1 || (sync && fsync(fd) == -1)) {
		error_errno(e, "append to %s", path);
		if (before >= 0 && ftruncate(fd, before) == -1)
			error_add(e, "half a line is left at the end");
		return -1;
	}
	return 0;
}

int
atomic_piece(const char *path, int64_t offset, const void *data, size_t len, int64_t max, struct error *e)
{
	struct stat st = { .st_size = 0 };

	if (offset == 0)
		unlink(path);
	else if (lstat(path, &st) == -1)
		return error_set(e, ERR_not_found, "this file is no longer waited for");
	if (offset != st.st_size)
		return error_set(e, ERR_invalid, "the piece at byte %lld does not follow what is there", (long long)offset);
	if (offset + (int64_t)len > max)
		return error_set(e, ERR_too_large, "a file has at most %lld MB", (long long)max >> 20);
	return atomic_append(path, data, len, 0600, 0, e);
}

int
file_read(const char *path, size_t max, struct buf *b, struct error *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char block[16384];
	ssize_t n;

	if (fd == -1)
		return error_errno(e, "read %s", path);
	if (fstat(fd, &st) == -1)
		return error_errno(e, "read %s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_invalid, "%s: not a regular file", path);
	buf_reset(b);
	b->max = max;
	while ((n = read(fd, block, sizeof(block))) != 0) {
		if (n == -1 && errno != EINTR)
			return error_errno(e, "read %s", path);
		if (n > 0 && buf_add(b, block, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "%s: larger than %zu bytes", path, max);
	}
	return 0;
}

int
disk_has(const char *path, size_t bytes, struct error *e)
{
	struct statvfs v;

	if (statvfs(path, &v) == -1)
		return error_errno(e, "%s", path);
	if ((unsigned long long)v.f_bavail * v.f_frsize < bytes)
		return error_set(e, ERR_full, "%s: no space left (%llu bytes free, %zu needed)", path,
		    (unsigned long long)v.f_bavail * v.f_frsize, bytes);
	return 0;
}

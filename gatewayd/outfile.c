/* SPDX-License-Identifier: Apache-2.0 */
/* See outfile.h. */
#include "gatewayd/outfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/paths.h"

#define DIR_NAME	"gateway/outbound"
#define KEEP_S		(2 * 86400)		/* twice as long as a message is tried */
#define SPARE		(16 * 1024 * 1024)	/* bytes that stay free on the disk */

char *
outfile_path(const char *home, const char *key)
{
	unsigned char hash[16];
	char hex[2 * sizeof(hash) + 1];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)key, strlen(key), NULL, 0);
	return xasprintf("%s/" DIR_NAME "/%s", home, sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)));
}

int
outfile_put(const char *home, const char *key, int64_t offset, const void *data, size_t len, struct error *e)
{
	cleanup_free char *path = outfile_path(home, key);

	return disk_has(home, SPARE + len, e) == -1 ? -1 : atomic_piece(path, offset, data, len, OUTFILE_MAX, e);
}

int
outfile_whole(const char *home, const char *key, int64_t size, struct error *e)
{
	cleanup_free char *path = outfile_path(home, key);
	cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1 || st.st_size != size)
		return error_set(e, ERR_invalid, "the file is not all there");
	return fsync(fd) == -1 ? error_errno(e, DIR_NAME) : 0;
}

void
outfile_drop(const char *home, const char *key)
{
	cleanup_free char *path = outfile_path(home, key);

	unlink(path);
}

static const struct {
	const char *ending, *mime;
} types[] = {
	{ ".png", "image/png" }, { ".jpg", "image/jpeg" }, { ".jpeg", "image/jpeg" }, { ".gif", "image/gif" }, { ".webp", "image/webp" },
	{ ".ogg", "audio/ogg" }, { ".oga", "audio/ogg" }, { ".opus", "audio/ogg" }, { ".mp3", "audio/mpeg" }, { ".m4a", "audio/mp4" },
	{ ".wav", "audio/wav" }, { ".flac", "audio/flac" }, { ".mp4", "video/mp4" }, { ".mov", "video/quicktime" },
	{ ".mkv", "video/x-matroska" }, { ".pdf", "application/pdf" }, { ".txt", "text/plain" }, { ".md", "text/markdown" },
	{ ".csv", "text/csv" }, { ".json", "application/json" }, { ".html", "text/html" },
};

const char *
outfile_type(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot != NULL && i < COUNT(types); i++)
		if (strcasecmp(types[i].ending, dot) == 0)
			return types[i].mime;
	return "application/octet-stream";
}

int
outfile_sweep(const char *home, struct error *e)
{
	cleanup_free char *path = path_join(home, DIR_NAME);
	struct dirent *row;
	struct stat st;
	DIR *dir;

	if (make_dirs(path, 0700, e) == -1)
		return -1;
	if ((dir = opendir(path)) == NULL)
		return error_errno(e, DIR_NAME);
	while ((row = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), row->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    clock_wall_ms() / 1000 - st.st_mtime > KEEP_S)
			unlinkat(dirfd(dir), row->d_name, 0);
	closedir(dir);
	return 0;
}

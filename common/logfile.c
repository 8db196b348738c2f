/* SPDX-License-Identifier: Apache-2.0 */
/* See logfile.h. A line goes out in one write, so that lines of two writers never mix. */
#include "common/logfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

/* The level that stands before a text, which moves on behind it. */
static const char *
level_of(const char **text)
{
	static const char *const levels[] = { "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL" };

	for (size_t i = 0; i < COUNT(levels); i++) {
		size_t n = strlen(levels[i]);

		if (strncmp(*text, levels[i], n) == 0 && (*text)[n] == ' ') {
			*text += n + 1;
			return levels[i];
		}
	}
	return "ERROR";
}

char *
logfile_line(const char *name, const char *text)
{
	const char *level = level_of(&text);
	int64_t now = clock_wall_ms();
	time_t seconds = (time_t)(now / 1000);
	char stamp[32], *line;
	struct tm tm;

	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
	line = xasprintf("%s,%03d %s %s %.*s\n", stamp, (int)(now % 1000), level, name, LOGFILE_LINE, text);
	log_clean(line, strlen(line) - 1);
	return line;
}

void
logfile_rotate(const char *path, size_t more)
{
	struct stat st;

	if (stat(path, &st) == -1 || st.st_size + (off_t)more <= LOGFILE_MAX)
		return;
	for (int i = LOGFILE_OLD; i > 0; i--) {
		cleanup_free char *to = xasprintf("%s.%d", path, i);
		cleanup_free char *from = i > 1 ? xasprintf("%s.%d", path, i - 1) : xstrdup(path);

		rename(from, to);		/* one that is not there is not missed */
	}
}

int
logfile_open(const char *path, struct error *e)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd == -1 ? error_errno(e, "%s", path) : fd;
}

int
logfile_add(const char *path, const char *line, struct error *e)
{
	size_t len = strlen(line);
	cleanup_close int fd = -1;

	logfile_rotate(path, len);
	if ((fd = logfile_open(path, e)) == -1)
		return -1;
	return write(fd, line, len) == (ssize_t)len ? 0 : error_errno(e, "%s", path);
}

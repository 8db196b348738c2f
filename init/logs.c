/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See logs.h. The text is a daemon's, and a daemon may be compromised: it can neither put control characters
 * into the file or on a terminal, nor make up the time or another unit's name, nor keep init busy.
 */
#include "init/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/mem.h"

static char path[1200];
static int file = -1, mirror = -1;

int
logs_open(const char *dir, int terminal)
{
	snprintf(path, sizeof(path), "%s/service.log", dir);
	/* Opened anew: a terminal that is held must not hold us, and the shell's descriptor is not ours to change. */
	if (terminal && isatty(STDERR_FILENO))
		mirror = open(ttyname(STDERR_FILENO), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static void
rotate(void)
{
	char from[1210], to[1210];

	for (int i = LOG_OLD; i > 0; i--) {
		snprintf(from, sizeof(from), i > 1 ? "%s.%d" : "%s", path, i - 1);
		snprintf(to, sizeof(to), "%s.%d", path, i);
		rename(from, to);
	}
	close(file);
	file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/*
 * `YYYY-MM-DD HH:MM:SS,mmm LEVEL alpi.NAME text`, local time, in one write. What a full disk does not take
 * is lost: nothing may wait for a log.
 */
static void
line(const char *level, const char *name, const char *text)
{
	char out[LOG_LINE_MAX + 256];
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	n = strftime(out, sizeof(out), "%Y-%m-%d %H:%M:%S", localtime_r(&now.tv_sec, &tm));
	n += (size_t)snprintf(out + n, sizeof(out) - n, ",%03ld %s alpi.%s %s\n", now.tv_nsec / 1000000, level, name, text);
	if (lseek(file, 0, SEEK_END) + (off_t)n > LOG_BYTES_MAX)
		rotate();
	if (write(file, out, n) == -1 || (mirror != -1 && write(mirror, out, n) == -1 && errno != EAGAIN))
		mirror = -1;
}

/* A line is a line: control characters become '?'. */
static char *
clean(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	text[len] = '\0';
	return text;
}

void
logs_say(const char *level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line(level, "init", clean(text, strlen(text)));
}

/* The level is the line's first word; a line without one comes from a library or a sanitizer. */
static void
finish(struct tail *t)
{
	static const char *const levels[] = { "DEBUG ", "INFO ", "WARNING ", "ERROR ", "CRITICAL " };
	const char *text = clean(t->line, t->len);
	char level[16] = "ERROR";

	snprintf(t->last[t->count++ % TAIL_LINES], sizeof(t->last[0]), "%.*s", (int)sizeof(t->last[0]) - 1, text);
	for (size_t i = 0; i < COUNT(levels); i++)
		if (strncmp(text, levels[i], strlen(levels[i])) == 0) {
			snprintf(level, sizeof(level), "%.*s", (int)strlen(levels[i]) - 1, levels[i]);
			text += strlen(levels[i]);
			break;
		}
	line(level, t->name, text);
	t->len = 0;
}

void
tail_read(void *tail)
{
	struct tail *t = tail;
	char bytes[16384];
	ssize_t n = read(t->pipe.fd, bytes, sizeof(bytes));

	if (n <= 0)
		source_close(&t->pipe);
	for (ssize_t i = 0; i < n; i++)
		if (bytes[i] == '\n')
			finish(t);
		else if (t->len < LOG_LINE_MAX - 1)
			t->line[t->len++] = bytes[i];
}

void
tail_close(struct tail *t)
{
	/* A full pipe is four reads; a grandchild that still writes is not waited for. */
	for (int i = 0; i < 5 && poll(&(struct pollfd){ t->pipe.fd, POLLIN, 0 }, 1, 0) == 1; i++)
		tail_read(t);
	if (t->len > 0)
		finish(t);
	source_close(&t->pipe);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See logs.h. The text is a daemon's, and a daemon may be compromised: its
 * control characters never reach the file or a terminal, and it cannot make
 * up the time, or another unit's name.
 */
#include "init/logs.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "init/loop.h"

#define READ_MAX 16384		/* per round */

static char path[1024];
static int file = -1, mirror = -1;
static off_t size;

static int
reopen(void)
{
	struct stat st;

	if ((file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) == -1)
		return -1;
	size = fstat(file, &st) == 0 ? st.st_size : 0;
	return 0;
}

int
logs_open(const char *dir, int terminal)
{
	snprintf(path, sizeof(path), "%s/service.log", dir);
	/* Opened anew, because a stopped terminal must not stop us and the shell's descriptor is not ours to change. */
	if (terminal && isatty(STDERR_FILENO))
		mirror = open(ttyname(STDERR_FILENO), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return reopen();
}

static void
rotate(void)
{
	char from[1040], to[1040];

	for (int i = LOG_OLD; i > 0; i--) {
		snprintf(from, sizeof(from), i > 1 ? "%s.%d" : "%s", path, i - 1);
		snprintf(to, sizeof(to), "%s.%d", path, i);
		rename(from, to);
	}
	close(file);
	reopen();
}

void
logs_detach(void)
{
	if (mirror != -1)
		close(mirror);
	mirror = -1;
}

/* One write per line. What a full disk does not take is lost: nothing may wait for a log. */
static void
put(const char *text, size_t len)
{
	if (size + (off_t)len > LOG_BYTES_MAX)
		rotate();
	if (file != -1 && write(file, text, len) > 0)
		size += (off_t)len;
	if (mirror != -1 && write(mirror, text, len) == -1 && errno != EAGAIN)
		logs_detach();
}

/* The level is the line's first word; a line without one comes from a library or a sanitizer. */
static const char *
level_of(const char **text)
{
	static const char *const levels[] = { "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL" };

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		size_t n = strlen(levels[i]);

		if (strncmp(*text, levels[i], n) == 0 && (*text)[n] == ' ') {
			*text += n + 1;
			return levels[i];
		}
	}
	return "ERROR";
}

/* `YYYY-MM-DD HH:MM:SS,mmm LEVEL alpi.<daemon>[profile] text`, local time. */
static void
line(const char *daemon, const char *profile, const char *level, const char *text)
{
	char out[LOG_LINE_MAX + 512];
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = strftime(out, sizeof(out), "%Y-%m-%d %H:%M:%S", &tm);
	n += (size_t)snprintf(out + n, sizeof(out) - n, ",%03ld %s alpi.%s%s%s%s %s", now.tv_nsec / 1000000, level,
	    daemon, profile ? "[" : "", profile ? profile : "", profile ? "]" : "", text);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = '?';
	out[n] = '\n';
	put(out, n + 1);
}

void
logs_say(const char *level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line("init", NULL, level, text);
}

static void
finish(struct tail *t)
{
	char *last = t->last[t->count++ % TAIL_LINES];
	const char *text = t->line, *level;

	t->line[t->len < LOG_LINE_MAX ? t->len : LOG_LINE_MAX - 1] = '\0';
	t->len = 0;
	snprintf(last, TAIL_BYTES, "%.*s", TAIL_BYTES - 1, text);
	for (; *last != '\0'; last++)
		if ((unsigned char)*last < ' ' || *last == 0x7f)
			*last = '?';
	level = level_of(&text);
	line(t->daemon, t->profile, level, text);
}

void
tail_feed(struct tail *t, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] == '\n')
			finish(t);
		else if (t->len < LOG_LINE_MAX - 1)
			t->line[t->len++] = bytes[i] != '\0' ? bytes[i] : '?';
}

static void
tail_read(void *arg, short revents)
{
	char bytes[READ_MAX];
	struct tail *t = arg;
	ssize_t n = read(t->fd, bytes, sizeof(bytes));

	if (n > 0)
		tail_feed(t, bytes, (size_t)n);
	else
		loop_fd(t->fd, 0, NULL, NULL);
}

void
tail_open(struct tail *t, int fd)
{
	t->fd = fd;
	t->len = 0;
	loop_fd(fd, POLLIN, tail_read, t);
}

void
tail_close(struct tail *t)
{
	struct pollfd p = { t->fd, POLLIN, 0 };

	/* A pipe holds 64 KiB; a grandchild that has it open too does not hold us. */
	for (int i = 0; i < 8 && poll(&p, 1, 0) == 1 && (p.revents & POLLIN); i++)
		tail_read(t, POLLIN);
	if (t->len > 0)
		finish(t);
	loop_fd(t->fd, 0, NULL, NULL);
	if (t->fd != -1)
		close(t->fd);
	t->fd = -1;
}

const char *
tail_line(const struct tail *t, int i)
{
	unsigned kept = t->count < TAIL_LINES ? t->count : TAIL_LINES;

	return i < (int)kept ? t->last[(t->count - kept + (unsigned)i) % TAIL_LINES] : NULL;
}

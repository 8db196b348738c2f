/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text is a daemon's, and a daemon may be compromised: it can neither put control characters into the file
 * or on a terminal, nor make up the time or another unit's name, nor keep init busy.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "init/init.h"

static const char *const files[] = {		/* the newest first */
	"logs/service.log", "logs/service.log.1", "logs/service.log.2", "logs/service.log.3" };
static int file = -1, mirror = -1;

int
logs_open(int terminal)
{
	/* Opened anew: a terminal that is held must not hold us, and the shell's descriptor is not ours to change. */
	if (terminal && isatty(STDERR_FILENO))
		mirror = open(ttyname(STDERR_FILENO), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	file = open(files[0], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return file == -1 ? -1 : 0;
}

/*
 * "YYYY-MM-DD HH:MM:SS,mmm LEVEL alpi.NAME text", local time, in one write; a text without a level comes from a
 * library or a sanitizer. What a full disk does not take is lost: nothing may wait for a log.
 */
static void
put(const char *name, const char *text)
{
	static const char levels[] = "DEBUG INFO WARNING ERROR CRITICAL ";
	size_t level = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), n;
	char out[LOG_LINE_MAX + 256];
	struct timespec now;
	struct tm tm;

	if (text[level] != ' ' || memmem(levels, sizeof(levels), text, level + 1) == NULL)
		level = 0;
	clock_gettime(CLOCK_REALTIME, &now);
	n = strftime(out, sizeof(out), "%Y-%m-%d %H:%M:%S", localtime_r(&now.tv_sec, &tm));
	n += (size_t)snprintf(out + n, sizeof(out) - n, ",%03ld %.*s alpi.%s %s\n", now.tv_nsec / 1000000,
	    level > 0 ? (int)level : 5, level > 0 ? text : "ERROR", name, text + (level > 0 ? level + 1 : 0));
	if (lseek(file, 0, SEEK_END) + (off_t)n > LOG_BYTES_MAX) {
		for (size_t i = COUNT(files) - 1; i > 0; i--)
			rename(files[i - 1], files[i]);
		close(file);
		logs_open(0);
	}
	if (write(file, out, n) == -1 || (mirror != -1 && write(mirror, out, n) == -1 && errno != EAGAIN))
		mirror = -1;
}

/* A line is a line. */
static void
put_in(char *to, char c)
{
	*to = (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
}

void
logs_say(const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p != '\0'; p++)
		put_in(p, *p);
	put("init", text);
}

static void
finish(struct tail *t)
{
	t->line[t->len] = '\0';
	t->len = 0;
	snprintf(t->last[t->count++ % TAIL_LINES], sizeof(t->last[0]), "%.*s", (int)sizeof(t->last[0]) - 1, t->line);
	put(t->name, t->line);
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
			put_in(&t->line[t->len++], bytes[i]);
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

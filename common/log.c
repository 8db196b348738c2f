/* SPDX-License-Identifier: Apache-2.0 */
/* See log.h. A line goes out in one write, so that lines of two threads never mix. */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static int verbose;
static void (*sink)(const char *line);

void
log_verbose(int on)
{
	verbose = on;
}

void
log_to(void (*fn)(const char *line))
{
	sink = fn;
}

void
log_clean(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
}

static size_t
stamp(char *out, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	if (!isatty(STDERR_FILENO))
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = strftime(out, size, "%H:%M:%S", &tm);
	return n + (size_t)snprintf(out + n, size - n, ",%03ld ", now.tv_nsec / 1000000);
}

static void
line(const char *level, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];
	size_t n = sink != NULL ? 0 : stamp(text, sizeof(text)), start;

	n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ", level);
	start = n;
	vsnprintf(text + n, sizeof(text) - n - 1, fmt, ap);
	n = strlen(text);
	log_clean(text + start, n - start);
	if (sink != NULL) {
		sink(text);
		return;
	}
	text[n++] = '\n';
	if (write(STDERR_FILENO, text, n) == -1)
		return;		/* nobody reads us any more: nothing left to say it to */
}

#define LEVEL(name, word, when)			\
	void					\
	name(const char *fmt, ...)		\
	{					\
		va_list ap;			\
						\
		if (!(when))			\
			return;			\
		va_start(ap, fmt);		\
		line(word, fmt, ap);		\
		va_end(ap);			\
	}

LEVEL(log_debug, "DEBUG", verbose)
LEVEL(log_info, "INFO", 1)
LEVEL(log_warn, "WARNING", 1)
LEVEL(log_error, "ERROR", 1)

/* SPDX-License-Identifier: Apache-2.0 */
/* See runlog.h. */
#include "engined/runlog.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define LOG_MAX		1000000
#define LOG_OLD		3
#define ROWS_BYTES	(8 * 1024 * 1024)
#define ROWS_LEFT	900		/* after a rewrite, so that not every row rewrites the file */
#define ROW_LEAST	200		/* bytes: a file below RUNLOG_ROWS of these cannot be full */

static void
rotate(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1 || st.st_size < LOG_MAX)
		return;
	for (int i = LOG_OLD; i > 0; i--) {
		cleanup_free char *from = i == 1 ? xstrdup(path) : xasprintf("%s.%d", path, i - 1);
		cleanup_free char *to = xasprintf("%s.%d", path, i);

		rename(from, to);
	}
}

void
runlog_line(const char *home, const char *fmt, ...)
{
	cleanup_free char *path = xasprintf("%s/logs/agent.log", home);
	cleanup_buf struct buf line = BUF(0);
	int64_t now = clock_wall_ms();
	time_t t = (time_t)(now / 1000);
	char stamp[32], text[2048];
	struct tm tm;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *s = text; *s != '\0'; s++)
		if ((unsigned char)*s < ' ')
			*s = ' ';
	localtime_r(&t, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	buf_addf(&line, "%s,%03d INFO alpi.engine %s\n", stamp, (int)(now % 1000), text);
	rotate(path);
	atomic_append(path, line.data, line.len, 0600, 0, NULL);
}

/* The start of the newest `keep` lines. */
static const char *
tail_lines(const struct buf *b, size_t keep)
{
	const char *s = b->data + b->len;
	size_t seen = 0;

	while (s > b->data) {
		if (s[-1] == '\n' && ++seen > keep)
			return s;
		s--;
	}
	return s;
}

/* A file that is full loses its oldest rows. */
static void
make_room(const char *path)
{
	cleanup_buf struct buf b = BUF(0);
	size_t rows = 0;
	struct stat st;
	const char *s;

	if (stat(path, &st) == -1 || st.st_size < RUNLOG_ROWS * ROW_LEAST || file_read(path, ROWS_BYTES, &b, NULL) == -1)
		return;
	for (size_t i = 0; i < b.len; i++)
		rows += b.data[i] == '\n';
	if (rows < RUNLOG_ROWS)
		return;
	s = tail_lines(&b, ROWS_LEFT);
	atomic_write(path, s, b.len - (size_t)(s - b.data), 0600, NULL);
}

void
runlog_row(const char *home, json_t *row)
{
	cleanup_free char *path = xasprintf("%s/logs/runs.jsonl", home), *text = json_text(row);
	cleanup_free char *line = xasprintf("%s\n", text);

	make_room(path);
	atomic_append(path, line, strlen(line), 0600, 0, NULL);
	json_decref(row);
}

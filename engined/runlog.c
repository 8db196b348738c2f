/* SPDX-License-Identifier: Apache-2.0 */
/* See runlog.h. */
#include "engined/runlog.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/logfile.h"
#include "common/mem.h"

#define ROWS_BYTES	(8 * 1024 * 1024)
#define ROWS_LEFT	900		/* after a rewrite, so that not every row rewrites the file */
#define ROW_LEAST	200		/* bytes: a file below RUNLOG_ROWS of these cannot be full */

void
runlog_line(const char *home, const char *fmt, ...)
{
	cleanup_free char *path = xasprintf("%s/logs/agent.log", home), *line = NULL;
	char text[2048] = "INFO ";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + 5, sizeof(text) - 5, fmt, ap);
	va_end(ap);
	line = logfile_line("alpi.engine", text);
	logfile_add(path, line, NULL);
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
runlog_row(const char *home, const char *file, json_t *row)
{
	cleanup_free char *path = xasprintf("%s/logs/%s", home, file), *text = json_text(row);
	cleanup_free char *line = xasprintf("%s\n", text);

	make_room(path);
	atomic_append(path, line, strlen(line), 0600, 0, NULL);
	json_decref(row);
}

bool
runlog_has(const char *home, const char *file, const char *key)
{
	cleanup_free char *path = xasprintf("%s/logs/%s", home, file);
	cleanup_json json_t *word = json_pack("{s:s}", "key", key);
	cleanup_free char *text = json_text(word);
	cleanup_buf struct buf b = BUF(0);

	text[strlen(text) - 1] = '\0';		/* {"key":"..." as it begins or, after a comma, stands in a row */
	return file_read(path, ROWS_BYTES, &b, NULL) == 0 && memmem(b.data, b.len, text + 1, strlen(text + 1)) != NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See sidecar.h. */
#include "engined/sidecar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/redact.h"

#define LINE_MAX_BYTES	(1024 * 1024)
#define DEPTH_MAX	40

int
sidecar_begin(const char *path, const char *turn, const char *request_id, struct error *e)
{
	json_t *row = json_pack("{s:s, s:i, s:f, s:s, s:s}", "kind", "turn_start", "seq", 0,
	    "ts", (double)clock_wall_ms() / 1000, "request_id", request_id, "turn", turn);
	cleanup_free char *text = json_text(row), *line = xasprintf("%s\n", text);

	json_decref(row);
	unlink(path);
	return atomic_append(path, line, strlen(line), 0600, 0, e);
}

int
sidecar_end_line(const char *path, struct error *e)
{
	return atomic_append(path, "\n", 1, 0600, 0, e);	/* an empty line is no row either */
}

/* A copy of a frame with its long texts cut. */
static json_t *
shorten(const json_t *frame)
{
	static const char *const names[] = { "text", "output", "preview" };
	json_t *copy = json_copy((json_t *)frame);

	for (size_t i = 0; i < COUNT(names); i++) {
		const char *text = json_str(copy, names[i], NULL);

		if (text != NULL && strlen(text) > SIDECAR_TEXT_MAX) {
			cleanup_free char *cut = cut_bytes(text, SIDECAR_TEXT_MAX);

			json_object_set_new(copy, names[i], json_string(cut));
		}
	}
	return copy;
}

void
sidecar_row(struct buf *rows, int64_t seq, const char *request_id, const json_t *frame)
{
	json_t *row = json_pack("{s:I, s:f, s:s, s:O}", "seq", (json_int_t)seq, "ts", (double)clock_wall_ms() / 1000,
	    "request_id", request_id, "frame", frame);
	char *text = json_text(row);

	if (strlen(text) > SIDECAR_FRAME_MAX) {
		free(text);
		json_object_set_new(row, "frame", shorten(frame));
		text = json_text(row);
	}
	buf_puts(rows, text);
	buf_addc(rows, '\n');
	free(text);
	json_decref(row);
}

int
sidecar_append(const char *path, const struct buf *rows, struct error *e)
{
	return atomic_append(path, buf_str(rows), rows->len, 0600, 0, e);
}

/* The next row of the file, NULL at its end; what is no row is skipped. */
static json_t *
next_row(FILE *f, char **line, size_t *room, size_t *len)
{
	json_t *row;
	ssize_t n;

	while ((n = getline(line, room, f)) > 0) {
		if (n > LINE_MAX_BYTES || (*line)[n - 1] != '\n')
			continue;
		if ((row = json_parse(*line, (size_t)n, DEPTH_MAX, NULL)) == NULL)
			continue;
		if (json_is_object(row)) {
			*len = (size_t)n;
			return row;
		}
		json_decref(row);
	}
	return NULL;
}

json_t *
sidecar_head(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0, len;
	json_t *row;

	if (f == NULL)
		return NULL;
	row = next_row(f, &line, &room, &len);
	free(line);
	fclose(f);
	return row;
}

json_t *
sidecar_read(const char *path, int64_t after, size_t limit, size_t max_bytes)
{
	FILE *f = fopen(path, "re");
	json_t *out = json_array(), *row;
	size_t room = 0, len, bytes = 0;
	char *line = NULL;

	while (f != NULL && json_array_size(out) < limit && bytes < max_bytes &&
	    (row = next_row(f, &line, &room, &len)) != NULL) {
		if (json_int(row, "seq", -1) > after && json_is_object(json_object_get(row, "frame"))) {
			json_array_append(out, row);
			bytes += len;
		}
		json_decref(row);
	}
	free(line);
	if (f != NULL)
		fclose(f);
	return out;
}

json_t *
sidecar_tail(const char *path, size_t count)
{
	FILE *f = fopen(path, "re");
	json_t *out = json_array(), *row;
	size_t room = 0, len;
	char *line = NULL;

	while (f != NULL && (row = next_row(f, &line, &room, &len)) != NULL) {
		if (json_is_object(json_object_get(row, "frame")))
			json_array_append(out, row);
		if (json_array_size(out) > count)
			json_array_remove(out, 0);
		json_decref(row);
	}
	free(line);
	if (f != NULL)
		fclose(f);
	return out;
}

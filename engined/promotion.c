/* SPDX-License-Identifier: Apache-2.0 */
/* See promotion.h. The file is replaced whole, under a lock of its own; a line that is no candidate is left out. */
#include "engined/promotion.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define ROWS_MAX	200
#define KEEP_S		(30 * 86400)
#define TEXT_MAX	5000			/* characters: more fits into no file */
#define BYTES_MAX	(8 * 1024 * 1024)	/* all of them, each byte written as an escape */

static const char *const confidences[] = { [CONF_LOW] = "low", [CONF_NORMAL] = "normal", [CONF_HIGH] = "high" };

static char *
queue_path(const char *home)
{
	return xasprintf("%s/memories/promotion_queue.jsonl", home);
}

static int
queue_lock(const char *home, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/memories/.promotion.lock", home);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd != -1 && flock(fd, LOCK_EX) == 0)
		return fd;
	error_errno(e, "%s", path);
	if (fd != -1)
		close(fd);
	return -1;
}

static void
take_line(json_t *rows, const char *line, size_t len)
{
	cleanup_json json_t *row = json_parse(line, len, 8, NULL);
	enum memory_file target;
	int64_t age = clock_wall_ms() / 1000 - json_int(row, "created_at", 0);

	if (json_is_object(row) && json_str(row, "id", "")[0] != '\0' && json_str(row, "text", "")[0] != '\0' &&
	    memory_file_of(json_str(row, "target", ""), &target) == 0 && age < KEEP_S)
		json_array_append(rows, row);
}

json_t *
promotion_list(const char *home, struct error *e)
{
	cleanup_free char *path = queue_path(home);
	cleanup_buf struct buf b = BUF(0);
	struct error why = { 0 };
	json_t *rows = json_array();
	const char *line;
	size_t len;

	if (file_read(path, BYTES_MAX, &b, &why) == -1 && why.code != ERR_not_found) {
		error_set(e, why.code, "%s", why.text);
		json_decref(rows);
		return NULL;
	}
	for (line = buf_str(&b); *line != '\0'; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		take_line(rows, line, len);
	}
	while (json_array_size(rows) > ROWS_MAX)
		json_array_remove(rows, 0);
	return rows;
}

static int
save(const char *home, const json_t *rows, struct error *e)
{
	cleanup_free char *path = queue_path(home);
	cleanup_buf struct buf b = BUF(0);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		cleanup_free char *text = json_text(row);

		buf_addf(&b, "%s\n", text);
	}
	return atomic_write(path, buf_str(&b), b.len, 0600, e);
}

/* Labels in a list. */
static json_t *
labels(const char *doubts, const char *more)
{
	json_t *list = json_array();
	cleanup_free char *copy = xstrdup(doubts == NULL ? "" : doubts);
	char *rest = copy, *label;

	while ((label = strsep(&rest, ",")) != NULL)
		if (label[strspn(label, " ")] != '\0')
			json_array_append_new(list, json_string(label + strspn(label, " ")));
	if (more != NULL)
		json_array_append_new(list, json_string(more));
	return list;
}

int
promotion_add(const char *home, const char *source, const char *session, const char *model, enum memory_file target,
    const char *text, enum confidence conf, const char *more_warnings, struct error *e)
{
	cleanup_free char *clean = entry_clean(text), *doubts = NULL;
	cleanup_close int fd = -1;
	cleanup_json json_t *rows = NULL;
	char id[9];

	if (clean == NULL || utf8_count(clean, strlen(clean)) > TEXT_MAX)
		return error_set(e, ERR_invalid, "a note has words, and at most %d characters", TEXT_MAX);
	doubts = memory_doubts(home, target, clean);
	if ((fd = queue_lock(home, e)) == -1 || (rows = promotion_list(home, e)) == NULL)
		return -1;
	random_hex(id, 4);
	json_array_append_new(rows, json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "id", id,
	    "created_at", (json_int_t)(clock_wall_ms() / 1000), "source", source, "session_id", session, "model", model,
	    "target", memory_name(target), "text", clean, "confidence", confidences[conf],
	    "warnings", labels(doubts, more_warnings)));
	while (json_array_size(rows) > ROWS_MAX)
		json_array_remove(rows, 0);
	return save(home, rows, e);
}

int
promotion_discard(const char *home, const char *id, struct error *e)
{
	cleanup_close int fd = queue_lock(home, e);
	cleanup_json json_t *rows = fd == -1 ? NULL : promotion_list(home, e);
	json_t *row;
	size_t i;

	if (rows == NULL)
		return -1;
	json_array_foreach(rows, i, row)
		if (strcmp(json_str(row, "id", ""), id) == 0) {
			json_array_remove(rows, i);
			return save(home, rows, e);
		}
	return error_set(e, ERR_not_found, "no candidate is called %.64s", id);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See outputs.h. The file may have been written by another program or by
 * hand: a line that is no row is skipped, and goes to outputs.jsonl.bad when
 * the file is written whole; a file beyond any size we write goes there
 * itself. This process is the only writer, on one thread: no lock.
 */
#include "engined/outputs.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

#define ROWS_MAX	500
#define FILE_MAX	(16 * 1024 * 1024)
#define BAD_MAX		(1024 * 1024)		/* of lines set aside at once */
#define LIST_BYTES	(4 * 1024 * 1024)	/* of an answer */

/* A line of the file that is a row; text is borrowed from store.bytes, or its own. */
struct line {
	const char	*text;
	size_t		 len;
	char		*own;
	json_t		*row;			/* NULL: deleted */
};

struct store {
	char		*path;
	struct buf	 bytes;
	struct line	 lines[ROWS_MAX];	/* newest first */
	size_t		 n;
	struct buf	 strange;		/* lines that are none */
};

/* ---- the file ------------------------------------------------------------------------------- */

static void
store_clear(struct store *s)
{
	for (size_t i = 0; i < s->n; i++) {
		json_decref(s->lines[i].row);
		free(s->lines[i].own);
	}
	free(s->path);
	buf_clear(&s->bytes);
	buf_clear(&s->strange);
}

static bool
is_id(const char *text)
{
	return strlen(text) == OUTPUT_ID - 1 && strspn(text, "0123456789abcdef") == OUTPUT_ID - 1;
}

/* Nothing but a row begins like one: what is not is not parsed. */
static json_t *
row_of(const char *text, size_t len)
{
	json_t *row = len < 2 || text[0] != '{' ? NULL : json_parse(text, len, 8, NULL);

	if (json_is_object(row) && is_id(json_str(row, "id", "")) && json_is_string(json_object_get(row, "body")))
		return row;
	json_decref(row);
	return NULL;
}

static void
take_line(struct store *s, const char *text, size_t len)
{
	json_t *row;

	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (len == 0)
		return;
	if ((row = row_of(text, len)) == NULL) {
		if (buf_add(&s->strange, text, len) == 0)	/* as many as fit */
			buf_addc(&s->strange, '\n');
	} else if (s->n == ROWS_MAX)	/* older than what is kept */
		json_decref(row);
	else
		s->lines[s->n++] = (struct line){ .text = text, .len = len, .row = row };
}

/* A file that nobody wrote as this one is kept under another name, and a new one begun. */
static int
set_aside(const char *path, struct error *e)
{
	cleanup_free char *bad = xasprintf("%s.bad", path);

	if (rename(path, bad) == -1)
		return error_errno(e, "outputs.jsonl is larger than %d MB and cannot be renamed", FILE_MAX >> 20);
	log_warn("outputs.jsonl is larger than %d MB: it is outputs.jsonl.bad now, and a new one begins", FILE_MAX >> 20);
	return 0;
}

static int
store_open(struct store *s, const char *home, struct error *e)
{
	struct error why = { 0 };
	const char *text, *end;

	*s = (struct store){ .path = xasprintf("%s/outputs/outputs.jsonl", home), .strange = BUF(BAD_MAX) };
	if (file_read(s->path, FILE_MAX, &s->bytes, &why) == -1 && why.code != ERR_not_found &&
	    (why.code != ERR_too_large || set_aside(s->path, &why) == -1))
		return error_set(e, why.code, "outputs: %s", why.text);
	text = buf_str(&s->bytes);
	for (end = text + s->bytes.len; end > text; ) {
		const char *begin = memrchr(text, '\n', (size_t)(end - text));

		begin = begin == NULL ? text : begin + 1;
		take_line(s, begin, (size_t)(end - begin));
		end = begin == text ? text : begin - 1;
	}
	return 0;
}

static void
keep_strange(const struct store *s)
{
	cleanup_free char *path = xasprintf("%s.bad", s->path);
	struct error e = { 0 };

	if (s->strange.len == 0)
		return;
	if (atomic_append(path, buf_str(&s->strange), s->strange.len, 0600, 0, &e) == -1)
		log_warn("lines of outputs.jsonl that are no outputs could not be kept: %s", e.text);
	else
		log_warn("lines of outputs.jsonl that are no outputs stand in outputs.jsonl.bad now");
}

static int
store_save(struct store *s, const char *more, struct error *e)
{
	size_t most = more == NULL ? ROWS_MAX : ROWS_MAX - 1;
	struct buf b = BUF(0);
	int r;

	keep_strange(s);
	for (size_t i = s->n < most ? s->n : most; i-- > 0; ) {
		if (s->lines[i].row == NULL)
			continue;
		buf_add(&b, s->lines[i].text, s->lines[i].len);
		buf_addc(&b, '\n');
	}
	if (more != NULL)
		buf_puts(&b, more);
	r = atomic_write(s->path, buf_str(&b), b.len, 0600, e);
	buf_clear(&b);
	return r;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static const char *const types[] = { "info", "warning", "error" };

static bool
is_type(const char *word)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (strcmp(types[i], word) == 0)
			return true;
	return false;
}

static bool
is_unread(const json_t *row)
{
	return strcmp(json_str(row, "status", "unread"), "unread") == 0;
}

/* As clients know it, whoever wrote it. New reference. */
static json_t *
shown(const json_t *row)
{
	const char *type = json_str(row, "type", json_str(row, "severity", json_str(row, "kind", "info")));
	json_t *copy = json_copy((json_t *)row);

	json_object_set_new(copy, "type", json_string(is_type(type) ? type : "info"));
	json_object_set_new(copy, "status", json_string(is_unread(row) ? "unread" : "read"));
	return copy;
}

static struct line *
find(struct store *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(json_str(s->lines[i].row, "id", ""), id) == 0)
			return &s->lines[i];
	return NULL;
}

/* The text with its "unread" replaced where it is the status: no number of another writer changes. NULL: it is not there. */
static char *
marked(const struct line *l)
{
	cleanup_free char *text = xstrndup(l->text, l->len);
	char *key, *value;

	for (key = text; (key = strstr(key, "\"status\"")) != NULL; key = value) {
		value = key + strlen("\"status\"");
		value += strspn(value, " \t");
		if (*value != ':')
			continue;
		value += 1 + strspn(value + 1, " \t");
		if (strncmp(value, "\"unread\"", 8) == 0)
			return xasprintf("%.*s\"read\"%s", (int)(value - text), text, value + 8);
	}
	return NULL;
}

static void
mark(struct line *l)
{
	cleanup_json json_t *again = NULL;

	json_object_set_new(l->row, "status", json_string("read"));
	l->own = marked(l);
	again = l->own == NULL ? NULL : json_parse(l->own, strlen(l->own), 8, NULL);
	if (!json_equal(again, l->row)) {	/* it was none, or somebody else's */
		free(l->own);
		l->own = json_text(l->row);
	}
	l->text = l->own;
	l->len = strlen(l->own);
}

/* ---- add ------------------------------------------------------------------------------------ */

/* Control characters become blanks; newline and tab stay where lines are wanted. The caller frees. */
static char *
plain(const char *text, bool lines)
{
	char *copy = xstrdup(text);

	for (char *c = copy; *c != '\0'; c++)
		if (((unsigned char)*c < 0x20 && !(lines && (*c == '\n' || *c == '\t'))) || *c == 0x7f)
			*c = ' ';
	return copy;
}

static int
check(const struct output *o, struct error *e)
{
	if (o->body[strspn(o->body, " \t\r\n")] == '\0')
		return error_set(e, ERR_invalid, "the text is empty");
	if (strlen(o->body) > OUTPUT_BODY_MAX)
		return error_set(e, ERR_too_large, "the text is longer than %d bytes", OUTPUT_BODY_MAX);
	if (o->title != NULL && strlen(o->title) > OUTPUT_TITLE_MAX)
		return error_set(e, ERR_too_large, "the title is longer than %d bytes", OUTPUT_TITLE_MAX);
	if (o->type != NULL && !is_type(o->type))
		return error_set(e, ERR_invalid, "\"type\" is info, warning or error");
	return 0;
}

static void
id_of(const char *key, char id[OUTPUT_ID])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)key, strlen(key));
	sodium_bin2hex(id, OUTPUT_ID, hash, OUTPUT_ID / 2);
}

static char *
line_of(const struct output *o, const char *id)
{
	cleanup_free char *body = plain(o->body, true), *title = plain(o->title == NULL ? "" : o->title, false);
	cleanup_json json_t *row = json_pack("{s:s, s:s, s:f, s:s, s:s, s:s*, s:s, s:s, s:s, s:s*, s:o}", "id", id,
	    "profile", o->profile, "created_at", (double)clock_wall_ms() / 1000, "source", o->source,
	    "source_id", o->source_id == NULL ? "" : o->source_id, "title", title[0] == '\0' ? NULL : title, "body", body,
	    "type", o->type == NULL ? "info" : o->type, "status", "unread", "session_id", o->session,
	    "delivered_to", o->delivered_to == NULL ? json_array() : json_deep_copy(o->delivered_to));
	cleanup_free char *text = json_text(row);

	return xasprintf("%s\n", text);
}

/* A line that a crash or another program has cut must not swallow the new one. */
static int
append(struct store *s, const char *line, struct error *e)
{
	bool cut = s->bytes.len > 0 && buf_str(&s->bytes)[s->bytes.len - 1] != '\n';
	cleanup_free char *text = xasprintf("%s%s", cut ? "\n" : "", line);

	return atomic_append(s->path, text, strlen(text), 0600, 1, e);
}

static int
add_to(struct store *s, const struct output *o, const char *id, struct error *e)
{
	cleanup_free char *line = NULL;

	if (find(s, id) != NULL)
		return 1;
	line = line_of(o, id);
	return s->n < ROWS_MAX ? append(s, line, e) : store_save(s, line, e);
}

int
outputs_add(const char *home, const struct output *o, char id[OUTPUT_ID], struct error *e)
{
	struct store s;
	int r;

	if (check(o, e) == -1)
		return -1;
	id_of(o->key, id);
	r = store_open(&s, home, e);
	if (r == 0)
		r = add_to(&s, o, id, e);
	store_clear(&s);
	return r;
}

/* ---- see ------------------------------------------------------------------------------------ */

json_t *
outputs_list(const char *home, const char *status, size_t limit, struct error *e)
{
	json_t *rows = json_array();
	size_t bytes = 0;
	struct store s;

	if (store_open(&s, home, e) == -1) {
		json_decref(rows);
		rows = NULL;
	}
	for (size_t i = 0; rows != NULL && i < s.n && json_array_size(rows) < limit; i++) {
		if (status != NULL && strcmp(status, is_unread(s.lines[i].row) ? "unread" : "read") != 0)
			continue;
		if ((bytes += s.lines[i].len) > LIST_BYTES)
			break;
		json_array_append_new(rows, shown(s.lines[i].row));
	}
	store_clear(&s);
	return rows;
}

json_t *
outputs_read(const char *home, const char *id, struct error *e)
{
	json_t *row = NULL;
	struct store s;
	struct line *l;

	if (store_open(&s, home, e) == 0) {
		if ((l = find(&s, id)) == NULL)
			error_set(e, ERR_not_found, "no output is called %.64s", id);
		else if (l->len > LIST_BYTES)
			error_set(e, ERR_too_large, "output %s is larger than %d MB", id, LIST_BYTES >> 20);
		else
			row = shown(l->row);
	}
	store_clear(&s);
	return row;
}

/* ---- change --------------------------------------------------------------------------------- */

static int
mark_in(struct store *s, const char *id, struct error *e)
{
	struct line *l = id == NULL ? NULL : find(s, id);
	int count = 0;

	if (id != NULL && l == NULL)
		return error_set(e, ERR_not_found, "no output is called %.64s", id);
	for (size_t i = 0; i < s->n; i++)
		if ((l == NULL || l == &s->lines[i]) && is_unread(s->lines[i].row)) {
			mark(&s->lines[i]);
			count++;
		}
	return count > 0 && store_save(s, NULL, e) == -1 ? -1 : count;
}

int
outputs_mark(const char *home, const char *id, struct error *e)
{
	struct store s;
	int r = store_open(&s, home, e);

	if (r == 0)
		r = mark_in(&s, id, e);
	store_clear(&s);
	return r;
}

static int
delete_in(struct store *s, const char *id, struct error *e)
{
	struct line *l = find(s, id);

	if (l == NULL)
		return error_set(e, ERR_not_found, "no output is called %.64s", id);
	json_decref(steal(l->row));
	return store_save(s, NULL, e);
}

int
outputs_delete(const char *home, const char *id, struct error *e)
{
	struct store s;
	int r = store_open(&s, home, e);

	if (r == 0)
		r = delete_in(&s, id, e);
	store_clear(&s);
	return r;
}

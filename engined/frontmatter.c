/* SPDX-License-Identifier: Apache-2.0 */
/* See frontmatter.h. */
#include "engined/frontmatter.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/skill.h"

#define FENCE	"---"
#define BOM	"\xef\xbb\xbf"
#define BLANKS	" \t\r\n\v\f"

/* The keys, in the order in which new ones are written. */
static const char *const keys[] = {
	"name", "description", "category", "version", "origin", "requires_env", "requires_bins", "requires_config", "platforms",
	"tools", "keywords", "output_schema", "pinned", "created_at", "env",
};

/* The place of a key in that order; COUNT(keys): none of them. */
static size_t
rank_of(const char *key)
{
	size_t i;

	for (i = 0; i < COUNT(keys) && strcmp(keys[i], key) != 0; i++)
		continue;
	return i;
}

/* Is it one of the keys the specification names? */
static bool
is_key(const char *key)
{
	return rank_of(key) < COUNT(keys);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* A piece of text without the blanks around it. The caller frees. */
static char *
trimmed(const char *s, size_t len)
{
	while (len > 0 && strchr(BLANKS, s[len - 1]) != NULL)
		len--;
	while (len > 0 && strchr(BLANKS, *s) != NULL) {
		s++;
		len--;
	}
	return xstrndup(s, len);
}

/* Bytes of the line at `at`, its end included; 0 at the end of the text. */
static size_t
line_length(const char *text, size_t len, size_t at)
{
	const char *end = at < len ? memchr(text + at, '\n', len - at) : NULL;

	return end != NULL ? (size_t)(end - text) - at + 1 : len - at;
}

static bool
is_fence(const char *line, size_t len)
{
	cleanup_free char *s = trimmed(line, len);

	return len > 0 && *line == '-' && strcmp(s, FENCE) == 0;
}

static void
add_row(struct front *f, const char *text, size_t at, size_t len)
{
	const char *line = text + at, *colon = memchr(line, ':', len);
	struct front_row *row;

	f->rows = xreallocarray(f->rows, f->n + 1, sizeof(*f->rows));
	row = &f->rows[f->n++];
	*row = (struct front_row){ .at = at, .len = len };
	if (colon == NULL) {
		row->key = xstrdup("");
		row->value = trimmed(line, len);
		return;
	}
	row->key = trimmed(line, (size_t)(colon - line));
	row->value = trimmed(colon + 1, len - (size_t)(colon + 1 - line));
}

/* All lines from f->head to the closing fence. */
static int
read_rows(struct front *f, const char *text, size_t len, struct error *e)
{
	size_t at, n;

	for (at = f->head; (n = line_length(text, len, at)) > 0; at += n) {
		if (n > FRONT_LINE_MAX)
			return error_set(e, ERR_too_large, "line %zu of SKILL.md is longer than %d bytes", f->n + 2, FRONT_LINE_MAX);
		if (is_fence(text + at, n)) {
			f->body = at + n;
			return 0;
		}
		if (f->n == FRONT_ROWS_MAX)
			break;
		add_row(f, text, at, n);
	}
	return error_set(e, ERR_invalid, "the block that SKILL.md begins with has no end: a line \"---\" is missing within %d lines",
	    FRONT_ROWS_MAX);
}

int
front_parse(const char *text, size_t len, struct front *out, struct error *e)
{
	size_t at = len >= 3 && memcmp(text, BOM, 3) == 0 ? 3 : 0, n = line_length(text, len, at);

	*out = (struct front){ .eol = n >= 2 && text[at + n - 2] == '\r' ? "\r\n" : "\n" };
	if (n == 0 || !is_fence(text + at, n))
		return error_set(e, ERR_invalid, "SKILL.md does not begin with a line \"---\"");
	if (memchr(text, '\0', len) != NULL || u8_check((const uint8_t *)text, len) != NULL)
		return error_set(e, ERR_invalid, "SKILL.md is not UTF-8 text; convert it (iconv -t utf-8)");
	out->head = at + n;
	if (read_rows(out, text, len, e) == 0)
		return 0;
	front_clear(out);
	return -1;
}

void
front_clear(struct front *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->rows[i].key);
		free(f->rows[i].value);
	}
	free(f->rows);
	*f = (struct front){ 0 };
}

/* The last line with a key; NULL: there is none. */
static const struct front_row *
find_row(const struct front *f, const char *key)
{
	for (size_t i = f->n; i-- > 0; )
		if (strcmp(f->rows[i].key, key) == 0)
			return &f->rows[i];
	return NULL;
}

const char *
front_get(const struct front *f, const char *key)
{
	const struct front_row *row = find_row(f, key);

	return row == NULL ? NULL : row->value;
}

char **
front_list(const struct front *f, const char *key)
{
	const char *value = front_get(f, key);

	return skill_words(value == NULL ? "" : value);
}

/* ---- writing -------------------------------------------------------------------------------- */

static char *
list_text(const char *key, const json_t *list, struct error *e)
{
	cleanup_buf struct buf b = BUF(0);
	json_t *item;
	size_t i;

	buf_addc(&b, '[');
	json_array_foreach(list, i, item) {
		const char *s = json_string_value(item);

		if (s == NULL || s[strcspn(s, ",'\"[]")] != '\0') {
			error_set(e, ERR_invalid, "\"%s\" is a list of words without commas, quotes and brackets", key);
			return NULL;
		}
		buf_addf(&b, "%s'%s'", i > 0 ? ", " : "", s);
	}
	buf_addc(&b, ']');
	return buf_take(&b);
}

/* A value as it stands in its line. The caller frees. */
static char *
value_text(const char *key, const json_t *v, struct error *e)
{
	if (json_is_array(v))
		return list_text(key, v, e);
	if (json_is_boolean(v))
		return xstrdup(json_is_true(v) ? "True" : "False");
	if (json_is_object(v))
		return json_text(v);
	if (json_is_string(v))
		return trimmed(json_string_value(v), json_string_length(v));
	error_set(e, ERR_invalid, "\"%s\" is a text, a list of texts, or true or false", key);
	return NULL;
}

static int
is_one_line(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' && *s != '\t')
			return 0;
	return 1;
}

/* The line of a key. The caller frees; NULL with the error. */
static char *
line_text(const char *key, const json_t *v, const char *eol, struct error *e)
{
	cleanup_free char *value = NULL;

	if (!is_key(key)) {
		error_set(e, ERR_invalid, "\"%.64s\" is no key of a skill", key);
		return NULL;
	}
	if ((value = value_text(key, v, e)) == NULL)
		return NULL;
	if (!is_one_line(value) || strlen(value) > FRONT_LINE_MAX / 2) {
		error_set(e, ERR_invalid, "\"%s\" must fit one line", key);
		return NULL;
	}
	return xasprintf("%s: %s%s", key, value, eol);
}

/* Where a new key goes: behind the last one that comes before it in the order. */
static size_t
place_of(const struct front *f, const char *key)
{
	size_t rank = rank_of(key), at = f->head;

	for (size_t i = 0; i < f->n; i++)
		if (rank_of(f->rows[i].key) < rank)
			at = f->rows[i].at + f->rows[i].len;
	return at;
}

static char *
spliced(const char *text, size_t len, size_t at, size_t drop, const char *line)
{
	struct buf b = BUF(0);

	buf_add(&b, text, at);
	buf_puts(&b, line);
	buf_add(&b, text + at + drop, len - at - drop);
	return buf_take(&b);
}

/* One key of a text. The caller frees; NULL with the error. */
static char *
change_key(const char *text, size_t len, const char *key, const json_t *v, struct error *e)
{
	cleanup_free char *line = NULL;
	const struct front_row *row;
	struct front f;
	char *out;

	if (front_parse(text, len, &f, e) == -1)
		return NULL;
	line = json_is_null(v) && is_key(key) ? xstrdup("") : line_text(key, v, f.eol, e);
	row = find_row(&f, key);
	out = line == NULL ? NULL : spliced(text, len, row != NULL ? row->at : place_of(&f, key), row != NULL ? row->len : 0, line);
	front_clear(&f);
	return out;
}

char *
front_change(const char *text, size_t len, const json_t *fields, struct error *e)
{
	cleanup_free char *now = xstrndup(text, len);
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)fields, key, v) {
		char *next = change_key(now, strlen(now), key, v, e);

		free(now);
		if ((now = next) == NULL)
			return NULL;
	}
	return steal(now);
}

char *
front_make(const json_t *fields, struct error *e)
{
	cleanup_free char *empty = xstrdup(FENCE "\n" FENCE "\n");

	return front_change(empty, strlen(empty), fields, e);
}

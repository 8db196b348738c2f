/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See json.h. The parser is jansson's; what stands here is what must be known
 * about a text before a recursive parser may see it, and UTF-8.
 */
#include "common/json.h"

#include <string.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/mem.h"

int
json_depth(const char *text, size_t len)
{
	int depth = 0, deepest = 0, quoted = 0;

	for (size_t i = 0; i < len; i++) {
		if (quoted) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				quoted = 0;
		} else if (text[i] == '"') {
			quoted = 1;
		} else if (text[i] == '{' || text[i] == '[') {
			if (++depth > deepest)
				deepest = depth;
		} else if (text[i] == '}' || text[i] == ']') {
			depth--;
		}
	}
	return deepest;
}

json_t *
json_parse(const char *text, size_t len, int max_depth, struct error *e)
{
	json_error_t err;
	json_t *j;

	if (json_depth(text, len) > max_depth) {
		error_set(e, ERR_invalid, "nested deeper than %d levels", max_depth);
		return NULL;
	}
	if (memchr(text, '\0', len) != NULL) {		/* jansson takes no notice of one behind a number */
		error_set(e, ERR_invalid, "a NUL byte");
		return NULL;
	}
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &err);
	if (j == NULL)
		error_set(e, ERR_invalid, "line %d column %d: %s", err.line, err.column, err.text);
	return j;
}

json_t *
json_load(const char *path, size_t max_bytes, int max_depth, struct error *e)
{
	cleanup_buf struct buf b = BUF(0);
	json_t *j;

	if (file_read(path, max_bytes, &b, e) == -1)
		return NULL;
	if ((j = json_parse(buf_str(&b), b.len, max_depth, e)) == NULL)
		error_add(e, "%s", path);
	return j;
}

static char *
text_of(const json_t *j, size_t flags)
{
	char *s = json_dumps(j, flags | JSON_COMPACT | JSON_ENCODE_ANY);

	return s == NULL ? xstrdup("null") : s;
}

char *
json_text(const json_t *j)
{
	return text_of(j, 0);
}

char *
json_text_sorted(const json_t *j)
{
	return text_of(j, JSON_SORT_KEYS);
}

const char *
json_str(const json_t *object, const char *name, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s == NULL ? otherwise : s;
}

int64_t
json_int(const json_t *object, const char *name, int64_t otherwise)
{
	const json_t *j = json_object_get(object, name);
	double real;

	if (json_is_integer(j))
		return json_integer_value(j);
	if (!json_is_real(j))
		return otherwise;
	real = json_real_value(j);
	return real > -9.2e18 && real < 9.2e18 ? (int64_t)real : otherwise;
}

double
json_num(const json_t *object, const char *name, double otherwise)
{
	const json_t *j = json_object_get(object, name);

	return json_is_number(j) ? json_number_value(j) : otherwise;
}

bool
json_bool(const json_t *object, const char *name, bool otherwise)
{
	const json_t *j = json_object_get(object, name);

	return json_is_boolean(j) ? json_is_true(j) : otherwise;
}

json_t *
json_at(const json_t *object, const char *dotted)
{
	const char *dot;
	json_t *j = (json_t *)object;

	while ((dot = strchr(dotted, '.')) != NULL) {
		cleanup_free char *name = xstrndup(dotted, (size_t)(dot - dotted));

		if ((j = json_object_get(j, name)) == NULL)
			return NULL;
		dotted = dot + 1;
	}
	return json_object_get(j, dotted);
}

/* ---- UTF-8 (RFC 3629) ------------------------------------------------------------------------ */

/* Bytes of the well-formed sequence at s, 0 when it is ill-formed or cut. */
static size_t
sequence(const unsigned char *s, size_t len)
{
	static const struct {
		unsigned char	lead_min, lead_max, second_min, second_max;
		size_t		bytes;
	} table[] = {
		{ 0x01, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		if (s[0] < table[i].lead_min || s[0] > table[i].lead_max)
			continue;
		if (len < table[i].bytes)
			return 0;
		if (table[i].bytes > 1 && (s[1] < table[i].second_min || s[1] > table[i].second_max))
			return 0;
		for (size_t k = 2; k < table[i].bytes; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return table[i].bytes;
	}
	return 0;
}

char *
utf8_clean(const char *text, size_t len)
{
	struct buf out = BUF(0);
	size_t n, start = 0, i = 0;

	while (i < len) {
		if ((n = sequence((const unsigned char *)text + i, len - i)) > 0) {
			i += n;
			continue;
		}
		buf_add(&out, text + start, i - start);
		buf_puts(&out, "\xef\xbf\xbd");
		start = ++i;
	}
	buf_add(&out, text + start, i - start);
	return buf_take(&out);
}

size_t
utf8_cut(const char *text, size_t len, size_t max)
{
	size_t n = len < max ? len : max;

	if (n == len)
		return n;
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

size_t
utf8_count(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

size_t
utf8_offset(const char *text, size_t len, size_t n)
{
	size_t i = 0;

	while (i < len && n > 0) {
		i++;
		while (i < len && ((unsigned char)text[i] & 0xc0) == 0x80)
			i++;
		n--;
	}
	return i;
}

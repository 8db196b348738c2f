/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See codec.h. One function per kind and direction, chosen by table. Nothing
 * here trusts either side: what a handler made is checked as strictly as
 * what came from outside, so a bug of ours stops at its own process.
 */
#include "common/codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"

/* Where in the message we are, for errors. */
struct place {
	char		 path[160];
	struct error	*e;
};

/* Memory of one decoded message, freed at once; each block follows its header. */
struct block {
	struct block	*next;
	max_align_t	 data[];
};

struct decoded {
	json_t		*tree;
	struct block	*blocks;
	void		*top;
};

static int
refuse(const struct place *at, enum error_code code, const char *what)
{
	return error_set(at->e, code, "%s: %s", at->path, what);
}

/* The place one name or row further down; `length` is what to cut back to after. */
static size_t
enter(struct place *at, const char *name)
{
	size_t n = strlen(at->path);

	snprintf(at->path + n, sizeof(at->path) - n, "%s%s", n > 0 ? "." : "", name);
	return n;
}

static size_t
enter_row(struct place *at, size_t row)
{
	size_t n = strlen(at->path);

	snprintf(at->path + n, sizeof(at->path) - n, "[%zu]", row);
	return n;
}

static void
leave(struct place *at, size_t length)
{
	at->path[length] = '\0';
}

/* ---- what both directions check ------------------------------------------------------------- */

/* jansson accepts only UTF-8 into its strings; what is left to check is the NUL and the length. */
static int
check_text(const struct place *at, const char *text, size_t len, uint64_t max)
{
	if (len > max)
		return refuse(at, ERR_too_large, "text is too long");
	if (memchr(text, '\0', len) != NULL)
		return refuse(at, ERR_invalid, "text holds a NUL");
	return 0;
}

static int
check_integer(const struct place *at, int64_t value, uint64_t max)
{
	if (value > (int64_t)max || value < -(int64_t)max)
		return refuse(at, ERR_invalid, "number is out of range");
	return 0;
}

/* Depth and text of a value; the recursion ends at `levels`. */
static int
check_tree(const struct place *at, json_t *v, int levels)
{
	size_t i;
	void *it;

	if (json_is_string(v))
		return check_text(at, json_string_value(v), json_string_length(v), UINT64_MAX);
	if (!json_is_array(v) && !json_is_object(v))
		return 0;
	if (levels == 0)
		return refuse(at, ERR_invalid, "value nests too deep");
	for (i = 0; i < json_array_size(v); i++)
		if (check_tree(at, json_array_get(v, i), levels - 1) == -1)
			return -1;
	for (it = json_object_iter(v); it != NULL; it = json_object_iter_next(v, it))
		if (check_text(at, json_object_iter_key(it), json_object_iter_key_len(it), UINT64_MAX) == -1 ||
		    check_tree(at, json_object_iter_value(it), levels - 1) == -1)
			return -1;
	return 0;
}

static int
count_bytes(const char *text, size_t len, void *left)
{
	size_t *n = left;

	if (len > *n)
		return -1;
	*n -= len;
	return 0;
}

static int
check_json(const struct place *at, json_t *v, uint64_t max)
{
	size_t left = (size_t)max;

	if (check_tree(at, v, PROTO_DEPTH_MAX) == -1)
		return -1;
	if (json_dump_callback(v, count_bytes, &left, JSON_COMPACT | JSON_ENCODE_ANY) == -1)
		return refuse(at, ERR_too_large, "value is too large");
	return 0;
}

/* ---- decode --------------------------------------------------------------------------------- */

static void *
arena(struct decoded *d, size_t n, size_t size)
{
	struct block *b = xcalloc(1, sizeof(*b) + n * size);

	b->next = d->blocks;
	d->blocks = b;
	return b->data;
}

/* The count of a list stands right behind its pointer (proto.h). */
static size_t *
count_at(void *out)
{
	return (size_t *)(void *)((char *)out + sizeof(void *));
}

static int	decode_shape(struct decoded *, const struct shape *, json_t *, void *, struct place *);

static int
decode_string(struct decoded *d, const struct field *f, json_t *v, void *out, struct place *at)
{
	if (!json_is_string(v))
		return refuse(at, ERR_invalid, "must be text");
	*(const char **)out = json_string_value(v);
	return check_text(at, json_string_value(v), json_string_length(v), f->max);
}

static int
decode_integer(struct decoded *d, const struct field *f, json_t *v, void *out, struct place *at)
{
	if (!json_is_integer(v))
		return refuse(at, ERR_invalid, "must be an integer");
	*(int64_t *)out = json_integer_value(v);
	return check_integer(at, json_integer_value(v), f->max);
}

static int
decode_number(struct decoded *d, const struct field *f, json_t *v, void *out, struct place *at)
{
	if (!json_is_number(v))
		return refuse(at, ERR_invalid, "must be a number");
	*(double *)out = json_number_value(v);
	return 0;
}

static int
decode_bool(struct decoded *d, const struct field *f, json_t *v, void *out, struct place *at)
{
	if (!json_is_boolean(v))
		return refuse(at, ERR_invalid, "must be true or false");
	*(bool *)out = json_is_true(v);
	return 0;
}

static int
decode_json(struct decoded *d, const struct field *f, json_t *v, void *out, struct place *at)
{
	*(json_t **)out = v;
	return check_json(at, v, f->max);
}

/* 0 when v is an array that fits. */
static int
check_rows(const struct field *f, json_t *v, struct place *at)
{
	if (!json_is_array(v))
		return refuse(at, ERR_invalid, "must be a list");
	if (json_array_size(v) > f->max)
		return refuse(at, ERR_too_large, "list has too many rows");
	return 0;
}

static int
decode_strings(struct decoded *d, const struct field *f, json_t *v, void *out, struct place *at)
{
	const struct field row = { .max = PROTO_STRING_ROW_MAX };
	size_t n = json_array_size(v), length;
	const char **rows;

	if (check_rows(f, v, at) == -1)
		return -1;
	rows = arena(d, n + 1, sizeof(*rows));
	*(const char ***)out = rows;
	*count_at(out) = n;
	for (size_t i = 0; i < n; i++) {
		length = enter_row(at, i);
		if (decode_string(d, &row, json_array_get(v, i), &rows[i], at) == -1)
			return -1;
		leave(at, length);
	}
	return 0;
}

static int
decode_list(struct decoded *d, const struct field *f, json_t *v, void *out, struct place *at)
{
	size_t n = json_array_size(v), length;
	char *rows;

	if (check_rows(f, v, at) == -1)
		return -1;
	rows = arena(d, n + 1, f->rows->size);
	*(void **)out = rows;
	*count_at(out) = n;
	for (size_t i = 0; i < n; i++) {
		length = enter_row(at, i);
		if (decode_shape(d, f->rows, json_array_get(v, i), rows + i * f->rows->size, at) == -1)
			return -1;
		leave(at, length);
	}
	return 0;
}

static int (*const decode_kind[])(struct decoded *, const struct field *, json_t *, void *, struct place *) = {
	[STRING] = decode_string, [INTEGER] = decode_integer, [NUMBER] = decode_number, [BOOL] = decode_bool,
	[JSON] = decode_json, [STRINGS] = decode_strings, [LIST] = decode_list,
};

static int
has_field(const struct shape *s, const char *name)
{
	for (size_t i = 0; i < s->nfields; i++)
		if (strcmp(s->fields[i].name, name) == 0)
			return 1;
	return 0;
}

/* Some member is not in the table. The name comes from outside: only plain ones are repeated. */
static int
refuse_unknown(const struct shape *s, json_t *object, struct place *at)
{
	const char *name;
	json_t *v;

	json_object_foreach(object, name, v)
		if (!has_field(s, name))
			break;
	if (name == NULL || name[0] == '\0' || strlen(name) > 64 ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789") != strlen(name))
		name = "(unnamed)";
	enter(at, name);
	return refuse(at, ERR_invalid, "no such field");
}

static int
decode_shape(struct decoded *d, const struct shape *s, json_t *object, void *out, struct place *at)
{
	size_t known = 0, length;
	json_t *v;

	if (!json_is_object(object))
		return refuse(at, ERR_invalid, "must be an object");
	for (const struct field *f = s->fields; f < s->fields + s->nfields; f++) {
		length = enter(at, f->name);
		if ((v = json_object_get(object, f->name)) == NULL && f->required)
			return refuse(at, ERR_invalid, "is missing");
		if (v != NULL && decode_kind[f->kind](d, f, v, (char *)out + f->offset, at) == -1)
			return -1;
		known += v != NULL;
		leave(at, length);
	}
	return known == json_object_size(object) ? 0 : refuse_unknown(s, object, at);
}

struct decoded *
codec_decode(const struct shape *s, json_t *object, struct error *e)
{
	struct place at = { .path = "body", .e = e };
	struct decoded *d = xcalloc(1, sizeof(*d));

	d->tree = json_incref(object);
	d->top = arena(d, 1, s->size);
	if (decode_shape(d, s, object, d->top, &at) == 0)
		return d;
	decoded_free(d);
	return NULL;
}

const void *
decoded_struct(const struct decoded *d)
{
	return d->top;
}

void
decoded_free(struct decoded *d)
{
	struct block *b;

	if (d == NULL)
		return;
	while ((b = d->blocks) != NULL) {
		d->blocks = b->next;
		free(b);
	}
	json_decref(d->tree);
	free(d);
}

/* ---- encode --------------------------------------------------------------------------------- */

/* Each gives a new value, or NULL: left out when the error is still empty, else refused. */
static json_t	*encode_shape(const struct shape *, const void *, struct place *);

static json_t *
encode_text(const char *text, uint64_t max, struct place *at)
{
	size_t len = strlen(text);
	json_t *v;

	if (check_text(at, text, len, max) == -1)
		return NULL;
	if ((v = json_stringn(text, len)) == NULL)
		refuse(at, ERR_invalid, "text is not UTF-8");
	return v;
}

static json_t *
encode_string(const struct field *f, const void *in, struct place *at)
{
	const char *text = *(const char *const *)in;

	return text == NULL ? NULL : encode_text(text, f->max, at);
}

static json_t *
encode_integer(const struct field *f, const void *in, struct place *at)
{
	int64_t value = *(const int64_t *)in;

	if ((value == 0 && !f->required) || check_integer(at, value, f->max) == -1)
		return NULL;
	return json_integer(value);
}

static json_t *
encode_number(const struct field *f, const void *in, struct place *at)
{
	double value = *(const double *)in;

	if (value == 0 && !f->required)
		return NULL;
	if (!isfinite(value)) {
		refuse(at, ERR_invalid, "number is not finite");
		return NULL;
	}
	return json_real(value);
}

static json_t *
encode_bool(const struct field *f, const void *in, struct place *at)
{
	bool value = *(const bool *)in;

	return value || f->required ? json_boolean(value) : NULL;
}

static json_t *
encode_json(const struct field *f, const void *in, struct place *at)
{
	json_t *value = *(json_t *const *)in;

	if (value == NULL || check_json(at, value, f->max) == -1)
		return NULL;
	return json_incref(value);
}

/* An array of n rows, each made by row(); NULL when one is refused or there is no list at all. */
static json_t *
encode_rows(const struct field *f, const char *rows, size_t n, size_t size,
    json_t *(*row)(const struct field *, const void *, struct place *), struct place *at)
{
	json_t *out, *v;
	size_t length;

	if ((rows == NULL && !f->required && n == 0))
		return NULL;
	if (n > f->max || (rows == NULL && n > 0)) {
		refuse(at, ERR_too_large, "list has too many rows");
		return NULL;
	}
	out = json_array();
	for (size_t i = 0; i < n; i++) {
		length = enter_row(at, i);
		if ((v = row(f, rows + i * size, at)) == NULL) {
			if (at->e->code == ERR_none)
				refuse(at, ERR_invalid, "is missing");
			json_decref(out);
			return NULL;
		}
		json_array_append_new(out, v);
		leave(at, length);
	}
	return out;
}

static json_t *
encode_strings_row(const struct field *f, const void *in, struct place *at)
{
	const char *text = *(const char *const *)in;

	return text == NULL ? NULL : encode_text(text, PROTO_STRING_ROW_MAX, at);
}

static json_t *
encode_list_row(const struct field *f, const void *in, struct place *at)
{
	return encode_shape(f->rows, in, at);
}

static json_t *
encode_strings(const struct field *f, const void *in, struct place *at)
{
	return encode_rows(f, *(const char *const *)in, *count_at((void *)in), sizeof(char *), encode_strings_row, at);
}

static json_t *
encode_list(const struct field *f, const void *in, struct place *at)
{
	return encode_rows(f, *(const char *const *)in, *count_at((void *)in), f->rows->size, encode_list_row, at);
}

static json_t *(*const encode_kind[])(const struct field *, const void *, struct place *) = {
	[STRING] = encode_string, [INTEGER] = encode_integer, [NUMBER] = encode_number, [BOOL] = encode_bool,
	[JSON] = encode_json, [STRINGS] = encode_strings, [LIST] = encode_list,
};

static json_t *
encode_shape(const struct shape *s, const void *in, struct place *at)
{
	json_t *out = json_object(), *v;
	size_t length;

	for (const struct field *f = s->fields; f < s->fields + s->nfields; f++) {
		length = enter(at, f->name);
		v = encode_kind[f->kind](f, (const char *)in + f->offset, at);
		if (v == NULL && f->required && at->e->code == ERR_none)
			refuse(at, ERR_invalid, "is missing");
		if (v == NULL && at->e->code != ERR_none) {
			json_decref(out);
			return NULL;
		}
		if (v != NULL)
			json_object_set_new_nocheck(out, f->name, v);
		leave(at, length);
	}
	return out;
}

json_t *
codec_encode(const struct shape *s, const void *in, struct error *e)
{
	struct error own = { 0 };
	struct place at = { .path = "body", .e = &own };
	json_t *out = encode_shape(s, in, &at);

	if (out == NULL && e != NULL)
		*e = own;
	return out;
}

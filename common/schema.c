/* SPDX-License-Identifier: Apache-2.0 */
/* See schema.h. The first thing that is wrong is said; the rest of that node is not looked at. */
#include "common/schema.h"

#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#define SHOWN_BYTES 80		/* of a name in a path, or of a value */

/* Where we are; the one above lives in the caller's frame. */
struct place {
	const struct place	*above;
	const char		*name;	/* NULL: an index */
	size_t			 index;
	int			 depth;
};

static void
add_place(struct buf *b, const struct place *p)
{
	if (p->above == NULL) {
		buf_puts(b, "$");
		return;
	}
	add_place(b, p->above);
	if (p->name != NULL)
		buf_addf(b, ".%.*s", (int)utf8_cut(p->name, strlen(p->name), SHOWN_BYTES), p->name);
	else
		buf_addf(b, "[%zu]", p->index);
}

static int
wrong(const struct place *p, struct error *e, const char *what, const char *about)
{
	cleanup_buf struct buf b = BUF(0);

	add_place(&b, p);
	return error_set(e, ERR_invalid, "%s: %s%.*s", buf_str(&b), what, (int)utf8_cut(about, strlen(about), SHOWN_BYTES), about);
}

/* ---- types ------------------------------------------------------------------------------------ */

/* What a value is called. Every integer is a number too; 3.0 is no integer, and a boolean neither. */
static const char *
kind_of(const json_t *v)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "object", [JSON_ARRAY] = "array", [JSON_STRING] = "string", [JSON_INTEGER] = "integer",
		[JSON_REAL] = "number", [JSON_TRUE] = "boolean", [JSON_FALSE] = "boolean", [JSON_NULL] = "null",
	};

	return names[json_typeof(v)];
}

static bool
is_type(const json_t *v, const char *type)
{
	return strcmp(kind_of(v), type) == 0 || (strcmp(type, "number") == 0 && json_is_integer(v));
}

static bool
is_known(const char *type)
{
	static const char *const types[] = { "object", "array", "string", "number", "integer", "boolean", "null" };

	for (size_t i = 0; i < COUNT(types); i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

/* ---- the schema itself ------------------------------------------------------------------------ */

static int check_node(const json_t *schema, const struct place *p, struct error *e);

static int
check_type(const json_t *schema, const struct place *p, struct error *e)
{
	const json_t *type = json_object_get(schema, "type");

	if (type == NULL)
		return 0;
	if (!json_is_string(type))
		return wrong(p, e, "\"type\" must be a text, not ", kind_of(type));
	return is_known(json_string_value(type)) ? 0 : wrong(p, e, "there is no type ", json_string_value(type));
}

static int
check_lists(const json_t *schema, const struct place *p, struct error *e)
{
	const json_t *list = json_object_get(schema, "enum"), *required = json_object_get(schema, "required"), *name;
	size_t i;

	if (list != NULL && !json_is_array(list))
		return wrong(p, e, "\"enum\" must be a list", "");
	if (required != NULL && !json_is_array(required))
		return wrong(p, e, "\"required\" must be a list", "");
	json_array_foreach(required, i, name)
		if (!json_is_string(name))
			return wrong(p, e, "\"required\" must hold names", "");
	return 0;
}

static int
check_properties(const json_t *schema, const struct place *p, struct error *e)
{
	json_t *properties = json_object_get(schema, "properties"), *part;
	struct place map = { p, "properties", 0, p->depth + 1 };
	const char *name;

	if (properties == NULL)
		return 0;
	if (!json_is_object(properties))
		return wrong(p, e, "\"properties\" must be an object", "");
	json_object_foreach(properties, name, part)
		if (check_node(part, &(struct place){ &map, name, 0, p->depth + 1 }, e) == -1)
			return -1;
	return 0;
}

static int
check_node(const json_t *schema, const struct place *p, struct error *e)
{
	const json_t *items = json_object_get(schema, "items");

	if (p->depth > SCHEMA_DEPTH)
		return wrong(p, e, "nested too deep", "");
	if (!json_is_object(schema))
		return wrong(p, e, "a schema is an object, not ", kind_of(schema));
	if (check_type(schema, p, e) == -1 || check_lists(schema, p, e) == -1 || check_properties(schema, p, e) == -1)
		return -1;
	return items == NULL ? 0 : check_node(items, &(struct place){ p, "items", 0, p->depth + 1 }, e);
}

int
schema_check(const json_t *schema, struct error *e)
{
	return check_node(schema, &(struct place){ 0 }, e);
}

/* ---- a value ---------------------------------------------------------------------------------- */

static int fit_node(const json_t *schema, const json_t *value, const struct place *p, struct error *e);

static int
fit_type(const json_t *schema, const json_t *value, const struct place *p, struct error *e)
{
	const char *type = json_str(schema, "type", NULL);
	cleanup_free char *text = type == NULL ? NULL : xasprintf("%s, not %s", type, kind_of(value));

	return type == NULL || is_type(value, type) ? 0 : wrong(p, e, "must be of type ", text);
}

static bool
is_equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b) && json_typeof(a) != json_typeof(b))
		return json_number_value(a) == json_number_value(b);
	return json_equal(a, b);
}

static int
fit_enum(const json_t *schema, const json_t *value, const struct place *p, struct error *e)
{
	const json_t *list = json_object_get(schema, "enum"), *one;
	cleanup_free char *text = NULL;
	size_t i;

	if (list == NULL)
		return 0;
	json_array_foreach(list, i, one)
		if (is_equal(one, value))
			return 0;
	text = json_text(list);
	return wrong(p, e, "must be one of ", text);
}

static int
fit_object(const json_t *schema, const json_t *value, const struct place *p, struct error *e)
{
	json_t *part, *properties = json_object_get(schema, "properties");
	const char *name;
	size_t i;

	json_array_foreach(json_object_get(schema, "required"), i, part)
		if (json_object_get(value, json_string_value(part)) == NULL)
			return wrong(p, e, "there must be a property ", json_string_value(part));
	json_object_foreach(properties, name, part) {
		const json_t *inner = json_object_get(value, name);

		if (inner != NULL && fit_node(part, inner, &(struct place){ p, name, 0, p->depth + 1 }, e) == -1)
			return -1;
	}
	return 0;
}

static int
fit_items(const json_t *schema, const json_t *value, const struct place *p, struct error *e)
{
	const json_t *items = json_object_get(schema, "items"), *one;
	size_t i;

	if (items == NULL)
		return 0;
	json_array_foreach(value, i, one)
		if (fit_node(items, one, &(struct place){ p, NULL, i, p->depth + 1 }, e) == -1)
			return -1;
	return 0;
}

static int
fit_node(const json_t *schema, const json_t *value, const struct place *p, struct error *e)
{
	if (fit_type(schema, value, p, e) == -1 || fit_enum(schema, value, p, e) == -1)
		return -1;
	if (json_is_object(value))
		return fit_object(schema, value, p, e);
	return json_is_array(value) ? fit_items(schema, value, p, e) : 0;
}

int
schema_fits(const json_t *schema, const json_t *value, struct error *e)
{
	if (schema_check(schema, e) == -1)
		return error_add(e, "output_schema");
	return fit_node(schema, value, &(struct place){ 0 }, e);
}

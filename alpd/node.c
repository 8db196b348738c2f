/* SPDX-License-Identifier: Apache-2.0 */
/* See canonical.h: what a parsed text says, by name and place, and as a jansson tree. */
#include "alpd/node.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"

const struct node *
doc_root(const struct doc *d)
{
	return d->nodes;
}

enum node_kind
node_kind(const struct node *n)
{
	return n == NULL ? NODE_NULL : n->kind;
}

bool
node_is(const struct node *n, enum node_kind kind)
{
	return n != NULL && n->kind == kind;
}

bool
node_equals(const struct node *n, const char *s)
{
	return node_is(n, NODE_STRING) && n->len == strlen(s) && memcmp(n->text, s, n->len) == 0;
}

const struct node *
node_get(const struct node *object, const char *name)
{
	if (!node_is(object, NODE_OBJECT))
		return NULL;
	for (const struct node *n = node_child(object); n != NULL; n = node_after(n))
		if (node_equals(n, name))
			return n + 1;
	return NULL;
}

const struct node *
node_first(const struct node *array)
{
	return node_is(array, NODE_ARRAY) ? node_child(array) : NULL;
}

const struct node *
node_next(const struct node *row)
{
	return row == NULL ? NULL : node_after(row);
}

const char *
node_str(const struct node *n, size_t *len)
{
	if (!node_is(n, NODE_STRING))
		return NULL;
	*len = n->len;
	return n->text;
}

char *
node_dup(const struct node *n)
{
	if (!node_is(n, NODE_STRING) || memchr(n->text, '\0', n->len) != NULL)
		return NULL;
	return xstrndup(n->text, n->len);
}

char *
node_text(const struct node *n)
{
	return node_is(n, NODE_STRING) ? utf8_clean(n->text, n->len) : NULL;
}

bool
node_int(const struct node *n, int64_t *value)
{
	int64_t v = 0;

	if (!node_is(n, NODE_INTEGER))
		return false;
	for (uint32_t i = n->text[0] == '-'; i < n->len; i++)	/* downwards: INT64_MIN has no positive */
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, n->text[i] - '0', &v))
			return false;
	if (n->text[0] != '-' && __builtin_sub_overflow(0, v, &v))
		return false;
	*value = v;
	return true;
}

double
node_double(const char *token, size_t len)
{
	char text[NODE_TOKEN_MAX];

	memcpy(text, token, len);
	text[len] = '\0';
	return strtod(text, NULL);
}

bool
node_num(const struct node *n, double *value)
{
	double v;

	if ((!node_is(n, NODE_INTEGER) && !node_is(n, NODE_REAL)) || n->len >= NODE_TOKEN_MAX)
		return false;
	v = node_double(n->text, n->len);
	if (!isfinite(v))
		return false;
	*value = v;
	return true;
}

/* ---- as a jansson tree ----------------------------------------------------------------------- */

static json_t *
json_number(const struct node *n)
{
	int64_t integer;
	double real;

	if (node_int(n, &integer))
		return json_integer(integer);
	if (!node_num(n, &real))	/* an integer that only a token can hold */
		real = n->text[0] == '-' ? -DBL_MAX : DBL_MAX;
	return json_real(real);
}

/* A value without its children. */
static json_t *
json_shell(const struct node *n)
{
	switch ((enum node_kind)n->kind) {
	case NODE_FALSE:
		return json_false();
	case NODE_TRUE:
		return json_true();
	case NODE_INTEGER:
	case NODE_REAL:
		return json_number(n);
	case NODE_STRING:
		return json_stringn_nocheck(n->text, n->len);
	case NODE_ARRAY:
		return json_array();
	case NODE_OBJECT:
		return json_object();
	case NODE_NULL:
		break;
	}
	return json_null();
}

/* Put the next child into a container; what the child is, in *made, which the container owns. */
static const struct node *
json_put(json_t *container, const struct node *child, json_t **made)
{
	const struct node *n = json_is_object(container) ? child + 1 : child;

	*made = json_shell(n);
	if (n == child)
		json_array_append_new(container, *made);
	else
		json_object_setn_new_nocheck(container, child->text, child->len, *made);
	return n;
}

json_t *
node_json(const struct node *n)
{
	struct { json_t *made; const struct node *child; } up[DOC_DEPTH];
	json_t *root, *made;
	int depth = 0;

	if (n == NULL)
		return NULL;
	root = made = json_shell(n);
	for (;;) {
		if (node_is_container(n)) {
			up[depth].made = made;
			up[depth++].child = node_child(n);
		}
		while (depth > 0 && up[depth - 1].child == NULL)
			depth--;
		if (depth == 0)
			return root;
		n = json_put(up[depth - 1].made, up[depth - 1].child, &made);
		up[depth - 1].child = node_after(up[depth - 1].child);
	}
}

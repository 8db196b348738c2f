/* SPDX-License-Identifier: Apache-2.0 */
/* See canonical.h: the printer. doc.c makes the tree and reads it. */
#include "alpd/canonical.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alpd/node.h"
#include "common/mem.h"

/* ---- printing ------------------------------------------------------------------------------------------ */

/* Bytes of text that stand as they are: eight at a time while it is ASCII. */
static size_t
plain(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len) {
		n += plain_run(text + n, text + len);
		for (int i = 0; i < 8 && n < len; i++, n++)
			if ((unsigned char)text[n] < 0x20 || text[n] == '"' || text[n] == '\\')
				return n;
	}
	return n;
}

static void
put_escape(struct buf *b, char c)
{
	static const char escapes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *at = c == '\0' ? NULL : strchr(escapes, c);
	char two[2] = { '\\' };

	if (at == NULL) {
		buf_addf(b, "\\u%04x", (unsigned char)c);
	} else {
		two[1] = letters[at - escapes];
		buf_add(b, two, 2);
	}
}

void
canonical_string(struct buf *b, const char *text, size_t len)
{
	const char *end = text + len;

	buf_addc(b, '"');
	while (text < end) {
		size_t n = plain(text, (size_t)(end - text));

		buf_add(b, text, n);
		if ((text += n) < end)
			put_escape(b, *text++);
	}
	buf_addc(b, '"');
}

/* Digits, and the power of ten of the first one, that read back to value; as few as there are. */
static void
shortest(double value, char digits[24], int *exponent)
{
	static const int tries[] = { 0, 1, -1 };	/* beside a power of two the nearest may fail where a neighbour holds */

	for (int n = value < DBL_MIN ? 1 : DBL_DIG; n <= 17; n++) {	/* 15 digits or fewer are found at 15 */
		char text[48];
		long long whole = 0;

		snprintf(text, sizeof(text), "%.*e", n - 1, value);
		for (const char *c = text; *c != 'e'; c++)
			if (*c != '.')
				whole = whole * 10 + (*c - '0');
		*exponent = atoi(strchr(text, 'e') + 1);
		for (size_t i = 0; i < COUNT(tries); i++) {
			snprintf(text, sizeof(text), "%llde%d", whole + tries[i], *exponent - (n - 1));
			if (strtod(text, NULL) != value)
				continue;
			snprintf(digits, 24, "%lld", whole + tries[i]);
			*exponent += (int)strlen(digits) - n;	/* 9 + 1 has one more */
			for (size_t len = strlen(digits); len > 1 && digits[len - 1] == '0'; len--)
				digits[len - 1] = '\0';
			return;
		}
	}
}

void
canonical_real(struct buf *b, double value)
{
	char digits[24] = "0";
	int point, n, exponent = 0;

	if (signbit(value))
		buf_addc(b, '-');
	if (value != 0)
		shortest(fabs(value), digits, &exponent);
	n = (int)strlen(digits);
	point = value == 0 ? 1 : exponent + 1;		/* value is 0.digits * 10^point */
	if (point <= -4 || point > 16)
		buf_addf(b, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "", digits + 1, exponent < 0 ? '-' : '+', abs(exponent));
	else if (point <= 0)
		buf_addf(b, "0.%.*s%s", -point, "0000", digits);
	else if (point >= n)
		buf_addf(b, "%s%.*s.0", digits, point - n, "0000000000000000");
	else
		buf_addf(b, "%.*s.%s", point, digits, digits + point);
}

static void
print_scalar(struct buf *b, const struct node *n)
{
	double value;

	switch (n->kind) {
	case NODE_NULL:
		buf_puts(b, "null");
		break;
	case NODE_FALSE:
		buf_puts(b, "false");
		break;
	case NODE_TRUE:
		buf_puts(b, "true");
		break;
	case NODE_STRING:
		if (!n->plain) {
			canonical_string(b, n->text, n->len);
		} else {			/* as it came is how it is printed */
			buf_addc(b, '"');
			buf_add(b, n->text, n->len);
			buf_addc(b, '"');
		}
		break;
	case NODE_REAL:
		if (!n->plain && node_num(n, &value)) {
			canonical_real(b, value);
			break;
		}
		/* FALLTHROUGH */
	default:
		buf_add(b, n->text, n->len);
	}
}

/* A member that is named "a.b": of the root's member a the member b, its name. */
static const struct node *
member_name(const struct node *object, const char *name, size_t len)
{
	const struct node *n = node_is(object, NODE_OBJECT) ? node_child(object) : NULL;

	while (n != NULL && (n->len != len || memcmp(n->text, name, len) != 0))
		n = node_after(n);
	return n;
}

static const struct node *
find_name(const struct node *top, const char *dotted)
{
	size_t outer = strcspn(dotted, ".");
	const struct node *name = member_name(top, dotted, outer);

	return name == NULL ? NULL : member_name(name + 1, dotted + outer + 1, strlen(dotted + outer + 1));
}

static char
bracket(const struct node *n, bool open)
{
	return n->kind == NODE_OBJECT ? open ? '{' : '}' : open ? '[' : ']';
}

/* A row, or a name and what it names; true: what was printed is the beginning of a container, *n. */
static bool
print_child(struct buf *b, const struct node *in, const struct node **n)
{
	if (b->data[b->len - 1] != '{' && b->data[b->len - 1] != '[')
		buf_addc(b, ',');
	if (in->kind == NODE_OBJECT) {
		print_scalar(b, *n);
		buf_addc(b, ':');
		(*n)++;
	}
	if (!node_is_container(*n)) {
		print_scalar(b, *n);
		return false;
	}
	buf_addc(b, bracket(*n, true));
	return true;
}

void
canonical_node(struct buf *b, const struct node *top, const char *without)
{
	const struct node *skip = without == NULL ? NULL : find_name(top, without);
	const struct node *in[DOC_DEPTH] = { top }, *next[DOC_DEPTH];	/* open containers; what comes in each */
	int depth = 0;

	if (!node_is_container(top)) {
		print_scalar(b, top);
		return;
	}
	buf_addc(b, bracket(top, true));
	next[0] = node_child(top);
	while (depth >= 0) {
		const struct node *n = next[depth];

		if (n == NULL) {
			buf_addc(b, bracket(in[depth--], false));
			continue;
		}
		next[depth] = node_after(n);
		if (n != skip && print_child(b, in[depth], &n)) {
			in[++depth] = n;
			next[depth] = node_child(n);
		}
	}
}

/* ---- printing what we made ---------------------------------------------------------------------------- */

struct member {
	const char	*name;
	size_t		 len;
	const json_t	*value;
};

struct level {				/* a container that is open */
	const json_t	*container;
	struct member	*members;	/* of an object, sorted */
	size_t		 i, n;		/* the child that comes next, and their number */
};

static int
by_name(const void *x, const void *y)
{
	const struct member *a = x, *b = y;
	int order = memcmp(a->name, b->name, a->len < b->len ? a->len : b->len);

	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static struct level
enter(json_t *v)
{
	struct level l = { .container = v, .n = json_is_array(v) ? json_array_size(v) : json_object_size(v) };
	size_t i = 0;

	if (json_is_array(v))
		return l;
	l.members = xcalloc(l.n, sizeof(*l.members));
	for (void *at = json_object_iter(v); at != NULL; at = json_object_iter_next(v, at))
		l.members[i++] = (struct member){ json_object_iter_key(at), json_object_iter_key_len(at),
		    json_object_iter_value(at) };
	qsort(l.members, l.n, sizeof(*l.members), by_name);
	return l;
}

static bool
is_over(const struct level *l)
{
	return l->i == l->n;
}

static void
leave(struct buf *b, struct level *l)
{
	buf_addc(b, json_is_object(l->container) ? '}' : ']');
	free(l->members);
}

/* What stands before the next child; the child. */
static const json_t *
put_child(struct buf *b, struct level *l)
{
	const struct member *m;

	if (l->i > 0)
		buf_addc(b, ',');
	if (json_is_array(l->container))
		return json_array_get(l->container, l->i++);
	m = &l->members[l->i++];
	canonical_string(b, m->name, m->len);
	buf_addc(b, ':');
	return m->value;
}

/* A value, or the bracket that opens it. */
static void
put_value(struct buf *b, const json_t *v)
{
	static const char *const words[] = {
		[JSON_NULL] = "null", [JSON_FALSE] = "false", [JSON_TRUE] = "true", [JSON_ARRAY] = "[", [JSON_OBJECT] = "{",
	};

	if (json_is_string(v))
		canonical_string(b, json_string_value(v), json_string_length(v));
	else if (json_is_integer(v))
		buf_addf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		canonical_real(b, json_real_value(v));
	else
		buf_puts(b, words[json_typeof(v)]);
}

void
canonical_json(struct buf *b, const json_t *v)
{
	struct level *open = NULL;
	size_t depth = 0;

	for (;;) {
		put_value(b, v);
		if (json_is_array(v) || json_is_object(v)) {
			open = xreallocarray(open, depth + 1, sizeof(*open));
			open[depth++] = enter((json_t *)v);
		}
		while (depth > 0 && is_over(&open[depth - 1]))
			leave(b, &open[--depth]);
		if (depth == 0)
			break;
		v = put_child(b, &open[depth - 1]);
	}
	free(open);
}

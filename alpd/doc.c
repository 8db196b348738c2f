/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser of canonical.h: strangers' bytes before anything is known about
 * their sender. One pass, one growing array of nodes, a stack of DOC_DEPTH
 * open containers; strings without escapes stay where they are in the text.
 * The members of an object are sorted when it closes, which is also when a
 * repeated name shows.
 */
#include "alpd/doc.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define TEXT_MAX	((1 << 27) - 1)	/* what a node's length can say */

/* ---- nodes ----------------------------------------------------------------------------------- */

static struct node *
top(struct parser *s)
{
	return &s->doc->nodes[s->open[s->depth - 1]];
}

struct node *
doc_add(struct parser *s, enum node_kind kind, const char *text, size_t len)
{
	struct doc *d = s->doc;
	struct node *n;

	if (d->n == d->cap) {
		d->cap = d->cap == 0 ? 32 : 2 * d->cap;
		d->nodes = xreallocarray(d->nodes, d->cap, sizeof(*d->nodes));
	}
	n = &d->nodes[d->n++];
	*n = (struct node){ .text = text, .kind = kind, .len = (uint32_t)len };
	return n;
}

/* The node that comes next is a row of the open container, or the name of a member. */
static void
link_next(struct parser *s)
{
	uint32_t *last = &s->last[s->depth - 1], self = s->doc->n;

	if (*last == 0)
		top(s)->first = (int32_t)(self - s->open[s->depth - 1]);
	else
		s->doc->nodes[*last].next = (int32_t)(self - *last);
	*last = self;
}

/* ---- members in the order of their names ------------------------------------------------------- */

/* Byte order of UTF-8 is the order of code points. */
static int
compare(const struct node *a, const struct node *b)
{
	int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static struct node *
after(struct node *n)
{
	return (struct node *)node_after(n);
}

static void
set_after(struct node *n, const struct node *next)
{
	n->next = next == NULL ? 0 : (int32_t)(next - n);
}

/* Two sorted lists into one. Equal names of both always meet here. */
static struct node *
merge(struct node *a, struct node *b, bool *repeated)
{
	struct node *first = NULL, *last = NULL, **least;
	int order;

	while (a != NULL && b != NULL) {
		order = compare(a, b);
		*repeated |= order == 0;
		least = order < 0 ? &a : &b;
		if (last == NULL)
			first = *least;
		else
			set_after(last, *least);
		last = *least;
		*least = after(last);
	}
	set_after(last, a != NULL ? a : b);
	return first;
}

static bool
is_sorted(const struct node *n)
{
	const struct node *next;

	for (; n != NULL && (next = node_after(n)) != NULL; n = next)
		if (compare(n, next) >= 0)
			return false;
	return true;
}

/* Merge sort from below: runs[i] is a list of 2^i members, or none. */
static int
sort(struct parser *s, struct node *object)
{
	struct node *runs[32] = { NULL }, *n = (struct node *)node_child(object), *next;
	bool repeated = false;
	int i;

	if (is_sorted(n))		/* as a sender of our kind prints it */
		return 0;
	for (; n != NULL; n = next) {
		next = after(n);
		set_after(n, NULL);
		for (i = 0; runs[i] != NULL; i++) {
			n = merge(runs[i], n, &repeated);
			runs[i] = NULL;
		}
		runs[i] = n;
	}
	for (i = 0; i < 32; i++)
		if (runs[i] != NULL)
			n = n == NULL ? runs[i] : merge(runs[i], n, &repeated);
	object->first = (int32_t)(n - object);
	return repeated ? doc_fail(s, "a name is repeated in the object that ends here") : 0;
}

/* ---- the grammar ----------------------------------------------------------------------------- */

/* A value is complete. */
static void
done(struct parser *s)
{
	s->want = s->depth == 0 ? WANT_NOTHING : WANT_NEXT;
}

static int
open_container(struct parser *s, enum node_kind kind)
{
	if (s->depth == DOC_DEPTH)
		return doc_fail(s, "nested too deeply");
	s->open[s->depth] = s->doc->n;
	s->last[s->depth++] = 0;
	doc_add(s, kind, NULL, 0);
	s->at++;
	s->want = kind == NODE_OBJECT ? WANT_NAME_OR_END : WANT_ROW_OR_END;
	return 0;
}

static int
close_container(struct parser *s)
{
	struct node *n = top(s);

	if (*s->at != (n->kind == NODE_OBJECT ? '}' : ']'))
		return doc_fail(s, n->kind == NODE_OBJECT ? "',' or '}' expected" : "',' or ']' expected");
	if (n->kind == NODE_OBJECT && sort(s, n) == -1)
		return -1;
	s->at++;
	s->depth--;
	done(s);
	return 0;
}

static int
value(struct parser *s)
{
	char c = *s->at;
	int result;

	if (c == '{' || c == '[')
		return open_container(s, c == '{' ? NODE_OBJECT : NODE_ARRAY);
	result = c == '"' ? doc_string(s) : c == '-' || (c >= '0' && c <= '9') ? doc_number(s) : doc_word(s);
	done(s);
	return result;
}

static int
row_or_end(struct parser *s)
{
	if (*s->at == ']')
		return close_container(s);
	link_next(s);
	return value(s);
}

static int
name(struct parser *s)
{
	if (*s->at != '"')
		return doc_fail(s, "a name expected");
	link_next(s);
	s->want = WANT_COLON;
	return doc_string(s);
}

static int
name_or_end(struct parser *s)
{
	return *s->at == '}' ? close_container(s) : name(s);
}

static int
colon(struct parser *s)
{
	if (*s->at != ':')
		return doc_fail(s, "':' expected");
	s->at++;
	s->want = WANT_VALUE;
	return 0;
}

static int
next(struct parser *s)
{
	if (*s->at != ',')
		return close_container(s);
	s->at++;
	if (top(s)->kind == NODE_ARRAY)
		link_next(s);
	s->want = top(s)->kind == NODE_ARRAY ? WANT_VALUE : WANT_NAME;
	return 0;
}

static int (*const steps[])(struct parser *s) = {
	[WANT_VALUE] = value, [WANT_ROW_OR_END] = row_or_end, [WANT_NAME] = name, [WANT_NAME_OR_END] = name_or_end,
	[WANT_COLON] = colon, [WANT_NEXT] = next,
};

static void
blanks(struct parser *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
		s->at++;
}

static int
whole_text(struct parser *s)
{
	while (s->want != WANT_NOTHING) {
		blanks(s);
		if (s->at == s->end)
			return doc_fail(s, "it ends too early");
		if (steps[s->want](s) == -1)
			return -1;
	}
	blanks(s);
	return s->at == s->end ? 0 : doc_fail(s, "more follows");
}

struct doc *
doc_parse(const char *text, size_t len, struct error *e)
{
	struct doc *d;
	struct parser s;

	if (len > TEXT_MAX) {
		error_set(e, ERR_invalid, "a text of %zu bytes", len);
		return NULL;
	}
	d = xcalloc(1, sizeof(*d));
	s = (struct parser){ .doc = d, .at = text, .end = text + len, .want = WANT_VALUE };
	if (whole_text(&s) == -1) {
		error_set(e, ERR_invalid, "byte %zu: %s", (size_t)(s.at - text), s.why);
		doc_free(d);
		return NULL;
	}
	return d;
}

void
doc_free(struct doc *d)
{
	if (d == NULL)
		return;
	free(d->nodes);
	free(d->unescaped);
	free(d);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser of canonical.h: strangers' bytes before anything is known about
 * their sender. One pass, one growing array of nodes, a stack of DOC_DEPTH
 * open containers; strings without escapes stay where they are in the text.
 * The members of an object are sorted when it closes, which is also when a
 * repeated name shows.
 */
#include "alpd/canonical.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alpd/node.h"
#include "common/mem.h"

#define TEXT_MAX	((1 << 27) - 1)	/* what a node's length can say */
#define TOKEN_MAX	512		/* bytes of a real; as a sender must print it, it has at most 24 */
#define ODD_MAX		4096		/* reals that may have to be printed anew, which takes microseconds each */

struct doc {
	struct node	*nodes;
	uint32_t	 n, cap;
	char		*unescaped;		/* strings that had escapes, one behind the other */
};

/* What the grammar allows next. */
enum want { WANT_VALUE, WANT_ROW_OR_END, WANT_NAME, WANT_NAME_OR_END, WANT_COLON, WANT_NEXT, WANT_NOTHING };

struct parser {
	struct doc	*doc;
	const char	*at, *end;
	char		*room;			/* behind the last byte of doc->unescaped */
	enum want	 want;
	int		 depth;			/* containers that are open */
	uint32_t	 open[DOC_DEPTH];
	uint32_t	 last[DOC_DEPTH];	/* the child that came last; 0: none yet */
	size_t		 odd;			/* reals that do not print as they are written */
	const char	*why;			/* what is wrong at `at` */
};

static int
fail(struct parser *s, const char *why)
{
	s->why = why;
	return -1;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static struct node *
top(struct parser *s)
{
	return &s->doc->nodes[s->open[s->depth - 1]];
}

static struct node *
add(struct parser *s, enum node_kind kind, const char *text, size_t len)
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
	return repeated ? fail(s, "a name is repeated in the object that ends here") : 0;
}

/* ---- strings --------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 sequence at p, whose lead is not ASCII; 0: ill-formed. */
static size_t
sequence(const char *text, const char *end)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c = p[0] & (0x7fu >> n);

	if (p[0] < 0xc2 || p[0] > 0xf4 || (size_t)(end - text) < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

/* Four hex digits at `at`, which moves behind them; -1: they are not there. */
static int32_t
hex4(struct parser *s)
{
	int32_t v = 0;

	if (s->end - s->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = *s->at++, low = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (low >= 'a' && low <= 'f')
			v = v << 4 | (low - 'a' + 10);
		else
			return -1;
	}
	return v;
}

static void
put_utf8(struct parser *s, uint32_t c)
{
	char *p = s->room;

	if (c < 0x80) {
		*p++ = (char)c;
	} else if (c < 0x800) {
		*p++ = (char)(0xc0 | c >> 6);
		*p++ = (char)(0x80 | (c & 0x3f));
	} else {
		if (c < 0x10000) {
			*p++ = (char)(0xe0 | c >> 12);
		} else {
			*p++ = (char)(0xf0 | c >> 18);
			*p++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*p++ = (char)(0x80 | (c >> 6 & 0x3f));
		*p++ = (char)(0x80 | (c & 0x3f));
	}
	s->room = p;
}

/* What follows "\u": one code point, in one escape or a pair. */
static int
code_point(struct parser *s)
{
	int32_t c = hex4(s), low;

	if (c == -1)
		return fail(s, "\\u without four hex digits");
	if (c >= 0xd800 && c <= 0xdfff) {
		if (c >= 0xdc00 || s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u')
			return fail(s, "half of a surrogate pair");
		s->at += 2;
		if ((low = hex4(s)) < 0xdc00 || low > 0xdfff)
			return fail(s, "half of a surrogate pair");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	put_utf8(s, (uint32_t)c);
	return 0;
}

/* What follows a backslash. */
static int
escape(struct parser *s)
{
	static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *found;
	char c;

	if (s->at == s->end)
		return fail(s, "it ends inside a string");
	if ((c = *s->at++) == 'u')
		return code_point(s);
	if (c == '\0' || (found = strchr(names, c)) == NULL)
		return fail(s, "no such escape");
	*s->room++ = means[found - names];
	return 0;
}

static void
put(struct parser *s, const char *from, const char *to)
{
	memcpy(s->room, from, (size_t)(to - from));
	s->room += to - from;
}

/* Move `at` over what stands in a string as itself: to its quote, or a backslash. */
static int
literal(struct parser *s)
{
	unsigned char c;
	size_t n;

	for (;;) {
		s->at += plain_run(s->at, s->end);
		for (int i = 0; i < 8; i++) {		/* then try eight at a time again */
			if (s->at == s->end)
				return fail(s, "it ends inside a string");
			if ((c = (unsigned char)*s->at) == '"' || c == '\\')
				return 0;
			if (c < 0x20)
				return fail(s, "a control character in a string");
			if ((n = c < 0x80 ? 1 : sequence(s->at, s->end)) == 0)
				return fail(s, "ill-formed UTF-8");
			s->at += n;
		}
	}
}

/* A string that has escapes, from its first one on; `from` is its begin. What is unescaped is never longer than what was read. */
static int
unescape(struct parser *s, const char *from)
{
	if (s->doc->unescaped == NULL)
		s->room = s->doc->unescaped = xmalloc((size_t)(s->end - from));
	for (;;) {
		put(s, from, s->at);
		if (*s->at == '"')
			return 0;
		s->at++;
		if (escape(s) == -1)
			return -1;
		from = s->at;
		if (literal(s) == -1)
			return -1;
	}
}

static int
string(struct parser *s)
{
	const char *begin = ++s->at, *text;
	struct node *n;

	if (literal(s) == -1)
		return -1;
	if (*s->at == '"') {
		n = add(s, NODE_STRING, begin, (size_t)(s->at - begin));
		n->plain = 1;
	} else {
		text = s->room;
		if (unescape(s, begin) == -1)
			return -1;
		if (text == NULL)
			text = s->doc->unescaped;
		add(s, NODE_STRING, text, (size_t)(s->room - text));
	}
	s->at++;
	return 0;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static const char *
digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* The end of the number at p by RFC 8259, NULL: it is none. */
static const char *
number_end(const char *p, const char *end, bool *fraction)
{
	const char *from;

	if (p < end && *p == '-')
		p++;
	from = p;
	if ((p = digits(p, end)) == from || (*from == '0' && p > from + 1))
		return NULL;
	*fraction = false;
	if (p < end && *p == '.') {
		*fraction = true;
		from = p + 1;
		if ((p = digits(from, end)) == from)
			return NULL;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		*fraction = true;
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		from = p;
		if ((p = digits(from, end)) == from)
			return NULL;
	}
	return p;
}

/* The double nearest to a token of less than TOKEN_MAX bytes. */
static double
read_double(const char *token, size_t len)
{
	char text[TOKEN_MAX];

	memcpy(text, token, len);
	text[len] = '\0';
	return strtod(text, NULL);
}

/* "e-05", "e+16", and beyond, behind one digit and perhaps a point and more. */
static bool
is_printed_exponent(const char *mark, const char *end)
{
	const char *p = mark + 2;
	int value = 0;

	if (mark[0] != 'e' || (mark[1] != '+' && mark[1] != '-') || end - p < 2 || end - p > 3 || (end - p == 3 && *p == '0'))
		return false;
	for (; p < end; p++)
		value = 10 * value + (*p - '0');
	return value >= (mark[1] == '+' ? 16 : 5) && value <= 290;
}

/*
 * Is the token what canonical_real prints for it? Up to 15 digits survive the
 * way through a double, so their form alone decides. "No" is also said of
 * what is longer, very large or very small: then it is printed anew.
 */
static bool
prints_itself(const char *token, const char *end)
{
	const char *whole = token + (*token == '-'), *point = digits(whole, end);
	const char *part = point < end && *point == '.' ? point + 1 : point, *mark = digits(part, end);

	if (mark - whole > 16)
		return false;
	if (mark < end)
		return point - whole == 1 && *whole != '0' && (part == point || mark[-1] != '0') && is_printed_exponent(mark, end);
	if (mark - part == 1 && *part == '0')
		return true;
	return mark[-1] != '0' && (*whole != '0' || mark - part < 4 || memcmp(part, "0000", 4) != 0);
}

static int
real(struct parser *s, const char *end)
{
	size_t len = (size_t)(end - s->at);
	bool plain;

	if (len >= TOKEN_MAX)
		return fail(s, "a real with too many digits");
	if (!isfinite(read_double(s->at, len)))
		return fail(s, "a real that no double can hold");
	if (!(plain = prints_itself(s->at, end)) && ++s->odd > ODD_MAX)
		return fail(s, "too many reals in an unusual form");
	add(s, NODE_REAL, s->at, len)->plain = plain;
	return 0;
}

static int
number(struct parser *s)
{
	const char *end;
	bool fraction;
	int result = 0;

	if ((end = number_end(s->at, s->end, &fraction)) == NULL)
		return fail(s, "a malformed number");
	if (fraction)
		result = real(s, end);
	else if (end - s->at == 2 && memcmp(s->at, "-0", 2) == 0)
		add(s, NODE_INTEGER, "0", 1);
	else
		add(s, NODE_INTEGER, s->at, (size_t)(end - s->at));
	s->at = end;
	return result;
}

static int
word(struct parser *s)
{
	static const struct { const char *text; enum node_kind kind; } words[] = {
		{ "null", NODE_NULL }, { "true", NODE_TRUE }, { "false", NODE_FALSE },
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		size_t len = strlen(words[i].text);

		if ((size_t)(s->end - s->at) >= len && memcmp(s->at, words[i].text, len) == 0) {
			add(s, words[i].kind, NULL, 0);
			s->at += len;
			return 0;
		}
	}
	return fail(s, "a value expected");
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
		return fail(s, "nested too deeply");
	s->open[s->depth] = s->doc->n;
	s->last[s->depth++] = 0;
	add(s, kind, NULL, 0);
	s->at++;
	s->want = kind == NODE_OBJECT ? WANT_NAME_OR_END : WANT_ROW_OR_END;
	return 0;
}

static int
close_container(struct parser *s)
{
	struct node *n = top(s);

	if (*s->at != (n->kind == NODE_OBJECT ? '}' : ']'))
		return fail(s, n->kind == NODE_OBJECT ? "',' or '}' expected" : "',' or ']' expected");
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
	result = c == '"' ? string(s) : c == '-' || (c >= '0' && c <= '9') ? number(s) : word(s);
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
		return fail(s, "a name expected");
	link_next(s);
	s->want = WANT_COLON;
	return string(s);
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
		return fail(s, "':' expected");
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
			return fail(s, "it ends too early");
		if (steps[s->want](s) == -1)
			return -1;
	}
	blanks(s);
	return s->at == s->end ? 0 : fail(s, "more follows");
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

/* ---- reading it ------------------------------------------------------------------------------ */

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

bool
node_num(const struct node *n, double *value)
{
	double v;

	if ((!node_is(n, NODE_INTEGER) && !node_is(n, NODE_REAL)) || n->len >= TOKEN_MAX)
		return false;
	v = read_double(n->text, n->len);
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

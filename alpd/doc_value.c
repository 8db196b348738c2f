/* SPDX-License-Identifier: Apache-2.0 */
/* See doc.h: strings, numbers and words, each as canonical JSON would print it or marked as one that it would not. */
#include "alpd/doc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define ODD_MAX		4096		/* reals that may have to be printed anew, which takes microseconds each */

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
		return doc_fail(s, "\\u without four hex digits");
	if (c >= 0xd800 && c <= 0xdfff) {
		if (c >= 0xdc00 || s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u')
			return doc_fail(s, "half of a surrogate pair");
		s->at += 2;
		if ((low = hex4(s)) < 0xdc00 || low > 0xdfff)
			return doc_fail(s, "half of a surrogate pair");
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
		return doc_fail(s, "it ends inside a string");
	if ((c = *s->at++) == 'u')
		return code_point(s);
	if (c == '\0' || (found = strchr(names, c)) == NULL)
		return doc_fail(s, "no such escape");
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
				return doc_fail(s, "it ends inside a string");
			if ((c = (unsigned char)*s->at) == '"' || c == '\\')
				return 0;
			if (c < 0x20)
				return doc_fail(s, "a control character in a string");
			if ((n = c < 0x80 ? 1 : sequence(s->at, s->end)) == 0)
				return doc_fail(s, "ill-formed UTF-8");
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

int
doc_string(struct parser *s)
{
	const char *begin = ++s->at, *text;
	struct node *n;

	if (literal(s) == -1)
		return -1;
	if (*s->at == '"') {
		n = doc_add(s, NODE_STRING, begin, (size_t)(s->at - begin));
		n->plain = 1;
	} else {
		text = s->room;
		if (unescape(s, begin) == -1)
			return -1;
		if (text == NULL)
			text = s->doc->unescaped;
		doc_add(s, NODE_STRING, text, (size_t)(s->room - text));
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

	if (len >= NODE_TOKEN_MAX)
		return doc_fail(s, "a real with too many digits");
	if (!isfinite(node_double(s->at, len)))
		return doc_fail(s, "a real that no double can hold");
	if (!(plain = prints_itself(s->at, end)) && ++s->odd > ODD_MAX)
		return doc_fail(s, "too many reals in an unusual form");
	doc_add(s, NODE_REAL, s->at, len)->plain = plain;
	return 0;
}

int
doc_number(struct parser *s)
{
	const char *end;
	bool fraction;
	int result = 0;

	if ((end = number_end(s->at, s->end, &fraction)) == NULL)
		return doc_fail(s, "a malformed number");
	if (fraction)
		result = real(s, end);
	else if (end - s->at == 2 && memcmp(s->at, "-0", 2) == 0)
		doc_add(s, NODE_INTEGER, "0", 1);
	else
		doc_add(s, NODE_INTEGER, s->at, (size_t)(end - s->at));
	s->at = end;
	return result;
}

int
doc_word(struct parser *s)
{
	static const struct { const char *text; enum node_kind kind; } words[] = {
		{ "null", NODE_NULL }, { "true", NODE_TRUE }, { "false", NODE_FALSE },
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		size_t len = strlen(words[i].text);

		if ((size_t)(s->end - s->at) >= len && memcmp(s->at, words[i].text, len) == 0) {
			doc_add(s, words[i].kind, NULL, 0);
			s->at += len;
			return 0;
		}
	}
	return doc_fail(s, "a value expected");
}

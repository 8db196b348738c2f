/* SPDX-License-Identifier: Apache-2.0 */
/* See text.h. Widths come from a small table, so that no locale is needed. */
#include "cli/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"

#define REPLACEMENT "\xef\xbf\xbd"

struct range {
	uint32_t first, last;
};

/* What could act on the terminal or lie about the order of what is read. */
static const struct range hidden[] = {
	{ 0x00, 0x08 }, { 0x0b, 0x1f }, { 0x7f, 0x9f }, { 0x061c, 0x061c }, { 0x200e, 0x200f },
	{ 0x2028, 0x202e }, { 0x2066, 0x2069 }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
};

static const struct range zero_wide[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a },
	{ 0x064b, 0x065f }, { 0x200b, 0x200f }, { 0x20d0, 0x20f0 }, { 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff },
};

static const struct range double_wide[] = {
	{ 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0xa4cf }, { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1faff }, { 0x20000, 0x3fffd },
};

static bool
within(uint32_t cp, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cp >= r[i].first && cp <= r[i].last)
			return true;
	return false;
}

/* Decode one character: its bytes, 0 when more bytes are needed, -1 when ill-formed. */
static int
decode(const unsigned char *s, size_t len, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 :
	    s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : -1;

	if (n == -1)
		return -1;
	*cp = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (int i = 1; i < n; i++) {
		if ((size_t)i >= len)
			return 0;
		if ((s[i] & 0xc0) != 0x80)
			return -1;
		*cp = *cp << 6 | (s[i] & 0x3f);
	}
	if (*cp < least[n] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp <= 0xdfff))
		return -1;
	return n;
}

/* Take one character of at most len bytes; the bytes used, 0 when its end has not come yet. */
static size_t
filter_one(const unsigned char *s, size_t len, struct buf *out)
{
	uint32_t cp = 0;
	int n = decode(s, len, &cp);

	if (n == 0)
		return 0;
	if (n == -1)
		buf_puts(out, REPLACEMENT);
	else if (!within(cp, hidden, COUNT(hidden)))
		buf_add(out, s, (size_t)n);
	return n == -1 ? 1 : (size_t)n;
}

void
text_filter_add(struct text_filter *f, const char *s, size_t len, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t used;

	while (len > 0) {
		if (f->n == 0 && (used = filter_one(p, len, out)) > 0) {
			p += used;
			len -= used;
			continue;
		}
		f->part[f->n++] = *p++;
		len--;
		used = filter_one(f->part, f->n, out);
		memmove(f->part, f->part + used, f->n - used);
		f->n -= used;
	}
}

void
text_filter_end(struct text_filter *f, struct buf *out)
{
	if (f->n > 0)
		buf_puts(out, REPLACEMENT);
	f->n = 0;
}

static void
add_escaped(struct buf *out, uint32_t cp)
{
	static const char *const names[] = { ['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r" };

	if (cp < COUNT(names) && names[cp] != NULL)
		buf_puts(out, names[cp]);
	else
		buf_addf(out, cp < 0x100 ? "\\x%02x" : "\\u{%x}", (unsigned)cp);
}

/* The characters up to limit columns, each either as it is or as an escape. */
static char *
escape(const char *s, size_t limit, const char *keep)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t len = strlen(s), wide = 0;
	struct buf out = BUF(0);
	uint32_t cp;
	int n;

	while (len > 0) {
		if ((n = decode(p, len, &cp)) < 1) {
			buf_puts(&out, REPLACEMENT);
			n = 1;
			wide++;
		} else if (cp < 0x80 && strchr(keep, (int)cp) != NULL) {
			buf_addc(&out, (char)cp);
		} else if (cp == '\t' || cp == '\n' || within(cp, hidden, COUNT(hidden))) {
			add_escaped(&out, cp);
			wide += 4;
		} else {
			buf_add(&out, p, (size_t)n);
			wide += within(cp, zero_wide, COUNT(zero_wide)) ? 0 :
			    within(cp, double_wide, COUNT(double_wide)) ? 2 : 1;
		}
		p += n;
		len -= (size_t)n;
		if (limit > 0 && wide + 1 >= limit && len > 0) {
			buf_puts(&out, "…");
			break;
		}
	}
	return buf_take(&out);
}

char *
text_line(const char *s, size_t columns)
{
	return escape(s, columns, "");
}

char *
text_visible(const char *s)
{
	return escape(s, 0, "\n");
}

size_t
text_width(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t len = strlen(s), wide = 0;
	uint32_t cp;
	int n;

	for (; len > 0; p += n, len -= (size_t)n) {
		if ((n = decode(p, len, &cp)) < 1)
			n = 1, cp = 0xfffd;
		wide += within(cp, zero_wide, COUNT(zero_wide)) ? 0 :
		    within(cp, double_wide, COUNT(double_wide)) ? 2 : 1;
	}
	return wide;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See mend.h. The marks are the code points U+10F000..U+10F8FF of the last
 * private plane; they are looked for only in answers where mend_json put them.
 */
#include "engined/mend.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MARK_SURROGATE	0x10f000u	/* + 0..0x7ff */
#define MARK_BYTE	0x10f800u	/* + the byte */
#define MARK_END	0x10f900u
#define REPLACEMENT	0xfffdu

#define CUT	-1			/* the sequence may become whole with the bytes to come */

static void
put_code(struct buf *b, uint32_t c)
{
	unsigned char s[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; c >>= 6)
		s[i] = 0x80 | (c & 0x3f);
	s[0] = lead[n] | (unsigned char)c;
	(void)buf_add(b, s, n);
}

/*
 * Length of the sequence at s: 0 when it is ill-formed, CUT when it ends too
 * early. Surrogates count as well-formed; the callers look at the code.
 */
static int
sequence(const char *text, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)text;
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	*code = n > 1 ? s[0] & (0x7fu >> n) : s[0];
	for (size_t i = 1; i < n; i++) {
		if (i == len)
			return CUT;
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	return n > 1 && (*code < least[n] || *code > 0x10ffff) ? 0 : (int)n;
}

static bool
is_surrogate(uint32_t c)
{
	return c >= 0xd800 && c < 0xe000;
}

static bool
is_high(uint32_t c)
{
	return c >= 0xd800 && c < 0xdc00;
}

static bool
is_low(uint32_t c)
{
	return c >= 0xdc00 && c < 0xe000;
}

/* ---- marking ------------------------------------------------------------------------------- */

/* The value of "\uXXXX" at s, or -1. */
static long
escape(const char *s, size_t len)
{
	char hex[5] = "", *end;
	long v;

	if (len < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	memcpy(hex, s + 2, 4);
	v = strtol(hex, &end, 16);
	return end == hex + 4 && strspn(hex, "0123456789abcdefABCDEF") == 4 ? v : -1;
}

/* A backslash and what belongs to it; the number of bytes taken. */
static size_t
mark_escape(struct buf *out, const char *s, size_t len)
{
	long v = escape(s, len), next;

	if (v == -1 || (v != 0 && !is_surrogate((uint32_t)v))) {
		size_t n = len < 2 || (unsigned char)s[1] >= 0x80 ? 1 : 2;

		(void)buf_add(out, s, n);
		return n;
	}
	next = escape(s + 6, len - 6);
	if (v == 0) {
		(void)buf_puts(out, "\\ufffd");
	} else if (is_high((uint32_t)v) && next != -1 && is_low((uint32_t)next)) {
		(void)buf_add(out, s, 12);
		return 12;
	} else {
		put_code(out, MARK_SURROGATE + (uint32_t)v - 0xd800);
	}
	return 6;
}

static size_t
mark_bytes(struct buf *out, const char *s, size_t len)
{
	uint32_t code;
	int n = sequence(s, len, &code);

	if (n > 0 && !is_surrogate(code)) {
		(void)buf_add(out, s, (size_t)n);
		return (size_t)n;
	}
	put_code(out, MARK_BYTE + (unsigned char)s[0]);
	return 1;
}

char *
mend_json(const char *text, size_t len, size_t *out_len)
{
	struct buf out = BUF(0);

	for (size_t i = 0; i < len;)
		i += text[i] == '\\' ? mark_escape(&out, text + i, len - i) : mark_bytes(&out, text + i, len - i);
	*out_len = out.len;
	return buf_take(&out);
}

/* ---- joining ------------------------------------------------------------------------------- */

/* Marks back to the bytes they stand for (a surrogate as three bytes), behind what is held. */
static void
unmark(struct buf *raw, const char *text, size_t len)
{
	uint32_t code;
	int n;

	for (size_t i = 0; i < len; i += (size_t)n) {
		if ((n = sequence(text + i, len - i, &code)) <= 0)
			n = 1;
		if (n < 4 || code < MARK_SURROGATE || code >= MARK_END)
			(void)buf_add(raw, text + i, (size_t)n);
		else if (code >= MARK_BYTE)
			(void)buf_addc(raw, (char)(code - MARK_BYTE));
		else
			put_code(raw, code - MARK_SURROGATE + 0xd800);
	}
}

/* One character from s to out; the bytes taken, or CUT when more must come first. */
static int
join_one(struct buf *out, const char *s, size_t len, bool last)
{
	uint32_t code, low;
	int n = sequence(s, len, &code), m;

	if (n == CUT && !last)
		return CUT;
	if (n <= 0) {
		put_code(out, REPLACEMENT);
		return 1;
	}
	if (!is_surrogate(code)) {
		(void)buf_add(out, s, (size_t)n);
		return n;
	}
	m = len > 3 ? sequence(s + 3, len - 3, &low) : CUT;
	if (is_high(code) && m == CUT && !last)
		return CUT;
	if (is_high(code) && m == 3 && is_low(low)) {
		put_code(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
		return 6;
	}
	put_code(out, REPLACEMENT);
	return 3;
}

void
mend_text(struct mend *m, const char *text, size_t len, bool last, struct buf *out)
{
	size_t i = 0;
	int n = 0;

	unmark(&m->held, text, len);
	while (i < m->held.len && (n = join_one(out, m->held.data + i, m->held.len - i, last)) != CUT)
		i += (size_t)n;
	buf_drain(&m->held, i);
}

void
mend_clear(struct mend *m)
{
	buf_clear(&m->held);
}

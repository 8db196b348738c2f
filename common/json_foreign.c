/* SPDX-License-Identifier: Apache-2.0 */
/* See json_foreign.h. */
#include "common/json_foreign.h"

#include <stdbool.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"

#define INTEGER_DIGITS	18		/* that are sure to fit */
#define EXPONENT_DIGITS	2

/* The four digits of an escape, or -1. */
static int
hex4(const char *s, size_t len)
{
	int n = 0;

	if (len < 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		const char *at = memchr("0123456789abcdef", s[i] | 0x20, 16);

		if (at == NULL)
			return -1;
		n = n * 16 + (int)(at - "0123456789abcdef");
	}
	return n;
}

/* The bytes of the escape at s; one that names no character becomes one that does. */
static size_t
mend_escape(char *s, size_t len)
{
	int code, low;

	if (len < 2 || s[1] != 'u' || (code = hex4(s + 2, len - 2)) == -1)
		return 2;
	low = code >> 10 == 0xd800 >> 10 && len > 8 && s[6] == '\\' && s[7] == 'u' ? hex4(s + 8, len - 8) : -1;
	if (low != -1 && low >> 10 == 0xdc00 >> 10)
		return 12;
	if (code == 0 || (code >= 0xd800 && code <= 0xdfff))
		memcpy(s + 2, "fffd", 4);
	return 6;
}

/* The bytes of the number at s; 0 and blanks in its place when none of ours can hold it. */
static size_t
mend_number(char *s)
{
	size_t n = strspn(s, "+-.0123456789eE"), sign = s[0] == '-', whole = strspn(s + sign, "0123456789");
	const char *e = s + strspn(s, "+-.0123456789");		/* no further: there may be a million numbers, and none with one */

	if (whole > INTEGER_DIGITS || (e < s + n && strspn(e + 1 + strspn(e + 1, "+-"), "0123456789") > EXPONENT_DIGITS)) {
		memset(s, ' ', n);
		s[0] = '0';
	}
	return n;
}

/* text ends with a NUL, and holds no other. */
static void
mend(char *text, size_t len)
{
	bool quoted = false;
	size_t step;

	for (size_t i = 0; i < len; i += step) {
		step = 1;
		if ((unsigned char)text[i] < ' ')
			text[i] = ' ';
		else if (text[i] == '"')
			quoted = !quoted;
		else if (quoted && text[i] == '\\')
			step = mend_escape(text + i, len - i);
		else if (!quoted && strchr("-0123456789", text[i]) != NULL)
			step = mend_number(text + i);
	}
}

json_t *
json_foreign(const char *text, size_t len, int max_depth, struct error *e)
{
	cleanup_free char *clean = utf8_clean(text, len);
	size_t n = strlen(clean);
	json_error_t err;
	json_t *j;

	mend(clean, n);
	if (json_depth(clean, n) > max_depth) {
		error_set(e, ERR_invalid, "nested deeper than %d levels", max_depth);
		return NULL;
	}
	if ((j = json_loadb(clean, n, JSON_DECODE_ANY, &err)) == NULL)
		error_set(e, ERR_invalid, "line %d column %d: %s", err.line, err.column, err.text);
	return j;
}

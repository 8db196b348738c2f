/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See error.h. Text is cut where it does not fit, never in the middle of a
 * UTF-8 sequence, so that an error is always a valid JSON string.
 */
#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum error_code	 code;
	const char	*wire;
} names[] = {
#define ERROR(name, number, wire) { ERR_##name, wire },
#include "proto/errors.def"
#undef ERROR
};

static const struct {
	int		from;
	enum error_code	to;
} by_errno[] = {
	{ ENOENT, ERR_not_found }, { ENOTDIR, ERR_not_found }, { EEXIST, ERR_exists },
	{ EACCES, ERR_denied }, { EPERM, ERR_denied }, { EROFS, ERR_denied },
	{ ENOSPC, ERR_full }, { EDQUOT, ERR_full }, { EFBIG, ERR_too_large },
	{ ETIMEDOUT, ERR_timeout }, { ECONNREFUSED, ERR_unavailable }, { EPIPE, ERR_gone }, { ECONNRESET, ERR_gone },
	{ ENAMETOOLONG, ERR_invalid }, { ENOSYS, ERR_unsupported },
};

/* Drop the bytes of a sequence that the end of the buffer cut in two. */
static void
trim_utf8(char *s)
{
	size_t n = strlen(s), back = 0;
	unsigned char c;

	while (back < 3 && back < n && ((unsigned char)s[n - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back == n)
		return;
	c = s[n - 1 - back];
	if ((c >= 0xf0 && back < 3) || (c >= 0xe0 && c < 0xf0 && back < 2) ||
	    (c >= 0xc0 && c < 0xe0 && back < 1))
		s[n - 1 - back] = '\0';
}

static void
format(char *out, size_t size, const char *fmt, va_list ap)
{
	vsnprintf(out, size, fmt, ap);
	trim_utf8(out);
}

/* "a: b" where a is what the caller adds and b the reason known so far. */
static void
join(char *out, size_t size, const char *a, const char *b)
{
	const char *parts[] = { a, ": ", b };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (const char *p = parts[i]; *p != '\0' && n < size - 1; p++)
			out[n++] = *p;
	out[n] = '\0';
	trim_utf8(out);
}

int
error_set(struct error *e, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	e->code = code;
	va_start(ap, fmt);
	format(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

int
error_add(struct error *e, const char *fmt, ...)
{
	char head[ERROR_TEXT_MAX], old[ERROR_TEXT_MAX];
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	format(head, sizeof(head), fmt, ap);
	va_end(ap);
	memcpy(old, e->text, sizeof(old));
	join(e->text, sizeof(e->text), head, old);
	return -1;
}

int
error_errno(struct error *e, const char *fmt, ...)
{
	int number = errno;
	char head[ERROR_TEXT_MAX];
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	format(head, sizeof(head), fmt, ap);
	va_end(ap);
	e->code = ERR_io;
	for (size_t i = 0; i < sizeof(by_errno) / sizeof(by_errno[0]); i++)
		if (by_errno[i].from == number)
			e->code = by_errno[i].to;
	join(e->text, sizeof(e->text), head, strerror(number));
	return -1;
}

const char *
error_name(enum error_code code)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == code)
			return names[i].wire;
	return "internal";
}

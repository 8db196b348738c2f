/* SPDX-License-Identifier: Apache-2.0 */
/* See mem.h: running out of memory ends the process, the supervisor restarts it. */
#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void *
checked(void *p)
{
	static const char text[] = "ERROR out of memory\n";

	if (p == NULL) {
		if (write(STDERR_FILENO, text, sizeof(text) - 1) == -1)
			_exit(70);
		_exit(71);
	}
	return p;
}

void *
xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *
xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *
xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *
xstrndup(const char *s, size_t n)
{
	return checked(strndup(s, n));
}

char *
xstrdup0(const char *s)
{
	return s == NULL ? NULL : xstrdup(s);
}

char *
xvasprintf(const char *fmt, va_list ap)
{
	char *out = NULL;

	if (vasprintf(&out, fmt, ap) == -1)
		out = NULL;
	return checked(out);
}

char *
xasprintf(const char *fmt, ...)
{
	char *out;
	va_list ap;

	va_start(ap, fmt);
	out = xvasprintf(fmt, ap);
	va_end(ap);
	return out;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See render_line.h. Whoever decides too early shows a marker as text, whoever waits too long shows nothing. */
#include "cli/render_line.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define START_MAX	200	/* bytes after which a line is plain, whatever may come */

size_t
render_line_span(const char *s, char c)
{
	size_t n = 0;

	while (s[n] == c)
		n++;
	return n;
}

/* Only blanks (or nothing) up to the newline that ends the held text. */
static bool
ends_here(const char *s)
{
	return strcmp(s + strspn(s, " \t"), "\n") == 0;
}

static enum line_kind
kind_of_fence(const char *s, char fence, size_t fence_len)
{
	size_t n = render_line_span(s, fence);

	if (n >= fence_len && ends_here(s + n))
		return LINE_FENCE_CLOSE;
	return s[n] == '\0' || (n >= fence_len && s[n + strspn(s + n, " \t")] == '\0') ? LINE_UNDECIDED : LINE_PLAIN;
}

/* "-", "*", "+", "_": a bullet, a rule or the start of emphasis. */
static enum line_kind
kind_of_marker(const char *s)
{
	size_t n = render_line_span(s, s[0]);

	if (s[1] == '\0')
		return LINE_UNDECIDED;
	if (n == 1 && s[0] != '_')
		return s[1] == ' ' || s[1] == '\t' ? LINE_BULLET : LINE_PLAIN;
	if (n >= 3 && s[0] != '+' && ends_here(s + n))
		return LINE_RULE;
	return s[n] == '\0' || (n >= 3 && s[n + strspn(s + n, " \t")] == '\0') ? LINE_UNDECIDED : LINE_PLAIN;
}

static enum line_kind
kind_of_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	if (n > 9)
		return LINE_PLAIN;
	if (s[n] == '\0' || ((s[n] == '.' || s[n] == ')') && s[n + 1] == '\0'))
		return LINE_UNDECIDED;
	return (s[n] == '.' || s[n] == ')') && s[n + 1] == ' ' ? LINE_NUMBER : LINE_PLAIN;
}

static enum line_kind
kind_of_ticks(const char *s)
{
	size_t n = render_line_span(s, s[0]);

	if (n < 3)
		return s[n] == '\0' ? LINE_UNDECIDED : LINE_PLAIN;
	if (strchr(s + n, s[0]) != NULL)
		return LINE_PLAIN;			/* ```code``` within a line */
	return strchr(s + n, '\n') != NULL ? LINE_FENCE_OPEN : LINE_UNDECIDED;
}

static enum line_kind
kind_of_hash(const char *s)
{
	size_t n = render_line_span(s, '#');

	if (n > 6)
		return LINE_PLAIN;
	return s[n] == '\0' ? LINE_UNDECIDED : s[n] == ' ' ? LINE_HEADING : LINE_PLAIN;
}

enum line_kind
render_line_kind(const char *start, size_t len, char fence, size_t fence_len)
{
	const char *s = start + strspn(start, " \t");

	if (len >= START_MAX)
		return LINE_PLAIN;
	if (*s == '\0')
		return LINE_UNDECIDED;
	if (fence)
		return kind_of_fence(s, fence, fence_len);
	if (isdigit((unsigned char)*s))
		return kind_of_number(s);
	switch (*s) {
	case '#':
		return kind_of_hash(s);
	case '`': case '~':
		return kind_of_ticks(s);
	case '-': case '*': case '+': case '_':
		return kind_of_marker(s);
	case '>':
		return LINE_QUOTE;
	default:
		return LINE_PLAIN;
	}
}

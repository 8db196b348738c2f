/* SPDX-License-Identifier: Apache-2.0 */
/* See split.h. */
#include "gatewayd/split.h"

#include <stdbool.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

#define CLOSE		"\n```"
#define CLOSE_UNITS	4
#define FENCE_MAX	27		/* of an opening fence with its language that is said again */

size_t
split_units(const char *text, size_t len)
{
	size_t units = 0;

	for (size_t i = 0; i < len; i++)
		units += ((text[i] & 0xc0) != 0x80) + ((unsigned char)text[i] >= 0xf0);
	return units;
}

/* The most bytes of whole characters within so many units. */
static size_t
bytes_within(const char *text, size_t len, size_t units)
{
	size_t used = 0, i = 0, next, cost;

	while (i < len) {
		for (next = i + 1; next < len && (text[next] & 0xc0) == 0x80; next++)
			continue;
		if (used + (cost = split_units(text + i, next - i)) > units)
			break;
		used += cost;
		i = next;
	}
	return i;
}

/* Behind the last of these borders within n bytes, when it leaves a part worth sending; 0: there is none. */
static size_t
last_border(const char *text, size_t n, const char *border)
{
	size_t width = strlen(border);

	for (size_t i = n; i >= width && i > n / 4; i--)
		if (memcmp(text + i - width, border, width) == 0)
			return i;
	return 0;
}

static size_t
good_cut(const char *text, size_t n)
{
	static const char *const borders[] = { "\n\n", "\n", " " };
	size_t cut;

	for (size_t i = 0; i < COUNT(borders); i++)
		if ((cut = last_border(text, n, borders[i])) > 0)
			return cut;
	return n;
}

/* Follow the fences of a piece; `open` is the line that opened the one that stays open, "" for none. */
static void
follow_fences(const char *text, size_t n, char open[FENCE_MAX + 1])
{
	for (size_t at = 0; at < n;) {
		const char *line = text + at, *end = memchr(line, '\n', n - at);
		size_t len = end == NULL ? n - at : (size_t)(end - line);

		if (len >= 3 && memcmp(line, "```", 3) == 0) {
			size_t keep = open[0] != '\0' ? 0 : len <= FENCE_MAX ? len : 3;

			memcpy(open, line, keep);
			open[keep] = '\0';
		}
		at += len + 1;
	}
}

static char *
part_of(const char *opening, const char *text, size_t n, bool closing)
{
	struct buf b = BUF(0);

	while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
		n--;
	while (opening[0] == '\0' && n > 0 && strchr("\r\n", *text) != NULL) {
		text++;
		n--;
	}
	if (n == 0)
		return NULL;
	if (opening[0] != '\0')
		buf_addf(&b, "%s\n", opening);
	buf_add(&b, text, n);
	if (closing)
		buf_puts(&b, CLOSE);
	return buf_take(&b);
}

char **
split_text(const char *text, size_t most)
{
	size_t left = strlen(text), n = 0, cap = 0;
	char before[FENCE_MAX + 1] = "", after[FENCE_MAX + 1] = "";
	char **parts = xcalloc(1, sizeof(*parts)), *part;

	while (left > 0) {
		size_t room = most - (before[0] == '\0' ? 0 : strlen(before) + 1);
		size_t cut = left;

		if (split_units(text, left) > room)
			cut = good_cut(text, bytes_within(text, left, room - CLOSE_UNITS));

		follow_fences(text, cut, after);
		if ((part = part_of(before, text, cut, after[0] != '\0' && cut < left)) != NULL) {
			if (n + 1 >= cap)
				parts = xreallocarray(parts, cap = 2 * n + 4, sizeof(*parts));
			parts[n++] = part;
			parts[n] = NULL;
		}
		memcpy(before, after, sizeof(before));
		text += cut;
		left -= cut;
	}
	return parts;
}

void
split_free(char **parts)
{
	for (char **p = parts; p != NULL && *p != NULL; p++)
		free(*p);
	free(parts);
}

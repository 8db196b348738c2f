/* SPDX-License-Identifier: Apache-2.0 */
/* See markup.h. Line by line; within a line a mark counts when the line closes it. */
#include "gatewayd/markup.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "common/buf.h"

#define SPECIAL "_*[]()~`>#+-=|{}.!\\"

struct style {
	bool	bold, italic, link;	/* none of them holds another of its kind */
};

static void put_inline(struct buf *b, const char *s, size_t n, struct style in);

/* Every one of `marks` with a backslash. */
static void
put_escaped(struct buf *b, const char *s, size_t n, const char *marks)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] != '\0' && strchr(marks, s[i]) != NULL)
			buf_addc(b, '\\');
		buf_addc(b, s[i]);
	}
}

/* Where `mark` stands next, from `from` on; n: nowhere. */
static size_t
find(const char *s, size_t n, size_t from, const char *mark)
{
	size_t width = strlen(mark);

	for (size_t i = from; i + width <= n; i++)
		if (memcmp(s + i, mark, width) == 0)
			return i;
	return n;
}

/* Each of these: what stands at s is written and its length returned; 0: it is not one. */
static size_t
put_code(struct buf *b, const char *s, size_t n, struct style in)
{
	size_t end = n > 1 && s[0] == '`' ? find(s, n, 1, "`") : n;

	if (end == n || end == 1)
		return 0;
	buf_addc(b, '`');
	put_escaped(b, s + 1, end - 1, "`\\");
	buf_addc(b, '`');
	return end + 1;
}

static size_t
put_link(struct buf *b, const char *s, size_t n, struct style in)
{
	size_t middle = !in.link && s[0] == '[' ? find(s, n, 1, "](") : n;
	size_t end = middle < n ? find(s, n, middle + 2, ")") : n;

	if (end == n || middle == 1 || end == middle + 2)
		return 0;
	in.link = true;
	buf_addc(b, '[');
	put_inline(b, s + 1, middle - 1, in);
	buf_puts(b, "](");
	put_escaped(b, s + middle + 2, end - middle - 2, ")\\");
	buf_addc(b, ')');
	return end + 1;
}

static size_t
put_marked(struct buf *b, const char *s, size_t n, struct style in, const char *mark, char as)
{
	size_t width = strlen(mark), end = n > width && !isspace((unsigned char)s[width]) ? find(s, n, width + 1, mark) : n;

	while (end < n && isspace((unsigned char)s[end - 1]))
		end = find(s, n, end + 1, mark);
	if (end == n)
		return 0;
	buf_addc(b, as);
	put_inline(b, s + width, end - width, in);
	buf_addc(b, as);
	return end + width;
}

static size_t
put_bold(struct buf *b, const char *s, size_t n, struct style in)
{
	if (n < 5 || memcmp(s, "**", 2) != 0 || in.bold)
		return 0;
	in.bold = true;
	return put_marked(b, s, n, in, "**", '*');
}

static size_t
put_italic(struct buf *b, const char *s, size_t n, struct style in)
{
	if (n < 3 || s[0] != '*' || s[1] == '*' || in.italic)
		return 0;
	in.italic = true;
	return put_marked(b, s, n, in, "*", '_');
}

static size_t
put_quoted(struct buf *b, const char *s, size_t n, struct style in)
{
	if (n < 2 || s[0] != '\\' || strchr(SPECIAL, s[1]) == NULL || s[1] == '\0')
		return 0;
	put_escaped(b, s + 1, 1, SPECIAL);
	return 2;
}

static size_t (*const marks[])(struct buf *, const char *, size_t, struct style) = {
	put_code, put_link, put_bold, put_italic, put_quoted,
};

static void
put_inline(struct buf *b, const char *s, size_t n, struct style in)
{
	size_t used;

	for (size_t i = 0; i < n; i += used) {
		used = 0;
		for (size_t m = 0; used == 0 && m < sizeof(marks) / sizeof(marks[0]); m++)
			used = marks[m](b, s + i, n - i, in);
		if (used == 0) {
			put_escaped(b, s + i, 1, SPECIAL);
			used = 1;
		}
	}
}

static void
put_line(struct buf *b, const char *s, size_t n)
{
	size_t level = strspn(s, "#"), skip;

	if (level == 0 || level > 6 || level >= n || s[level] != ' ') {
		put_inline(b, s, n, (struct style){ 0 });
		return;
	}
	skip = level + strspn(s + level, " ");
	if (skip >= n)
		return;
	buf_addc(b, '*');
	put_inline(b, s + skip, n - skip, (struct style){ .bold = true });
	buf_addc(b, '*');
}

char *
markup_telegram(const char *text)
{
	struct buf b = BUF(0);
	bool fenced = false;

	for (;;) {
		size_t n = strcspn(text, "\n");
		bool fence = strncmp(text, "```", 3) == 0;

		if (fence) {
			buf_puts(&b, "```");
			put_escaped(&b, text + 3, n - 3, "`\\");
			fenced = !fenced;
		} else if (fenced) {
			put_escaped(&b, text, n, "`\\");
		} else {
			put_line(&b, text, n);
		}
		if (text[n] == '\0')
			break;
		buf_addc(&b, '\n');
		text += n + 1;
	}
	if (fenced)
		buf_puts(&b, "\n```");
	return buf_take(&b);
}

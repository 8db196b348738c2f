/* SPDX-License-Identifier: Apache-2.0 */
/* See imap_line.h. */
#include "gatewayd/imap_line.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"

/* Digits, up to 32 bits; *end behind them. -1: none, or more. */
static int64_t
number(const char *p, const char **end)
{
	int64_t n = -1;

	for (; *p >= '0' && *p <= '9' && n <= UINT32_MAX; p++)
		n = (n < 0 ? 0 : n * 10) + (*p - '0');
	*end = p;
	return n > UINT32_MAX ? -1 : n;
}

/* "... {12}" announces 12 bytes. -1: it announces none. */
static int64_t
announced(const char *line, size_t len)
{
	const char *open, *end;
	int64_t n;

	if (len < 3 || line[len - 1] != '}' || (open = memrchr(line, '{', len)) == NULL)
		return -1;
	n = number(open + 1, &end);
	end += *end == '+';
	return end == line + len - 1 ? n : -1;
}

/* What the line is: its kind, and where its words begin. */
static int
classify(const char *line, struct imap_response *r, struct error *e)
{
	size_t tag = strcspn(line, " ");

	if (line[0] == '*' && line[1] == ' ') {
		r->kind = IMAP_untagged;
		r->text = line + 2;
	} else if (line[0] == '+') {
		r->kind = IMAP_go_on;
		r->text = line + 1 + (line[1] == ' ');
	} else if (tag > 0 && line[tag] == ' ') {
		r->kind = IMAP_tagged;
		r->text = line + tag + 1;
		r->ok = strncasecmp(r->text, "OK", 2) == 0 && (r->text[2] == ' ' || r->text[2] == '\0');
	} else {
		return error_set(e, ERR_invalid, "a response of the mail server that is none");
	}
	return 1;
}

static void
add_line(struct buf *text, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_addc(text, line[i] == '\0' ? ' ' : line[i]);
}

int
imap_response(const char *bytes, size_t len, size_t literal_max, struct buf *text, struct imap_response *r, struct error *e)
{
	size_t at = 0;

	*r = (struct imap_response){ 0 };
	buf_reset(text);
	for (int i = 0; i <= IMAP_LITERALS_MAX; i++) {
		const char *line = bytes + at, *end = len == at ? NULL : memchr(line, '\n', len - at);
		size_t n = end == NULL ? len - at : (size_t)(end - line);
		int64_t more;

		if (n > IMAP_LINE_MAX)
			return error_set(e, ERR_too_large, "the mail server's line is too long");
		if (end == NULL)
			return 0;
		at += n + 1;
		n -= n > 0 && line[n - 1] == '\r';
		more = announced(line, n);
		add_line(text, line, n);
		if (more < 0) {
			r->used = at;
			return classify(buf_str(text), r, e);
		}
		if ((size_t)more > literal_max)
			return error_set(e, ERR_too_large, "the mail server sends more than was asked for");
		if (len - at < (size_t)more)
			return 0;
		if (r->literal == NULL) {
			r->literal = bytes + at;
			r->len = (size_t)more;
		}
		if (r->n_literals < IMAP_LITERALS_MAX) {
			r->literals[r->n_literals].bytes = bytes + at;
			r->literals[r->n_literals++].len = (size_t)more;
		}
		at += (size_t)more;
	}
	return error_set(e, ERR_invalid, "a response of the mail server without an end");
}

int64_t
imap_number(const char *text, const char *word)
{
	const char *p = strcasestr(text, word), *end;

	return p == NULL ? -1 : number(p + strlen(word) + strspn(p + strlen(word), " "), &end);
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

uint32_t *
imap_search(const char *text, uint32_t after, size_t *n)
{
	uint32_t *rows, *to;
	size_t most = 1;

	*n = 0;
	if (strncasecmp(text, "SEARCH", 6) != 0 || (text[6] != ' ' && text[6] != '\0'))
		return NULL;
	for (const char *p = text; *p != '\0'; p++)
		most += *p == ' ';
	rows = xcalloc(most, sizeof(*rows));
	for (const char *p = text + 6; *p == ' ';) {
		int64_t uid = number(p + 1, &p);

		if (uid < 0)
			break;
		if (uid > after)
			rows[(*n)++] = (uint32_t)uid;
	}
	qsort(rows, *n, sizeof(*rows), by_number);
	to = rows;
	for (size_t i = 0; i < *n; i++)
		if (i == 0 || rows[i] != rows[i - 1])
			*to++ = rows[i];
	*n = (size_t)(to - rows);
	return rows;
}

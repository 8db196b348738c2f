/* SPDX-License-Identifier: Apache-2.0 */
/* See frame.h. */
#include "alpd/frame.h"

#include <string.h>

#include "alpd/envelope.h"

static uint32_t
big_endian(const uint8_t *p, size_t n)
{
	uint32_t value = 0;

	while (n-- > 0)
		value = value << 8 | *p++;
	return value;
}

static const struct {
	size_t	head;			/* bytes of the length */
	size_t	least, most;		/* what it may say */
} kinds[] = {
	[FRAME_HANDSHAKE] = { 2, 48, FRAME_HANDSHAKE_MAX },
	[FRAME_MESSAGE]   = { 4, FRAME_MIN, FRAME_MAX },
};

/* The length says what it may? have: all bytes that are there. */
static int
counted(enum frame_kind kind, const uint8_t *bytes, size_t have, size_t *head, size_t *body, size_t *tail)
{
	size_t len;

	if (have < kinds[kind].head)
		return 0;
	len = big_endian(bytes, kinds[kind].head);
	if (len < kinds[kind].least || len > kinds[kind].most)
		return -1;
	*head = kinds[kind].head;
	*body = len;
	*tail = 0;
	return have - kinds[kind].head >= len;
}

/* at: of the newline; -1: none so far. */
static int
line(ssize_t at, size_t have, int eof, size_t *head, size_t *body, size_t *tail)
{
	*head = 0;
	*body = at >= 0 ? (size_t)at : have;
	*tail = at >= 0;
	if (*body > ENVELOPE_LINE_MAX)
		return -1;
	return at >= 0 || (eof && have > 0);
}

int
frame_next(enum frame_kind kind, struct evbuffer *in, int eof, size_t *head, size_t *body, size_t *tail)
{
	size_t have = evbuffer_get_length(in);
	uint8_t bytes[4];

	if (kind == FRAME_LINE) {
		struct evbuffer_ptr at = evbuffer_search(in, "\n", 1, NULL);

		return line(at.pos, have, eof, head, body, tail);
	}
	evbuffer_copyout(in, bytes, sizeof(bytes));
	return counted(kind, bytes, have, head, body, tail);
}

int
frame_parse(enum frame_kind kind, const void *bytes, size_t len, int eof, size_t *head, size_t *body, size_t *tail)
{
	const char *newline;

	if (kind != FRAME_LINE)
		return counted(kind, bytes, len, head, body, tail);
	newline = len == 0 ? NULL : memchr(bytes, '\n', len);
	return line(newline == NULL ? -1 : newline - (const char *)bytes, len, eof, head, body, tail);
}

void
frame_begin(enum frame_kind kind, struct evbuffer *out, size_t len)
{
	uint8_t head[4] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };

	if (kind != FRAME_LINE)
		evbuffer_add(out, head + sizeof(head) - kinds[kind].head, kinds[kind].head);
}

void
frame_end(enum frame_kind kind, struct evbuffer *out)
{
	if (kind == FRAME_LINE)
		evbuffer_add(out, "\n", 1);
}

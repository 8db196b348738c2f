/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a stream of frames: the first byte names the kind and how the
 * stream is cut, which must not change what is found; both functions agree.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alpd/frame.h"
#include "common/buf.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Take the frames that are whole. 0, or -1: a limit was broken. */
static int
take(enum frame_kind kind, struct evbuffer *in, int eof, struct buf *out)
{
	size_t head, body, tail, h, b, t, have;
	int whole;

	for (;;) {
		have = evbuffer_get_length(in);
		whole = frame_next(kind, in, eof, &head, &body, &tail);
		if (frame_parse(kind, evbuffer_pullup(in, -1), have, eof, &h, &b, &t) != whole)
			abort();
		if (whole != 1)
			return whole;
		if (head != h || body != b || tail != t || head + body + tail > have || head + body + tail == 0)
			abort();
		buf_addf(out, "%zu:", body);
		buf_add(out, evbuffer_pullup(in, -1) + head, body);
		evbuffer_drain(in, head + body + tail);
	}
}

static void
read_all(enum frame_kind kind, const uint8_t *data, size_t size, size_t step, struct buf *out)
{
	struct evbuffer *in = evbuffer_new();
	int end = 0;

	for (size_t i = 0; i < size && end == 0; i += step) {
		evbuffer_add_reference(in, data + i, size - i < step ? size - i : step, NULL, NULL);
		end = take(kind, in, 0, out);
	}
	if (end == 0)
		end = take(kind, in, 1, out);
	buf_puts(out, end == 0 ? "end" : "broken");
	evbuffer_free(in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF(0), parts = BUF(0);
	enum frame_kind kind;

	if (size < 2 || size > 65536)
		return 0;
	kind = data[0] % 3;
	read_all(kind, data + 1, size - 1, size, &whole);
	read_all(kind, data + 1, size - 1, (size_t)data[0] / 3 + 1, &parts);
	if (whole.len != parts.len || memcmp(whole.data, parts.data, whole.len) != 0)
		abort();
	buf_clear(&whole);
	buf_clear(&parts);
	return 0;
}

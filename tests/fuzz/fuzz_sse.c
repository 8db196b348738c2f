/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stream of events: the cut the first byte names must not change what is read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engined/sse.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
note(void *arg, const struct sse_event *ev)
{
	struct buf *b = arg;

	if (ev->data[ev->len] != '\0')
		abort();
	(void)buf_addf(b, "%s|%s|", ev->name, ev->id);
	(void)buf_add(b, ev->data, ev->len);
	return 0;
}

static void
read_all(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
	struct sse s;

	sse_init(&s);
	for (size_t i = 0; i < size; i += step)
		if (sse_feed(&s, data + i, size - i < step ? size - i : step, note, out, NULL) != 0)
			abort();
	if (sse_end(&s, note, out, NULL) != 0)
		abort();
	sse_clear(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF(0), parts = BUF(0);

	if (size < 1 || size > 65536)
		return 0;
	read_all(data + 1, size - 1, size, &whole);
	read_all(data + 1, size - 1, (size_t)data[0] % 17 + 1, &parts);
	if (whole.len != parts.len || (whole.len > 0 && memcmp(whole.data, parts.data, whole.len) != 0))
		abort();
	buf_clear(&whole);
	buf_clear(&parts);
	return 0;
}

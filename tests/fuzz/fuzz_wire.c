/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes on a connection of the bus, greeted or not: how they were cut must not change what is read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/wire.h"

#define SIZE_MAX_HERE	2000	/* fits into a socket at once */
#define TEXT_MAX_HERE	300

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct buf	 text;
	struct wire	*wire;
	int		 down;
};

static void
on_up(void *arg)
{
	struct seen *s = arg;

	(void)buf_addf(&s->text, "up|");
}

static void
on_message(void *arg, uint32_t number, char *bytes, size_t len)
{
	struct seen *s = arg;

	if ((number & WIRE_NUMBER) == 0 || len < WIRE_TEXT || len > WIRE_TEXT + TEXT_MAX_HERE || bytes[len] != '\0')
		abort();
	(void)buf_addf(&s->text, "%x|", number);
	(void)buf_add(&s->text, bytes, len);
	free(bytes);
}

static void
on_down(void *arg)
{
	struct seen *s = arg;

	s->down = 1;
	wire_close(s->wire);
}

static const struct wire_events events = { on_up, on_message, NULL, on_down };

static void
read_all(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
	struct event_base *base = event_base_new();
	struct seen s = { .text = BUF(0) };
	int pair[2];

	if (base == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == -1)
		abort();
	s.wire = wire_new(base, pair[0], WIRE_REP, WIRE_REQ, TEXT_MAX_HERE, &events, &s);
	for (size_t i = 0; i < size && !s.down; i += step) {
		size_t n = size - i < step ? size - i : step;

		if (send(pair[1], data + i, n, MSG_NOSIGNAL) != (ssize_t)n)
			abort();
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	close(pair[1]);
	while (!s.down)
		event_base_loop(base, EVLOOP_ONCE);
	event_base_free(base);
	*out = s.text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, parts;

	if (size < 1 || size > SIZE_MAX_HERE)
		return 0;
	read_all(data + 1, size - 1, size, &whole);
	read_all(data + 1, size - 1, 1 + data[0] % 32, &parts);
	if (whole.len != parts.len || (whole.len > 0 && memcmp(whole.data, parts.data, whole.len) != 0))
		abort();
	buf_clear(&whole);
	buf_clear(&parts);
	return 0;
}

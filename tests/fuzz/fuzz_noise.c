/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handshake and frames after it, with a hand in between that the input
 * leads: it lets pass, changes, cuts, lengthens or replaces each message to
 * the side that the first byte names. What was touched must be refused, and
 * what was not must be taken.
 */
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alpd/noise.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t	*data;
	size_t		 size;
};

static size_t
number(struct input *in)
{
	size_t n = 0;

	for (int i = 0; i < 2 && in->size > 0; i++, in->data++, in->size--)
		n = n << 8 | *in->data;
	return n;
}

static int
dh(void *arg, const uint8_t theirs[NOISE_KEY], uint8_t out[NOISE_KEY])
{
	return crypto_scalarmult(out, arg, theirs) == 0 ? 0 : -1;
}

static void
flip(struct input *in, struct buf *m)
{
	size_t at = number(in), by = number(in);

	if (m->len > 0)
		m->data[at % m->len] ^= (char)by;
}

static void
cut(struct input *in, struct buf *m)
{
	size_t n = number(in);

	if (n < m->len)
		m->len = n;
}

static void
lengthen(struct input *in, struct buf *m)
{
	size_t n = number(in);

	for (size_t i = 0; i < n; i++)
		buf_addc(m, (char)i);
}

static void
replace(struct input *in, struct buf *m)
{
	size_t n = number(in);

	if (n > in->size)
		n = in->size;
	buf_reset(m);
	buf_add(m, in->data, n);
	in->data += n;
	in->size -= n;
}

/* True: it is as it was. */
static bool
tamper(struct input *in, struct buf *m)
{
	static void (*const hands[])(struct input *in, struct buf *m) = { flip, cut, lengthen, replace };
	struct buf before = BUF(0);
	size_t op = number(in) % 8;
	bool same;

	if (op >= 4)
		return true;
	buf_add(&before, m->data, m->len);
	hands[op](in, m);
	same = before.len == m->len && memcmp(before.data, m->data, m->len) == 0;
	buf_clear(&before);
	return same;
}

/* A message from one to the other. False: the handshake is over. */
static bool
pass(struct noise *from, struct noise *to, bool watched, struct input *in)
{
	struct buf m = BUF(0);
	uint8_t payload[64] = { 0 }, *exact;
	bool same = true;
	int read;

	if (noise_write(from, payload, watched ? number(in) % sizeof(payload) : 0, &m, NULL) == -1)
		abort();
	if (watched)
		same = tamper(in, &m);
	exact = malloc(m.len + 1);		/* so that a sanitizer sees a byte too far */
	memcpy(exact, m.data, m.len);
	exact = realloc(exact, m.len ? m.len : 1);
	read = noise_read(to, exact, m.len, NULL, NULL);
	if ((read == 0) != same)
		abort();
	free(exact);
	buf_clear(&m);
	return read == 0;
}

static void
frames(struct cipher *seal, struct cipher *open, struct input *in)
{
	for (bool same = true; same && in->size > 0;) {
		size_t len = number(in);
		struct buf m = BUF(0);
		uint8_t *text = calloc(1, len + NOISE_TAG);
		int opened;

		cipher_seal(seal, text, len, text);
		buf_add(&m, text, len + NOISE_TAG);
		same = tamper(in, &m);
		text = realloc(text, m.len ? m.len : 1);
		memcpy(text, m.data, m.len);
		opened = cipher_open(open, text, m.len);
		if ((opened == 0) != same)
			abort();
		free(text);
		buf_clear(&m);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t s[2][NOISE_KEY] = { { 1 }, { 2 } }, e[2][NOISE_KEY] = { { 3 }, { 4 } }, public[2][NOISE_KEY];
	struct cipher mine[2], theirs[2];
	struct input in = { data + 1, size - 1 };
	struct noise n[2];
	int watched;

	if (size < 1 || sodium_init() == -1)
		return 0;
	watched = data[0] % 2;			/* 0: the initiator reads what was touched */
	for (int i = 0; i < 2; i++)
		crypto_scalarmult_base(public[i], s[i]);
	for (int i = 0; i < 2; i++)
		noise_init(&n[i], i == 0, NULL, 0, public[i], dh, s[i], public[1], e[i]);
	for (int i = 0; i < NOISE_MESSAGES; i++)
		if (!pass(&n[i % 2], &n[1 - i % 2], watched == 1 - i % 2, &in))
			return 0;
	noise_split(&n[0], &mine[0], &mine[1]);
	noise_split(&n[1], &theirs[0], &theirs[1]);
	frames(&mine[0], &theirs[0], &in);
	return 0;
}

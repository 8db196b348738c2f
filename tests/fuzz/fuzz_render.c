/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a model writes, cut in two anywhere: nothing but our own styles
 * may act on the terminal, and without colour no escape at all.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render.h"

static void
check(const struct buf *out, int colour)
{
	const char *p = buf_str(out);

	if (strlen(p) != out->len)
		abort();
	for (; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == 0x1b && !(colour && p[1] == '[' && p[2] == '0' && (p[3] == 'm' || p[3] == ';')))
			abort();
		if ((c < 0x20 && c != '\n' && c != '\t' && c != 0x1b) || c == 0x7f)
			abort();
		if (c == 0xc2 && (unsigned char)p[1] < 0xa0)
			abort();
	}
}

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = size > 0 ? data[0] % size : 0;

	for (int colour = 0; colour < 2; colour++) {
		struct render r;
		struct buf out = BUF(0);

		render_init(&r, colour);
		render_add(&r, (const char *)data, cut, &out);
		render_add(&r, (const char *)data + cut, size - cut, &out);
		render_end(&r, &out);
		check(&out, colour);
		render_clear(&r);
		buf_clear(&out);
	}
	return 0;
}

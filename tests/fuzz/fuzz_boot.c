/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as the lines of a boot message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/boot.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct boot *b)
{
	if (b->complete && (b->unit == NULL || b->profile == NULL || b->daemon == NULL))
		abort();
	for (size_t i = 0; i < b->calls.count; i++)
		if (boot_find(&b->calls, b->calls.rows[i].unit) != &b->calls.rows[i])
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *line, *rest;
	struct boot b = { 0 };
	struct error e = { 0 };

	memcpy(text, data, size);
	text[size] = '\0';
	for (rest = text; (line = strsep(&rest, "\n")) != NULL && boot_line(&b, line, &e) == 0; )
		check(&b);
	boot_clear(&b);
	free(text);
	return 0;
}

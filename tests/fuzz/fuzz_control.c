/* SPDX-License-Identifier: Apache-2.0 */
/* A line on run/init.sock: an order names something to act on, or it is none. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "init/init.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[256];
	const char *x = NULL;
	size_t n = size < sizeof(line) ? size : sizeof(line) - 1;

	memcpy(line, data, n);
	line[n] = '\0';
	if (control_parse(line, &x) != NULL && (x == NULL || *x == '\0'))
		abort();
	return 0;
}

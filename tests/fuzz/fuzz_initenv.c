/* SPDX-License-Identifier: Apache-2.0 */
/* init's reader of .env: a value lies inside the text and is one boot line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "init/init.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *value;
	size_t len = 0;

	if ((value = env_find(text, size, "OPENAI_API_KEY", &len)) == NULL)
		return 0;
	if (value < text || value + len > text + size || len >= BOOT_LINE_MAX || memchr(value, '\n', len) != NULL ||
	    memchr(value, '\0', len) != NULL)
		abort();
	return 0;
}

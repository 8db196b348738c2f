/* SPDX-License-Identifier: Apache-2.0 */
/* See base64.h. */
#include "common/base64.h"

#include <sodium.h>

#include "common/mem.h"

#define VARIANT sodium_base64_VARIANT_ORIGINAL

char *
base64_text(const void *data, size_t len)
{
	size_t room = sodium_base64_ENCODED_LEN(len, VARIANT);

	return sodium_bin2base64(xmalloc(room), room, data, len, VARIANT);
}

void *
base64_bytes(const char *text, size_t len, size_t *n)
{
	size_t room = len / 4 * 3;
	cleanup_free unsigned char *bytes = xmalloc(room + 1);

	if (sodium_base642bin(bytes, room, text, len, NULL, n, NULL, VARIANT) != 0)
		return NULL;
	bytes[*n] = '\0';
	return steal(bytes);
}

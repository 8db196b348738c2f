/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of vector files: hex, base64, and the long texts that a rule stands for. */
#ifndef TESTS_LINK_VECTORS_H
#define TESTS_LINK_VECTORS_H

#include "tests/check.h"

#include <sodium.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

struct bytes {
	uint8_t	*data;
	size_t	 len;
};

#define cleanup_bytes __attribute__((cleanup(bytes_free)))

static inline void
bytes_free(struct bytes *b)
{
	free(b->data);
}

/* Member NAME, hex; NULL in the file or absent: none. */
static inline struct bytes
hex(const json_t *o, const char *name)
{
	const char *text = json_str(o, name, "");
	struct bytes b = { xmalloc(strlen(text) / 2 + 1), 0 };

	if (sodium_hex2bin(b.data, strlen(text) / 2 + 1, text, strlen(text), NULL, &b.len, NULL) != 0)
		fail_msg("%s: not hex", name);
	return b;
}

static inline struct bytes
base64(const json_t *o, const char *name)
{
	const char *text = json_str(o, name, "");
	struct bytes b = { xmalloc(strlen(text) + 1), 0 };

	if (sodium_base642bin(b.data, strlen(text) + 1, text, strlen(text), NULL, &b.len, NULL,
	    sodium_base64_VARIANT_ORIGINAL) != 0)
		fail_msg("%s: not base64", name);
	return b;
}

/* byte i = ((i * 2654435761) mod 2^32) >> 24 */
static inline struct bytes
patterned(size_t len)
{
	struct bytes b = { xmalloc(len + 1), len };

	for (size_t i = 0; i < len; i++)
		b.data[i] = (uint8_t)((uint32_t)(i * 2654435761u) >> 24);
	return b;
}

static inline void
assert_bytes(const void *have, size_t len, struct bytes want)
{
	assert_int_equal(len, want.len);
	assert_memory_equal(have, want.data, len);
}

static inline void
assert_sha256(const void *data, size_t len, const json_t *o, const char *name)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char text[2 * sizeof(hash) + 1];

	crypto_hash_sha256(hash, data, len);
	sodium_bin2hex(text, sizeof(text), hash, sizeof(hash));
	assert_string_equal(text, json_str(o, name, ""));
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* See seen.h. */
#include "alpd/seen.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define SEEN_MAX	32768		/* nonces that are remembered */
#define SEEN_FIRST	64

_Static_assert(SEEN_SECRET == crypto_shorthash_KEYBYTES, "the hash's key");

/* Put a hash in its place: false when it is there already. */
static bool
put(struct seen *s, uint64_t hash)
{
	size_t i = hash & (s->size - 1);

	while (s->slots[i] != 0 && s->slots[i] != hash)
		i = (i + 1) & (s->size - 1);
	if (s->slots[i] == hash)
		return false;
	s->slots[i] = hash;
	s->n++;
	return true;
}

static void
grow(struct seen *s)
{
	struct seen larger = { .size = s->size == 0 ? SEEN_FIRST : 2 * s->size };

	larger.slots = xcalloc(larger.size, sizeof(*larger.slots));
	for (size_t i = 0; i < s->size; i++)
		if (s->slots[i] != 0)
			put(&larger, s->slots[i]);
	free(s->slots);
	*s = larger;
}

bool
seen_new(struct seen *s, const char *nonce, const uint8_t secret[SEEN_SECRET])
{
	uint64_t hash;

	if (s->n == SEEN_MAX)
		seen_clear(s);
	if (2 * s->n >= s->size)
		grow(s);
	crypto_shorthash((unsigned char *)&hash, (const unsigned char *)nonce, strlen(nonce), secret);
	return put(s, hash | 1);
}

void
seen_clear(struct seen *s)
{
	free(s->slots);
	*s = (struct seen){ 0 };
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seals (grant.h): a person's answer, under the same keys as grants. engined
 * carries it and has no key: it can neither make one up nor show another
 * question than the one that was answered.
 */
#include <sodium.h>
#include <string.h>

#include "common/grant_own.h"

/* A length of eight bytes before each part, so that parts cannot flow into each other; no grant begins like that. */
static void
seal(const unsigned char *key, const char *const *parts, unsigned char mac[MAC_BYTES])
{
	crypto_auth_hmacsha256_state state;
	unsigned char length[8];
	size_t n;

	crypto_auth_hmacsha256_init(&state, key, BOOT_KEY_BYTES);
	for (; *parts != NULL; parts++) {
		n = strlen(*parts);
		for (int i = 0; i < 8; i++)
			length[i] = (unsigned char)((uint64_t)n >> (8 * i));
		crypto_auth_hmacsha256_update(&state, length, sizeof(length));
		crypto_auth_hmacsha256_update(&state, (const unsigned char *)*parts, n);
	}
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof(state));
}

int
grant_seal(const struct boot *b, const char *audience, const char *const *parts, char out[65], struct error *e)
{
	const struct boot_pair *pair = boot_find(&b->mints, audience);
	unsigned char mac[MAC_BYTES];

	if (pair == NULL)
		return error_set(e, ERR_denied, "seal: no key for %s", audience);
	seal(pair->key, parts, mac);
	sodium_bin2hex(out, 2 * MAC_BYTES + 1, mac, MAC_BYTES);
	return 0;
}

int
grant_unseal(const struct boot *b, const char *origin, const char *const *parts, const char *given, struct error *e)
{
	const struct boot_pair *pair = boot_find(&b->verifies, origin);
	unsigned char mac[MAC_BYTES], want[MAC_BYTES];
	size_t n;

	if (pair == NULL)
		return error_set(e, ERR_denied, "seal: %s seals nothing for us", origin);
	if (strlen(given) != 2 * MAC_BYTES || strspn(given, "0123456789abcdef") != 2 * MAC_BYTES ||
	    sodium_hex2bin(want, MAC_BYTES, given, 2 * MAC_BYTES, NULL, &n, NULL) != 0)
		return error_set(e, ERR_denied, "seal: malformed");
	seal(pair->key, parts, mac);
	if (sodium_memcmp(mac, want, MAC_BYTES) != 0)
		return error_set(e, ERR_denied, "seal: it does not fit");
	return 0;
}

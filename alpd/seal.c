/* SPDX-License-Identifier: Apache-2.0 */
/* See seal.h. */
#include "alpd/seal.h"

#include <sodium.h>
#include <string.h>

static const char info[] = "alp.workgroup.seal.v1", aad_seal[] = "seal", aad_post[] = "post";

/* HKDF-SHA256 (RFC 5869) of one block: the salt is the ephemeral public key and the member's. */
static void
derive(const uint8_t secret[KEY_BYTES], const uint8_t salt[2 * KEY_BYTES], uint8_t key[KEY_BYTES])
{
	uint8_t prk[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state h;

	crypto_auth_hmacsha256_init(&h, salt, 2 * KEY_BYTES);
	crypto_auth_hmacsha256_update(&h, secret, KEY_BYTES);
	crypto_auth_hmacsha256_final(&h, prk);
	crypto_auth_hmacsha256_init(&h, prk, sizeof(prk));
	crypto_auth_hmacsha256_update(&h, (const unsigned char *)info, strlen(info));
	crypto_auth_hmacsha256_update(&h, (const unsigned char *)"\x01", 1);
	crypto_auth_hmacsha256_final(&h, key);
	sodium_memzero(prk, sizeof(prk));
}

int
seal_key(const uint8_t member[KEY_BYTES], const uint8_t group[KEY_BYTES], const uint8_t *ephemeral, const uint8_t *nonce,
    uint8_t sealed[SEALED_BYTES])
{
	uint8_t e[KEY_BYTES], salt[2 * KEY_BYTES], secret[KEY_BYTES], key[KEY_BYTES];
	int bad;

	if (ephemeral != NULL)
		memcpy(e, ephemeral, KEY_BYTES);
	else
		randombytes_buf(e, KEY_BYTES);
	crypto_scalarmult_base(salt, e);
	memcpy(salt + KEY_BYTES, member, KEY_BYTES);
	if ((bad = crypto_scalarmult(secret, e, member)) == 0) {
		derive(secret, salt, key);
		memcpy(sealed, salt, KEY_BYTES);
		if (nonce != NULL)
			memcpy(sealed + KEY_BYTES, nonce, SEAL_NONCE);
		else
			randombytes_buf(sealed + KEY_BYTES, SEAL_NONCE);
		crypto_aead_chacha20poly1305_ietf_encrypt(sealed + KEY_BYTES + SEAL_NONCE, NULL, group, KEY_BYTES,
		    (const unsigned char *)aad_seal, strlen(aad_seal), NULL, sealed + KEY_BYTES, key);
	}
	sodium_memzero(e, sizeof(e));
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(key, sizeof(key));
	return bad ? -1 : 0;
}

int
seal_open(const uint8_t secret[KEY_BYTES], const uint8_t public[KEY_BYTES], const uint8_t sealed[SEALED_BYTES],
    uint8_t group[KEY_BYTES])
{
	uint8_t salt[2 * KEY_BYTES], shared[KEY_BYTES], key[KEY_BYTES];
	int bad;

	memcpy(salt, sealed, KEY_BYTES);
	memcpy(salt + KEY_BYTES, public, KEY_BYTES);
	if ((bad = crypto_scalarmult(shared, secret, sealed)) == 0) {
		derive(shared, salt, key);
		bad = crypto_aead_chacha20poly1305_ietf_decrypt(group, NULL, NULL, sealed + KEY_BYTES + SEAL_NONCE,
		    KEY_BYTES + SEAL_TAG, (const unsigned char *)aad_seal, strlen(aad_seal), sealed + KEY_BYTES, key);
	}
	sodium_memzero(shared, sizeof(shared));
	sodium_memzero(key, sizeof(key));
	return bad ? -1 : 0;
}

void
seal_post(const uint8_t group[KEY_BYTES], const uint8_t nonce[SEAL_NONCE], const void *plain, size_t len, uint8_t *out)
{
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, len, (const unsigned char *)aad_post, strlen(aad_post),
	    NULL, nonce, group);
}

int
seal_post_open(const uint8_t group[KEY_BYTES], const uint8_t nonce[SEAL_NONCE], const void *text, size_t len, uint8_t *out)
{
	return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, text, len, (const unsigned char *)aad_post,
	    strlen(aad_post), nonce, group) == 0 ? 0 : -1;
}

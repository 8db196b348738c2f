/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See noise.h. The names are those of the Noise specification: h, ck, k and n
 * are its symmetric state, the functions below its operations.
 */
#include "alpd/noise.h"

#include <sodium.h>
#include <string.h>

#include "common/mem.h"

static const char protocol[] = "Noise_XK_25519_ChaChaPoly_SHA256";	/* 32 bytes: it is h as it stands */

/* What each message holds besides its tag, and how long it is without a payload. */
static const size_t lengths[NOISE_MESSAGES] = { 48, 48, 64 };

/* ---- the symmetric state -------------------------------------------------------------------------- */

static void
mix_hash(struct noise *n, const void *data, size_t len)
{
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, n->h, sizeof(n->h));
	crypto_hash_sha256_update(&s, data, len);
	crypto_hash_sha256_final(&s, n->h);
}

/* HKDF with two outputs. */
static void
hkdf(const uint8_t ck[32], const void *ikm, size_t len, uint8_t one[32], uint8_t two[32])
{
	crypto_auth_hmacsha256_state s;
	uint8_t temp[32];

	crypto_auth_hmacsha256_init(&s, ck, 32);
	crypto_auth_hmacsha256_update(&s, ikm, len);
	crypto_auth_hmacsha256_final(&s, temp);
	crypto_auth_hmacsha256_init(&s, temp, 32);
	crypto_auth_hmacsha256_update(&s, (const unsigned char *)"\x01", 1);
	crypto_auth_hmacsha256_final(&s, one);
	crypto_auth_hmacsha256_init(&s, temp, 32);
	crypto_auth_hmacsha256_update(&s, one, 32);
	crypto_auth_hmacsha256_update(&s, (const unsigned char *)"\x02", 1);
	crypto_auth_hmacsha256_final(&s, two);
	sodium_memzero(temp, sizeof(temp));
}

static void
mix_key(struct noise *n, const uint8_t secret[32])
{
	uint8_t ck[32];

	memcpy(ck, n->ck, sizeof(ck));
	hkdf(ck, secret, 32, n->ck, n->k);
	n->n = 0;
	sodium_memzero(ck, sizeof(ck));
}

static void
nonce_of(uint64_t counter, uint8_t nonce[12])
{
	memset(nonce, 0, 4);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(counter >> (8 * i));
}

static void
encrypt_and_hash(struct noise *n, const void *plain, size_t len, struct buf *out)
{
	cleanup_free uint8_t *text = xmalloc(len + NOISE_TAG);
	uint8_t nonce[12];

	nonce_of(n->n++, nonce);
	crypto_aead_chacha20poly1305_ietf_encrypt(text, NULL, plain, len, n->h, sizeof(n->h), NULL, nonce, n->k);
	mix_hash(n, text, len + NOISE_TAG);
	buf_add(out, text, len + NOISE_TAG);
}

/* len is at least NOISE_TAG; plain has room for the rest. */
static int
decrypt_and_hash(struct noise *n, const uint8_t *text, size_t len, uint8_t *plain)
{
	uint8_t nonce[12];

	nonce_of(n->n++, nonce);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, text, len, n->h, sizeof(n->h), nonce, n->k) != 0)
		return -1;
	mix_hash(n, text, len);
	return 0;
}

/* ---- Diffie-Hellman: an all-zero result is refused ---------------------------------------------------- */

/* Of our ephemeral secret. */
static int
mix_dh_e(struct noise *n, const uint8_t theirs[32])
{
	uint8_t secret[32];
	int bad = crypto_scalarmult(secret, n->e_secret, theirs);

	if (!bad)
		mix_key(n, secret);
	sodium_memzero(secret, sizeof(secret));
	return bad ? -1 : 0;
}

/* Of our static secret, wherever that is. */
static int
mix_dh_s(struct noise *n, const uint8_t theirs[32])
{
	uint8_t secret[32];
	int bad = n->dh(n->arg, theirs, secret) == -1 || sodium_is_zero(secret, sizeof(secret));

	if (!bad)
		mix_key(n, secret);
	sodium_memzero(secret, sizeof(secret));
	return bad ? -1 : 0;
}

/* ---- the tokens of a message ---------------------------------------------------------------------------- */

static void
write_e(struct noise *n, struct buf *out)
{
	buf_add(out, n->e, sizeof(n->e));
	mix_hash(n, n->e, sizeof(n->e));
}

static void
read_e(struct noise *n, const uint8_t *message)
{
	memcpy(n->re, message, sizeof(n->re));
	mix_hash(n, n->re, sizeof(n->re));
}

/* -> e, es */
static int
write_1(struct noise *n, struct buf *out)
{
	write_e(n, out);
	return mix_dh_e(n, n->rs);
}

static int
read_1(struct noise *n, const uint8_t *message)
{
	read_e(n, message);
	return mix_dh_s(n, n->re);
}

/* <- e, ee */
static int
write_2(struct noise *n, struct buf *out)
{
	write_e(n, out);
	return mix_dh_e(n, n->re);
}

static int
read_2(struct noise *n, const uint8_t *message)
{
	read_e(n, message);
	return mix_dh_e(n, n->re);
}

/* -> s, se */
static int
write_3(struct noise *n, struct buf *out)
{
	encrypt_and_hash(n, n->s, sizeof(n->s), out);
	return mix_dh_s(n, n->re);
}

static int
read_3(struct noise *n, const uint8_t *message)
{
	if (decrypt_and_hash(n, message, NOISE_KEY + NOISE_TAG, n->rs) == -1)
		return -1;
	return mix_dh_e(n, n->rs);
}

static const struct {
	int	(*write)(struct noise *n, struct buf *out);
	int	(*read)(struct noise *n, const uint8_t *message);
	size_t	 tokens;		/* bytes before the payload */
} messages[NOISE_MESSAGES] = {
	{ write_1, read_1, NOISE_KEY },
	{ write_2, read_2, NOISE_KEY },
	{ write_3, read_3, NOISE_KEY + NOISE_TAG },
};

/* ---- the handshake ------------------------------------------------------------------------------------ */

void
noise_init(struct noise *n, bool initiator, const void *prologue, size_t prologue_len, const uint8_t s[NOISE_KEY],
    noise_dh *dh, void *arg, const uint8_t *rs, const uint8_t *ephemeral)
{
	memset(n, 0, sizeof(*n));
	n->initiator = initiator;
	n->dh = dh;
	n->arg = arg;
	memcpy(n->s, s, NOISE_KEY);
	if (initiator)
		memcpy(n->rs, rs, NOISE_KEY);
	if (ephemeral != NULL)
		memcpy(n->e_secret, ephemeral, NOISE_KEY);
	else
		randombytes_buf(n->e_secret, NOISE_KEY);
	crypto_scalarmult_base(n->e, n->e_secret);
	memcpy(n->h, protocol, sizeof(n->h));
	memcpy(n->ck, protocol, sizeof(n->ck));
	mix_hash(n, prologue, prologue_len);
	mix_hash(n, initiator ? n->rs : n->s, NOISE_KEY);
}

void
noise_clear(struct noise *n)
{
	sodium_memzero(n, sizeof(*n));
}

bool
noise_writes(const struct noise *n)
{
	return n->message < NOISE_MESSAGES && (n->message % 2 == 0) == n->initiator;
}

int
noise_write(struct noise *n, const void *payload, size_t len, struct buf *out, struct error *e)
{
	if (!noise_writes(n) || len > NOISE_PAYLOAD_MAX - lengths[n->message])
		return error_set(e, ERR_internal, "not a message of ours");
	if (messages[n->message].write(n, out) == -1)
		return error_set(e, ERR_denied, "handshake: a key without a secret");
	encrypt_and_hash(n, payload, len, out);
	n->message++;
	return 0;
}

int
noise_read(struct noise *n, const void *message, size_t len, struct buf *payload, struct error *e)
{
	cleanup_free uint8_t *plain = NULL;
	size_t tokens;

	if (n->message >= NOISE_MESSAGES || noise_writes(n))
		return error_set(e, ERR_internal, "not a message of theirs");
	if (len < lengths[n->message] || len > NOISE_PAYLOAD_MAX)
		return error_set(e, ERR_invalid, "handshake: message %d has %zu bytes", n->message + 1, len);
	tokens = messages[n->message].tokens;
	plain = xmalloc(len - tokens);
	if (messages[n->message].read(n, message) == -1 ||
	    decrypt_and_hash(n, (const uint8_t *)message + tokens, len - tokens, plain) == -1)
		return error_set(e, ERR_denied, "handshake: message %d does not hold", n->message + 1);
	if (payload != NULL && buf_add(payload, plain, len - tokens - NOISE_TAG) == -1)
		return error_set(e, ERR_too_large, "handshake: payload");
	n->message++;
	return 0;
}

void
noise_split(const struct noise *n, struct cipher *to_responder, struct cipher *to_initiator)
{
	hkdf(n->ck, "", 0, to_responder->key, to_initiator->key);
	to_responder->counter = to_initiator->counter = 0;
}

/* ---- transport ------------------------------------------------------------------------------------------ */

int
cipher_seal(struct cipher *c, const void *plain, size_t len, uint8_t *out)
{
	uint8_t nonce[12];

	if (c->counter == UINT64_MAX)
		return -1;
	nonce_of(c->counter++, nonce);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, len, NULL, 0, NULL, nonce, c->key);
	return 0;
}

int
cipher_open(struct cipher *c, uint8_t *text, size_t len)
{
	uint8_t nonce[12];

	if (len < NOISE_TAG || c->counter == UINT64_MAX)
		return -1;
	nonce_of(c->counter++, nonce);
	return crypto_aead_chacha20poly1305_ietf_decrypt(text, NULL, NULL, text, len, NULL, 0, nonce, c->key) == 0 ? 0 : -1;
}

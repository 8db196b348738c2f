/* SPDX-License-Identifier: Apache-2.0 */
/* Group keys sealed for a member, posts and files under one: the vectors, and what must not open. */
#include "tests/unit/link_vectors.h"
#include "tests/unit/link_people.h"

#include "alpd/seal.h"

static void
x25519_of(const char *name, uint8_t secret[KEY_BYTES], uint8_t public[KEY_BYTES])
{
	uint8_t seed[KEY_BYTES], pk[KEY_BYTES], sk[crypto_sign_SECRETKEYBYTES];

	seed_of(name, seed);
	crypto_sign_seed_keypair(pk, sk, seed);
	assert_int_equal(crypto_sign_ed25519_sk_to_curve25519(secret, sk), 0);
	crypto_scalarmult_base(public, secret);
}

static void
each(const char *list, size_t n, void (*fn)(const json_t *row))
{
	cleanup_json json_t *file = vectors("sealing.json");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(file, list), i, row)
		fn(row);
	assert_int_equal(i, n);
}

static void
seal_one(const json_t *row)
{
	cleanup_bytes struct bytes member = hex(row, "member_x25519_public"), group = hex(row, "group_key");
	cleanup_bytes struct bytes e = hex(row, "ephemeral_secret"), nonce = hex(row, "nonce"), want = base64(row, "sealed");
	uint8_t sealed[SEALED_BYTES], secret[KEY_BYTES], public[KEY_BYTES], opened[KEY_BYTES];

	assert_int_equal(seal_key(member.data, group.data, e.data, nonce.data, sealed), 0);
	assert_bytes(sealed, sizeof(sealed), want);
	x25519_of(json_str(row, "member", ""), secret, public);
	assert_int_equal(seal_open(secret, public, sealed, opened), 0);
	assert_bytes(opened, sizeof(opened), group);
}

static void
test_a_group_key_is_sealed_as_the_vectors_say_and_opens(void **state)
{
	each("seals", 3, seal_one);
}

static void
refuse_one(const json_t *row)
{
	cleanup_bytes struct bytes sealed = base64(row, "sealed");
	uint8_t secret[KEY_BYTES], public[KEY_BYTES], opened[KEY_BYTES];

	if (sealed.len != SEALED_BYTES)		/* the caller's to see: the type has one length */
		return;
	x25519_of(json_str(row, "member", ""), secret, public);
	if (seal_open(secret, public, sealed.data, opened) != -1)
		fail_msg("%s", json_str(row, "why", "?"));
}

static void
test_what_was_changed_or_is_for_others_does_not_open(void **state)
{
	each("refuse", 3, refuse_one);
}

static void
test_every_byte_of_a_sealed_key_counts(void **state)
{
	uint8_t secret[KEY_BYTES], public[KEY_BYTES], group[KEY_BYTES] = { 7 }, sealed[SEALED_BYTES], opened[KEY_BYTES];

	x25519_of("alice", secret, public);
	assert_int_equal(seal_key(public, group, NULL, NULL, sealed), 0);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		assert_int_equal(seal_open(secret, public, sealed, opened), -1);
		sealed[i] ^= 1;
	}
	assert_int_equal(seal_open(secret, public, sealed, opened), 0);
	assert_memory_equal(opened, group, sizeof(group));
}

static void
test_two_seals_of_one_key_differ(void **state)
{
	uint8_t secret[KEY_BYTES], public[KEY_BYTES], group[KEY_BYTES] = { 7 }, one[SEALED_BYTES], two[SEALED_BYTES];

	x25519_of("alice", secret, public);
	assert_int_equal(seal_key(public, group, NULL, NULL, one), 0);
	assert_int_equal(seal_key(public, group, NULL, NULL, two), 0);
	assert_memory_not_equal(one, two, KEY_BYTES);
	assert_memory_not_equal(one + KEY_BYTES, two + KEY_BYTES, SEAL_NONCE);
}

static void
hmac(const uint8_t *key, size_t n, const void *text, size_t len, uint8_t out[32])
{
	crypto_auth_hmacsha256_state s;

	crypto_auth_hmacsha256_init(&s, key, n);
	crypto_auth_hmacsha256_update(&s, text, len);
	crypto_auth_hmacsha256_final(&s, out);
}

/* What anybody can seal, once the shared secret is all zeroes. */
static void
forge(const uint8_t low[KEY_BYTES], const uint8_t public[KEY_BYTES], uint8_t sealed[SEALED_BYTES])
{
	static const uint8_t zero[KEY_BYTES];
	uint8_t salt[2 * KEY_BYTES], prk[32], key[32];

	memcpy(salt, low, KEY_BYTES);
	memcpy(salt + KEY_BYTES, public, KEY_BYTES);
	hmac(salt, sizeof(salt), zero, sizeof(zero), prk);
	hmac(prk, sizeof(prk), "alp.workgroup.seal.v1\x01", 22, key);
	memcpy(sealed, low, KEY_BYTES);
	memset(sealed + KEY_BYTES, 0, SEAL_NONCE);
	crypto_aead_chacha20poly1305_ietf_encrypt(sealed + KEY_BYTES + SEAL_NONCE, NULL, zero, KEY_BYTES,
	    (const unsigned char *)"seal", 4, NULL, sealed + KEY_BYTES, key);
}

/* With a point of low order the shared secret is known to all. */
static void
test_keys_of_low_order_are_refused_on_both_sides(void **state)
{
	uint8_t secret[KEY_BYTES], public[KEY_BYTES], group[KEY_BYTES] = { 7 }, sealed[SEALED_BYTES], low[KEY_BYTES] = { 0 };

	x25519_of("alice", secret, public);
	for (low[0] = 0; low[0] < 2; low[0]++) {
		assert_int_equal(seal_key(low, group, NULL, NULL, sealed), -1);
		forge(low, public, sealed);
		assert_int_equal(seal_open(secret, public, sealed, group), -1);
	}
}

static void
post_one(const json_t *row)
{
	cleanup_bytes struct bytes group = hex(row, "group_key"), nonce = base64(row, "nonce"), want = base64(row, "ciphertext");
	const char *plain = json_str(row, "plaintext", "?");
	uint8_t text[256], back[256];

	seal_post(group.data, nonce.data, plain, strlen(plain), text);
	assert_bytes(text, strlen(plain) + SEAL_TAG, want);
	assert_int_equal(seal_post_open(group.data, nonce.data, text, want.len, back), 0);
	assert_memory_equal(back, plain, strlen(plain));
	text[want.len - 1] ^= 1;
	assert_int_equal(seal_post_open(group.data, nonce.data, text, want.len, back), -1);
}

static void
test_posts_are_those_of_the_vectors(void **state)
{
	each("posts", 4, post_one);
}

static void
file_one(const json_t *row)
{
	size_t size = (size_t)json_int(row, "size", 0);
	cleanup_bytes struct bytes group = hex(row, "group_key"), nonce = base64(row, "nonce"), plain = patterned(size);
	cleanup_bytes struct bytes text = { xmalloc(size + SEAL_TAG), size + SEAL_TAG }, back = { xmalloc(size), size };

	assert_sha256(plain.data, size, row, "sha256");
	seal_post(group.data, nonce.data, plain.data, size, text.data);
	assert_int_equal(text.len, json_int(row, "ciphertext_size", 0));
	assert_sha256(text.data, text.len, row, "ciphertext_sha256");
	assert_int_equal(seal_post_open(group.data, nonce.data, text.data, text.len, back.data), 0);
	assert_memory_equal(back.data, plain.data, size);
}

static void
test_files_are_those_of_the_vectors(void **state)
{
	each("files", 4, file_one);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_group_key_is_sealed_as_the_vectors_say_and_opens),
		TEST(test_what_was_changed_or_is_for_others_does_not_open),
		TEST(test_every_byte_of_a_sealed_key_counts),
		TEST(test_two_seals_of_one_key_differ),
		TEST(test_keys_of_low_order_are_refused_on_both_sides),
		TEST(test_posts_are_those_of_the_vectors),
		TEST(test_files_are_those_of_the_vectors),
	};

	return RUN(tests);
}

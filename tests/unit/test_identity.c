/* SPDX-License-Identifier: Apache-2.0 */
/* Names of identities, and what the key child answers: the vectors, and what it refuses. */
#include "tests/unit/link_people.h"
#include "tests/unit/link_vectors.h"

#include <signal.h>

#include "alpd/key_wire.h"
#include "common/audit.h"

static const char head[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* ---- names ------------------------------------------------------------------------------------------- */

static void
each_identity(void (*fn)(const json_t *row))
{
	cleanup_json json_t *keys = vectors("keys.json");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(keys, "identities"), i, row)
		fn(row);
	assert_int_equal(i, 5);
}

static void
parse_and_print(const json_t *row)
{
	cleanup_bytes struct bytes public = hex(row, "ed25519_public");
	char name[IDENTITY_BYTES];
	uint8_t out[KEY_BYTES];

	assert_int_equal(identity_parse(json_str(row, "identity", ""), out), 0);
	assert_bytes(out, sizeof(out), public);
	identity_print(out, name);
	assert_string_equal(name, json_str(row, "identity", ""));
}

static void
test_names_are_those_of_the_vectors(void **state)
{
	each_identity(parse_and_print);
}

static void
test_a_name_has_one_spelling(void **state)
{
	static const char *const bad[] = {
		"", "=", "abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoM", "abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoM==",
		"abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoN=",		/* bits that nobody reads */
		"abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm_OLrMENoM=",		/* URL alphabet */
		" abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoM=", "abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENo==",
		"abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoMA", "abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoM\n",
		"abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLr ENoM=", "abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLr=ENoM=",
	};

	assert_int_equal(identity_parse("abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoM=", NULL), 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (identity_parse(bad[i], NULL) != -1)
			fail_msg("'%s'", bad[i]);
}

static void
to_x25519(const json_t *row)
{
	const json_t *twin = json_object_get(row, "sign_bit_twin");
	cleanup_bytes struct bytes public = hex(row, "ed25519_public"), want = hex(row, "x25519_public");
	cleanup_bytes struct bytes other = hex(twin, "ed25519_public"), same = hex(twin, "x25519_public");
	uint8_t out[KEY_BYTES];

	assert_int_equal(identity_to_x25519(public.data, out), 0);
	assert_bytes(out, sizeof(out), want);
	assert_memory_not_equal(public.data, other.data, KEY_BYTES);
	assert_int_equal(identity_to_x25519(other.data, out), 0);
	assert_bytes(out, sizeof(out), same);
	assert_bytes(out, sizeof(out), want);
}

static void
test_the_x25519_key_follows_from_the_name_whatever_the_sign_bit(void **state)
{
	each_identity(to_x25519);
}

static void
test_a_key_without_an_x25519_key_is_refused(void **state)
{
	cleanup_json json_t *keys = vectors("keys.json");
	const json_t *list = json_object_get(keys, "refuse_public_to_x25519"), *row;
	uint8_t out[KEY_BYTES], one[KEY_BYTES] = { 1 };
	size_t i;

	json_array_foreach(list, i, row) {
		cleanup_bytes struct bytes public = hex(row, "ed25519_public");

		assert_int_equal(identity_to_x25519(public.data, out), -1);
	}
	assert_int_equal(i, 1);
	one[KEY_BYTES - 1] = 0x80;			/* y = 1 with the other sign */
	assert_int_equal(identity_to_x25519(one, out), -1);
	memset(one, 0xff, sizeof(one));			/* p + 1: y = 1 in a second spelling */
	one[0] = 0xee;
	one[KEY_BYTES - 1] = 0x7f;
	assert_int_equal(identity_to_x25519(one, out), -1);
}

/* ---- the child's answers -------------------------------------------------------------------------- */

static void
says_who_it_is(const json_t *row)
{
	struct person p = person(json_str(row, "name", ""));
	cleanup_bytes struct bytes x = hex(row, "x25519_public");

	assert_string_equal(identity_name(p.id), json_str(row, "identity", ""));
	assert_bytes(identity_x25519(p.id), KEY_BYTES, x);
	person_gone(&p);
}

static void
test_the_child_says_who_it_is(void **state)
{
	each_identity(says_who_it_is);
}

static void
test_signatures_are_those_of_the_vectors(void **state)
{
	cleanup_json json_t *file = vectors("envelopes.json");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(file, "signed"), i, row) {
		struct person p = person(json_str(row, "signer", ""));
		cleanup_bytes struct bytes text = hex(row, "signing_input_hex"), want = base64(row, "sig");
		uint8_t sig[SIGNATURE_BYTES], public[KEY_BYTES];
		struct error e = { 0 };

		assert_int_equal(identity_sign(p.id, text.data, text.len, sig, &e), 0);
		assert_bytes(sig, sizeof(sig), want);
		assert_int_equal(identity_parse(identity_name(p.id), public), 0);
		assert_true(identity_verify(public, text.data, text.len, sig));
		text.data[text.len / 2] ^= 1;
		assert_false(identity_verify(public, text.data, text.len, sig));
		person_gone(&p);
	}
	assert_int_equal(i, 11);
}

static void
test_texts_up_to_a_megabyte_are_signed(void **state)
{
	struct person p = person("alice");
	cleanup_bytes struct bytes text = patterned(KEY_TEXT_MAX + 1);
	uint8_t sig[SIGNATURE_BYTES], public[KEY_BYTES];
	struct error e = { 0 };

	text.data[0] = '{';
	assert_int_equal(identity_parse(identity_name(p.id), public), 0);
	assert_int_equal(identity_sign(p.id, text.data, KEY_TEXT_MAX, sig, &e), 0);
	assert_true(identity_verify(public, text.data, KEY_TEXT_MAX, sig));
	assert_int_equal(identity_sign(p.id, text.data, KEY_TEXT_MAX + 1, sig, &e), -1);
	assert_int_equal(e.code, ERR_too_large);
	assert_int_equal(identity_sign(p.id, "{}", 2, sig, &e), 0);	/* and it lives on */
	person_gone(&p);
}

static void
test_only_what_begins_as_an_object_is_signed(void **state)
{
	static const char *const bad[] = { "", "x", "[]", " {}", "alpi-audit-anchor 1\nengined\n" };
	struct person p = person("alice");
	uint8_t sig[SIGNATURE_BYTES];
	struct error e = { 0 };

	for (size_t i = 0; i < COUNT(bad); i++) {
		e.code = ERR_none;
		assert_int_equal(identity_sign(p.id, bad[i], strlen(bad[i]), sig, &e), -1);
		assert_int_equal(e.code, ERR_denied);
	}
	assert_int_equal(identity_sign(p.id, "{}", 2, sig, &e), 0);
	person_gone(&p);
}

static void
test_an_anchor_is_of_one_chain_one_length_one_head(void **state)
{
	struct person p = person("alice");
	uint8_t sig[SIGNATURE_BYTES], public[KEY_BYTES];
	char other[65], said[AUDIT_ANCHOR_MAX];
	struct error e = { 0 };

	strcpy(other, head);
	other[0] = 'f';
	assert_int_equal(identity_parse(identity_name(p.id), public), 0);
	assert_int_equal(identity_anchor(p.id, "engined", 7, head, sig, &e), 0);
	assert_true(identity_anchor_verify(public, "engined", 7, head, sig));
	assert_false(identity_anchor_verify(public, "hostd", 7, head, sig));
	assert_false(identity_anchor_verify(public, "engined", 8, head, sig));
	assert_false(identity_anchor_verify(public, "engined", 7, other, sig));
	sig[0] ^= 1;
	assert_false(identity_anchor_verify(public, "engined", 7, head, sig));
	audit_anchor_text(said, "engined", 7, head);
	assert_true(said[0] != '{');			/* no request of the link looks like it */
	person_gone(&p);
}

static void
test_a_head_that_is_none_is_not_anchored(void **state)
{
	struct person p = person("alice");
	uint8_t sig[SIGNATURE_BYTES];
	struct error e = { 0 };
	char cut[65] = "0123";

	assert_int_equal(identity_anchor(p.id, "a-name-that-no-chain-ever-has-oh", 7, head, sig, &e), -1);
	assert_int_equal(identity_anchor(p.id, "engined", 7, cut, sig, &e), -1);
	assert_int_equal(identity_anchor(p.id, "engined\n7", 7, head, sig, &e), -1);
	assert_int_equal(e.code, ERR_denied);
	assert_int_equal(identity_anchor(p.id, "a-name-that-no-chain-ever-has-o", 7, head, sig, &e), 0);
	person_gone(&p);
}

/* The shared secrets of the sealing vectors, by the child's side. */
static void
test_dh_and_unseal_give_what_the_vectors_say(void **state)
{
	cleanup_json json_t *file = vectors("sealing.json");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(file, "seals"), i, row) {
		struct person p = person(json_str(row, "member", ""));
		cleanup_bytes struct bytes theirs = hex(row, "ephemeral_public"), shared = hex(row, "shared_secret");
		cleanup_bytes struct bytes sealed = base64(row, "sealed"), group = hex(row, "group_key");
		uint8_t out[KEY_BYTES];
		struct error e = { 0 };

		assert_int_equal(identity_dh(p.id, theirs.data, out, &e), 0);
		assert_bytes(out, sizeof(out), shared);
		assert_int_equal(identity_unseal(p.id, sealed.data, out, &e), 0);
		assert_bytes(out, sizeof(out), group);
		sealed.data[SEALED_BYTES - 1] ^= 1;
		assert_int_equal(identity_unseal(p.id, sealed.data, out, &e), -1);
		assert_int_equal(e.code, ERR_denied);
		person_gone(&p);
	}
	assert_int_equal(i, 3);
}

static void
test_points_of_low_order_give_nothing(void **state)
{
	static const char *const low[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0100000000000000000000000000000000000000000000000000000000000080",
	};
	struct person p = person("alice");
	uint8_t theirs[KEY_BYTES], out[KEY_BYTES];
	struct error e = { 0 };

	for (size_t i = 0; i < COUNT(low); i++) {
		sodium_hex2bin(theirs, sizeof(theirs), low[i], 64, NULL, NULL, NULL);
		if (identity_dh(p.id, theirs, out, &e) != -1)
			fail_msg("%s", low[i]);
	}
	person_gone(&p);
}

static void
test_when_the_child_is_gone_every_question_fails(void **state)
{
	struct person p = person("alice");
	uint8_t out[SIGNATURE_BYTES];
	struct error e = { 0 };

	kill(p.child, SIGKILL);
	waitpid(p.child, NULL, 0);
	assert_int_equal(identity_sign(p.id, "{}", 2, out, &e), -1);
	assert_int_equal(e.code, ERR_gone);
	assert_int_equal(identity_dh(p.id, identity_x25519(p.id), out, &e), -1);
	assert_int_equal(e.code, ERR_gone);
	identity_stop(p.id);
	identity_stop(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_are_those_of_the_vectors),
		TEST(test_a_name_has_one_spelling),
		TEST(test_the_x25519_key_follows_from_the_name_whatever_the_sign_bit),
		TEST(test_a_key_without_an_x25519_key_is_refused),
		TEST(test_the_child_says_who_it_is),
		TEST(test_signatures_are_those_of_the_vectors),
		TEST(test_texts_up_to_a_megabyte_are_signed),
		TEST(test_only_what_begins_as_an_object_is_signed),
		TEST(test_an_anchor_is_of_one_chain_one_length_one_head),
		TEST(test_a_head_that_is_none_is_not_anchored),
		TEST(test_dh_and_unseal_give_what_the_vectors_say),
		TEST(test_points_of_low_order_give_nothing),
		TEST(test_when_the_child_is_gone_every_question_fails),
	};

	return sodium_init() == -1 ? 1 : RUN(tests);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Noise_XK: what must fail, and that a failure leaves no key and no second try. */
#include "tests/unit/noise_fixture.h"

/* A child that does not look: libsodium refuses, so the zeroes are put there. */
static int
zero_dh(void *arg, const uint8_t theirs[NOISE_KEY], uint8_t out[NOISE_KEY])
{
	memset(out, 0, NOISE_KEY);
	return 0;
}

/* The message at which the responder fails. */
static int
fails_at(struct end *r, struct bytes one, struct bytes three)
{
	cleanup_buf struct buf two = BUF(0);

	if (noise_read(&r->n, one.data, one.len, NULL, NULL) == -1)
		return 1;
	assert_int_equal(noise_write(&r->n, NULL, 0, &two, NULL), 0);
	return noise_read(&r->n, three.data, three.len, NULL, NULL) == -1 ? 3 : 0;
}

static void
test_damaged_handshakes_fail_where_they_must(void **state)
{
	cleanup_json json_t *file = vectors("noise_xk.json");
	struct bytes none = { NULL, 0 };
	const json_t *row;
	struct end r;
	size_t k;

	json_array_foreach(json_object_get(file, "refuse"), k, row) {
		cleanup_bytes struct bytes s = hex(row, "responder_s"), e = hex(row, "responder_e");
		cleanup_bytes struct bytes one = hex(row, "message_1"), three = hex(row, "message_3");

		end_new(&r, false, none, s, NULL, e.data);
		if (fails_at(&r, one, three) != json_int(row, "fails_at_message", -1))
			fail_msg("%s", json_str(row, "name", "?"));
	}
	assert_int_equal(k, 11);
}

/* The next message goes over. */
static void
next(struct pair *p)
{
	struct noise *from = noise_writes(&p->i.n) ? &p->i.n : &p->r.n, *to = from == &p->i.n ? &p->r.n : &p->i.n;
	cleanup_buf struct buf m = BUF(0);

	assert_int_equal(noise_write(from, NULL, 0, &m, NULL), 0);
	assert_int_equal(noise_read(to, m.data, m.len, NULL, NULL), 0);
}

static void
test_a_static_key_that_yields_zero_ends_the_handshake(void **state)
{
	cleanup_buf struct buf m = BUF(0);
	struct error e = { 0 };
	struct pair p;

	first_pair(&p);
	next(&p);
	next(&p);
	p.i.n.dh = zero_dh;
	assert_int_equal(noise_write(&p.i.n, NULL, 0, &m, &e), -1);
	assert_int_equal(e.code, ERR_denied);
}

static void
test_a_message_that_is_too_short_is_not_looked_at(void **state)
{
	static const size_t least[NOISE_MESSAGES] = { 48, 48, 64 };
	uint8_t bytes[64] = { 9 };
	struct error e = { 0 };
	struct pair p;

	for (size_t i = 0; i < NOISE_MESSAGES; i++)
		for (size_t len = 0; len < least[i]; len++) {
			struct noise *to, before;

			first_pair(&p);
			for (size_t k = 0; k < i; k++)
				next(&p);
			to = noise_writes(&p.i.n) ? &p.r.n : &p.i.n;
			before = *to;
			assert_int_equal(noise_read(to, bytes, len, NULL, &e), -1);
			assert_int_equal(e.code, ERR_invalid);
			assert_memory_equal(to, &before, sizeof(before));
		}
	first_pair(&p);
	assert_int_equal(noise_read(&p.r.n, bytes, NOISE_PAYLOAD_MAX + 1, NULL, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
}

static void
test_an_ephemeral_key_that_yields_zero_ends_the_handshake(void **state)
{
	static const uint8_t zero[NOISE_KEY];
	cleanup_buf struct buf m = BUF(0);
	struct error e = { 0 };
	struct pair p;

	first_pair(&p);
	memcpy(p.i.n.rs, zero, sizeof(zero));		/* es of the initiator */
	assert_int_equal(noise_write(&p.i.n, NULL, 0, &m, &e), -1);
	first_pair(&p);
	buf_reset(&m);
	assert_int_equal(noise_write(&p.i.n, NULL, 0, &m, &e), 0);
	assert_int_equal(noise_read(&p.r.n, m.data, m.len, NULL, &e), 0);
	memcpy(p.r.n.re, zero, sizeof(zero));		/* ee of the responder */
	assert_int_equal(noise_write(&p.r.n, NULL, 0, &m, &e), -1);
}

/* Every point whose multiples are few; the highest bit of a key does not count. */
static const char *const low_order[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",	/* p - 1 */
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",	/* p */
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",	/* p + 1 */
};

/* Whoever chose this point knows the secret that comes of it: no key may be made of that, on either side. */
static void
refuse_point(const uint8_t point[NOISE_KEY])
{
	cleanup_buf struct buf one = BUF(0), two = BUF(0), none = BUF(0);
	struct error e = { 0 };
	uint8_t ck[32];
	struct pair p;

	first_pair(&p);
	memcpy(p.i.n.rs, point, NOISE_KEY);		/* the responder's static key */
	assert_int_equal(noise_write(&p.i.n, NULL, 0, &none, &e), -1);
	first_pair(&p);
	assert_int_equal(noise_write(&p.i.n, NULL, 0, &one, &e), 0);
	memcpy(ck, p.r.n.ck, sizeof(ck));
	memcpy(one.data, point, NOISE_KEY);		/* the initiator's ephemeral key, on the wire */
	assert_int_equal(noise_read(&p.r.n, one.data, one.len, NULL, &e), -1);
	assert_int_equal(e.code, ERR_denied);
	assert_memory_equal(p.r.n.ck, ck, sizeof(ck));
	first_pair(&p);
	next(&p);
	assert_int_equal(noise_write(&p.r.n, NULL, 0, &two, &e), 0);
	memcpy(ck, p.i.n.ck, sizeof(ck));
	memcpy(two.data, point, NOISE_KEY);		/* the responder's */
	assert_int_equal(noise_read(&p.i.n, two.data, two.len, NULL, &e), -1);
	assert_memory_equal(p.i.n.ck, ck, sizeof(ck));
}

static void
test_no_point_of_low_order_makes_a_key(void **state)
{
	for (size_t i = 0; i < COUNT(low_order); i++) {
		uint8_t point[NOISE_KEY];

		assert_int_equal(sodium_hex2bin(point, sizeof(point), low_order[i], 64, NULL, NULL, NULL), 0);
		refuse_point(point);
		point[NOISE_KEY - 1] |= 0x80;
		refuse_point(point);
	}
}

/* After a failure there is no second try, not even with the right message. */
static void
test_a_failed_handshake_stays_failed(void **state)
{
	cleanup_buf struct buf m = BUF(0), bad = BUF(0);
	struct pair p;

	first_pair(&p);
	assert_int_equal(noise_write(&p.i.n, NULL, 0, &m, NULL), 0);
	buf_add(&bad, m.data, m.len);
	bad.data[47] ^= 1;
	assert_int_equal(noise_read(&p.r.n, bad.data, bad.len, NULL, NULL), -1);
	assert_int_equal(noise_read(&p.r.n, m.data, m.len, NULL, NULL), -1);
	assert_int_equal(p.r.n.message, 0);
}

static void
test_messages_out_of_turn_are_refused(void **state)
{
	cleanup_buf struct buf m = BUF(0);
	struct error e = { 0 };
	struct pair p;

	first_pair(&p);
	assert_int_equal(noise_write(&p.r.n, NULL, 0, &m, NULL), -1);
	assert_int_equal(m.len, 0);
	assert_int_equal(noise_write(&p.i.n, NULL, 0, &m, NULL), 0);
	assert_int_equal(noise_write(&p.i.n, NULL, 0, &m, NULL), -1);
	first_pair(&p);
	assert_int_equal(noise_read(&p.i.n, m.data, 48, NULL, &e), -1);
	assert_int_equal(e.code, ERR_internal);
	for (int i = 0; i < NOISE_MESSAGES; i++)
		next(&p);
	assert_int_equal(noise_write(&p.i.n, NULL, 0, &m, NULL), -1);
	for (int i = 0; i < 2; i++) {
		e.code = ERR_none;
		assert_int_equal(noise_read(i == 0 ? &p.i.n : &p.r.n, m.data, 48, NULL, &e), -1);
		assert_int_equal(e.code, ERR_internal);
	}
}

static void
test_a_payload_is_as_long_as_a_message_may_be(void **state)
{
	cleanup_bytes struct bytes most = patterned(NOISE_PAYLOAD_MAX);
	cleanup_buf struct buf m = BUF(0), got = BUF(0);
	struct pair p;

	first_pair(&p);
	assert_int_equal(noise_write(&p.i.n, most.data, NOISE_PAYLOAD_MAX - 47, &m, NULL), -1);
	assert_int_equal(noise_write(&p.i.n, most.data, NOISE_PAYLOAD_MAX - 48, &m, NULL), 0);
	assert_int_equal(m.len, NOISE_PAYLOAD_MAX);
	assert_int_equal(noise_read(&p.r.n, m.data, m.len, &got, NULL), 0);
	assert_int_equal(got.len, NOISE_PAYLOAD_MAX - 48);
	assert_memory_equal(got.data, most.data, got.len);
}

static void
test_ephemeral_keys_are_new_each_time(void **state)
{
	struct bytes none = { NULL, 0 };
	uint8_t s[NOISE_KEY] = { 1 };
	struct bytes secret = { s, sizeof(s) };
	struct end a, b;

	end_new(&a, false, none, secret, NULL, NULL);
	end_new(&b, false, none, secret, NULL, NULL);
	assert_memory_not_equal(a.n.e_secret, b.n.e_secret, NOISE_KEY);
}

static void
test_nothing_is_left_of_a_cleared_handshake(void **state)
{
	static const struct noise empty;
	struct pair p;

	first_pair(&p);
	noise_clear(&p.i.n);
	assert_memory_equal(&p.i.n, &empty, sizeof(empty));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_damaged_handshakes_fail_where_they_must),
		TEST(test_a_static_key_that_yields_zero_ends_the_handshake),
		TEST(test_a_message_that_is_too_short_is_not_looked_at),
		TEST(test_an_ephemeral_key_that_yields_zero_ends_the_handshake),
		TEST(test_no_point_of_low_order_makes_a_key),
		TEST(test_a_failed_handshake_stays_failed),
		TEST(test_messages_out_of_turn_are_refused),
		TEST(test_a_payload_is_as_long_as_a_message_may_be),
		TEST(test_ephemeral_keys_are_new_each_time),
		TEST(test_nothing_is_left_of_a_cleared_handshake),
	};

	return RUN(tests);
}

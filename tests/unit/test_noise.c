/* SPDX-License-Identifier: Apache-2.0 */
/* Noise_XK: the published vectors, ours with large frames, and what must fail. */
#include "tests/unit/link_vectors.h"

#include "alpd/noise.h"

/* One end of a handshake; its static secret stands here instead of in a child. */
struct end {
	struct noise	n;
	uint8_t		s[NOISE_KEY], s_pub[NOISE_KEY];
};

static int
own_dh(void *arg, const uint8_t theirs[NOISE_KEY], uint8_t out[NOISE_KEY])
{
	return crypto_scalarmult(out, ((struct end *)arg)->s, theirs);
}

/* A child that does not look: libsodium refuses, so the zeroes are put there. */
static int
zero_dh(void *arg, const uint8_t theirs[NOISE_KEY], uint8_t out[NOISE_KEY])
{
	memset(out, 0, NOISE_KEY);
	return 0;
}

static void
end_new(struct end *x, bool initiator, struct bytes prologue, struct bytes s, const uint8_t *rs, const uint8_t *e)
{
	memcpy(x->s, s.data, NOISE_KEY);
	crypto_scalarmult_base(x->s_pub, x->s);
	noise_init(&x->n, initiator, prologue.data, prologue.len, x->s_pub, own_dh, x, rs, e);
}

/* ---- published vectors ----------------------------------------------------------------------------- */

static void
exchange(struct end *from, struct end *to, const json_t *row)
{
	cleanup_bytes struct bytes payload = hex(row, "payload"), want = hex(row, "ciphertext");
	cleanup_buf struct buf message = BUF(0), read = BUF(0);
	struct error e = { 0 };

	assert_true(noise_writes(&from->n));
	assert_false(noise_writes(&to->n));
	assert_int_equal(noise_write(&from->n, payload.data, payload.len, &message, &e), 0);
	assert_bytes(message.data, message.len, want);
	if (noise_read(&to->n, message.data, message.len, &read, &e) == -1)
		fail_msg("%s", e.text);
	assert_bytes(read.data, read.len, payload);
}

static void
transport(struct cipher *from, struct cipher *to, const json_t *row)
{
	cleanup_bytes struct bytes payload = hex(row, "payload"), want = hex(row, "ciphertext");
	uint8_t text[1024];

	assert_int_equal(cipher_seal(from, payload.data, payload.len, text), 0);
	assert_bytes(text, payload.len + NOISE_TAG, want);
	assert_int_equal(cipher_open(to, text, payload.len + NOISE_TAG), 0);
	assert_bytes(text, payload.len, payload);
}

static void
play(const json_t *v)
{
	cleanup_bytes struct bytes p = hex(v, "init_prologue"), q = hex(v, "resp_prologue");
	cleanup_bytes struct bytes is = hex(v, "init_static"), rs = hex(v, "resp_static");
	cleanup_bytes struct bytes ie = hex(v, "init_ephemeral"), re = hex(v, "resp_ephemeral");
	cleanup_bytes struct bytes known = hex(v, "init_remote_static"), hash = hex(v, "handshake_hash");
	struct cipher a[2], b[2];
	struct end i, r;
	const json_t *row;
	size_t k;

	end_new(&i, true, p, is, known.data, ie.data);
	end_new(&r, false, q, rs, NULL, re.data);
	json_array_foreach(json_object_get(v, "messages"), k, row) {
		if (k < NOISE_MESSAGES) {
			exchange(k % 2 == 0 ? &i : &r, k % 2 == 0 ? &r : &i, row);
			continue;
		}
		if (k == NOISE_MESSAGES) {
			if (hash.len > 0)		/* one of the two tells it */
				assert_bytes(i.n.h, sizeof(i.n.h), hash);
			assert_memory_equal(r.n.h, i.n.h, sizeof(i.n.h));
			assert_memory_equal(r.n.rs, i.s_pub, NOISE_KEY);
			noise_split(&i.n, &a[0], &a[1]);
			noise_split(&r.n, &b[0], &b[1]);
		}
		transport(&a[k % 2], &b[k % 2], row);		/* message 4, row 3, is the responder's */
	}
	assert_true(k > NOISE_MESSAGES);
}

static void
test_the_published_vectors_hold(void **state)
{
	cleanup_json json_t *file = vectors("noise_public.json");
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(file, "vectors"), i, v)
		play(v);
	assert_int_equal(i, 2);
}

/* ---- ours ---------------------------------------------------------------------------------------- */

struct pair {
	struct end	i, r;
};

static void
pair_new(struct pair *p, const json_t *t)
{
	const json_t *from = json_object_get(t, "initiator"), *to = json_object_get(t, "responder");
	cleanup_bytes struct bytes is = hex(from, "s"), ie = hex(from, "e"), rs = hex(to, "s"), re = hex(to, "e");
	cleanup_bytes struct bytes known = hex(to, "s_pub");
	struct bytes none = { NULL, 0 };

	end_new(&p->i, true, none, is, known.data, ie.data);
	end_new(&p->r, false, none, rs, NULL, re.data);
}

static void
assert_state(const struct noise *n, const json_t *row)
{
	cleanup_bytes struct bytes h = hex(row, "h"), ck = hex(row, "ck");

	assert_bytes(n->h, sizeof(n->h), h);
	assert_bytes(n->ck, sizeof(n->ck), ck);
}

/* All three messages, with what both states hold after each. */
static void
shake(struct pair *p, const json_t *t)
{
	const json_t *row;
	size_t k;

	assert_state(&p->i.n, json_object_get(t, "start"));
	assert_state(&p->r.n, json_object_get(t, "start"));
	json_array_foreach(json_object_get(t, "messages"), k, row) {
		struct noise *from = k % 2 == 0 ? &p->i.n : &p->r.n, *to = k % 2 == 0 ? &p->r.n : &p->i.n;
		cleanup_bytes struct bytes want = hex(row, "message");
		cleanup_buf struct buf m = BUF(0);

		assert_int_equal(noise_write(from, NULL, 0, &m, NULL), 0);
		assert_bytes(m.data, m.len, want);
		assert_int_equal(noise_read(to, m.data, m.len, NULL, NULL), 0);
		assert_state(from, row);
		assert_state(to, row);
	}
	assert_int_equal(k, NOISE_MESSAGES);
}

static void
each_transcript(void (*fn)(struct pair *p, const json_t *t))
{
	cleanup_json json_t *file = vectors("noise_xk.json");
	const json_t *t;
	struct pair p;
	size_t i;

	json_array_foreach(json_object_get(file, "transcripts"), i, t) {
		pair_new(&p, t);
		shake(&p, t);
		fn(&p, t);
	}
	assert_int_equal(i, 2);
}

static void
compare_keys(struct pair *p, const json_t *t)
{
	cleanup_bytes struct bytes there = hex(t, "key_initiator_to_responder"), back = hex(t, "key_responder_to_initiator");
	struct cipher a[2], b[2];

	noise_split(&p->i.n, &a[0], &a[1]);
	noise_split(&p->r.n, &b[0], &b[1]);
	assert_bytes(a[0].key, NOISE_KEY, there);
	assert_bytes(a[1].key, NOISE_KEY, back);
	assert_memory_equal(b, a, sizeof(a));
}

static void
test_a_handshake_has_the_bytes_and_keys_of_the_vectors(void **state)
{
	each_transcript(compare_keys);
}

static bool
is(const json_t *row, const char *who)
{
	return strcmp(json_str(row, "from", ""), who) == 0;
}

static void
compare_frames(struct pair *p, const json_t *t)
{
	struct cipher seal[2], open[2];
	const json_t *row;
	size_t k;

	noise_split(&p->i.n, &seal[0], &seal[1]);
	noise_split(&p->r.n, &open[0], &open[1]);
	json_array_foreach(json_object_get(t, "transport"), k, row) {
		cleanup_bytes struct bytes plain = hex(row, "plaintext_hex"), want = hex(row, "ciphertext");
		int way = is(row, "responder");
		uint8_t text[4096];

		assert_int_equal(seal[way].counter, json_int(row, "counter", -1));
		assert_int_equal(cipher_seal(&seal[way], plain.data, plain.len, text), 0);
		assert_bytes(text, plain.len + NOISE_TAG, want);
		assert_int_equal(cipher_open(&open[way], text, want.len), 0);
		assert_bytes(text, plain.len, plain);
	}
	json_array_foreach(json_object_get(t, "large_frames"), k, row) {
		size_t len = (size_t)json_int(row, "plaintext_length", 0);
		cleanup_bytes struct bytes plain = patterned(len), text = { xmalloc(len + NOISE_TAG), len + NOISE_TAG };
		cleanup_bytes struct bytes tag = hex(row, "tag");

		assert_sha256(plain.data, len, row, "plaintext_sha256");
		assert_int_equal(seal[0].counter, json_int(row, "counter", -1));
		memcpy(text.data, plain.data, len);
		assert_int_equal(cipher_seal(&seal[0], text.data, len, text.data), 0);
		assert_sha256(text.data, text.len, row, "ciphertext_sha256");
		assert_bytes(text.data + len, NOISE_TAG, tag);
		assert_int_equal(cipher_open(&open[0], text.data, text.len), 0);
		assert_memory_equal(text.data, plain.data, len);
	}
	assert_int_equal(k, 4);
}

static void
test_frames_have_the_bytes_of_the_vectors_up_to_a_megabyte(void **state)
{
	each_transcript(compare_frames);
}

static void
spoil_frames(struct pair *p, const json_t *t)
{
	struct cipher seal[2], open[2];
	uint8_t text[4 + NOISE_TAG], other[4 + NOISE_TAG];

	noise_split(&p->i.n, &seal[0], &seal[1]);
	noise_split(&p->r.n, &open[0], &open[1]);
	assert_int_equal(cipher_seal(&seal[0], "text", 4, text), 0);
	memcpy(other, text, sizeof(other));
	assert_int_equal(cipher_open(&open[1], other, sizeof(other)), -1);	/* the other direction's key */
	for (size_t i = 0; i < sizeof(text); i++) {
		struct cipher again = open[0];

		memcpy(other, text, sizeof(other));
		other[i] ^= 1;
		assert_int_equal(cipher_open(&again, other, sizeof(other)), -1);
	}
	assert_int_equal(cipher_open(&open[0], text, NOISE_TAG - 1), -1);
	memcpy(other, text, sizeof(other));
	assert_int_equal(cipher_open(&open[0], other, sizeof(other)), 0);
	assert_int_equal(cipher_open(&open[0], text, sizeof(text)), -1);	/* twice */
}

static void
test_a_changed_repeated_or_turned_round_frame_does_not_open(void **state)
{
	each_transcript(spoil_frames);
}

static void
test_the_last_counter_is_never_used(void **state)
{
	static const uint8_t last[12] = { 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct cipher c = { .counter = UINT64_MAX - 1 }, d = c;
	uint8_t text[NOISE_TAG], copy[NOISE_TAG];

	assert_int_equal(cipher_seal(&c, "", 0, text), 0);
	memcpy(copy, text, sizeof(copy));
	assert_int_equal(cipher_open(&d, copy, sizeof(copy)), 0);
	assert_int_equal(cipher_seal(&c, "", 0, text), -1);
	crypto_aead_chacha20poly1305_ietf_encrypt(text, NULL, NULL, 0, NULL, 0, NULL, last, c.key);
	assert_int_equal(cipher_open(&d, text, sizeof(text)), -1);
}

/* ---- what must fail ---------------------------------------------------------------------------------- */

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

static void
first_pair(struct pair *p)
{
	cleanup_json json_t *file = vectors("noise_xk.json");

	pair_new(p, json_array_get(json_object_get(file, "transcripts"), 0));
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
		TEST(test_the_published_vectors_hold),
		TEST(test_a_handshake_has_the_bytes_and_keys_of_the_vectors),
		TEST(test_frames_have_the_bytes_of_the_vectors_up_to_a_megabyte),
		TEST(test_a_changed_repeated_or_turned_round_frame_does_not_open),
		TEST(test_the_last_counter_is_never_used),
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

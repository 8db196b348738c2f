/* SPDX-License-Identifier: Apache-2.0 */
/* Noise_XK: the published vectors, and ours with large frames. */
#include "tests/unit/noise_fixture.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_published_vectors_hold),
		TEST(test_a_handshake_has_the_bytes_and_keys_of_the_vectors),
		TEST(test_frames_have_the_bytes_of_the_vectors_up_to_a_megabyte),
		TEST(test_a_changed_repeated_or_turned_round_frame_does_not_open),
		TEST(test_the_last_counter_is_never_used),
	};

	return RUN(tests);
}

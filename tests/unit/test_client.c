/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to a peer that answers well, badly, or not at all. */
#include "tests/unit/client_fixture.h"

/* ---- what else bob can do --------------------------------------------------------------------------- */

static void
sends_garbage(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_text(l, "hello", 5);
	bob_done(l);
}

static void
lets_eve_sign(struct bob *b, struct line *l, const struct envelope *v)
{
	size_t len;
	cleanup_free char *text = envelope_result(b->eve.id, v, "{}", NULL, &len, NULL);

	bob_text(l, text, len);
	bob_done(l);
}

/* Eve's answer with bob's name on it. */
static void
forges(struct bob *b, struct line *l, const struct envelope *v)
{
	size_t len;
	cleanup_free char *text = envelope_result(b->eve.id, v, "{}", NULL, &len, NULL);
	char *from = strstr(text, identity_name(b->eve.id));

	assert_non_null(from);
	memcpy(from, identity_name(b->self.id), IDENTITY_BYTES - 1);
	bob_text(l, text, len);
	bob_done(l);
}

static void
answers_someone_else(struct bob *b, struct line *l, const struct envelope *v)
{
	struct envelope other = *v;

	memcpy(other.from, identity_name(b->eve.id), IDENTITY_BYTES);
	bob_says(b, l, &other, "{}", NULL);
	bob_done(l);
}

static void
streams(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"n\":1}", "chunk");
	bob_says(b, l, v, "{\"n\":2}", "chunk");
	bob_says(b, l, v, "{\"n\":3}", "final");
	bob_done(l);
}

static void
fails_within_the_stream(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"n\":1}", "chunk");
	bob_refuses(b, l, v, -32007, "target-busy", "{\"detail\":\"a turn is\\nrunning\"}");
	bob_done(l);
}

/* An error is never part of a stream (alp-wire.md, 14). */
static void
marks_its_error(struct bob *b, struct line *l, const struct envelope *v)
{
	struct buf text cleanup_buf = BUF(0), whole cleanup_buf = BUF(0);
	size_t len;
	cleanup_free char *plain = envelope_error(b->self.id, v, -32007, "target-busy", "null", &len, NULL);
	struct doc *d = doc_parse(plain, len, NULL);
	uint8_t sig[SIGNATURE_BYTES];
	char b64[89];

	/* as it is, with one more member, signed again */
	canonical_node(&text, doc_root(d), "alp.sig");
	text.data[--text.len] = '\0';
	buf_puts(&text, ",\"stream\":\"final\"}");
	assert_int_equal(identity_sign(b->self.id, text.data, text.len, sig, NULL), 0);
	sodium_bin2base64(b64, sizeof(b64), sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	buf_addf(&whole, "{\"alp\":{\"sig\":\"%s\",%s", b64, buf_str(&text) + strlen("{\"alp\":{"));
	bob_text(l, whole.data, whole.len);
	doc_free(d);
	bob_done(l);
}

static void
invents_a_stream_word(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{}", "more");
	bob_done(l);
}

static void
breaks_off(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"n\":1}", "chunk");
	bob_finish(l);
}

static void
repeats_itself(struct bob *b, struct line *l, const struct envelope *v)
{
	size_t len;
	cleanup_free char *text = envelope_result(b->self.id, v, "{\"n\":1}", "chunk", &len, NULL);

	bob_text(l, text, len);
	bob_text(l, text, len);
	bob_says(b, l, v, "{}", "final");
	bob_done(l);
}

/* ---- claims ------------------------------------------------------------------------------------------ */

static void
test_a_good_answer_arrives_over_both_transports(void **state)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		struct fixture *f = fixture_new();
		cleanup_free char *via = tcp ? xasprintf("tcp 127.0.0.1:%d", f->bob.port) : xstrdup("unix");
		struct outcome o;

		pin_bob(f, "bob", tcp);
		f->bob.script = answers;
		o = ask(f, "bob", ping);
		assert_int_equal(o.how, CLIENT_OK);
		assert_string_equal(json_str(o.result, "agent_name", ""), "bob");
		assert_string_equal(o.via, via);
		assert_true(o.sent);
		assert_string_equal(f->bob.method, "link.ping");
		outcome_clear(&o);
		fixture_free(f);
	}
}

static void
test_a_stream_arrives_in_order_and_ends(void **state)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		struct fixture *f = fixture_new();
		struct outcome o;

		pin_bob(f, "bob", tcp);
		f->bob.script = streams;
		o = ask(f, "bob", stream);
		assert_int_equal(o.how, CLIENT_OK);
		assert_int_equal(json_array_size(o.chunks), 2);
		assert_int_equal(json_int(json_array_get(o.chunks, 1), "n", 0), 2);
		assert_int_equal(json_int(o.result, "n", 0), 3);
		outcome_clear(&o);
		fixture_free(f);
	}
}

static void
test_what_is_no_answer_of_this_peer_to_this_request_is_refused(void **state)
{
	static bob_script *const bad[] = { sends_garbage, answers_another_id, lets_eve_sign, forges, answers_someone_else,
	    streams, invents_a_stream_word, marks_its_error };

	for (int tcp = 0; tcp < 2; tcp++)
		for (size_t i = 0; i < COUNT(bad); i++) {
			struct fixture *f = fixture_new();

			pin_bob(f, "bob", tcp);
			f->bob.script = bad[i];
			expect(f, ping, CLIENT_BAD, "bad-answer");
			fixture_free(f);
		}
}

static void
test_an_error_ends_a_stream_with_its_name(void **state)
{
	struct fixture *f = fixture_new();
	struct outcome o;

	pin_bob(f, "bob", true);
	f->bob.script = fails_within_the_stream;
	o = ask(f, "bob", stream);
	assert_int_equal(o.how, CLIENT_REFUSED);
	assert_int_equal(o.code, -32007);
	assert_string_equal(o.word, "target-busy");
	assert_non_null(strstr(o.why, "a turn is?running"));	/* a peer's text is one line */
	outcome_clear(&o);
	fixture_free(f);
}

static void
test_a_message_that_comes_twice_is_refused(void **state)
{
	struct fixture *f = fixture_new();

	pin_bob(f, "bob", true);
	f->bob.script = repeats_itself;
	expect(f, stream, CLIENT_BAD, "bad-answer");
	fixture_free(f);
}

static void
test_many_chunks_each_have_their_own_nonce(void **state)
{
	struct fixture *f = fixture_new();
	struct outcome o = outcome_new();
	struct line *l;

	pin_bob(f, "bob", true);
	f->bob.script = says_nothing;
	begin(f, "bob", stream, &o);
	while (f->bob.requests == 0)
		pump(f);
	l = LIST_FIRST(&f->bob.lines);
	for (int i = 0; i < 300; i++) {		/* the memory of nonces grows on the way */
		bob_later(&f->bob, l, "{}", i < 299 ? "chunk" : "final");
		event_base_loop(f->d.base, EVLOOP_NONBLOCK);
	}
	while (!o.ended)
		pump(f);
	assert_int_equal(o.how, CLIENT_OK);
	assert_int_equal(json_array_size(o.chunks), 299);
	outcome_clear(&o);
	fixture_free(f);
}

static void
test_an_end_within_a_stream_is_lost(void **state)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		struct fixture *f = fixture_new();

		pin_bob(f, "bob", tcp);
		f->bob.script = breaks_off;
		expect(f, stream, CLIENT_LOST, "lost");
		assert_int_equal(f->bob.requests, 1);
		fixture_free(f);
	}
}

static void
test_a_close_without_a_byte_is_a_drop(void **state)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		struct fixture *f = fixture_new();

		pin_bob(f, "bob", tcp);
		f->bob.script = drops;
		expect(f, ping, CLIENT_DROPPED, "dropped");
		assert_int_equal(f->bob.requests, 1);	/* a fresh session is no reason to say it twice */
		fixture_free(f);
	}
}

static void
test_nobody_there_is_offline(void **state)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		struct fixture *f = fixture_new();
		struct outcome o;

		pin_bob(f, "bob", tcp);
		event_del(f->bob.events[tcp]);
		close(f->bob.listeners[tcp]);
		f->bob.listeners[tcp] = -1;
		o = ask(f, "bob", ping);
		assert_int_equal(o.how, CLIENT_OFFLINE);
		assert_false(o.sent);
		outcome_clear(&o);
		fixture_free(f);
	}
}

static void
test_silence_is_a_timeout(void **state)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		struct fixture *f = fixture_new();
		struct client_order order = ping;
		struct outcome o;

		order.reply_ms = 30;
		pin_bob(f, "bob", tcp);
		f->bob.script = says_nothing;
		o = ask(f, "bob", order);
		assert_int_equal(o.how, CLIENT_TIMEOUT);
		assert_true(o.sent);
		while (f->bob.left == 0)	/* and the session is not kept */
			pump(f);
		outcome_clear(&o);
		fixture_free(f);
	}
}

static void
test_silence_within_a_stream_is_a_timeout(void **state)
{
	struct fixture *f = fixture_new();
	struct client_order order = stream;

	order.reply_ms = 30;
	pin_bob(f, "bob", true);
	f->bob.script = streams_on;
	expect(f, order, CLIENT_TIMEOUT, "timeout");
	fixture_free(f);
}

static void
test_the_whole_of_a_request_has_a_limit(void **state)
{
	struct fixture *f = fixture_new();
	struct client_order order = stream;

	order.reply_ms = 0;
	order.whole_ms = 30;
	pin_bob(f, "bob", true);
	f->bob.script = streams_on;
	expect(f, order, CLIENT_TIMEOUT, "timeout");
	fixture_free(f);
}

static void
test_who_listens_with_another_key_hears_nothing(void **state)
{
	struct fixture *f = fixture_new();
	struct person real = f->bob.self;

	pin_bob(f, "bob", true);
	f->bob.script = answers;
	f->bob.self = f->bob.eve;
	expect(f, ping, CLIENT_BAD, "handshake-failed");
	assert_int_equal(f->bob.requests, 0);
	f->bob.self = real;
	fixture_free(f);
}

static void
test_an_address_that_is_none_is_offline(void **state)
{
	struct fixture *f = fixture_new();
	struct outcome o = outcome_new();
	struct peer p = { .id = (char *)"bob", .pubkey = (char *)identity_name(f->bob.self.id), .address = (char *)"nowhere" };
	struct client_order order = ping;

	order.end = on_end;
	order.arg = &o;
	client_ask(f->a.client, &p, &order);
	while (!o.ended)
		pump(f);
	assert_int_equal(o.how, CLIENT_OFFLINE);
	outcome_clear(&o);
	fixture_free(f);
}

static void
test_only_what_may_go_better_is_worth_another_try(void **state)
{
	static const struct {
		enum client_how	 how;
		int		 code;
		const char	*name;
		bool		 worth;
	} rows[] = {
		{ CLIENT_REFUSED, -32005, "rate-limited", true }, { CLIENT_REFUSED, -32005, "budget-exceeded", false },
		{ CLIENT_REFUSED, -32007, "target-busy", true }, { CLIENT_REFUSED, -32001, "capability-denied", false },
		{ CLIENT_OFFLINE, 0, NULL, true }, { CLIENT_TIMEOUT, 0, NULL, true }, { CLIENT_LOST, 0, NULL, true },
		{ CLIENT_DROPPED, 0, NULL, false }, { CLIENT_BAD, 0, NULL, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(client_transient(&(struct client_end){ .how = rows[i].how, .code = rows[i].code,
		    .name = rows[i].name }), rows[i].worth);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_good_answer_arrives_over_both_transports),
		TEST(test_a_stream_arrives_in_order_and_ends),
		TEST(test_what_is_no_answer_of_this_peer_to_this_request_is_refused),
		TEST(test_an_error_ends_a_stream_with_its_name),
		TEST(test_a_message_that_comes_twice_is_refused),
		TEST(test_many_chunks_each_have_their_own_nonce),
		TEST(test_an_end_within_a_stream_is_lost),
		TEST(test_a_close_without_a_byte_is_a_drop),
		TEST(test_nobody_there_is_offline),
		TEST(test_silence_is_a_timeout),
		TEST(test_silence_within_a_stream_is_a_timeout),
		TEST(test_the_whole_of_a_request_has_a_limit),
		TEST(test_who_listens_with_another_key_hears_nothing),
		TEST(test_an_address_that_is_none_is_offline),
		TEST(test_only_what_may_go_better_is_worth_another_try),
	};

	return RUN(tests);
}

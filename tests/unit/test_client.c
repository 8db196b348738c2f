/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to a peer that answers well, badly, or not at all. */
#include "tests/unit/link_fixture.h"

#include <stdio.h>

/* ---- one request ----------------------------------------------------------------------------------- */

struct outcome {
	bool			 ended;
	enum client_how		 how;
	int			 code;
	bool			 sent;
	char			*word, *via, *why;
	json_t			*result, *chunks;
	size_t			 wanted;	/* chunks; then it stops */
};

static bool
on_chunk(void *arg, const struct node *result)
{
	struct outcome *o = arg;

	json_array_append_new(o->chunks, node_json(result));
	return json_array_size(o->chunks) < o->wanted;
}

static void
on_end(void *arg, const struct client_end *end)
{
	struct outcome *o = arg;

	assert_false(o->ended);
	o->ended = true;
	o->how = end->how;
	o->code = end->code;
	o->sent = end->sent;
	o->word = xstrdup(client_word(end));
	o->via = xstrdup0(end->via);
	o->why = xstrdup0(end->why);
	o->result = node_json(end->result);
	assert_int_equal(end->why == NULL, end->how == CLIENT_OK);
}

static struct outcome
outcome_new(void)
{
	return (struct outcome){ .chunks = json_array(), .wanted = SIZE_MAX };
}

static void
outcome_clear(struct outcome *o)
{
	free(o->word);
	free(o->via);
	free(o->why);
	json_decref(o->result);
	json_decref(o->chunks);
	*o = (struct outcome){ 0 };
}

static const struct client_order ping = { .lane = LANE_REST, .method = "link.ping", .params = "{}",
    .connect_ms = CLIENT_MS, .reply_ms = CLIENT_MS, .repeatable = true };
static const struct client_order stream = { .lane = LANE_ASK, .method = "link.ask", .params = "{\"stream\":true}",
    .connect_ms = CLIENT_MS, .reply_ms = CLIENT_MS, .chunk = on_chunk };

static struct client_call *
begin(struct fixture *f, const char *id, struct client_order order, struct outcome *o)
{
	order.end = on_end;
	order.arg = o;
	return client_ask(f->a.client, peers_by_id(f->a.peers, id), &order);
}

static struct outcome
ask(struct fixture *f, const char *id, struct client_order order)
{
	static struct outcome o;

	o = outcome_new();
	begin(f, id, order, &o);
	assert_false(o.ended);		/* never from within */
	while (!o.ended)
		pump(f);
	return o;
}

static void
expect(struct fixture *f, struct client_order order, enum client_how how, const char *word)
{
	struct outcome o = ask(f, "bob", order);

	if (o.how != how)
		fail_msg("it ended as %d: %s", o.how, o.why == NULL ? "" : o.why);
	assert_string_equal(o.word, word);
	outcome_clear(&o);
}

/* ---- what bob can do -------------------------------------------------------------------------------- */

static void
answers(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"agent_name\":\"bob\"}", NULL);
	bob_done(l);
}

static void
says_nothing(struct bob *b, struct line *l, const struct envelope *v)
{
}

static void
drops(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_close(l);
}

static void
sends_garbage(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_text(l, "hello", 5);
	bob_done(l);
}

/* An answer to another request: the text is changed and so must be signed anew, over a request with another id. */
static void
answers_another_id(struct bob *b, struct line *l, const struct envelope *v)
{
	struct envelope other = *v;
	struct doc *d = doc_parse("\"00000000000000000000000000000000\"", 34, NULL);

	other.id = doc_root(d);
	bob_says(b, l, &other, "{}", NULL);
	doc_free(d);
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

static void
streams_on(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"n\":1}", "chunk");
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
test_a_session_with_a_bad_answer_is_not_used_again(void **state)
{
	struct fixture *f = fixture_new();

	pin_bob(f, "bob", true);
	f->bob.script = answers_another_id;
	expect(f, ping, CLIENT_BAD, "bad-answer");
	f->bob.script = answers;
	expect(f, ping, CLIENT_OK, "ok");
	assert_int_equal(f->bob.accepted, 2);
	fixture_free(f);
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
test_a_session_is_used_again_within_its_lane(void **state)
{
	struct fixture *f = fixture_new();
	struct client_order blob = ping;

	blob.lane = LANE_BLOB;
	pin_bob(f, "bob", true);
	f->bob.script = answers;
	expect(f, ping, CLIENT_OK, "ok");
	expect(f, ping, CLIENT_OK, "ok");
	assert_int_equal(f->bob.accepted, 1);
	assert_string_not_equal(f->bob.nonce, f->bob.prev_nonce);
	expect(f, blob, CLIENT_OK, "ok");
	assert_int_equal(f->bob.accepted, 2);
	fixture_free(f);
}

/* Nobody waits behind another: a second session is begun, and one of them is kept. */
static void
test_a_busy_session_makes_nobody_wait(void **state)
{
	struct fixture *f = fixture_new();
	struct outcome first = outcome_new();

	pin_bob(f, "bob", true);
	f->bob.script = says_nothing;
	begin(f, "bob", ping, &first);
	while (f->bob.requests == 0)
		pump(f);
	f->bob.script = answers;
	expect(f, ping, CLIENT_OK, "ok");
	assert_false(first.ended);
	assert_int_equal(f->bob.accepted, 2);
	outcome_clear(&first);
	fixture_free(f);
}

/* Old responders close after each reply, and that can cross with the next request. */
static void
closes_on_the_second(struct bob *b, struct line *l, const struct envelope *v)
{
	if (l->requests == 2)
		bob_close(l);
	else
		answers(b, l, v);
}

static void
test_a_reused_session_that_was_closed_is_dialled_again(void **state)
{
	struct fixture *f = fixture_new();

	pin_bob(f, "bob", true);
	f->bob.script = closes_on_the_second;
	expect(f, ping, CLIENT_OK, "ok");
	expect(f, ping, CLIENT_OK, "ok");
	assert_int_equal(f->bob.accepted, 2);
	assert_int_equal(f->bob.requests, 3);
	assert_string_not_equal(f->bob.nonce, f->bob.prev_nonce);	/* a replay would be dropped */
	fixture_free(f);
}

static void
drops_all_but_the_first(struct bob *b, struct line *l, const struct envelope *v)
{
	if (b->requests == 1)
		answers(b, l, v);
	else
		bob_close(l);
}

static void
test_it_is_dialled_again_only_once(void **state)
{
	struct fixture *f = fixture_new();

	pin_bob(f, "bob", true);
	f->bob.script = drops_all_but_the_first;
	expect(f, ping, CLIENT_OK, "ok");
	expect(f, ping, CLIENT_DROPPED, "dropped");
	assert_int_equal(f->bob.accepted, 2);
	assert_int_equal(f->bob.requests, 3);
	fixture_free(f);
}

/* Another that waits may have ended as well, and would make it three times. */
static void
test_it_is_dialled_again_although_another_session_waits(void **state)
{
	struct fixture *f = fixture_new();
	struct outcome first = outcome_new();
	struct line *l;

	pin_bob(f, "bob", true);
	f->bob.script = answers;
	expect(f, ping, CLIENT_OK, "ok");
	l = LIST_FIRST(&f->bob.lines);
	f->bob.script = says_nothing;
	begin(f, "bob", ping, &first);
	while (f->bob.requests < 2)
		pump(f);
	f->bob.script = answers;
	expect(f, ping, CLIENT_OK, "ok");
	bob_close(l);
	while (!first.ended)
		pump(f);
	assert_int_equal(first.how, CLIENT_OK);
	assert_int_equal(f->bob.accepted, 3);
	outcome_clear(&first);
	fixture_free(f);
}

static void
test_a_session_that_ended_while_it_waited_is_not_tried(void **state)
{
	struct fixture *f = fixture_new();

	pin_bob(f, "bob", true);
	f->bob.script = answers;
	expect(f, ping, CLIENT_OK, "ok");
	bob_close(LIST_FIRST(&f->bob.lines));
	event_base_loop(f->d.base, EVLOOP_ONCE);
	expect(f, ping, CLIENT_OK, "ok");
	assert_int_equal(f->bob.requests, 2);
	fixture_free(f);
}

static void
test_what_must_not_be_said_twice_gets_a_session_of_its_own(void **state)
{
	struct fixture *f = fixture_new();
	struct client_order once = ping;

	once.repeatable = false;
	pin_bob(f, "bob", true);
	f->bob.script = answers;
	expect(f, ping, CLIENT_OK, "ok");
	f->bob.script = drops;
	expect(f, once, CLIENT_DROPPED, "dropped");
	assert_int_equal(f->bob.requests, 2);
	assert_int_equal(f->bob.accepted, 2);
	fixture_free(f);
}

static void
test_who_wants_no_more_chunks_leaves(void **state)
{
	struct fixture *f = fixture_new();
	struct outcome o = outcome_new();

	o.wanted = 1;
	pin_bob(f, "bob", true);
	f->bob.script = streams_on;
	begin(f, "bob", stream, &o);
	while (!o.ended || f->bob.left == 0)
		pump(f);
	assert_int_equal(o.how, CLIENT_LOST);
	outcome_clear(&o);
	fixture_free(f);
}

static void
test_a_cancelled_request_is_not_heard_of_and_the_peer_sees_it(void **state)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		struct fixture *f = fixture_new();
		struct outcome o = outcome_new();
		struct client_call *k;

		pin_bob(f, "bob", tcp);
		f->bob.script = says_nothing;
		k = begin(f, "bob", stream, &o);
		while (f->bob.requests == 0)
			pump(f);
		client_cancel(k);
		while (f->bob.left == 0)
			pump(f);
		assert_false(o.ended);
		outcome_clear(&o);
		fixture_free(f);
	}
}

static void
test_a_request_can_be_cancelled_before_it_begins(void **state)
{
	struct fixture *f = fixture_new();
	struct outcome o = outcome_new();

	pin_bob(f, "bob", true);
	client_cancel(begin(f, "bob", ping, &o));
	event_base_loop(f->d.base, EVLOOP_NONBLOCK);
	assert_int_equal(f->bob.accepted, 0);
	outcome_clear(&o);
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

/* ---- which profile it is --------------------------------------------------------------------------------- */

static void
test_a_profile_is_found_by_its_key_whatever_its_id_is(void **state)
{
	struct fixture *f = fixture_new();
	struct error e = { 0 };

	assert_int_equal(local_publish(f->bob.home, identity_name(f->bob.self.id), &e), 0);
	pin_bob(f, "robert", false);
	f->bob.script = answers;
	struct outcome o = ask(f, "robert", ping);
	assert_int_equal(o.how, CLIENT_OK);
	outcome_clear(&o);
	fixture_free(f);
}

static void
test_a_profile_without_a_known_key_is_found_by_its_id(void **state)
{
	struct fixture *f = fixture_new();
	struct peer p = { .id = (char *)"bob", .pubkey = (char *)identity_name(f->bob.self.id) };
	cleanup_free char *path = local_socket(f->a.root, f->d.boot.run, &p, NULL);
	cleanup_free char *want = path_join(f->a.root, "profiles/bob/alp/alp.sock");
	cleanup_free char *root = NULL, *root_want = path_join(f->a.root, "alp/alp.sock");
	struct error e = { 0 };

	assert_string_equal(path, want);
	p.id = (char *)"default";
	root = local_socket(f->a.root, f->d.boot.run, &p, NULL);
	assert_string_equal(root, root_want);
	p.id = (char *)"../../etc";
	assert_null(local_socket(f->a.root, f->d.boot.run, &p, &e));
	fixture_free(f);
}

static void
test_the_root_comes_first_and_a_key_that_changed_is_not_found(void **state)
{
	struct fixture *f = fixture_new();
	cleanup_free char *work = path_join(f->a.root, "profiles/work"), *run = path_join(f->a.root, "run/work");
	const char *me = identity_name(f->self.id), *bob = identity_name(f->bob.self.id);
	char *found;

	assert_int_equal(make_dirs(run, 0700, NULL), 0);
	assert_int_equal(local_publish(work, me, NULL), 0);
	found = local_profile(f->a.root, f->d.boot.run, me);
	assert_string_equal(found, "default");		/* client_new has put our own name up */
	free(found);
	assert_int_equal(local_publish(work, bob, NULL), 0);
	assert_int_equal(local_publish(f->bob.home, bob, NULL), 0);
	found = local_profile(f->a.root, f->d.boot.run, bob);
	assert_string_equal(found, "bob");		/* the first by name */
	free(found);
	assert_int_equal(local_publish(f->bob.home, me, NULL), 0);
	found = local_profile(f->a.root, f->d.boot.run, bob);
	assert_string_equal(found, "work");
	free(found);
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
		TEST(test_a_session_with_a_bad_answer_is_not_used_again),
		TEST(test_an_error_ends_a_stream_with_its_name),
		TEST(test_a_message_that_comes_twice_is_refused),
		TEST(test_many_chunks_each_have_their_own_nonce),
		TEST(test_an_end_within_a_stream_is_lost),
		TEST(test_a_close_without_a_byte_is_a_drop),
		TEST(test_nobody_there_is_offline),
		TEST(test_silence_is_a_timeout),
		TEST(test_silence_within_a_stream_is_a_timeout),
		TEST(test_the_whole_of_a_request_has_a_limit),
		TEST(test_a_session_is_used_again_within_its_lane),
		TEST(test_a_busy_session_makes_nobody_wait),
		TEST(test_a_reused_session_that_was_closed_is_dialled_again),
		TEST(test_it_is_dialled_again_only_once),
		TEST(test_it_is_dialled_again_although_another_session_waits),
		TEST(test_a_session_that_ended_while_it_waited_is_not_tried),
		TEST(test_what_must_not_be_said_twice_gets_a_session_of_its_own),
		TEST(test_who_wants_no_more_chunks_leaves),
		TEST(test_a_cancelled_request_is_not_heard_of_and_the_peer_sees_it),
		TEST(test_a_request_can_be_cancelled_before_it_begins),
		TEST(test_who_listens_with_another_key_hears_nothing),
		TEST(test_an_address_that_is_none_is_offline),
		TEST(test_a_profile_is_found_by_its_key_whatever_its_id_is),
		TEST(test_a_profile_without_a_known_key_is_found_by_its_id),
		TEST(test_the_root_comes_first_and_a_key_that_changed_is_not_found),
		TEST(test_only_what_may_go_better_is_worth_another_try),
	};

	return RUN(tests);
}

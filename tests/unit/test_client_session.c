/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions with a peer: when one is used again, dialled again, and left. */
#include "tests/unit/client_fixture.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_session_with_a_bad_answer_is_not_used_again),
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
	};

	return RUN(tests);
}

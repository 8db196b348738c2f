/* SPDX-License-Identifier: Apache-2.0 */
/* link.ask of ours: what a turn sees of it, and what a peer must never see twice. */
#include "tests/unit/link_fixture.h"

#include "alpd/asks.h"
#include "common/audit.h"

#define KEY	"turn/1/0"
#define HEX32	"11111111111111111111111111111111" "11111111111111111111111111111111"

static struct fixture *
open_asks(bool tcp)
{
	struct fixture *f = fixture_new();

	pin_bob(f, "bob", tcp);
	f->a.asks = asks_new(&f->a);
	return f;
}

static void
close_asks(struct fixture *f)
{
	asks_free(f->a.asks);
	fixture_free(f);
}

static bool
ask(struct fixture *f, const char *key, const char *session)
{
	cleanup_json json_t *r = bus_ask(f, MSG_link_ask, &(struct link_ask){ .key = key, .peer = "bob", .prompt = "hello",
	    .session = session });

	return json_bool(r, "known", false);
}

static json_t *
next(struct fixture *f, const char *key, int64_t after)
{
	return bus_ask(f, MSG_link_next, &(struct link_next){ .key = key, .after = after, .wait_ms = 60000 });
}

struct heard {
	char	kinds[512], text[65536];	/* "started text waiting", all text in one */
	int64_t	after;
	json_t	*last;				/* the answer that was the end */
};

/* Pull until the end, as engined does. */
static void
pull(struct fixture *f, struct heard *h, const char *key)
{
	for (;;) {
		json_t *r = next(f, key, h->after), *ev;
		size_t i;

		json_array_foreach(json_object_get(r, "events"), i, ev) {
			assert_true(json_int(ev, "seq", 0) > h->after);
			h->after = json_int(ev, "seq", 0);
			strcat(strcat(h->kinds, h->kinds[0] == '\0' ? "" : " "), json_str(ev, "kind", ""));
			if (strcmp(json_str(ev, "kind", ""), "text") == 0)
				strcat(h->text, json_str(ev, "text", ""));
		}
		if (json_bool(r, "done", false)) {
			h->last = r;
			return;
		}
		json_decref(r);
	}
}

static void
expect_failure(struct fixture *f, const char *name)
{
	struct heard h = { 0 };

	pull(f, &h, KEY);
	assert_null(json_object_get(h.last, "result"));
	assert_string_equal(json_str(h.last, "failure_name", ""), name);
	assert_true(strlen(json_str(h.last, "failure", "")) > 0);
	json_decref(h.last);
}

#define RESULT "{\"cost\":0.00042,\"history\":\"conversation\",\"interrupted\":false,\"other\":[[[1]]]," \
	"\"session_id\":\"abc\",\"text\":\"hello back\",\"tokens_in\":1,\"tokens_out\":2,\"transient\":false}"

static void
converses(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"event\":\"started\",\"session_id\":\"abc\"}", "chunk");
	bob_says(b, l, v, "{\"text\":\"hello \"}", "chunk");
	bob_says(b, l, v, "{\"event\":\"something\"}", "chunk");
	bob_says(b, l, v, "{\"event\":\"progress\",\"session_id\":\"abc\"}", "chunk");
	bob_says(b, l, v, "{\"text\":\"back\"}", "chunk");
	bob_says(b, l, v, RESULT, "final");
	bob_done(l);
}

static void
test_an_ask_is_streamed_and_ends_with_the_peers_result(void **state)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		struct fixture *f = open_asks(tcp);
		struct heard h = { 0 };
		const json_t *result;

		f->bob.script = converses;
		assert_false(ask(f, KEY, "0123456789ab"));
		pull(f, &h, KEY);
		assert_string_equal(h.kinds, "started text progress text");
		assert_string_equal(h.text, "hello back");
		result = json_object_get(h.last, "result");
		assert_string_equal(json_str(result, "text", ""), "hello back");
		assert_true(json_num(result, "cost", 0) == 0.00042);
		assert_int_equal(json_int(result, "tokens_out", 0), 2);
		assert_null(json_object_get(result, "other"));
		assert_string_equal(f->bob.method, "link.ask");
		assert_true(json_bool(f->bob.params, "stream", false));
		assert_string_equal(json_str(f->bob.params, "prompt", ""), "hello");
		json_decref(h.last);
		close_asks(f);
	}
}

static void
test_the_peer_hears_a_conversation_and_never_the_session(void **state)
{
	cleanup_json json_t *all = vectors("mentions.json");
	struct fixture *f = open_asks(true);
	const json_t *row;
	struct heard h;
	size_t i;

	f->bob.script = converses;
	json_array_foreach(json_object_get(all, "conversation_of_session"), i, row) {
		const char *session = json_str(row, "session_id", "");

		h = (struct heard){ 0 };
		ask(f, session, session);
		pull(f, &h, session);
		assert_string_equal(json_str(f->bob.params, "conversation", "?"), json_str(row, "conversation", ""));
		json_decref(h.last);
	}
	assert_true(i > 2);
	h = (struct heard){ 0 };
	ask(f, "other", NULL);
	pull(f, &h, "other");
	assert_string_equal(json_str(f->bob.params, "conversation", "?"), "");
	json_decref(h.last);
	close_asks(f);
}

static void
test_the_same_key_is_the_same_ask(void **state)
{
	struct fixture *f = open_asks(true);
	struct heard h = { 0 };

	f->bob.script = converses;
	assert_false(ask(f, KEY, NULL));
	assert_true(ask(f, KEY, NULL));
	pull(f, &h, KEY);
	assert_true(ask(f, KEY, NULL));
	assert_int_equal(f->bob.requests, 1);
	json_decref(h.last);
	close_asks(f);
}

/* Whoever restarted in between asks for the end again. */
static void
test_an_end_can_be_read_twice(void **state)
{
	struct fixture *f = open_asks(true);
	struct heard h = { 0 };

	f->bob.script = converses;
	ask(f, KEY, NULL);
	pull(f, &h, KEY);
	json_decref(h.last);
	h.last = NULL;
	pull(f, &h, KEY);
	assert_string_equal(json_str(json_object_get(h.last, "result"), "text", ""), "hello back");
	json_decref(h.last);
	close_asks(f);
}

static void
test_an_ask_is_in_the_audit_chain_before_it_is_sent(void **state)
{
	struct fixture *f = open_asks(true);
	cleanup_free char *text = NULL;

	f->bob.script = converses;
	ask(f, KEY, NULL);
	assert_int_equal(f->bob.requests, 0);
	text = get_file(f->a.home, "logs/audit/alpd.jsonl");
	assert_non_null(strstr(text, "\"peer.ask\""));
	assert_non_null(strstr(text, "\"bob\""));
	assert_null(strstr(text, "hello"));		/* only its hash */
	close_asks(f);
}

static void
test_who_is_not_pinned_is_not_asked(void **state)
{
	struct fixture *f = open_asks(true);

	free(bus_refused(f, MSG_link_ask, &(struct link_ask){ .key = KEY, .peer = "eve", .prompt = "x" }, ERR_not_found));
	free(bus_refused(f, MSG_link_next, &(struct link_next){ .key = KEY }, ERR_not_found));
	close_asks(f);
}

static void
test_a_grant_whose_tools_were_narrowed_asks_nobody(void **state)
{
	struct fixture *f = open_asks(true);
	struct grant g = { .origin = (char *)"default/hostd", .audience = (char *)"default/alpd", .who = (char *)"local",
	    .surface = (char *)"cli", .session = (char *)"0123456789ab", .caps = 1u << CAP_peer,
	    .until = clock_wall_ms() / 1000 + 60 };
	cleanup_free char *text = NULL, *narrow = NULL;
	struct boot hostd = { 0 };
	struct error e = { 0 };

	boot_text(f, "verify default/hostd " HEX32, "");
	assert_int_equal(boot_line(&hostd, "unit default/hostd", &e), 0);
	assert_int_equal(boot_line(&hostd, "mint default/alpd " HEX32, &e), 0);
	if ((text = grant_mint(&hostd, &g, &e)) == NULL || (narrow = grant_narrow(text, "tools read_file", &e)) == NULL)
		fail_msg("%s", e.text);
	f->grant = (struct grant){ 0 };
	if (grant_verify(&f->d.boot, narrow, &f->grant, &e) == -1)
		fail_msg("%s", e.text);
	free(bus_refused(f, MSG_link_ask, &(struct link_ask){ .key = KEY, .peer = "bob", .prompt = "x" }, ERR_denied));
	grant_clear(&f->grant);
	boot_clear(&hostd);
	close_asks(f);
}

/* ---- trying again ---------------------------------------------------------------------------------------- */

static void
is_busy_twice(struct bob *b, struct line *l, const struct envelope *v)
{
	if (b->requests <= 2) {
		bob_refuses(b, l, v, -32007, "target-busy", "{\"detail\":\"a turn is running\"}");
		bob_done(l);
	} else {
		converses(b, l, v);
	}
}

static void
test_a_busy_peer_is_asked_again_and_the_wait_is_told(void **state)
{
	struct fixture *f = open_asks(true);
	struct heard h = { 0 };

	f->bob.script = is_busy_twice;
	ask(f, KEY, NULL);
	pull(f, &h, KEY);
	assert_string_equal(h.kinds, "waiting waiting started text progress text");
	assert_string_not_equal(f->bob.nonce, f->bob.prev_nonce);
	json_decref(h.last);
	close_asks(f);
}

static void
is_busy(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_refuses(b, l, v, -32007, "target-busy", "null");
	bob_done(l);
	clock_fake(clock_wall_ms(), 1000000 + 60000 * (int64_t)b->requests);	/* a minute has gone by */
}

static void
test_a_peer_that_stays_busy_is_given_up(void **state)
{
	struct fixture *f = open_asks(true);

	clock_fake(clock_wall_ms(), 1000000);
	f->bob.script = is_busy;
	ask(f, KEY, NULL);
	expect_failure(f, "target-busy");
	assert_int_equal(f->bob.requests, 2);
	close_asks(f);
}

static void
refuses(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_refuses(b, l, v, b->step, b->step == -32001 ? "capability-denied" : "budget-exceeded", "null");
	bob_done(l);
}

static void
test_a_refusal_that_time_does_not_change_is_final(void **state)
{
	static const struct {
		int		 code;
		const char	*name;
	} rows[] = { { -32001, "capability-denied" }, { -32005, "budget-exceeded" } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture *f = open_asks(true);

		f->bob.step = rows[i].code;
		f->bob.script = refuses;
		ask(f, KEY, NULL);
		expect_failure(f, rows[i].name);
		assert_int_equal(f->bob.requests, 1);
		close_asks(f);
	}
}

static void
test_a_peer_that_comes_back_is_asked(void **state)
{
	struct fixture *f = open_asks(false);
	cleanup_free char *path = path_join(f->bob.home, "alp/alp.sock"), *away = path_join(f->bob.home, "alp/away");
	cleanup_json json_t *r = NULL;
	struct heard h = { 0 };

	assert_int_equal(rename(path, away), 0);
	f->bob.script = converses;
	ask(f, KEY, NULL);
	r = next(f, KEY, 0);
	assert_string_equal(json_str(json_array_get(json_object_get(r, "events"), 0), "kind", ""), "waiting");
	assert_int_equal(rename(away, path), 0);
	pull(f, &h, KEY);
	assert_string_equal(h.text, "hello back");
	json_decref(h.last);
	close_asks(f);
}

/* The turn may have begun there, and what it did cannot be taken back. */
static void
breaks_off(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_says(b, l, v, "{\"event\":\"started\",\"session_id\":\"abc\"}", "chunk");
	bob_finish(l);
}

static void
drops(struct bob *b, struct line *l, const struct envelope *v)
{
	bob_close(l);
}

static void
test_what_may_have_begun_is_never_said_twice(void **state)
{
	struct fixture *f = open_asks(true);

	f->bob.script = breaks_off;
	ask(f, KEY, NULL);
	expect_failure(f, "lost");
	assert_int_equal(f->bob.requests, 1);
	close_asks(f);
}

static void
test_a_drop_is_told_as_one(void **state)
{
	struct fixture *f = open_asks(true);

	f->bob.script = drops;
	ask(f, KEY, NULL);
	expect_failure(f, "dropped");
	assert_int_equal(f->bob.requests, 1);
	close_asks(f);
}

/* ---- stopping ---------------------------------------------------------------------------------------------- */

static void
falls_silent(struct bob *b, struct line *l, const struct envelope *v)
{
	if (node_equals(v->method, "link.cancel")) {
		bob_says(b, l, v, "{\"cancelled\":true,\"session_id\":\"abc\"}", NULL);
		bob_done(l);
	} else {
		bob_says(b, l, v, "{\"event\":\"started\",\"session_id\":\"abc\"}", "chunk");
		bob_says(b, l, v, "{\"text\":\"hm\"}", "chunk");
	}
}

static void
test_a_peer_that_falls_silent_is_told_to_stop(void **state)
{
	struct fixture *f = open_asks(true);

	f->a.settings.idle_ms = 30;
	f->bob.script = falls_silent;
	ask(f, KEY, NULL);
	expect_failure(f, "timeout");
	while (f->bob.requests < 2)
		pump(f);
	assert_string_equal(f->bob.method, "link.cancel");
	assert_string_equal(json_str(f->bob.params, "session_id", ""), "abc");
	close_asks(f);
}

static void
test_a_cancelled_ask_ends_and_the_peer_is_told(void **state)
{
	struct fixture *f = open_asks(true);
	cleanup_json json_t *r = NULL, *again = NULL;

	f->bob.script = falls_silent;
	ask(f, KEY, NULL);
	json_decref(next(f, KEY, 0));
	r = bus_ask(f, MSG_link_cancel, &(struct link_cancel){ .key = KEY });
	assert_true(json_bool(r, "cancelled", false));
	expect_failure(f, "cancelled");
	while (f->bob.requests < 2)
		pump(f);
	assert_string_equal(f->bob.method, "link.cancel");
	again = bus_ask(f, MSG_link_cancel, &(struct link_cancel){ .key = KEY });
	assert_false(json_bool(again, "cancelled", true));
	close_asks(f);
}

/* Old peers do not say which session it is; "the running turn" would then be somebody else's of ours. */
static void
never_starts(struct bob *b, struct line *l, const struct envelope *v)
{
}

static void
test_an_ask_without_a_session_stops_no_other(void **state)
{
	struct fixture *f = open_asks(true);

	f->bob.script = never_starts;
	ask(f, KEY, NULL);
	ask(f, "other", NULL);
	while (f->bob.requests < 2)
		pump(f);
	json_decref(bus_ask(f, MSG_link_cancel, &(struct link_cancel){ .key = KEY }));
	while (f->bob.left == 0)
		pump(f);
	for (int i = 0; i < 50; i++)
		event_base_loop(f->d.base, EVLOOP_NONBLOCK);
	assert_int_equal(f->bob.accepted, 2);
	json_decref(bus_ask(f, MSG_link_cancel, &(struct link_cancel){ .key = "other" }));
	while (f->bob.requests < 3)			/* the last one alone is told of */
		pump(f);
	assert_string_equal(f->bob.method, "link.cancel");
	close_asks(f);
}

/* ---- pulling ------------------------------------------------------------------------------------------------ */

static void
test_a_question_without_news_is_answered_when_its_time_is_over(void **state)
{
	struct fixture *f = open_asks(true);
	cleanup_json json_t *r = NULL;

	f->bob.script = never_starts;
	ask(f, KEY, NULL);
	r = bus_ask(f, MSG_link_next, &(struct link_next){ .key = KEY, .wait_ms = 20 });
	assert_int_equal(json_array_size(json_object_get(r, "events")), 0);
	assert_false(json_bool(r, "done", true));
	close_asks(f);
}

static void
test_a_second_question_ends_the_first(void **state)
{
	struct fixture *f = open_asks(true);
	struct link_next m = { .key = KEY, .wait_ms = 60000 };
	struct bus_call *first, *second;

	f->bob.script = never_starts;
	ask(f, KEY, NULL);
	first = bus_begin(f, MSG_link_next, &m);
	second = bus_begin(f, MSG_link_next, &m);
	assert_true(first->done);
	assert_false(second->done);
	asks_free(steal(f->a.asks));
	assert_true(second->done);
	assert_int_equal(second->error.code, ERR_unavailable);
	bus_free_call(first);
	bus_free_call(second);
	close_asks(f);
}

/* An answer that was lost on its way is asked for again: no text may be missing, and none twice. */
static void
test_text_that_was_shown_does_not_change(void **state)
{
	struct fixture *f = open_asks(true);
	json_t *first, *again;

	f->bob.script = never_starts;
	ask(f, KEY, NULL);
	while (f->bob.requests == 0)
		pump(f);
	bob_later(&f->bob, LIST_FIRST(&f->bob.lines), "{\"text\":\"one\"}", "chunk");
	first = next(f, KEY, 0);
	bob_later(&f->bob, LIST_FIRST(&f->bob.lines), "{\"text\":\"two\"}", "chunk");
	for (again = next(f, KEY, 0); json_array_size(json_object_get(again, "events")) == 1; again = next(f, KEY, 0)) {
		assert_true(json_equal(first, again));
		json_decref(again);
		pump(f);
	}
	assert_true(json_equal(json_array_get(json_object_get(first, "events"), 0),
	    json_array_get(json_object_get(again, "events"), 0)));
	assert_string_equal(json_str(json_array_get(json_object_get(again, "events"), 1), "text", ""), "two");
	json_decref(first);
	json_decref(again);
	close_asks(f);
}

static void
talks_much(struct bob *b, struct line *l, const struct envelope *v)
{
	for (int i = 0; i < 40; i++)
		bob_says(b, l, v, "{\"text\":\"x\"}", "chunk");
	bob_says(b, l, v, "{\"text\":\"nul \\u0000 here\"}", "chunk");
	bob_says(b, l, v, "{\"text\":\"a\\u0000b\"}", "final");
	bob_done(l);
}

static void
test_unread_text_is_merged_and_a_nul_of_the_peer_does_no_harm(void **state)
{
	struct fixture *f = open_asks(true);
	struct heard h = { 0 };

	f->bob.script = talks_much;
	ask(f, KEY, NULL);
	while (f->bob.requests == 0)
		pump(f);
	for (int i = 0; i < 200; i++)
		event_base_loop(f->d.base, EVLOOP_NONBLOCK);
	pull(f, &h, KEY);
	assert_string_equal(h.kinds, "text");
	assert_int_equal(strncmp(h.text, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 40), 0);
	assert_string_equal(json_str(json_object_get(h.last, "result"), "text", ""), "a\xef\xbf\xbd" "b");
	json_decref(h.last);
	close_asks(f);
}

/* A peer that talks for ever while nobody listens ends before our memory does. */
static void
test_text_that_nobody_takes_has_a_limit(void **state)
{
	static char text[500001];
	struct fixture *f = open_asks(true);
	struct heard h = { .after = INT64_MAX };
	int n = 0;

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "{\"text\":\"", 9);
	memcpy(text + sizeof(text) - 3, "\"}", 2);
	f->bob.script = never_starts;
	ask(f, KEY, NULL);
	while (f->bob.requests == 0)
		pump(f);
	while (f->bob.left == 0) {
		bob_later(&f->bob, LIST_FIRST(&f->bob.lines), text, "chunk");
		for (int i = 0; i < 100; i++)
			event_base_loop(f->d.base, EVLOOP_NONBLOCK);
		assert_true(++n < 20);
	}
	assert_true(n > 8);
	pull(f, &h, KEY);
	assert_string_equal(json_str(h.last, "failure_name", ""), "unread");
	json_decref(h.last);
	close_asks(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_ask_is_streamed_and_ends_with_the_peers_result),
		TEST(test_the_peer_hears_a_conversation_and_never_the_session),
		TEST(test_the_same_key_is_the_same_ask),
		TEST(test_an_end_can_be_read_twice),
		TEST(test_an_ask_is_in_the_audit_chain_before_it_is_sent),
		TEST(test_who_is_not_pinned_is_not_asked),
		TEST(test_a_grant_whose_tools_were_narrowed_asks_nobody),
		TEST(test_a_busy_peer_is_asked_again_and_the_wait_is_told),
		TEST(test_a_peer_that_stays_busy_is_given_up),
		TEST(test_a_refusal_that_time_does_not_change_is_final),
		TEST(test_a_peer_that_comes_back_is_asked),
		TEST(test_what_may_have_begun_is_never_said_twice),
		TEST(test_a_drop_is_told_as_one),
		TEST(test_a_peer_that_falls_silent_is_told_to_stop),
		TEST(test_a_cancelled_ask_ends_and_the_peer_is_told),
		TEST(test_an_ask_without_a_session_stops_no_other),
		TEST(test_a_question_without_news_is_answered_when_its_time_is_over),
		TEST(test_a_second_question_ends_the_first),
		TEST(test_text_that_was_shown_does_not_change),
		TEST(test_unread_text_is_merged_and_a_nul_of_the_peer_does_no_harm),
		TEST(test_text_that_nobody_takes_has_a_limit),
	};

	return RUN(tests);
}

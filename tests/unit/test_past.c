/* SPDX-License-Identifier: Apache-2.0 */
/* The tools that look into earlier conversations, in whole turns. */
#include "tests/unit/engine_fixture.h"

#include "engined/recall.h"

#define CALL(name, args) "[{\"id\":\"c1\",\"name\":\"" name "\",\"arguments\":\"" args "\"}]"

static void
keep(const char *id, double at, const char *user, const char *assistant, size_t turns)
{
	cleanup_json json_t *s = session_new(id, "m");
	struct error e = { 0 };

	json_object_set_new(s, "started_at", json_real(at));
	for (size_t i = 0; i < turns; i++) {
		cleanup_free char *text = xasprintf("%s %zu", user, i + 1);
		json_t *turn = session_turn(at, text, NULL);

		json_object_set_new(turn, "assistant", json_string(assistant));
		json_array_append_new(json_object_get(turn, "tools"), session_tool(at, "terminal", true, 0, NULL, ""));
		json_array_append_new(session_turns(s), turn);
	}
	assert_int_equal(session_save(home, s, &e), 0);
}

/* What the model is shown of a call; the caller frees. */
static char *
call_once(const char *calls)
{
	struct answer answers[] = { { .calls = calls }, { .text = "done" }, { 0 } };
	size_t before = json_array_size(asked);
	static int n;
	char key[16];

	snprintf(key, sizeof(key), "k%d", n++);
	script = answers;
	script_at = 0;
	json_decref(run_turn(key, NULL, "look"));
	script = NULL;
	return contents(before + 1, "tool");
}

static void
test_past_search_shows_the_ends_of_conversations_most_occurrences_first(void **state)
{
	cleanup_free char *shown = NULL, *many = NULL, *few = NULL;

	keep("few", 2000, "about walruses", "yes", 1);
	keep("many", 1000, "walrus and walrus", "a walrus", 2);
	keep("none", 3000, "ships", "they swim", 1);
	shown = call_once(CALL("session_search", "{\\\"query\\\":\\\"is a walrus\\\"}"));
	many = strstr(shown, "session many, 1970-01-01T00:16:40Z, 6 occurrences") == NULL ? NULL : xstrdup("");
	few = strstr(shown, "session few,") == NULL ? NULL : xstrdup("");
	assert_non_null(many);
	assert_non_null(few);
	assert_true(strstr(shown, "session many") < strstr(shown, "session few"));
	assert_null(strstr(shown, "session none"));
	assert_non_null(strstr(shown, "(tools: terminal)"));
	assert_non_null(strstr(shown, "[UNTRUSTED OUTPUT tool=session_search kind=data"));
}

/* Short texts fit a word better than long ones. */
static void
test_past_search_counts_in_all_conversations_not_in_those_that_fit_best(void **state)
{
	cleanup_free char *shown = NULL;
	cleanup_buf struct buf long_text = BUF(0);

	for (int i = 0; i < 200; i++)
		buf_addf(&long_text, "filler%d %s\n", i, i % 40 == 0 ? "walrus" : "of no weight here");
	keep("often", 500, "about the sea", buf_str(&long_text), 6);
	for (int i = 0; i < 60; i++) {
		cleanup_free char *id = xasprintf("once%02d", i);

		keep(id, 1000 + i, "sea", "a walrus", 1);
	}
	shown = call_once(CALL("session_search", "{\\\"query\\\":\\\"walrus\\\",\\\"max_results\\\":2}"));
	assert_non_null(strstr(shown, "session often, 1970-01-01T00:08:20Z, 30 occurrences"));
	assert_non_null(strstr(shown, "session once59,"));		/* of those that are alike the newest */
	assert_true(strstr(shown, "session often") < strstr(shown, "session once59"));
	assert_null(strstr(shown, "session once58"));
}

static void
test_past_search_leaves_the_current_conversation_out(void **state)
{
	cleanup_free char *shown = call_once(CALL("session_search", "{\\\"query\\\":\\\"look\\\"}"));

	assert_non_null(strstr(shown, "No earlier conversation has these words."));
}

static void
test_past_search_cuts_a_long_conversation_to_its_end(void **state)
{
	struct buf b = BUF(0);
	cleanup_free char *shown = NULL;

	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "word%03d ", i);
	keep("long", 1000, buf_str(&b), "the end", 1);
	buf_clear(&b);
	shown = call_once(CALL("session_search", "{\\\"query\\\":\\\"word500\\\"}"));
	assert_non_null(strstr(shown, "the end"));
	assert_null(strstr(shown, "word000"));
	assert_true(strlen(shown) < 3000);
}

static void
test_past_search_needs_a_word_of_three_letters(void **state)
{
	cleanup_free char *shown = call_once(CALL("session_search", "{\\\"query\\\":\\\"a b cd\\\"}"));

	assert_non_null(strstr(shown, "ERROR: session_search: \"query\" needs a word"));
}

static void
test_past_recall_asks_for_an_index_first_and_then_answers_in_rows(void **state)
{
	cleanup_free char *empty = NULL, *indexed = NULL, *again = NULL, *rows = NULL, *none = NULL;

	keep("s1", 1000, "the heron nests", "in May", 1);
	empty = call_once(CALL("recall_sessions", "{\\\"query\\\":\\\"heron\\\"}"));
	assert_non_null(strstr(empty, "call index_sessions first"));
	indexed = call_once(CALL("index_sessions", "{}"));
	assert_non_null(strstr(indexed, "\"indexed\":"));
	again = call_once(CALL("index_sessions", "{}"));
	assert_non_null(strstr(again, "\"removed\":0,\"skipped\":0"));
	assert_int_equal(effects("index_sessions"), 0);		/* toolrunner has no part in it */
	assert_string_equal(json_str(pushed_data("chat.turn_done"), "summary", ""), "done");
	rows = call_once(CALL("recall_sessions", "{\\\"query\\\":\\\"heron\\\",\\\"k\\\":1}"));
	assert_non_null(strstr(rows, "[{\"session_id\":\"s1\",\"when\":\"1970-01-01T00:16:40Z\",\"snippet\":\"user: the heron nests 1"));
	none = call_once(CALL("recall_sessions", "{\\\"query\\\":\\\"\\\\\\\"*\\\\\\\"\\\"}"));
	assert_non_null(strstr(none, "ERROR: there is no word in the query"));
}

static void
test_past_read_lists_windows_and_ranges(void **state)
{
	cleanup_free char *list = NULL, *window = NULL, *range = NULL, *lost = NULL, *bad = NULL, *absent = NULL;

	keep("s1", 1000, "turn number", "ok", 30);
	list = call_once(CALL("session_read", "{}"));
	assert_non_null(strstr(list, "s1  20"));
	assert_non_null(strstr(list, "30 turns  turn number 1"));
	window = call_once(CALL("session_read", "{\\\"session\\\":\\\"s1\\\",\\\"phrase\\\":\\\"NUMBER 10\\\",\\\"window\\\":1}"));
	assert_non_null(strstr(window, "turns 9 to 11 of 30"));
	assert_non_null(strstr(window, "turn number 11"));
	assert_null(strstr(window, "turn number 12"));
	range = call_once(CALL("session_read", "{\\\"session\\\":\\\"s1\\\",\\\"start\\\":29,\\\"limit\\\":5}"));
	assert_non_null(strstr(range, "turns 29 to 30 of 30"));
	lost = call_once(CALL("session_read", "{\\\"session\\\":\\\"s1\\\",\\\"phrase\\\":\\\"walrus\\\"}"));
	assert_non_null(strstr(lost, "does not have this phrase"));
	bad = call_once(CALL("session_read", "{\\\"session\\\":\\\"../../.env\\\"}"));
	assert_non_null(strstr(bad, "ERROR: session_read: \"session\" is not a session id"));
	absent = call_once(CALL("session_read", "{\\\"session\\\":\\\"nobody\\\"}"));
	assert_non_null(strstr(absent, "ERROR: no session nobody"));
}

static void
test_past_read_is_bounded(void **state)
{
	char text[20000];
	cleanup_free char *shown = NULL;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	keep("big", 1000, text, text, 40);
	shown = call_once(CALL("session_read", "{\\\"session\\\":\\\"big\\\",\\\"limit\\\":1000}"));
	assert_true(strlen(shown) > 5000);
	assert_true(strlen(shown) < 6400);
}

static void
test_past_is_not_for_the_turn_of_a_peer(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("session_read", "{}") }, { .text = "done" }, { 0 } };
	struct turn_start m = { .key = "p1", .text = "what did she say?", .surface = "peer", .peer = "bob" };
	cleanup_free char *shown = NULL, *tools = NULL;

	keep("s1", 1000, "a secret of hers", "ok", 1);
	script = answers;
	assert_int_equal(tell(MSG_turn_start, &m), 0);
	snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
	run_until_over();
	shown = contents(1, "tool");
	tools = json_text(json_object_get(json_array_get(asked, 0), "tools"));
	assert_non_null(strstr(shown, "is not for a peer's turn"));
	assert_null(strstr(shown, "secret"));
	assert_null(strstr(tools, "session_read"));
}

static void
test_past_search_is_begun_again_after_a_crash(void **state)
{
	static const struct answer answers[] = {
		{ .calls = CALL("session_search", "{\\\"query\\\":\\\"walrus\\\"}") }, { .text = "done" }, { 0 } };
	cleanup_free char *shown = NULL;

	keep("s1", 1000, "a walrus", "ok", 1);
	script = answers;
	assert_int_equal(start_turn("k1", NULL, "find it"), 0);
	while (the_turn()->now.wait == NULL)
		step_loop();
	engine_down();
	engine_up(NULL);
	run_until_over();
	shown = contents(1, "tool");
	assert_non_null(strstr(shown, "session s1"));
}

static void
test_past_search_that_waits_can_be_interrupted(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("index_sessions", "{}") }, { .text = "never" }, { 0 } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *kinds = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "index"), 0);
	while (the_turn()->now.wait == NULL)
		step_loop();
	assert_int_equal(tell(MSG_turn_cancel, &(struct turn_cancel){ .key = "k1" }), 0);
	run_until_over();
	events = events_after(0);
	kinds = kinds_of(events);
	assert_string_equal(kinds, "session_start usage tool_start tool_end interrupted done");
	assert_string_equal(json_str(last_event(events, "tool_end"), "output", ""), "interrupted");
	assert_int_equal(json_array_size(asked), 1);
}

static void
test_past_deleting_a_session_removes_it_from_the_index(void **state)
{
	const char *ids[] = { "s1", NULL };
	cleanup_json json_t *rows = NULL;

	keep("s1", 1000, "the heron nests", "in May", 1);
	free(call_once(CALL("index_sessions", "{}")));
	assert_int_equal(tell(MSG_session_delete, &(struct session_delete){ .ids = ids, .n_ids = 1 }), 0);
	put_file(home, "sessions/s1.json", "{}");	/* one without a file would not be shown anyway */
	rows = recall_find(engine.recall, "heron", 5, NULL, NULL);
	assert_int_equal(json_array_size(rows), 0);
}

static void
test_past_a_person_searches_what_is_new_at_once(void **state)
{
	keep("s1", 1000, "the heron nests", "in May", 1);
	assert_int_equal(tell(MSG_session_search, &(struct session_search){ .query = "heron" }), 0);
	while (answer_json == NULL)
		step_loop();
	assert_int_equal(json_array_size(json_object_get(answer_json, "sessions")), 1);
	assert_int_equal(tell(MSG_session_search, &(struct session_search){ .query = "?!" }), 0);
	while (answer_json == NULL)
		step_loop();
	assert_string_equal(json_str(answer_json, "error", ""), "there is no word in the query");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE(test_past_search_shows_the_ends_of_conversations_most_occurrences_first),
		FIXTURE(test_past_search_counts_in_all_conversations_not_in_those_that_fit_best),
		FIXTURE(test_past_search_leaves_the_current_conversation_out),
		FIXTURE(test_past_search_cuts_a_long_conversation_to_its_end),
		FIXTURE(test_past_search_needs_a_word_of_three_letters),
		FIXTURE(test_past_recall_asks_for_an_index_first_and_then_answers_in_rows),
		FIXTURE(test_past_read_lists_windows_and_ranges),
		FIXTURE(test_past_read_is_bounded),
		FIXTURE(test_past_is_not_for_the_turn_of_a_peer),
		FIXTURE(test_past_search_is_begun_again_after_a_crash),
		FIXTURE(test_past_search_that_waits_can_be_interrupted),
		FIXTURE(test_past_a_person_searches_what_is_new_at_once),
		FIXTURE(test_past_deleting_a_session_removes_it_from_the_index),
	};

	return RUN(tests);
}

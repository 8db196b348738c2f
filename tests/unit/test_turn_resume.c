/* SPDX-License-Identifier: Apache-2.0 */
/* The turn machine dies and is started again: nothing is lost, nothing is done twice, nothing is told twice. */
#include "tests/unit/engine_fixture.h"

#include "common/atomic.h"

#define CALL(name, args) "[{\"id\":\"c1\",\"name\":\"" name "\",\"arguments\":\"" args "\"}]"

static void
test_turn_what_was_paid_before_a_death_is_charged_once(void **state)
{
	assert_int_equal(journal_charge(engine.journal, NULL, 70, 7, 0.5, NULL), 0);
	assert_int_equal(journal_charge(engine.journal, "anna", 20, 3, 0.25, NULL), 0);
	assert_int_equal(ledger_tokens(engine.ledger), 0);
	for (int i = 0; i < 2; i++) {
		engine_down();
		engine_up(NULL);
		assert_int_equal(ledger_tokens(engine.ledger), 100);
		assert_true(ledger_usd(engine.ledger) == 0.75);
	}
}

static void
test_turn_frames_are_on_disk_before_they_are_shown(void **state)
{
	static const struct answer answers[] = { { .text = "hello you" }, { 0 } };
	cleanup_json json_t *events = NULL, *rows = NULL;
	cleanup_free char *sidecar = NULL, *text = NULL;

	script = answers;
	events = run_turn("k1", NULL, "hello");
	assert_int_equal(tell(MSG_session_events, &(struct session_events){ .session = session_id }), 0);
	rows = json_incref(json_object_get(answer_json, "events"));
	assert_int_equal(json_array_size(rows), json_array_size(events));
	assert_string_equal(json_str(json_object_get(json_array_get(rows, 0), "frame"), "event", ""), "session_start");
	assert_string_equal(json_str(json_array_get(rows, 0), "request_id", ""), "k1");
	text = xasprintf("sessions/_events_%s.jsonl", session_id);
	sidecar = get_file(home, text);
	assert_non_null(strstr(sidecar, "{\"kind\":\"turn_start\",\"seq\":0,"));
}

static void
test_turn_killed_behind_its_last_frame_is_closed_not_repeated(void **state)
{
	cleanup_json json_t *events = NULL, *again = NULL;
	struct journal_turn row = { 0 };

	events = run_turn("k1", NULL, "hello");
	assert_non_null(the_turn()->unclosed);
	engine_down();
	engine_up(NULL);
	assert_null(the_turn());
	assert_int_equal(journal_by_id(engine.journal, turn_id, &row, NULL), 1);
	assert_string_equal(json_str(row.outcome, "text", ""), "ok");
	journal_turn_clear(&row);
	again = events_after(0);
	assert_true(json_equal(events, again));
	assert_int_equal(json_array_size(asked), 1);
}

static void
test_turn_that_lasts_is_saved_unfinished(void **state)
{
	static const struct answer answers[] = { { .text = "x", .hangs = true }, { 0 } };
	cleanup_free char *path = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "hello"), 0);
	path = session_path(home, session_id);
	while (access(path, F_OK) == -1)
		step_loop();
	assert_int_equal(tell(MSG_session_read, &(struct session_read){ .id = session_id }), 0);
	assert_true(json_bool(json_array_get(session_turns(json_object_get(answer_json, "session")), 0), "unfinished", false));
}

static void
test_turn_late_requester_gets_the_end(void **state)
{
	cleanup_json json_t *events = NULL, *late = NULL, *bare = NULL, *end = NULL;
	cleanup_free char *kinds = NULL, *sidecar = NULL, *bare_kinds = NULL;

	events = run_turn("k1", NULL, "hello");
	engine_down();
	engine_up(NULL);
	late = events_after(0);
	kinds = kinds_of(late);
	assert_string_equal(kinds, "session_start assistant_delta usage reply done");
	assert_true(json_bool(answer_json, "done", false));
	sidecar = session_sidecar(home, session_id);
	unlink(sidecar);
	bare = events_after(7);
	bare_kinds = kinds_of(bare);
	assert_string_equal(bare_kinds, "reply done");
	assert_string_equal(json_str(last_event(bare, "reply"), "text", ""), "ok");
	end = events_after(json_int(json_array_get(bare, 0), "seq", 0));
	assert_int_equal(json_array_size(end), 1);
	assert_true(json_equal(json_array_get(end, 0), json_array_get(bare, 1)));
	assert_int_equal(tell(MSG_turn_next, &(struct turn_next){ .turn = "nosuch", .after = 0 }), ERR_not_found);
}

static void
test_turn_save_failure_is_an_error_event_and_the_reply_still_comes(void **state)
{
	static const struct answer answers[] = { { .text = "x", .hangs = true }, { 0 } };
	cleanup_free char *path = NULL, *kinds = NULL;
	cleanup_json json_t *events = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "hello"), 0);
	while (the_turn()->said.len == 0)
		step_loop();
	path = session_path(home, session_id);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);		/* a file cannot replace a directory */
	finish_reply(the_turn(), "x");
	rmdir(path);
	events = events_after(0);
	kinds = kinds_of(events);
	assert_string_equal(kinds, "session_start assistant_delta error reply done");
}

static size_t
count_kind(json_t *events, const char *kind)
{
	size_t n = 0, i;
	json_t *ev;

	json_array_foreach(events, i, ev)
		n += strcmp(json_str(ev, "kind", ""), kind) == 0;
	return n;
}

/*
 * The heart of it: kill the engine after every single round of the loop, start it again, and see that the turn ends
 * with the right text, that no tool ran twice, and that the numbers of the events go on rising.
 */
static void
test_turn_survives_a_crash_at_every_point(void **state)
{
	static const struct answer answers[] = {
		{ .text = "one ", .calls = "[{\"id\":\"a\",\"name\":\"good\",\"arguments\":\"{}\"},"
		    "{\"id\":\"b\",\"name\":\"writer\",\"arguments\":\"{}\"}]" },
		{ .calls = CALL("todo", "{\\\"action\\\":\\\"add\\\",\\\"content\\\":\\\"sweep\\\"}") },
		{ .text = "not yet" },
		{ .calls = CALL("todo", "{\\\"action\\\":\\\"clear\\\"}") },
		{ .text = "the end" }, { 0 } };
	bool over = false;

	for (int point = 0; !over; point++) {
		cleanup_json json_t *seen = NULL, *rest = NULL, *turn = NULL, *all = NULL;
		char key[16];
		int64_t last;
		size_t steps;

		json_object_clear(runner_calls);
		script = answers;
		script_at = 0;
		snprintf(key, sizeof(key), "key%d", point);
		assert_int_equal(start_turn(key, NULL, "do it"), 0);
		for (int i = 0; i < point && the_turn()->state != TURN_OVER; i++)
			step_loop();
		over = the_turn()->state == TURN_OVER;
		seen = events_after(0);
		last = json_int(json_array_get(seen, json_array_size(seen) - 1), "seq", 0);
		steps = (size_t)the_turn()->step;
		engine_down();
		script_at = steps > 0 ? steps - 1 : 0;	/* the model answers what it is asked: the step that did not finish */
		engine_up(NULL);
		if (the_turn() != NULL && the_turn()->state != TURN_OVER) {
			cleanup_json json_t *rows = journal_steps(engine.journal, turn_id, NULL);

			script_at = json_array_size(rows);
		}
		run_until_over();
		rest = events_after(last);
		if (!over)
			assert_string_equal(json_str(last_event(rest, "reply"), "text", ""), "the end");
		if (json_array_size(rest) > 0)
			assert_true(json_int(json_array_get(rest, 0), "seq", 0) > last);
		assert_int_equal(effects("good"), 1);
		assert_int_equal(effects("writer"), 1);
		all = events_after(0);
		assert_int_equal(count_kind(all, "tool_start"), 4);
		assert_int_equal(count_kind(all, "tool_end"), 4);
		assert_int_equal(count_kind(all, "done"), 1);
		turn = saved_turn(0);
		assert_int_equal(json_array_size(json_object_get(turn, "tools")), 4);
		assert_string_equal(json_str(turn, "assistant", ""), "the end");
	}
}

static void
test_turn_resumed_in_the_stream_tells_clients_to_drop_the_half_text(void **state)
{
	static const struct answer answers[] = { { .text = "half", .hangs = true }, { .text = "whole" }, { 0 } };
	cleanup_json json_t *before = NULL, *after = NULL;
	cleanup_free char *kinds = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "hello"), 0);
	while (the_turn()->said.len == 0)
		step_loop();
	before = events_after(0);
	engine_down();
	engine_up(NULL);
	run_until_over();
	after = events_after(2);
	kinds = kinds_of(after);
	assert_string_equal(kinds, "restart_step assistant_delta usage reply done");
	assert_string_equal(json_str(last_event(after, "reply"), "text", ""), "whole");
}

/* Cut the turn's sidecar behind so many rows, the first included, and half a row. */
static void
cut_sidecar(int rows)
{
	cleanup_free char *path = session_sidecar(home, session_id);
	cleanup_buf struct buf all = BUF(1 << 20);
	const char *end;

	assert_int_equal(file_read(path, 1 << 20, &all, NULL), 0);
	for (end = buf_str(&all); rows > 0; rows--)
		end = strchr(end, '\n') + 1;
	assert_int_equal(truncate(path, (off_t)(end - buf_str(&all)) + 10), 0);
}

static int64_t
seq_at(json_t *events, size_t i)
{
	return json_int(json_array_get(events, i), "seq", 0);
}

/* A full disk or a power loss may take the end of the sidecar, which a client has seen. */
static void
test_turn_never_uses_a_number_twice_though_the_sidecar_lost_its_end(void **state)
{
	static const struct answer answers[] = { { .text = "half", .hangs = true }, { .text = "whole" }, { 0 } };
	cleanup_json json_t *before = NULL, *after = NULL, *all = NULL;
	cleanup_free char *kinds = NULL, *all_kinds = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "hello"), 0);
	while (the_turn()->said.len == 0)
		step_loop();
	before = events_after(0);
	assert_int_equal(seq_at(before, 1), 2);
	engine_down();
	cut_sidecar(2);
	engine_up(NULL);
	run_until_over();
	after = events_after(2);
	kinds = kinds_of(after);
	assert_string_equal(kinds, "assistant_delta usage reply done");
	engine_down();			/* now they come from the disk: half a row has not swallowed the one behind it */
	engine_up(NULL);
	all = events_after(0);
	all_kinds = kinds_of(all);
	assert_string_equal(all_kinds, "session_start assistant_delta usage reply done");
	assert_true(seq_at(all, 1) == seq_at(after, 0) && seq_at(all, 1) > 2);
}

static void
test_turn_tells_all_again_under_new_numbers_when_the_sidecar_is_gone(void **state)
{
	static const struct answer answers[] = { { .text = "half", .hangs = true }, { .text = "whole" }, { 0 } };
	cleanup_free char *kinds = NULL, *path = NULL;
	cleanup_json json_t *after = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "hello"), 0);
	while (the_turn()->said.len == 0)
		step_loop();
	path = session_sidecar(home, session_id);
	engine_down();
	unlink(path);
	engine_up(NULL);
	run_until_over();
	after = events_after(2);
	kinds = kinds_of(after);
	assert_string_equal(kinds, "session_start assistant_delta usage reply done");
}

static void
test_turn_taken_up_again_has_nothing_to_tell_until_something_happens(void **state)
{
	static const struct answer answers[] = { { .hangs = true }, { .hangs = true }, { 0 } };
	struct turn_next m = { .turn = turn_id, .after = 1, .wait_ms = 60000 };
	cleanup_json json_t *before = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "hello"), 0);
	while (the_turn()->state != TURN_STREAM)
		step_loop();
	before = events_after(0);
	assert_int_equal(json_array_size(before), 1);
	engine_down();
	engine_up(NULL);
	while (the_turn()->state != TURN_STREAM)
		step_loop();
	assert_int_equal(tell(MSG_turn_next, &m), 0);
	assert_null(answer_json);
}

/* As a power loss leaves it: the one before had ended, and that was not on disk yet. */
static void
begin_behind(const char *key, const char *text)
{
	cleanup_free char *path = xasprintf("%s/sessions/_journal.sqlite", home);
	struct journal *j = journal_open(path, NULL);
	struct journal_turn t = { .id = (char *)"second", .owner = (char *)"default/hostd", .key = (char *)key,
	    .session = session_id, .request = json_pack("{s:s, s:s}", "text", text, "surface", "cli"),
	    .base = json_pack("{s:i}", "index", 1), .grants = json_array(), .started_ms = 1000 };

	assert_int_equal(journal_begin(j, &t, NULL), 0);
	json_decref(t.request);
	json_decref(t.base);
	json_decref(t.grants);
	journal_close(j);
}

static void
test_turns_of_one_session_are_taken_up_one_after_the_other(void **state)
{
	static const struct answer answers[] = { { .text = "half", .hangs = true }, { .text = "one" }, { .text = "two" }, { 0 } };
	cleanup_json json_t *first = NULL, *second = NULL;
	cleanup_free char *sent = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "do this"), 0);
	while (the_turn()->said.len == 0)
		step_loop();
	engine_down();
	begin_behind("k2", "and that");		/* the clock went back meanwhile */
	engine_up(NULL);
	assert_int_equal(tell(MSG_turn_next, &(struct turn_next){ .turn = "second" }), 0);
	assert_int_equal(json_array_size(json_object_get(answer_json, "events")), 0);
	assert_false(json_bool(answer_json, "done", true));
	run_until_over();
	snprintf(turn_id, sizeof(turn_id), "second");
	run_until_over();
	first = saved_turn(0);
	second = saved_turn(1);
	assert_string_equal(json_str(first, "user", ""), "do this");
	assert_string_equal(json_str(first, "assistant", ""), "one");
	assert_string_equal(json_str(second, "user", ""), "and that");
	assert_string_equal(json_str(second, "assistant", ""), "two");
	sent = json_text(json_array_get(asked, 2));
	assert_non_null(strstr(sent, "\"one\""));
}

static void
test_turn_cancelled_before_a_crash_stays_cancelled(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("slow", "{}") }, { .text = "never" }, { 0 } };
	cleanup_json json_t *events = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "hello"), 0);
	while (held == NULL)
		step_loop();
	assert_int_equal(tell(MSG_turn_cancel, &(struct turn_cancel){ .key = "k1" }), 0);
	engine_down();
	engine_up(NULL);
	run_until_over();
	events = events_after(0);
	last_event(events, "interrupted");
	assert_int_equal(effects("slow"), 1);
	assert_int_equal(json_array_size(asked), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE(test_turn_what_was_paid_before_a_death_is_charged_once),
		FIXTURE(test_turn_frames_are_on_disk_before_they_are_shown),
		FIXTURE(test_turn_killed_behind_its_last_frame_is_closed_not_repeated),
		FIXTURE(test_turn_that_lasts_is_saved_unfinished),
		FIXTURE(test_turn_late_requester_gets_the_end),
		FIXTURE(test_turn_save_failure_is_an_error_event_and_the_reply_still_comes),
		FIXTURE(test_turn_survives_a_crash_at_every_point),
		FIXTURE(test_turn_resumed_in_the_stream_tells_clients_to_drop_the_half_text),
		FIXTURE(test_turn_never_uses_a_number_twice_though_the_sidecar_lost_its_end),
		FIXTURE(test_turn_tells_all_again_under_new_numbers_when_the_sidecar_is_gone),
		FIXTURE(test_turn_taken_up_again_has_nothing_to_tell_until_something_happens),
		FIXTURE(test_turns_of_one_session_are_taken_up_one_after_the_other),
		FIXTURE(test_turn_cancelled_before_a_crash_stays_cancelled),
	};

	return RUN(tests);
}

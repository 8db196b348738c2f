/* SPDX-License-Identifier: Apache-2.0 */
/* The turn machine against a scripted model: steps, limits, errors, interrupts, and what is kept of a conversation. */
#include "tests/unit/engine_fixture.h"

#define CALL(name, args) "[{\"id\":\"c1\",\"name\":\"" name "\",\"arguments\":\"" args "\"}]"

static void
test_turn_answers_and_keeps_the_conversation(void **state)
{
	static const struct answer answers[] = { { .text = "hello you", .reasoning = "a greeting" }, { 0 } };
	cleanup_json json_t *events = NULL, *turn = NULL;
	cleanup_free char *kinds = NULL;

	script = answers;
	events = run_turn("k1", NULL, "hello");
	kinds = kinds_of(events);
	assert_string_equal(kinds, "session_start reasoning_delta assistant_delta usage reply done");
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), "hello you");
	assert_string_equal(json_str(last_event(events, "reply"), "session_id", ""), session_id);
	assert_true(json_bool(answer_json, "done", false));
	turn = saved_turn(0);
	assert_string_equal(json_str(turn, "user", ""), "hello");
	assert_string_equal(json_str(turn, "assistant", ""), "hello you");
	assert_string_equal(json_str(json_object_get(turn, "reasoning"), "preview", ""), "a greeting");
	assert_true(ledger_tokens(engine.ledger) == 110);
}

static void
test_turn_keeps_no_line_that_is_a_cached_sound_file(void **state)
{
	cleanup_free char *text = xasprintf("here it is:\n  %s/cache/tts/a.mp3\nit says %s/cache/stt/b.ogg\n%s/cache/stt/b.ogg", engine.home,
	    engine.home, engine.home);
	cleanup_free char *kept = xasprintf("here it is:\nit says %s/cache/stt/b.ogg\n", engine.home);
	struct answer answers[] = { { .text = text }, { 0 } };
	cleanup_json json_t *events = NULL, *turn = NULL;

	script = answers;
	events = run_turn("k1", NULL, "read it to me");
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), kept);
	turn = saved_turn(0);
	assert_string_equal(json_str(turn, "assistant", ""), kept);
}

/* The last row of logs/runs.jsonl. */
static json_t *
last_run(void)
{
	cleanup_free char *rows = get_file(home, "logs/runs.jsonl");
	char *line;

	rows[strlen(rows) - 1] = '\0';
	line = strrchr(rows, '\n') == NULL ? rows : strrchr(rows, '\n') + 1;
	return json_parse(line, strlen(line), 4, NULL);
}

static void
test_turn_leaves_a_line_and_a_row_in_the_logs(void **state)
{
	cleanup_free char *text = xasprintf("%0400d ends with sk-abcdefghij0123456789", 7), *line = NULL;
	struct answer answers[] = { { .text = text }, { 0 } };
	struct turn_start m = { .key = "k2", .text = "hello", .surface = "peer", .peer = "bob" };
	cleanup_json json_t *events = NULL, *row = NULL, *other = NULL;
	const char *tail;

	script = answers;
	events = run_turn("k1", NULL, "send it to sk-abcdefghij0123456789");
	row = last_run();
	assert_string_equal(json_str(row, "session_id", ""), session_id);
	assert_string_equal(json_str(row, "kind", ""), "agent");
	assert_string_equal(json_str(row, "outcome", ""), "ok");
	assert_int_equal(json_int(row, "tool_count", -1), 0);
	assert_null(json_object_get(row, "peer_id"));
	assert_null(json_object_get(row, "timeout_reason"));
	tail = json_str(row, "output_tail", "");
	assert_int_equal(utf8_count(tail, strlen(tail)), 280);
	assert_non_null(strstr(tail, "0007 ends with [REDACTED]"));
	line = get_file(home, "logs/agent.log");
	assert_non_null(strstr(line, " INFO alpi.engine session="));
	assert_non_null(strstr(line, "tools=0 reply_chars=434 cost=$0.010000 outcome=ok request=\"send it to [REDACTED]\""));
	assert_int_equal(tell(MSG_turn_start, &m), 0);
	snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
	run_until_over();
	other = last_run();
	assert_string_equal(json_str(other, "peer_id", ""), "bob");
}

static void
test_turn_that_took_too_long_says_why_in_the_logs(void **state)
{
	static const struct answer answers[] = { { .text = "half", .error = "stalled: nothing came", .late = true }, { 0 } };
	cleanup_json json_t *events = NULL, *row = NULL;

	script = answers;
	events = run_turn("k1", NULL, "hello");
	row = last_run();
	assert_string_equal(json_str(row, "outcome", ""), "timeout");
	assert_string_equal(json_str(row, "timeout_reason", ""), "stalled: nothing came");
	assert_string_equal(json_str(row, "output_tail", ""), "half");
}

static void
test_turn_lets_an_unsure_note_go_after_a_month(void **state)
{
	cleanup_json json_t *events = NULL;
	cleanup_free char *notes = NULL, *system = NULL;

	put_file(home, "memories/USER.md", "Likes tea\n\xc2\xa7\nMay like jazz\n<!-- alpi-meta conf=low captured=2024-01-02 reinforced=0 -->\n");
	events = run_turn("k1", NULL, "hello");
	notes = get_file(home, "memories/USER.md");
	system = contents(0, "system");
	assert_string_equal(notes, "Likes tea\n");
	assert_non_null(strstr(system, "Likes tea"));
	assert_null(strstr(system, "jazz"));
}

static void
test_turn_that_was_quick_and_used_no_tool_calls_nobody(void **state)
{
	json_t *p;
	size_t i;

	json_decref(run_turn("k1", NULL, "hello"));
	json_array_foreach(pushed, i, p)
		assert_string_not_equal(json_str(p, "kind", ""), "chat.turn_done");
}

static void
test_turn_keeps_the_thoughts_of_its_steps_apart(void **state)
{
	static const struct answer answers[] = {
		{ .reasoning = "first look", .calls = CALL("good", "{}") }, { .text = "done", .reasoning = "then tell" }, { 0 } };
	cleanup_json json_t *events = NULL, *turn = NULL;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	turn = saved_turn(0);
	assert_string_equal(json_str(json_object_get(turn, "reasoning"), "preview", ""), "first look\n\nthen tell");
}

static const char *
effort_of(size_t n)
{
	return json_str(json_array_get(asked, n), "effort", "");
}

/* The configured one belongs to the configured model. */
static void
test_turn_with_a_model_of_its_own_has_no_effort(void **state)
{
	struct turn_start m = { .key = "k2", .text = "hello", .surface = "cli", .model = "offline/rules" };

	engine_down();
	engine_up("model_reasoning: {effort: high}\n");
	json_decref(run_turn("k1", NULL, "hello"));
	assert_string_equal(effort_of(0), "high");
	assert_int_equal(tell(MSG_turn_start, &m), 0);
	snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
	run_until_over();
	assert_string_equal(effort_of(1), "");
	engine_down();
	engine_up("model_reasoning: {effort: off}\n");
	json_decref(run_turn("k3", NULL, "hello"));
	assert_string_equal(effort_of(2), "");
}

/* Whoever wrote it knows more of it than we do. */
static void
test_turn_leaves_a_later_schema_version_as_it_is(void **state)
{
	cleanup_json json_t *events = NULL, *session = NULL;
	cleanup_free char *text = NULL;

	put_file(home, "sessions/abcabcabcabc.json", "{\"schema_version\":3,\"id\":\"abcabcabcabc\",\"model\":\"m\",\"turns\":"
	    "[{\"at\":1,\"user\":\"hi\",\"assistant\":\"ho\"}]}");
	events = run_turn("k1", "abcabcabcabc", "hello");
	text = get_file(home, "sessions/abcabcabcabc.json");
	session = json_parse(text, strlen(text), 16, NULL);
	assert_int_equal(json_int(session, "schema_version", 0), 3);
	assert_int_equal(json_array_size(json_object_get(session, "turns")), 2);
}

static void
test_turn_wraps_up_at_the_ceiling(void **state)
{
	static const struct answer answers[] = {
		{ .calls = CALL("good", "{}") }, { .calls = CALL("good", "{}") }, { .text = "summary" }, { 0 } };
	cleanup_json json_t *events = NULL, *again = NULL;
	cleanup_free char *users = NULL, *later = NULL;

	engine_down();
	engine_up("tools: {max_steps_per_turn: 2}\n");
	script = answers;
	events = run_turn("k1", NULL, "do it");
	users = contents(2, "user");
	assert_non_null(strstr(users, "limit of steps"));
	assert_int_equal(json_array_size(json_object_get(json_array_get(asked, 2), "tools")), 0);
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), "summary");
	again = run_turn("k2", session_id, "and now?");
	later = contents(3, "user");
	assert_null(strstr(later, "limit of steps"));
}

static void
test_turn_says_so_when_the_wrap_up_is_empty(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("good", "{}") }, { .text = " " }, { 0 } };
	cleanup_json json_t *events = NULL;

	engine_down();
	engine_up("tools: {max_steps_per_turn: 1}\n");
	script = answers;
	events = run_turn("k1", NULL, "do it");
	assert_non_null(strstr(json_str(last_event(events, "error"), "text", ""), "max steps"));
}

static void
test_turn_wraps_up_when_its_time_is_over(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("good", "{}") }, { .text = "summary" }, { 0 } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *users = NULL;

	script = answers;
	events = run_too_long("good");
	users = contents(1, "user");
	assert_non_null(strstr(users, "time limit"));
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), "summary");
}

static void
test_turn_provider_error_ends_it_and_keeps_what_was_said(void **state)
{
	static const struct answer answers[] = { { .text = "half a", .error = "fake: 500" }, { 0 } };
	cleanup_json json_t *events = NULL, *turn = NULL;
	cleanup_free char *kinds = NULL;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	kinds = kinds_of(events);
	assert_string_equal(kinds, "session_start assistant_delta error done");
	assert_string_equal(json_str(last_event(events, "error"), "text", ""), "fake: 500");
	assert_string_equal(json_str(last_event(events, "error"), "code", ""), "provider");
	turn = saved_turn(0);
	assert_string_equal(json_str(turn, "assistant", ""), "half a");
}

static void
test_turn_missing_key_is_an_error_that_names_it(void **state)
{
	cleanup_json json_t *events = NULL;

	no_key = true;
	events = run_turn("k1", NULL, "do it");
	assert_non_null(strstr(json_str(last_event(events, "error"), "text", ""), "FAKE_API_KEY"));
}

static void
test_turn_over_the_daily_cap_ends_before_and_between_steps(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("good", "{}") }, { .text = "never asked" }, { 0 } };
	cleanup_json json_t *first = NULL, *second = NULL;

	engine_down();
	engine_up("budget: {daily_usd: 0.01}\n");
	script = answers;
	first = run_turn("k1", NULL, "do it");
	assert_string_equal(json_str(last_event(first, "error"), "code", ""), "budget");
	assert_int_equal(json_array_size(asked), 1);
	second = run_turn("k2", NULL, "again");
	assert_string_equal(json_str(last_event(second, "error"), "code", ""), "budget");
	assert_int_equal(json_array_size(asked), 1);
	assert_string_equal(json_str(pushed_data("budget.threshold"), "level", ""), "100");
}

static void
test_turn_interrupt_in_the_stream_keeps_the_partial_text(void **state)
{
	static const struct answer answers[] = { { .text = "I was about to", .hangs = true }, { 0 } };
	cleanup_json json_t *events = NULL, *turn = NULL;
	cleanup_free char *kinds = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "do it"), 0);
	while (the_turn()->said.len == 0)
		step_loop();
	assert_int_equal(tell(MSG_turn_cancel, &(struct turn_cancel){ .key = "k1", .reason = "ctrl-c" }), 0);
	assert_true(json_bool(answer_json, "cancelled", false));
	run_until_over();
	events = events_after(0);
	kinds = kinds_of(events);
	assert_string_equal(kinds, "session_start assistant_delta interrupted done");
	turn = saved_turn(0);
	assert_string_equal(json_str(turn, "assistant", ""), "I was about to");
	assert_true(json_bool(turn, "interrupted", false));
	assert_int_equal(tell(MSG_turn_cancel, &(struct turn_cancel){ .key = "k1" }), 0);
	assert_false(json_bool(answer_json, "cancelled", true));
}

/* Else whoever interrupts each answer spends without end. */
static void
test_turn_that_breaks_off_is_paid_for_as_far_as_it_came(void **state)
{
	static const struct answer answers[] = { { .text = "half", .hangs = true }, { .text = "half", .error = "fake: 500" },
		{ .error = "fake: 500" }, { 0 } };
	cleanup_json json_t *first = NULL, *second = NULL, *third = NULL;
	struct error e = { 0 };

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "do it"), 0);
	while (the_turn()->said.len == 0)
		step_loop();
	assert_int_equal(tell(MSG_turn_cancel, &(struct turn_cancel){ .key = "k1" }), 0);
	run_until_over();
	first = session_load(home, session_id, &e);
	assert_int_equal(json_int(first, "input_tokens", 0), 90);
	assert_int_equal(ledger_tokens(engine.ledger), 91);
	second = run_turn("k2", session_id, "again");
	assert_int_equal(ledger_tokens(engine.ledger), 2 * 91);
	assert_true(ledger_usd(engine.ledger) > 0.0099 && ledger_usd(engine.ledger) < 0.0101);
	third = run_turn("k3", session_id, "and again");		/* nothing came of it */
	assert_int_equal(ledger_tokens(engine.ledger), 2 * 91);
}

static void
test_turn_second_one_of_a_session_is_busy(void **state)
{
	static const struct answer answers[] = { { .text = "first" }, { .hangs = true, .text = "second" }, { 0 } };
	cleanup_json json_t *events = NULL;

	script = answers;
	events = run_turn("k1", NULL, "hello");
	assert_int_equal(start_turn("k2", session_id, "more"), 0);
	assert_int_equal(start_turn("k3", session_id, "and more"), ERR_busy);
	assert_int_equal(start_turn("k4", "nosuchsession", "x"), ERR_not_found);
	assert_int_equal(start_turn("k5", "../../etc/passwd", "x"), ERR_invalid);
}

static void
test_turn_with_a_known_key_begins_nothing(void **state)
{
	static const char *const grants[] = { "alpi-grant 1\nfor default/toolrunner\nmac x\n", NULL };
	static const struct answer answers[] = { { .text = "a", .hangs = true }, { 0 } };
	struct turn_start m = { .key = "k1", .text = "hello", .surface = "cli", .grants = (const char **)grants, .n_grants = 1 };
	char first[64];

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "hello"), 0);
	snprintf(first, sizeof(first), "%s", turn_id);
	assert_int_equal(tell(MSG_turn_start, &m), 0);
	assert_string_equal(json_str(answer_json, "turn", ""), first);
	assert_true(json_bool(answer_json, "known", false));
	assert_int_equal(json_array_size(the_turn()->row.grants), 1);
	assert_int_equal(engine.open, 1);
}

static void
test_turn_next_conversation_remembers_tools_and_old_time_notes_go(void **state)
{
	static const struct answer answers[] = {
		{ .calls = CALL("good", "{}") }, { .text = "first" }, { .text = "second" }, { 0 } };
	cleanup_json json_t *one = NULL, *two = NULL, *session = NULL;
	cleanup_free char *tool = NULL, *system = NULL;
	const char *at;

	script = answers;
	one = run_turn("k1", NULL, "do it");
	two = run_turn("k2", session_id, "and?");
	tool = contents(2, "tool");
	assert_non_null(strstr(tool, "did it"));
	system = contents(2, "system");
	assert_non_null(at = strstr(system, "# NOW\n"));
	assert_null(strstr(at + 1, "# NOW\n"));
	session = session_load(home, session_id, NULL);
	assert_int_equal(json_int(session, "input_tokens", 0), 300);
	assert_int_equal(json_int(session, "last_ctx_tokens", 0), 100);
}

static void
test_turn_rewrite_drops_later_turns(void **state)
{
	struct turn_start m = { .key = "k3", .text = "instead", .surface = "cli", .rewrite_from = 2 };
	cleanup_json json_t *one = NULL, *two = NULL, *session = NULL;
	cleanup_free char *users = NULL;

	one = run_turn("k1", NULL, "first");
	two = run_turn("k2", session_id, "second");
	m.session = session_id;
	assert_int_equal(tell(MSG_turn_start, &m), 0);
	snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
	run_until_over();
	session = session_load(home, session_id, NULL);
	assert_int_equal(json_array_size(session_turns(session)), 2);
	assert_string_equal(json_str(json_array_get(session_turns(session), 1), "user", ""), "instead");
	users = contents(2, "user");
	assert_null(strstr(users, "second"));
}

static void
test_turn_not_to_be_kept_leaves_nothing_in_sessions(void **state)
{
	struct turn_start m = { .key = "k1", .text = "secret", .surface = "cli", .no_save = true };
	cleanup_json json_t *events = NULL;
	cleanup_free char *path = NULL, *sidecar = NULL, *users = NULL;
	struct journal_turn row = { 0 };

	assert_int_equal(tell(MSG_turn_start, &m), 0);
	snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
	snprintf(session_id, sizeof(session_id), "%s", json_str(answer_json, "session", ""));
	run_until_over();
	events = events_after(0);
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), "ok");
	path = session_path(home, session_id);
	sidecar = session_sidecar(home, session_id);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(sidecar, F_OK), -1);
	while (the_turn()->unclosed != NULL)
		step_loop();
	assert_int_equal(journal_by_id(engine.journal, turn_id, &row, NULL), 1);
	assert_int_equal(json_object_size(row.request), 0);
	assert_string_equal(json_str(row.outcome, "text", ""), "");
	journal_turn_clear(&row);
	m.key = "k2";
	m.text = "more";
	m.session = session_id;
	assert_int_equal(tell(MSG_turn_start, &m), 0);
	snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
	run_until_over();
	users = contents(1, "user");
	assert_non_null(strstr(users, "secret"));
}

static void
test_turn_sessions_are_listed_read_and_deleted(void **state)
{
	static const char *ids[] = { "../x", "missing00000", NULL, NULL };
	cleanup_json json_t *events = NULL;
	json_t *row;

	events = run_turn("k1", NULL, "hello");
	assert_int_equal(tell(MSG_session_list, &(struct session_list){ .limit = 0 }), 0);
	row = json_array_get(json_object_get(answer_json, "sessions"), 0);
	assert_string_equal(json_str(row, "id", ""), session_id);
	assert_string_equal(json_str(row, "first_user", ""), "hello");
	assert_string_equal(json_str(row, "last_assistant", ""), "ok");
	assert_string_equal(json_str(row, "kind", ""), "chat");
	assert_int_equal(json_int(row, "turns", 0), 1);
	assert_int_equal(tell(MSG_session_read, &(struct session_read){ .id = session_id }), 0);
	assert_int_equal(json_array_size(session_turns(json_object_get(answer_json, "session"))), 1);
	ids[2] = session_id;
	assert_int_equal(tell(MSG_session_delete, &(struct session_delete){ .ids = ids, .n_ids = 3 }), 0);
	assert_int_equal(json_int(answer_json, "deleted", 0), 1);
	assert_string_equal(json_str(json_array_get(json_object_get(answer_json, "errors"), 0), "code", ""), "invalid-id");
	assert_string_equal(json_str(json_array_get(json_object_get(answer_json, "errors"), 1), "code", ""), "not-found");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE(test_turn_answers_and_keeps_the_conversation),
		FIXTURE(test_turn_keeps_no_line_that_is_a_cached_sound_file),
		FIXTURE(test_turn_leaves_a_line_and_a_row_in_the_logs),
		FIXTURE(test_turn_that_took_too_long_says_why_in_the_logs),
		FIXTURE(test_turn_lets_an_unsure_note_go_after_a_month),
		FIXTURE(test_turn_that_was_quick_and_used_no_tool_calls_nobody),
		FIXTURE(test_turn_keeps_the_thoughts_of_its_steps_apart),
		FIXTURE(test_turn_with_a_model_of_its_own_has_no_effort),
		FIXTURE(test_turn_leaves_a_later_schema_version_as_it_is),
		FIXTURE(test_turn_wraps_up_at_the_ceiling),
		FIXTURE(test_turn_says_so_when_the_wrap_up_is_empty),
		FIXTURE(test_turn_wraps_up_when_its_time_is_over),
		FIXTURE(test_turn_provider_error_ends_it_and_keeps_what_was_said),
		FIXTURE(test_turn_missing_key_is_an_error_that_names_it),
		FIXTURE(test_turn_over_the_daily_cap_ends_before_and_between_steps),
		FIXTURE(test_turn_interrupt_in_the_stream_keeps_the_partial_text),
		FIXTURE(test_turn_that_breaks_off_is_paid_for_as_far_as_it_came),
		FIXTURE(test_turn_second_one_of_a_session_is_busy),
		FIXTURE(test_turn_with_a_known_key_begins_nothing),
		FIXTURE(test_turn_next_conversation_remembers_tools_and_old_time_notes_go),
		FIXTURE(test_turn_rewrite_drops_later_turns),
		FIXTURE(test_turn_not_to_be_kept_leaves_nothing_in_sessions),
		FIXTURE(test_turn_sessions_are_listed_read_and_deleted),
	};

	return RUN(tests);
}

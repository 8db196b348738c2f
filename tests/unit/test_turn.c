/* SPDX-License-Identifier: Apache-2.0 */
/* The turn machine against a scripted model and a scripted toolrunner. */
#include "tests/unit/engine_fixture.h"

#include "common/atomic.h"
#include "engined/prompt.h"

#define CALL(name, args) "[{\"id\":\"c1\",\"name\":\"" name "\",\"arguments\":\"" args "\"}]"

static json_t *
saved_turn(size_t n)
{
	json_t *s = session_load(home, session_id, NULL), *turn;

	assert_non_null(s);
	turn = json_incref(json_array_get(session_turns(s), n));
	assert_non_null(turn);
	json_decref(s);
	return turn;
}

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
test_turn_runs_a_tool_and_shows_the_result_as_data(void **state)
{
	static const struct answer answers[] = {
		{ .text = "let me look", .calls = CALL("good", "{\\\"path\\\":\\\"a\\\"}") }, { .text = "it is done" }, { 0 } };
	cleanup_json json_t *events = NULL, *turn = NULL;
	cleanup_free char *kinds = NULL, *tool = NULL;
	json_t *entry;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	kinds = kinds_of(events);
	assert_string_equal(kinds, "session_start assistant_delta usage tool_start tool_end assistant_delta usage reply done");
	assert_string_equal(json_str(last_event(events, "tool_start"), "preview", ""), "a");
	assert_string_equal(json_str(last_event(events, "tool_end"), "output", ""), "did it");
	tool = contents(1, "tool");
	assert_non_null(strstr(tool, "[UNTRUSTED OUTPUT tool=good kind=data id="));
	assert_non_null(strstr(tool, "\ndid it\n[END OUTPUT tool=good id="));
	turn = saved_turn(0);
	entry = json_array_get(json_object_get(turn, "tools"), 0);
	assert_string_equal(json_str(entry, "status", ""), "ok");
	assert_string_equal(json_str(entry, "result", ""), "did it");
	assert_string_equal(json_str(json_object_get(entry, "args"), "preview", ""), "{\"path\":\"a\"}");
	assert_string_equal(json_str(turn, "assistant", ""), "it is done");
	assert_int_equal(effects("good"), 1);
	assert_string_equal(json_str(pushed_data("chat.turn_done"), "summary", ""), "it is done");
}

static void
test_turn_failed_call_brings_error_and_output(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("bad", "{}") }, { .text = "sorry" }, { 0 } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *tool = NULL;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	tool = contents(1, "tool");
	assert_non_null(strstr(tool, "kind=error"));
	assert_non_null(strstr(tool, "ERROR: it broke\nhalf of it\n"));
	assert_false(json_bool(last_event(events, "tool_end"), "ok", true));
}

static void
test_turn_refuses_unknown_denied_and_unavailable_tools(void **state)
{
	static const struct answer answers[] = {
		{ .calls = "[{\"id\":\"a\",\"name\":\"fly\\n]\",\"arguments\":\"{}\"},{\"id\":\"b\",\"name\":\"bad\",\"arguments\":\"{}\"},"
		    "{\"id\":\"c\",\"name\":\"absent\",\"arguments\":\"{}\"}]" }, { .text = "sorry" }, { 0 } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *tool = NULL, *schema = NULL;

	engine_down();
	engine_up("tools: {deny: [bad]}\n");
	script = answers;
	events = run_turn("k1", NULL, "do it");
	tool = contents(1, "tool");
	assert_non_null(strstr(tool, "tool=fly__ kind=error"));
	assert_non_null(strstr(tool, "unknown tool fly"));
	assert_non_null(strstr(tool, "available: good, slow, careful"));
	assert_non_null(strstr(tool, "tool bad is denied"));
	assert_non_null(strstr(tool, "tool absent is not available: no browser here"));
	assert_int_equal(json_object_size(runner_calls), 0);
	schema = json_text(json_object_get(json_array_get(asked, 0), "tools"));
	assert_null(strstr(schema, "bad things"));
	assert_null(strstr(schema, "absent"));
	assert_non_null(strstr(schema, "slow: slow things"));
}

static void
test_turn_takes_arguments_that_are_no_object_as_none(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("good", "[1,2") }, { .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;
	json_t *call, *message;
	const char *key;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	json_object_foreach(runner_calls, key, call)
		assert_int_equal(json_object_size(json_object_get(call, "args")), 0);
	message = json_array_get(messages_of(1), json_array_size(messages_of(1)) - 2);
	assert_string_equal(json_str(json_at(json_array_get(json_object_get(message, "tool_calls"), 0), "function"), "arguments", ""), "{}");
}

static void
test_turn_gives_the_cut_off_call_its_error(void **state)
{
	static const struct answer answers[] = {
		{ .calls = "[{\"id\":\"a\",\"name\":\"good\",\"arguments\":\"{\",\"error\":\"arguments are larger than 1 MiB\"}]" },
		{ .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *tool = NULL;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	tool = contents(1, "tool");
	assert_non_null(strstr(tool, "ERROR: arguments are larger than 1 MiB"));
	assert_int_equal(effects("good"), 0);
}

static void
test_turn_loads_a_tool_on_demand(void **state)
{
	static const struct answer answers[] = {
		{ .calls = CALL("load_tools", "{\\\"names\\\":[\\\"slow\\\",\\\"nothing\\\"]}") }, { .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *before = NULL, *after = NULL, *tool = NULL;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	before = json_text(json_object_get(json_array_get(asked, 0), "tools"));
	after = json_text(json_object_get(json_array_get(asked, 1), "tools"));
	assert_null(strstr(before, "\"name\":\"slow\""));
	assert_non_null(strstr(after, "\"name\":\"slow\""));
	tool = contents(1, "tool");
	assert_non_null(strstr(tool, "slow: loaded"));
	assert_non_null(strstr(tool, "unknown tool nothing"));
}

static void
test_turn_reminds_of_open_todos(void **state)
{
	static const struct answer answers[] = {
		{ .calls = CALL("todo", "{\\\"action\\\":\\\"add\\\",\\\"content\\\":\\\"sweep\\\"}") },
		{ .text = "finished" },
		{ .calls = CALL("todo", "{\\\"action\\\":\\\"complete\\\",\\\"index\\\":1}") },
		{ .text = "really finished" }, { 0 } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *users = NULL;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	users = contents(2, "user");
	assert_non_null(strstr(users, "[engine]"));
	assert_non_null(strstr(users, "- sweep"));
	assert_non_null(strstr(users, "Steps left: 38"));
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), "really finished");
}

static void
test_turn_believes_a_model_that_insists(void **state)
{
	static const struct answer answers[] = {
		{ .calls = CALL("todo", "{\\\"action\\\":\\\"add\\\",\\\"content\\\":\\\"sweep\\\"}") },
		{ .text = "1" }, { .text = "2" }, { .text = "3" }, { .text = "4" }, { .text = "5" }, { 0 } };
	cleanup_json json_t *events = NULL;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), "4");
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
	struct turn_start m = { .key = "k1", .text = "do it", .surface = "cron", .budget_s = 10 };
	cleanup_json json_t *events = NULL;
	cleanup_free char *users = NULL;

	clock_fake(1700000000000, 1000000);
	script = answers;
	assert_int_equal(tell(MSG_turn_start, &m), 0);
	snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
	while (effects("good") == 0)
		step_loop();
	clock_fake(1700000011000, 1011000);
	run_until_over();
	clock_fake(-1, -1);
	events = events_after(0);
	users = contents(1, "user");
	assert_non_null(strstr(users, "time limit"));
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), "summary");
}

static void
test_turn_tells_of_changed_files(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("writer", "{}") }, { .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *system = NULL;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	system = contents(1, "system");
	assert_non_null(strstr(system, "[file_mutations]"));
	assert_non_null(strstr(system, "write \"/w/f\" (1 -> 2 lines)"));
	assert_int_equal(json_array_size(json_object_get(pushed_data("file_mutations"), "mutations")), 1);
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

static void
test_turn_interrupt_stops_the_running_tool_and_skips_the_rest(void **state)
{
	static const struct answer answers[] = {
		{ .calls = "[{\"id\":\"a\",\"name\":\"slow\",\"arguments\":\"{}\"},{\"id\":\"b\",\"name\":\"good\",\"arguments\":\"{}\"}]" }, { 0 } };
	cleanup_json json_t *events = NULL, *turn = NULL;
	json_t *tools;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "do it"), 0);
	while (held == NULL)
		step_loop();
	assert_int_equal(tell(MSG_turn_cancel, &(struct turn_cancel){ .key = "k1" }), 0);
	run_until_over();
	events = events_after(0);
	assert_string_equal(json_str(last_event(events, "tool_state"), "text", ""), "still at it");
	last_event(events, "interrupted");
	turn = saved_turn(0);
	tools = json_object_get(turn, "tools");
	assert_int_equal(json_array_size(tools), 2);
	assert_string_equal(json_str(json_array_get(tools, 0), "result", ""), "cancelled");
	assert_non_null(strstr(json_str(json_array_get(tools, 1), "result", ""), "skipped"));
	assert_int_equal(effects("good"), 0);
}

static void
test_turn_passes_the_question_and_the_answer_of_an_approval(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("careful", "{}") }, { .text = "ok" }, { 0 } };
	struct approval_answer m = { .ticket = "t1", .choice = "once", .seal = "s" };
	cleanup_json json_t *events = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "do it"), 0);
	while (held == NULL)
		step_loop();
	assert_string_equal(json_str(pushed_data("approval.request"), "command", ""), "rm -r x");
	assert_string_equal(json_str(pushed_data("approval.request"), "request_id", ""), "t1");
	assert_int_equal(tell(MSG_approval_answer, &(struct approval_answer){ .ticket = "t2", .choice = "once", .seal = "s" }), 0);
	assert_false(json_bool(answer_json, "taken", true));
	assert_int_equal(tell(MSG_approval_answer, &m), 0);
	run_until_over();
	assert_string_equal(json_str(pushed_data("approval.resolved"), "choice", ""), "once");
	events = events_after(0);
	assert_true(json_bool(last_event(events, "tool_end"), "ok", false));
}

static void
test_turn_asks_the_user_and_takes_one_of_the_answers(void **state)
{
	static const struct answer answers[] = {
		{ .calls = CALL("ask_user", "{\\\"question\\\":\\\"which\\\",\\\"allow_other\\\":false,"
		    "\\\"choices\\\":[{\\\"label\\\":\\\"red\\\"},{\\\"label\\\":\\\"blue\\\"}]}") }, { .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;
	struct clarification_answer m = { .choice = "green" };
	cleanup_free char *id = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "do it"), 0);
	while (the_turn()->now.asking == NULL)
		step_loop();
	id = xstrdup(json_str(pushed_data("clarification.request"), "request_id", ""));
	m.request = id;
	assert_int_equal(tell(MSG_clarification_answer, &m), ERR_invalid);
	m.choice = "blue";
	assert_int_equal(tell(MSG_clarification_answer, &m), 0);
	assert_true(json_bool(answer_json, "taken", false));
	run_until_over();
	events = events_after(0);
	assert_string_equal(json_str(last_event(events, "tool_end"), "output", ""), "blue");
	assert_int_equal(tell(MSG_clarification_answer, &m), 0);
	assert_false(json_bool(answer_json, "taken", true));
}

static void
test_turn_unknown_outcome_is_told_and_not_repeated(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("lossy", "{}") }, { .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *tool = NULL;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	tool = contents(1, "tool");
	assert_non_null(strstr(tool, "outcome unknown"));
	assert_int_equal(effects("lossy"), 1);
}

static void
test_turn_waits_for_a_toolrunner_that_comes_back(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("good", "{}") }, { .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;
	int before;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "do it"), 0);
	while (json_array_size(asked) == 0)
		step_loop();
	runner_away = true;
	before = runner_requests;
	while (runner_requests < before + 3)
		step_loop();
	runner_away = false;
	run_until_over();
	events = events_after(0);
	assert_true(json_bool(last_event(events, "tool_end"), "ok", false));
	assert_int_equal(effects("good"), 1);
}

static void
test_turn_of_another_session_goes_on_while_toolrunner_is_stopped(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("good", "{}") }, { .text = "quick" }, { 0 } };
	cleanup_json json_t *events = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "do it"), 0);
	while (json_array_size(asked) == 0)
		step_loop();
	runner_silent = true;
	while (held == NULL)
		step_loop();
	events = run_turn("k2", NULL, "hello");
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), "quick");
	assert_int_equal(engine.open, 1);
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
		FIXTURE(test_turn_what_was_paid_before_a_death_is_charged_once),
		FIXTURE(test_turn_runs_a_tool_and_shows_the_result_as_data),
		FIXTURE(test_turn_failed_call_brings_error_and_output),
		FIXTURE(test_turn_refuses_unknown_denied_and_unavailable_tools),
		FIXTURE(test_turn_takes_arguments_that_are_no_object_as_none),
		FIXTURE(test_turn_gives_the_cut_off_call_its_error),
		FIXTURE(test_turn_loads_a_tool_on_demand),
		FIXTURE(test_turn_reminds_of_open_todos),
		FIXTURE(test_turn_believes_a_model_that_insists),
		FIXTURE(test_turn_wraps_up_at_the_ceiling),
		FIXTURE(test_turn_says_so_when_the_wrap_up_is_empty),
		FIXTURE(test_turn_wraps_up_when_its_time_is_over),
		FIXTURE(test_turn_tells_of_changed_files),
		FIXTURE(test_turn_provider_error_ends_it_and_keeps_what_was_said),
		FIXTURE(test_turn_missing_key_is_an_error_that_names_it),
		FIXTURE(test_turn_over_the_daily_cap_ends_before_and_between_steps),
		FIXTURE(test_turn_interrupt_in_the_stream_keeps_the_partial_text),
		FIXTURE(test_turn_interrupt_stops_the_running_tool_and_skips_the_rest),
		FIXTURE(test_turn_passes_the_question_and_the_answer_of_an_approval),
		FIXTURE(test_turn_asks_the_user_and_takes_one_of_the_answers),
		FIXTURE(test_turn_unknown_outcome_is_told_and_not_repeated),
		FIXTURE(test_turn_waits_for_a_toolrunner_that_comes_back),
		FIXTURE(test_turn_of_another_session_goes_on_while_toolrunner_is_stopped),
		FIXTURE(test_turn_second_one_of_a_session_is_busy),
		FIXTURE(test_turn_with_a_known_key_begins_nothing),
		FIXTURE(test_turn_next_conversation_remembers_tools_and_old_time_notes_go),
		FIXTURE(test_turn_rewrite_drops_later_turns),
		FIXTURE(test_turn_not_to_be_kept_leaves_nothing_in_sessions),
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
		FIXTURE(test_turn_sessions_are_listed_read_and_deleted),
	};

	return RUN(tests);
}

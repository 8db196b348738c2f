/* SPDX-License-Identifier: Apache-2.0 */
/* The turn machine against a scripted model and a scripted toolrunner: the calls of an answer. */
#include "tests/unit/engine_fixture.h"

#define CALL(name, args) "[{\"id\":\"c1\",\"name\":\"" name "\",\"arguments\":\"" args "\"}]"

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

static bool
is_offered(const struct tools_policy *p, const char *tool)
{
	cleanup_json json_t *schema = engine_schema(&engine, p, NULL);
	cleanup_free char *text = json_text(schema);

	return strstr(text, tool) != NULL;
}

/* The owner's job after a stranger's message: what is kept for one must not be shown to the other. */
static void
test_turn_is_offered_what_it_may_use_whoever_came_before(void **state)
{
	static const struct tools_policy stranger = { .past = true, .messages = true };
	static const struct tools_policy owner = { .past = true, .messages = true, .mail = true }, nobody = { .past = true };

	assert_false(is_offered(&stranger, "\\nemail: "));
	assert_true(is_offered(&owner, "\\nemail: "));
	assert_false(is_offered(&stranger, "\\nemail: "));
	assert_true(is_offered(&stranger, "\\nsend_message: "));
	assert_false(is_offered(&nobody, "\\nsend_message: "));
}

static void
test_turn_cuts_its_own_tools_to_their_budget(void **state)
{
	static const struct answer answers[] = {
		{ .calls = "[{\"id\":\"a\",\"name\":\"todo\",\"arguments\":\"{\\\"action\\\":\\\"add\\\",\\\"content\\\":\\\"sweep the yard\\\"}\"},"
		    "{\"id\":\"b\",\"name\":\"good\",\"arguments\":\"{}\"}]" }, { .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *tool = NULL;

	engine_down();
	engine_up("tools: {todo: {max_result_chars: 3}, good: {max_result_chars: 3}}\n");
	script = answers;
	events = run_turn("k1", NULL, "do it");
	tool = contents(1, "tool");
	assert_non_null(strstr(tool, "chars elided by tool budget]"));
	assert_null(strstr(tool, "the yard"));
	assert_non_null(strstr(tool, "did it"));		/* toolrunner's: it has cut what it sends */
}

/* Calls that make the files 0 to 9, and 0 once more. The caller frees. */
static char *
eleven_files(void)
{
	cleanup_json json_t *calls = json_array();

	for (int i = 0; i < 11; i++) {
		cleanup_free char *id = xasprintf("c%d", i), *args = xasprintf("{\"path\":\"/w/%d\",\"size\":%d}", i % 10, i);

		json_array_append_new(calls, json_pack("{s:s, s:s, s:s}", "id", id, "name", "maker", "arguments", args));
	}
	return json_text(calls);
}

static void
test_turn_shows_a_file_as_it_was_made_last_when_there_are_ten(void **state)
{
	cleanup_free char *calls = eleven_files();
	const struct answer answers[] = { { .calls = calls }, { .text = "ok" }, { 0 } };
	cleanup_json json_t *events = NULL;
	json_t *files;

	script = answers;
	events = run_turn("k1", NULL, "make them");
	files = json_object_get(last_event(events, "reply"), "attachments");
	assert_int_equal(json_array_size(files), 10);
	assert_int_equal(json_int(json_array_get(files, 0), "size", -1), 10);
	script = NULL;
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

/* The nudge tells. */
static void
test_turn_on_a_model_that_costs_nothing_has_a_thousand_steps(void **state)
{
	static const struct answer answers[] = {
		{ .calls = CALL("todo", "{\\\"action\\\":\\\"add\\\",\\\"content\\\":\\\"sweep\\\"}") }, { .text = "finished" }, { 0 } };
	static const struct {
		const char *config, *left;
	} table[] = { { "paused: false\n", "Steps left: 998" }, { "tools: {max_steps_per_turn: 40}\n", "Steps left: 38" } };

	free_model = true;
	for (size_t i = 0; i < COUNT(table); i++) {
		cleanup_free char *key = xasprintf("k%zu", i), *users = NULL;

		engine_down();
		engine_up(table[i].config);
		engine.own_config = config_file(home, NULL);
		script = answers;
		script_at = 0;
		json_array_clear(asked);
		json_decref(run_turn(key, NULL, "do it"));
		json_decref(steal(engine.own_config));
		users = contents(2, "user");
		assert_non_null(strstr(users, table[i].left));
	}
	free_model = false;
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE(test_turn_runs_a_tool_and_shows_the_result_as_data),
		FIXTURE(test_turn_failed_call_brings_error_and_output),
		FIXTURE(test_turn_refuses_unknown_denied_and_unavailable_tools),
		FIXTURE(test_turn_takes_arguments_that_are_no_object_as_none),
		FIXTURE(test_turn_gives_the_cut_off_call_its_error),
		FIXTURE(test_turn_loads_a_tool_on_demand),
		FIXTURE(test_turn_cuts_its_own_tools_to_their_budget),
		FIXTURE(test_turn_is_offered_what_it_may_use_whoever_came_before),
		FIXTURE(test_turn_shows_a_file_as_it_was_made_last_when_there_are_ten),
		FIXTURE(test_turn_reminds_of_open_todos),
		FIXTURE(test_turn_on_a_model_that_costs_nothing_has_a_thousand_steps),
		FIXTURE(test_turn_believes_a_model_that_insists),
		FIXTURE(test_turn_tells_of_changed_files),
		FIXTURE(test_turn_interrupt_stops_the_running_tool_and_skips_the_rest),
		FIXTURE(test_turn_passes_the_question_and_the_answer_of_an_approval),
		FIXTURE(test_turn_asks_the_user_and_takes_one_of_the_answers),
		FIXTURE(test_turn_unknown_outcome_is_told_and_not_repeated),
		FIXTURE(test_turn_waits_for_a_toolrunner_that_comes_back),
		FIXTURE(test_turn_of_another_session_goes_on_while_toolrunner_is_stopped),
	};

	return RUN(tests);
}

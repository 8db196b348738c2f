/* SPDX-License-Identifier: Apache-2.0 */
/* Sub-agents, claim by claim (spec/tools.md, section 8): what a child is shown, what it may do, when it ends. */
#include "tests/unit/engine_fixture.h"

#define CALL(name, args) "[{\"id\":\"c1\",\"name\":\"" name "\",\"arguments\":\"" args "\"}]"
#define READ	CALL("read_file", "{\\\"path\\\":\\\"x\\\"}")
#define SIZE	40		/* answers */

static int
up(void **state)
{
	fixture_up(state);
	engine_down();
	runner_files = true;
	engine_up(NULL);
	return 0;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, up, fixture_down)

/* The names of the tools in the n-th request joined by blanks; the caller frees. */
static char *
tools_of(size_t n)
{
	struct buf b = BUF(0);
	json_t *tool;
	size_t i;

	json_array_foreach(json_object_get(json_array_get(asked, n), "tools"), i, tool)
		buf_addf(&b, "%s%s", i > 0 ? " " : "", json_str(json_object_get(tool, "function"), "name", ""));
	return buf_take(&b);
}

/* What the parent's call came to. */
static json_t *
result(json_t *events)
{
	return last_event(events, "tool_end");
}

/* ---- what it is shown ------------------------------------------------------------------------------- */

static void
test_agent_knows_its_brief_and_nothing_of_the_conversation(void **state)
{
	static const struct answer answers[] = { { .text = "noted" },
		{ .calls = CALL("research", "{\\\"brief\\\":\\\"find the lake\\\"}") }, { .text = "a report" }, { 0 } };
	cleanup_free char *users = NULL, *systems = NULL, *names = NULL, *shown = NULL;

	script = answers;
	json_decref(run_turn("k1", NULL, "the word is walrus"));
	json_decref(run_turn("k2", session_id, "now look"));
	users = contents(2, "user");
	systems = contents(2, "system");
	names = tools_of(2);
	assert_string_equal(users, "find the lake\n");
	assert_non_null(strstr(systems, "You find things out for another agent"));
	assert_null(strstr(systems, "walrus"));
	assert_string_equal(names, "read_file");		/* of those of research the only one there is */
	shown = contents(3, "tool");
	assert_non_null(strstr(shown, "[UNTRUSTED OUTPUT tool=research"));
	assert_non_null(strstr(shown, "a report"));
}

static void
test_agent_delegate_is_given_goal_context_and_toolsets(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("delegate", "{\\\"goal\\\":\\\"tidy up\\\",\\\"context\\\":\\\"the attic\\\","
	    "\\\"toolsets\\\":[\\\"terminal\\\"]}") }, { .text = "tidied" }, { 0 } };
	cleanup_free char *users = NULL, *systems = NULL, *names = NULL;

	script = answers;
	json_decref(run_turn("k1", NULL, "do it"));
	users = contents(1, "user");
	systems = contents(1, "system");
	names = tools_of(1);
	assert_string_equal(users, "tidy up\n\n# Context\nthe attic\n");
	assert_non_null(strstr(systems, "Workspace: "));
	assert_string_equal(names, "terminal");
}

static void
test_agent_results_are_wrapped_and_for_a_delegate_cut(void **state)
{
	static const struct answer research[] = { { .calls = CALL("research", "{\\\"brief\\\":\\\"b\\\"}") }, { .calls = READ }, { .text = "r" }, { 0 } };
	static const struct answer delegate[] = { { .calls = CALL("delegate", "{\\\"goal\\\":\\\"g\\\"}") }, { .calls = READ }, { .text = "r" }, { 0 } };
	cleanup_free char *whole = NULL, *cut = NULL, *output = xcalloc(1, 20001);

	runner_output = memset(output, 'x', 20000);
	script = research;
	json_decref(run_turn("k1", NULL, "do it"));
	whole = contents(2, "tool");
	script = delegate;
	script_at = 0;
	json_decref(run_turn("k2", NULL, "do it"));
	cut = contents(6, "tool");
	assert_int_equal(strspn(strchr(whole, '\n') + 1, "x"), 20000);
	assert_non_null(strstr(cut, "[UNTRUSTED OUTPUT tool=read_file"));
	assert_in_range(strspn(strchr(cut, '\n') + 1, "x"), 9990, 10000);
}

/* ---- when it ends ----------------------------------------------------------------------------------- */

static void
at_most(const char *call, const char *progress, size_t steps)
{
	struct answer answers[SIZE] = { { .calls = call } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *users = NULL;

	for (size_t i = 1; i <= steps; i++)
		answers[i].calls = READ;
	answers[steps + 1].text = "what I have";
	json_array_clear(asked);
	script = answers;
	script_at = 0;
	events = run_turn(progress, NULL, "do it");
	script = NULL;
	assert_int_equal(json_array_size(asked), steps + 3);		/* the parent twice */
	assert_true(json_array_size(json_object_get(json_array_get(asked, steps), "tools")) > 0);
	assert_int_equal(json_array_size(json_object_get(json_array_get(asked, steps + 1), "tools")), 0);
	users = contents(steps + 1, "user");
	assert_non_null(strstr(users, "limit of steps"));
	assert_string_equal(json_str(result(events), "output", ""), "what I have");
	assert_non_null(strstr(json_str(last_event(events, "tool_state"), "text", ""), progress));
}

static void
test_agent_depth_is_a_number_of_steps_and_then_a_forced_report(void **state)
{
	at_most(CALL("research", "{\\\"brief\\\":\\\"b\\\",\\\"depth\\\":\\\"quick\\\"}"), "quick 1 \xc2\xb7 step 8/8", 8);
	at_most(CALL("research", "{\\\"brief\\\":\\\"b\\\"}"), "normal 1 \xc2\xb7 step 15/15", 15);
	at_most(CALL("research", "{\\\"brief\\\":\\\"b\\\",\\\"depth\\\":\\\"deep\\\"}"), "deep 1 \xc2\xb7 step 30/30", 30);
	at_most(CALL("delegate", "{\\\"goal\\\":\\\"g\\\"}"), "delegate 1 \xc2\xb7 step 30/30", 30);
}

static void
test_agent_has_no_more_time_than_the_turn_it_works_for(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("research", "{\\\"brief\\\":\\\"b\\\"}") }, { .calls = READ },
		{ .text = "what I have" }, { .text = "summary" }, { 0 } };
	cleanup_json json_t *events = NULL;
	cleanup_free char *users = NULL;

	script = answers;
	events = run_too_long("read_file");
	users = contents(2, "user");
	assert_non_null(strstr(users, "time limit"));
	assert_string_equal(json_str(result(events), "output", ""), "what I have");
	assert_string_equal(json_str(last_event(events, "reply"), "text", ""), "summary");
}

static void
test_agent_stops_between_its_steps_when_the_cap_is_used_up(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("research", "{\\\"brief\\\":\\\"b\\\"}") }, { .calls = READ },
		{ .text = "never asked" }, { 0 } };
	cleanup_json json_t *events = NULL;

	engine_down();
	engine_up("budget: {daily_usd: 0.015}\n");
	script = answers;
	events = run_turn("k1", NULL, "do it");
	assert_non_null(strstr(json_str(result(events), "output", ""), "[failed: the daily budget is used up"));
	assert_int_equal(json_array_size(asked), 2);
	assert_string_equal(json_str(last_event(events, "error"), "code", ""), "budget");
}

static void
test_agent_that_fails_stands_among_the_others(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("research", "{\\\"tasks\\\":[{\\\"brief\\\":\\\"a\\\"},{\\\"brief\\\":\\\"b\\\"}]}") },
		{ .error = "the model is gone" }, { .text = "found" }, { 0 } };
	cleanup_json json_t *events = NULL;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	assert_non_null(strstr(json_str(result(events), "output", ""), "[failed: the model is gone"));
	assert_non_null(strstr(json_str(result(events), "output", ""), "\n\n---\n\n## Task 2: "));
	assert_non_null(strstr(json_str(result(events), "output", ""), "found"));
	assert_true(json_bool(result(events), "ok", false));
}

static void
test_agents_that_all_fail_are_a_failed_call(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("research", "{\\\"tasks\\\":[{\\\"brief\\\":\\\"a\\\"},{\\\"brief\\\":\\\"b\\\"}]}") },
		{ .error = "the model is gone" }, { .error = "the model is gone" }, { .text = "sorry" }, { 0 } };
	cleanup_json json_t *events = NULL;

	script = answers;
	events = run_turn("k1", NULL, "do it");
	assert_false(json_bool(result(events), "ok", true));
	assert_non_null(strstr(json_str(result(events), "output", ""), "## Task 2: [failed: the model is gone"));
}

static void
test_agent_is_paid_for_by_the_conversation(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("research", "{\\\"tasks\\\":[{\\\"brief\\\":\\\"a\\\"},{\\\"brief\\\":\\\"b\\\"}]}") },
		{ .text = "one" }, { .text = "two" }, { .text = "told" }, { 0 } };
	cleanup_json json_t *events = NULL, *session = NULL;
	struct error e = { 0 };

	script = answers;
	events = run_turn("k1", NULL, "do it");
	session = session_load(home, session_id, &e);
	assert_int_equal(json_int(session, "input_tokens", 0), 400);
	assert_int_equal(json_int(session, "output_tokens", 0), 40);
	assert_true(json_num(session, "cost_usd", 0) > 0.0399 && json_num(session, "cost_usd", 0) < 0.0401);
	assert_int_equal(ledger_tokens(engine.ledger), 440);		/* each once */
}

static void
test_agent_of_a_peers_turn_is_paid_for_by_the_peer(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("research", "{\\\"brief\\\":\\\"b\\\"}") }, { .text = "r" },
		{ .text = "told" }, { 0 } };
	struct turn_start m = { .key = "k1", .text = "find out", .surface = "peer", .peer = "bob" };
	cleanup_json json_t *by = NULL;

	script = answers;
	assert_int_equal(tell(MSG_turn_start, &m), 0);
	snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
	run_until_over();
	by = ledger_by_peer(engine.ledger);
	assert_int_equal(json_array_size(asked), 3);
	assert_int_equal(json_int(json_object_get(by, "bob"), "tokens", 0), ledger_tokens(engine.ledger));
}

static void
test_agents_are_asked_side_by_side_and_interrupted_together(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("delegate",
	    "{\\\"tasks\\\":[{\\\"goal\\\":\\\"a\\\"},{\\\"goal\\\":\\\"b\\\"},{\\\"goal\\\":\\\"c\\\"}]}") },
		{ .text = "half", .hangs = true }, { .text = "half", .hangs = true }, { .text = "half", .hangs = true }, { 0 } };
	cleanup_json json_t *events = NULL;
	const char *output;
	int n = 0;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "do it"), 0);
	while (json_array_size(asked) < 4)		/* none of the three has ended */
		step_loop();
	assert_int_equal(tell(MSG_turn_cancel, &(struct turn_cancel){ .key = "k1" }), 0);
	run_until_over();
	events = events_after(0);
	for (output = json_str(result(events), "output", ""); (output = strstr(output, "[interrupted before")) != NULL; output++)
		n++;
	assert_int_equal(n, 3);
	assert_int_equal(json_array_size(asked), 4);
}

/* ---- what it may do --------------------------------------------------------------------------------- */

static void
test_agent_carries_a_grant_for_its_tools_only(void **state)
{
	static const char grant[] = "alpi-grant 1\norigin default/hostd\nfor default/toolrunner\nwho local\nsurface cli\n"
	    "session 0123456789ab\ncaps read write exec\nuntil 1790000000\n"
	    "mac 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
	static const struct answer answers[] = { { .calls = CALL("delegate", "{\\\"goal\\\":\\\"g\\\",\\\"toolsets\\\":[\\\"file\\\"]}") },
		{ .calls = READ }, { .text = "r" }, { 0 } };
	const char *grants[] = { grant, NULL }, *key, *carried = "";
	struct turn_start m = { .key = "k1", .text = "do it", .surface = "cli", .grants = grants, .n_grants = 1 };
	json_t *call;

	script = answers;
	assert_int_equal(tell(MSG_turn_start, &m), 0);
	snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
	run_until_over();
	assert_int_equal(effects("read_file"), 1);
	json_object_foreach(runner_calls, key, call)
		carried = json_str(call, "grant", "");
	assert_non_null(strstr(carried, "\nonly tools read_file write_file edit_file search\n"));
	assert_non_null(strstr(carried, "\ncaps read write exec\n"));
}

static void
test_agent_is_denied_what_the_profile_denies(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("research", "{\\\"brief\\\":\\\"b\\\"}") }, { .calls = READ },
		{ .text = "r" }, { 0 } };
	cleanup_free char *names = NULL;

	engine_down();
	engine_up("tools: {deny: [read_file]}\n");
	script = answers;
	json_decref(run_turn("k1", NULL, "do it"));
	names = tools_of(1);
	assert_string_equal(names, "");
	assert_int_equal(effects("read_file"), 0);
}

static void
test_agent_asks_the_approver_of_its_parent(void **state)
{
	static const struct answer answers[] = { { .calls = CALL("delegate", "{\\\"goal\\\":\\\"g\\\",\\\"toolsets\\\":[\\\"terminal\\\"]}") },
		{ .calls = CALL("terminal", "{}") }, { .text = "ran" }, { 0 } };
	struct approval_answer m = { .ticket = "t1", .choice = "once", .seal = "s" };
	cleanup_json json_t *events = NULL;

	script = answers;
	assert_int_equal(start_turn("k1", NULL, "do it"), 0);
	while (held == NULL)
		step_loop();
	assert_string_equal(json_str(pushed_data("approval.request"), "session_id", ""), session_id);
	assert_int_equal(tell(MSG_approval_answer, &m), 0);
	run_until_over();
	assert_string_equal(json_str(pushed_data("approval.resolved"), "choice", ""), "once");
	events = events_after(0);
	assert_string_equal(json_str(result(events), "output", ""), "ran");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_agent_knows_its_brief_and_nothing_of_the_conversation),
		CASE(test_agent_delegate_is_given_goal_context_and_toolsets),
		CASE(test_agent_results_are_wrapped_and_for_a_delegate_cut),
		CASE(test_agent_depth_is_a_number_of_steps_and_then_a_forced_report),
		CASE(test_agent_has_no_more_time_than_the_turn_it_works_for),
		CASE(test_agent_stops_between_its_steps_when_the_cap_is_used_up),
		CASE(test_agent_that_fails_stands_among_the_others),
		CASE(test_agents_that_all_fail_are_a_failed_call),
		CASE(test_agent_is_paid_for_by_the_conversation),
		CASE(test_agent_of_a_peers_turn_is_paid_for_by_the_peer),
		CASE(test_agents_are_asked_side_by_side_and_interrupted_together),
		CASE(test_agent_carries_a_grant_for_its_tools_only),
		CASE(test_agent_is_denied_what_the_profile_denies),
		CASE(test_agent_asks_the_approver_of_its_parent),
	};

	return RUN(tests);
}

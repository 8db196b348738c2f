/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of tools from tool.exec to their result: a key, what begins and when, what is kept, and never done twice. */
#include "tests/unit/exec_fixture.h"

static void
test_a_key_begins_one_call_only(void **state)
{
	assert_int_equal(terminal("k", "ls"), 0);
	assert_int_equal(terminal("k", "ls"), 1);
	assert_int_equal(worker.starts, 1);
	done("x");
	assert_int_equal(terminal("k", "ls"), 1);
	assert_int_equal(worker.starts, 1);
}

static void
test_a_key_of_another_call_is_a_conflict(void **state)
{
	struct error e = { 0 };

	terminal("k", "ls");
	assert_int_equal(exec("k", "read_file", "{\"path\": \"x\"}", &e), -1);
	assert_int_equal(e.code, ERR_conflict);
}

static void
test_an_unknown_key_is_unknown_and_begins_nothing(void **state)
{
	assert_string_equal(state_of("k"), "unknown");
	assert_int_equal(worker.starts, 0);
}

static void
test_next_waits_for_progress_and_for_the_result(void **state)
{
	struct answer a, b;

	terminal("k", "ls");
	next("k", 0, 1000, &a);
	assert_false(a.answered);
	worker.events->progress(worker.arg, "half");
	assert_true(a.answered);
	assert_string_equal(a.state, "running");
	assert_int_equal(a.seq, 1);
	next("k", a.seq, 1000, &b);
	assert_false(b.answered);
	done("out");
	assert_true(b.answered);
	assert_string_equal(b.state, "done");
	assert_string_equal(b.output, "out");
	assert_true(b.ok);
	free(b.output);
}

static void
test_next_is_answered_when_its_time_is_over(void **state)
{
	struct answer a;

	terminal("k", "ls");
	next("k", 1, 1000, &a);
	clock_fake(1790000000000, 1000999);
	exec_expire(&runner);
	assert_false(a.answered);
	clock_fake(1790000000000, 1001000);
	exec_expire(&runner);
	assert_true(a.answered);
	assert_string_equal(a.state, "running");
}

static void
test_a_worker_that_cannot_start_is_a_result(void **state)
{
	worker.fails = true;
	terminal("k", "ls");
	assert_string_equal(state_of("k"), "done");
}

static void
test_cancel_ends_a_running_call_once(void **state)
{
	struct tool_cancel m = { .key = "k" };
	struct error e = { 0 };
	struct answer a;

	assert_int_equal(deliver(MSG_tool_cancel, &m, &a, &e), 0);
	assert_false(a.flag);
	terminal("k", "ls");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(deliver(MSG_tool_cancel, &m, &a, &e), 0);
		assert_true(a.flag);
	}
	assert_int_equal(worker.cancels, 1);
	done("");
	assert_int_equal(deliver(MSG_tool_cancel, &m, &a, &e), 0);
	assert_false(a.flag);
}

static void
test_results_are_kept_in_bounds(void **state)
{
	char key[32];

	for (int i = 0; i < 3 * EXEC_DONE_MAX; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		terminal(key, "ls");
		done("x");
	}
	assert_true(runner.ncalls <= EXEC_DONE_MAX + 1);
	assert_string_equal(state_of("k0"), "unknown");
	assert_string_equal(state_of(key), "done");
	clock_fake(1790000000000, 1000000 + EXEC_DONE_MS);
	exec_expire(&runner);
	assert_int_equal(runner.ncalls, 0);
}

static void
test_a_call_that_ran_long_keeps_its_result(void **state)
{
	char key[32];
	void *old;

	terminal("old", "ls");
	old = worker.arg;
	for (int i = 0; i < 2 * EXEC_DONE_MAX; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		terminal(key, "ls");
		done("x");
	}
	clock_fake(1790000000000, 1000001);
	worker.events->done(old, &(struct worker_result){ .ok = true, .output = "", .error = "", .code = "" });
	terminal("last", "ls");
	assert_string_equal(state_of("old"), "done");
}

static void
test_open_calls_are_bounded(void **state)
{
	struct error e = { 0 };
	char key[32];

	for (int i = 0; i < EXEC_OPEN_MAX; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		terminal(key, "ls");
	}
	assert_int_equal(exec("more", "terminal", "{\"command\": \"ls\"}", &e), -1);
	assert_int_equal(e.code, ERR_busy);
}

static void
test_output_is_cut_to_the_budget(void **state)
{
	struct answer a;

	config_text = "tools: {budget: {per_result_chars: 4}}\n";
	terminal("k", "ls");
	done("\xc3\xa4" "b  efgh");
	next("k", 0, 0, &a);
	assert_string_equal(a.output, "\xc3\xa4" "b\n\xe2\x80\xa6 [4 chars elided by tool budget]");
	free(a.output);
}

static void
test_a_tool_has_its_own_budget(void **state)
{
	struct answer a;

	config_text = "tools: {budget: {per_result_chars: 4}, terminal: {max_result_chars: 2}, read_file: {max_result_chars: -1}}\n";
	terminal("k", "ls");
	done("abcdef");
	next("k", 0, 0, &a);
	assert_string_equal(a.output, "ab\n\xe2\x80\xa6 [4 chars elided by tool budget]");
	free(a.output);
	assert_int_equal(exec("r", "read_file", "{\"path\": \"x\"}", NULL), 0);
	done("abcdef");
	next("r", 0, 0, &a);
	assert_string_equal(a.output, "abcdef");
	free(a.output);
}

static void
test_the_call_is_in_the_audit_chain_by_hash_alone(void **state)
{
	cleanup_free char *path = xasprintf("%s/logs/audit/toolrunner.jsonl", home);

	terminal("k", "cat secretplan");
	assert_true(file_holds("logs/audit/toolrunner.jsonl", "\"tool.exec\""));
	assert_true(file_holds("logs/audit/toolrunner.jsonl", "cli/local"));
	assert_false(file_holds("logs/audit/toolrunner.jsonl", "secretplan"));
	assert_int_equal(audit_verify(path, NULL), 1);
}

static void
test_a_call_begins_when_somebody_waits_for_it(void **state)
{
	assert_int_equal(terminal("k", "ls"), 0);
	assert_int_equal(worker.starts, 1);
	assert_int_equal(worker.goes, 0);
	assert_string_equal(state_of("k"), "running");
	assert_string_equal(state_of("k"), "running");
	assert_int_equal(worker.goes, 1);
}

static void
test_a_call_nobody_waits_for_is_not_begun(void **state)
{
	assert_int_equal(terminal("k", "ls"), 0);
	clock_fake(1790000000000, 1000000 + EXEC_WANTED_MS);
	exec_expire(&runner);
	assert_int_equal(worker.cancels, 1);
	assert_string_equal(state_of("k"), "running");	/* until its worker has ended */
	assert_int_equal(worker.goes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(test_a_key_begins_one_call_only),
		STAGED(test_a_key_of_another_call_is_a_conflict),
		STAGED(test_an_unknown_key_is_unknown_and_begins_nothing),
		STAGED(test_a_call_begins_when_somebody_waits_for_it),
		STAGED(test_a_call_nobody_waits_for_is_not_begun),
		STAGED(test_next_waits_for_progress_and_for_the_result),
		STAGED(test_next_is_answered_when_its_time_is_over),
		STAGED(test_a_worker_that_cannot_start_is_a_result),
		STAGED(test_cancel_ends_a_running_call_once),
		STAGED(test_results_are_kept_in_bounds),
		STAGED(test_a_call_that_ran_long_keeps_its_result),
		STAGED(test_open_calls_are_bounded),
		STAGED(test_output_is_cut_to_the_budget),
		STAGED(test_a_tool_has_its_own_budget),
		STAGED(test_the_call_is_in_the_audit_chain_by_hash_alone),
	};

	return RUN(tests);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a person is asked about, and those that nobody can allow. */
#include "tests/unit/exec_fixture.h"

static void
test_a_dangerous_command_is_refused_whoever_is_there(void **state)
{
	struct answer a;

	terminal("k", "rm -rf /");
	next("k", 0, 0, &a);
	assert_string_equal(a.state, "done");
	assert_string_equal(a.code, "denied");
	assert_non_null(strstr(a.error, "refused (dangerous)"));
	assert_int_equal(worker.starts, 0);
	assert_true(file_holds("logs/approval.log", "DENY severity=dangerous pattern=recursive rm on sensitive path reason=dangerous cmd=rm -rf /\n"));
	free(a.output);
}

static void
test_caution_without_a_person_is_refused_with_the_way_out(void **state)
{
	struct answer a;

	grant.caps &= ~(1U << CAP_approve);
	terminal("k", "rm -rf build");
	next("k", 0, 0, &a);
	assert_string_equal(a.state, "done");
	assert_non_null(strstr(a.error, "tools.terminal.approval.allowlist"));
	assert_int_equal(worker.starts, 0);
	free(a.output);
}

static void
test_an_approved_command_runs_and_is_on_record_before(void **state)
{
	struct answer q;

	terminal("k", "rm -rf build");
	next("k", 0, 5000, &q);
	assert_true(q.answered);
	assert_string_equal(q.state, "asking");
	assert_string_equal(q.command, "rm -rf build");
	assert_string_equal(q.pattern, "recursive rm");
	assert_string_equal(q.cwd, "/w");
	assert_int_equal(strlen(q.ticket), 32);
	assert_int_equal(worker.starts, 0);
	assert_int_equal(approve(&q, "once"), 1);
	assert_int_equal(worker.starts, 1);
	assert_true(file_holds("logs/approval.log", "ALLOW severity=caution pattern=recursive rm reason=approved-once"));
	assert_true(file_holds("logs/audit/toolrunner.jsonl", "approved-once"));
	assert_string_equal(state_of("k"), "running");
}

static void
test_a_ticket_is_good_once(void **state)
{
	struct answer q;

	terminal("k", "rm -rf build");
	next("k", 0, 0, &q);
	assert_int_equal(approve(&q, "once"), 1);
	assert_int_equal(approve(&q, "once"), 0);
	assert_int_equal(worker.starts, 1);
}

static void
test_an_answer_about_another_command_is_refused(void **state)
{
	struct answer q;

	terminal("k", "rm -rf build");
	next("k", 0, 0, &q);
	assert_int_equal(approve_as(&q, "once", "ls"), -1);
	assert_int_equal(worker.starts, 0);
	assert_string_equal(state_of("k"), "asking");
}

static void
test_a_seal_for_one_choice_is_not_good_for_another(void **state)
{
	struct tool_approve m = { .choice = "always" };
	struct error e = { 0 };
	struct answer q, a;
	char seal[65];

	terminal("k", "rm -rf build");
	next("k", 0, 0, &q);
	const char *parts[] = { "approval", q.ticket, "deny", q.command, q.pattern, q.cwd, NULL };
	assert_int_equal(grant_seal(&host, "default/toolrunner", parts, seal, &e), 0);
	m.ticket = q.ticket;
	m.seal = seal;
	assert_int_equal(deliver(MSG_tool_approve, &m, &a, &e), -1);
	assert_int_equal(worker.starts, 0);
}

static void
test_unknown_answers_and_deny_refuse(void **state)
{
	static const char *const choices[] = { "deny", "yes", "ONCE", "" };
	char key[8];

	for (size_t i = 0; i < COUNT(choices); i++) {
		struct answer q, a;

		snprintf(key, sizeof(key), "k%zu", i);
		terminal(key, "rm -rf build");
		next(key, 0, 0, &q);
		assert_int_equal(approve(&q, choices[i]), 1);
		next(key, 0, 0, &a);
		assert_string_equal(a.state, "done");
		assert_string_equal(a.code, "denied");
		free(a.output);
	}
	assert_int_equal(worker.starts, 0);
}

static void
test_silence_denies_after_a_minute(void **state)
{
	struct answer q;

	terminal("k", "rm -rf build");
	next("k", 0, 0, &q);
	clock_fake(1790000000000, 1000000 + EXEC_ASK_S * 1000 - 1);
	exec_expire(&runner);
	assert_string_equal(state_of("k"), "asking");
	clock_fake(1790000000000, 1000000 + EXEC_ASK_S * 1000);
	exec_expire(&runner);
	assert_string_equal(state_of("k"), "done");
	assert_int_equal(approve(&q, "once"), 0);
	assert_int_equal(worker.starts, 0);
}

static void
test_a_session_remembers_its_label_and_no_other_session_does(void **state)
{
	struct answer q;

	terminal("a", "rm -rf build");
	next("a", 0, 0, &q);
	assert_int_equal(approve(&q, "session"), 1);
	terminal("b", "rm -r dist");
	assert_string_equal(state_of("b"), "running");
	terminal("c", "sudo ls");
	assert_string_equal(state_of("c"), "asking");
	grant.session = "s2";
	terminal("d", "rm -r dist");
	assert_string_equal(state_of("d"), "asking");
}

static void
test_a_question_dies_with_the_settings_it_was_asked_under(void **state)
{
	struct answer q;

	terminal("k", "rm -rf build");
	next("k", 0, 0, &q);
	config_text = "sandbox: {write: [/srv]}\n";
	terminal("other", "ls");
	assert_int_equal(worker.starts, 1);
	assert_int_equal(approve(&q, "once"), 1);
	assert_string_equal(state_of("k"), "done");
	assert_int_equal(worker.starts, 1);
}

static void
test_the_allow_list_of_the_configuration_counts(void **state)
{
	config_text = "tools: {terminal: {approval: {allowlist: [recursive rm]}}}\n";
	grant.caps &= ~(1U << CAP_approve);
	terminal("k", "rm -rf build");
	assert_string_equal(state_of("k"), "running");
	assert_true(file_holds("logs/approval.log", "reason=config-category"));
}

static void
test_a_cancelled_question_cannot_be_answered(void **state)
{
	struct answer q;

	terminal("k", "rm -rf build");
	next("k", 0, 0, &q);
	assert_true(exec_cancel(&runner, "k"));
	assert_int_equal(approve(&q, "once"), 0);
	assert_int_equal(worker.starts, 0);
}

static void
test_background_commands_are_judged_and_the_looking_actions_are_not(void **state)
{
	struct error e = { 0 };

	assert_int_equal(exec("a", "terminal", "{\"action\": \"background\", \"command\": \"rm -rf /\"}", &e), 0);
	assert_string_equal(state_of("a"), "done");
	assert_int_equal(exec("b", "terminal", "{\"action\": \"kill\", \"pid\": 1, \"command\": \"rm -rf /\"}", &e), 0);
	assert_string_equal(state_of("b"), "running");
}

static void
test_a_command_nobody_could_be_shown_is_refused(void **state)
{
	cleanup_free char *text = xcalloc(1, EXEC_COMMAND_MAX + 2), *args = NULL;
	struct error e = { 0 };

	memset(text, 'x', EXEC_COMMAND_MAX + 1);
	args = xasprintf("{\"command\": \"%s\"}", text);
	assert_int_equal(exec("k", "terminal", args, &e), -1);
	assert_int_equal(e.code, ERR_too_large);
}

static void
test_a_full_disk_lets_nothing_begin(void **state)
{
	struct error e = { 0 };
	int full = open("/dev/full", O_WRONLY);

	if (full == -1)
		skip();
	close(runner.approval_fd);
	runner.approval_fd = full;
	config_text = "tools: {terminal: {approval: {allowlist: [recursive rm]}}}\n";
	assert_int_equal(exec("k", "terminal", "{\"command\": \"rm -rf build\"}", &e), 0);
	assert_string_equal(state_of("k"), "done");
	assert_int_equal(worker.goes, 0);
	assert_int_equal(worker.drops, worker.starts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(test_a_dangerous_command_is_refused_whoever_is_there),
		STAGED(test_caution_without_a_person_is_refused_with_the_way_out),
		STAGED(test_an_approved_command_runs_and_is_on_record_before),
		STAGED(test_a_ticket_is_good_once),
		STAGED(test_an_answer_about_another_command_is_refused),
		STAGED(test_a_seal_for_one_choice_is_not_good_for_another),
		STAGED(test_unknown_answers_and_deny_refuse),
		STAGED(test_silence_denies_after_a_minute),
		STAGED(test_a_session_remembers_its_label_and_no_other_session_does),
		STAGED(test_a_question_dies_with_the_settings_it_was_asked_under),
		STAGED(test_the_allow_list_of_the_configuration_counts),
		STAGED(test_a_cancelled_question_cannot_be_answered),
		STAGED(test_background_commands_are_judged_and_the_looking_actions_are_not),
		STAGED(test_a_command_nobody_could_be_shown_is_refused),
		STAGED(test_a_full_disk_lets_nothing_begin),
	};

	return RUN(tests);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What of the profile a skill's script is given, and a command that follows a skill. */
#include "tests/unit/exec_fixture.h"

#define STARS "---\nname: stars\nrequires_env: ['A_TOKEN', 'B_TOKEN']\n---\n"

static void
test_a_skill_gets_what_its_own_file_declares_and_no_more(void **state)
{
	cleanup_free char *folder = xasprintf("%s/skills/research/stars", home);
	struct error e = { 0 };

	skill_text = STARS;
	line(&us, "secret A_TOKEN=a");
	line(&us, "secret B_TOKEN=b");
	line(&us, "secret OTHER_TOKEN=o");
	assert_int_equal(exec("k", "skill", "{\"action\":\"run\",\"name\":\"stars\"}", &e), 0);
	assert_string_equal(worker.skill, folder);
	assert_string_equal(worker.env, "{\"A_TOKEN\":\"a\",\"B_TOKEN\":\"b\"}");
	assert_int_equal(worker.timeout_ms, 600000);
	assert_false(file_holds("logs/audit/toolrunner.jsonl", "A_TOKEN"));
}

static void
test_a_skill_whose_variable_is_missing_does_not_begin(void **state)
{
	struct error e = { 0 };

	skill_text = STARS;
	line(&us, "secret A_TOKEN=a");
	assert_int_equal(exec("k", "skill", "{\"action\":\"run\",\"name\":\"stars\"}", &e), -1);
	assert_int_equal(e.code, ERR_not_found);	/* not "unavailable": it would be asked again */
	assert_non_null(strstr(e.text, "stars: it declares B_TOKEN"));
	assert_non_null(strstr(e.text, "alpi daemon reload"));
	assert_int_equal(worker.starts, 0);
}

static void
test_no_skill_is_given_a_key_of_a_provider(void **state)
{
	struct error e = { 0 };

	skill_text = "---\nname: stars\nenv: OPENAI_API_KEY\n---\n";
	line(&us, "secret OPENAI_API_KEY=a");
	assert_int_equal(exec("k", "skill", "{\"action\":\"run\",\"name\":\"stars\"}", &e), -1);
	assert_int_equal(e.code, ERR_denied);
	assert_non_null(strstr(e.text, "OPENAI_API_KEY"));
	assert_int_equal(worker.starts, 0);
}

static void
test_a_database_needs_no_variable_and_gets_none(void **state)
{
	struct error e = { 0 };

	skill_text = STARS;
	line(&us, "secret A_TOKEN=a");
	grant.caps |= 1 << CAP_remember;
	assert_int_equal(exec("k", "db", "{\"action\":\"query\",\"skill\":\"stars\",\"sql\":\"select 1\"}", &e), 0);
	assert_non_null(strstr(worker.skill, "/skills/research/stars"));
	assert_null(worker.env);
}

static void
test_a_command_gets_the_variables_of_the_skills_that_were_shown(void **state)
{
	struct error e = { 0 };

	skill_text = "---\nname: stars\nenv: A_TOKEN, NOT_SET, OPENAI_API_KEY\n---\n";
	line(&us, "secret A_TOKEN=a");
	line(&us, "secret B_TOKEN=b");
	line(&us, "secret OPENAI_API_KEY=k");
	assert_int_equal(exec_with("k", "terminal", "{\"command\":\"ls\"}", "gone ../x stars", &e), 0);
	assert_string_equal(worker.env, "{\"A_TOKEN\":\"a\"}");
	assert_int_equal(exec_with("l", "terminal", "{\"command\":\"ls\"}", "gone", &e), 0);
	assert_null(worker.env);
	assert_int_equal(exec_with("m", "read_file", "{\"path\":\"x\"}", "stars", &e), 0);
	assert_null(worker.env);
}

static void
test_names_that_are_no_skill_begin_nothing(void **state)
{
	static const char *const names[] = { "other", "../stars", "Stars", "", "a", "stars/.." };

	skill_text = STARS;
	for (size_t i = 0; i < COUNT(names); i++) {
		cleanup_free char *args = xasprintf("{\"action\":\"run\",\"name\":\"%s\"}", names[i]);
		struct error e = { 0 };

		assert_int_equal(exec("k", "skill", args, &e), -1);
		assert_int_equal(e.code, i == 0 ? ERR_not_found : ERR_invalid);
	}
	assert_int_equal(worker.starts, 0);
}

static void
test_a_script_never_has_more_than_ten_minutes(void **state)
{
	struct error e = { 0 };

	skill_text = "---\nname: stars\n---\n";
	assert_int_equal(exec("k", "skill", "{\"action\":\"test\",\"name\":\"stars\",\"timeout\":3600}", &e), 0);
	assert_int_equal(worker.timeout_ms, 600000);
	assert_int_equal(exec("l", "skill", "{\"action\":\"test\",\"name\":\"stars\",\"timeout\":5}", &e), 0);
	assert_int_equal(worker.timeout_ms, 5000);
}

/* The grant is scheduled's both times. */
static void
test_a_jobs_script_has_the_jobs_time_and_what_its_turn_calls_has_not(void **state)
{
	struct error e = { 0 };

	skill_text = "---\nname: stars\n---\n";
	grant.origin = "default/scheduled";
	assert_int_equal(exec("k", "skill", "{\"action\":\"run\",\"name\":\"stars\",\"timeout\":1800}", &e), 0);
	assert_int_equal(worker.timeout_ms, 600000);
	caller = "default/scheduled";
	assert_int_equal(exec("l", "skill", "{\"action\":\"run\",\"name\":\"stars\",\"timeout\":1800}", &e), 0);
	assert_int_equal(worker.timeout_ms, 1800000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(test_a_skill_gets_what_its_own_file_declares_and_no_more),
		STAGED(test_a_skill_whose_variable_is_missing_does_not_begin),
		STAGED(test_no_skill_is_given_a_key_of_a_provider),
		STAGED(test_a_database_needs_no_variable_and_gets_none),
		STAGED(test_names_that_are_no_skill_begin_nothing),
		STAGED(test_a_command_gets_the_variables_of_the_skills_that_were_shown),
		STAGED(test_a_script_never_has_more_than_ten_minutes),
		STAGED(test_a_jobs_script_has_the_jobs_time_and_what_its_turn_calls_has_not),
	};

	return RUN(tests);
}

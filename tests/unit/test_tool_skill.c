/* SPDX-License-Identifier: Apache-2.0 */
/* A skill's script outside a sandbox: what it is given, and what its end comes to (memory-skills.md, 7.2). */
#include "tests/unit/tool.h"

#define HEAD "---\nname: stars\ndescription: counts\ncategory: research\n"
#define NUMBER "output_schema: {\"type\":\"object\",\"required\":[\"n\"],\"properties\":{\"n\":{\"type\":\"integer\"}}}\n"

static void
make_skill(const char *head, const char *script)
{
	cleanup_free char *text = xasprintf("%s---\n# How to count\nCount.\n", head);

	if (access("/usr/bin/python3", X_OK) == -1)
		skip();
	put_file(workspace, "SKILL.md", text);
	dir_in_workspace("scripts");
	dir_in_workspace("state");
	if (script != NULL)
		put_file(workspace, "scripts/run.py", script);
	setenv("PATH", "/usr/bin:/bin", 1);
}

static struct outcome
skill(const char *action, const char *more)
{
	cleanup_free char *text = xasprintf("{\"action\":\"%s\",\"name\":\"stars\"%s}", action, more);
	cleanup_json json_t *args = json_parse(text, strlen(text), 16, NULL);

	assert_non_null(args);
	return run_with("skill", args, workspace);
}

static void
test_a_script_runs_in_its_folder_with_its_arguments(void **state)
{
	make_skill(HEAD, "import os, sys\nprint(os.getcwd(), os.environ['ALPI_SKILL_NAME'], os.environ['ALPI_SKILL_DIR'], sys.argv[1:])\n"
	    "print('warned', file=sys.stderr)\n");
	cleanup_outcome struct outcome o = skill("run", ",\"args\":[\"a b\",\"c\"]");
	cleanup_free char *want = xasprintf("%s stars %s ['a b', 'c']\n[stderr]\nwarned\n", workspace, workspace);

	assert_int_equal(o.status, 0);
	assert_true(o.r.ok);
	assert_string_equal(buf_str(&o.r.output), want);
}

static void
test_scripts_are_parsed_and_not_run(void **state)
{
	make_skill(HEAD, "import json, no_such_module, beside\ntry:\n    import optional_one\nexcept ImportError:\n    pass\nopen('state/ran', 'w')\n");
	put_file(workspace, "scripts/beside.py", "x = 1\n");
	put_file(workspace, "scripts/broken.py", "x = 1\ndef f(:\n");
	cleanup_outcome struct outcome o = skill("validate", "");
	cleanup_free char *ran = xasprintf("%s/state/ran", workspace);

	assert_true(o.r.ok);
	assert_string_equal(buf_str(&o.r.output), "error: scripts/broken.py: line 2: invalid syntax\n"
	    "error: scripts/run.py: imports no_such_module, which is not there\n");
	assert_int_equal(access(ran, F_OK), -1);
}

static void
test_a_port_that_nobody_listens_on_and_an_early_browser_are_told(void **state)
{
	make_skill(HEAD, "import webbrowser, http.server\nwebbrowser.open('http://x')\n"
	    "http.server.HTTPServer(('', 8123), None).serve_forever(port=8123)\n");
	put_file(workspace, "SKILL.md", HEAD "---\nIt answers at http://localhost:8080/\n");
	cleanup_outcome struct outcome o = skill("validate", "");

	assert_true(o.r.ok);
	assert_string_equal(buf_str(&o.r.output), "warning: scripts/run.py: opens the browser before the server listens that it calls back\n"
	    "warning: scripts/run.py: has port 8123, SKILL.md has 8080\n");
}

static void
test_nothing_runs_that_validate_finds_wrong(void **state)
{
	static const char *const actions[] = { "run", "test", "invoke" };
	cleanup_free char *ran = xasprintf("%s/state/ran", workspace);

	make_skill(HEAD NUMBER, "open('state/ran', 'w')\nprint('{\"n\": 1}')\nimport no_such_module\n");
	for (size_t i = 0; i < COUNT(actions); i++) {
		cleanup_outcome struct outcome o = skill(actions[i], "");

		assert_int_equal(o.status, -1);
		assert_contains(o.e.text, "does not run before this is right: error: scripts/run.py: imports no_such_module");
	}
	put_file(workspace, "scripts/run.py", "print('{\"n\": 1}')\n");
	put_file(workspace, "scripts/beside.py", "def f(:\n");
	cleanup_outcome struct outcome o = skill("run", "");
	assert_contains(o.e.text, "error: scripts/beside.py: line 1: invalid syntax");
	assert_int_equal(access(ran, F_OK), -1);
}

static void
test_a_test_says_that_it_went_well(void **state)
{
	make_skill(HEAD, "print('fine')\n");
	cleanup_outcome struct outcome o = skill("test", "");

	assert_true(o.r.ok);
	assert_string_equal(buf_str(&o.r.output), "[test ok] stars\nfine\n");
}

static void
test_a_failing_script_fails_with_its_last_words_and_its_output(void **state)
{
	make_skill(HEAD, "print('half')\nraise ValueError('no luck')\n");
	for (size_t i = 0; i < 2; i++) {
		cleanup_outcome struct outcome o = skill(i == 0 ? "run" : "test", "");

		assert_false(o.r.ok);
		assert_string_equal(o.r.error, "skill stars failed (exit 1): ValueError: no luck");
		assert_contains(buf_str(&o.r.output), "half\n[stderr]\nTraceback");
	}
}

static void
test_without_a_script_nothing_runs(void **state)
{
	make_skill(HEAD, NULL);
	cleanup_outcome struct outcome o = skill("run", ""), t = skill("test", ""), i = skill("invoke", "");

	assert_contains(o.e.text, "no scripts/run.py to run");
	assert_contains(t.e.text, "no scripts/run.py to test");
	assert_contains(i.e.text, "no scripts/run.py to invoke");
}

static void
test_invoke_is_the_json_alone(void **state)
{
	make_skill(HEAD NUMBER, "import sys\nprint('{\"n\": 3}')\nprint('warned', file=sys.stderr)\n");
	cleanup_outcome struct outcome o = skill("invoke", "");

	assert_true(o.r.ok);
	assert_string_equal(buf_str(&o.r.output), "{\"n\": 3}\n");
}

static void
test_output_that_does_not_fit_its_schema_is_an_error(void **state)
{
	static const char *const actions[] = { "run", "test", "invoke" };

	make_skill(HEAD NUMBER, "print('{\"n\": \"3\"}')\n");
	for (size_t i = 0; i < COUNT(actions); i++) {
		cleanup_outcome struct outcome o = skill(actions[i], "");

		assert_false(o.r.ok);
		assert_contains(o.r.error, "does not fit output_schema: $.n: must be of type integer, not string");
		assert_contains(buf_str(&o.r.output), "{\"n\": \"3\"}");
	}
}

static void
test_output_that_is_no_json_is_an_error(void **state)
{
	make_skill(HEAD NUMBER, "print('three')\n");
	cleanup_outcome struct outcome o = skill("invoke", "");

	assert_contains(o.r.error, "is not the JSON that output_schema declares");
}

static void
test_invoke_needs_a_schema_that_is_one(void **state)
{
	make_skill(HEAD, "print(1)\n");
	cleanup_outcome struct outcome o = skill("invoke", "");

	assert_contains(o.e.text, "declares no output_schema");
	put_file(workspace, "SKILL.md", HEAD "output_schema: {\"type\":\"any\"}\n---\n");
	cleanup_outcome struct outcome p = skill("run", "");
	assert_contains(p.e.text, "there is no type any");
}

static void
test_what_a_skill_asks_for_is_named_when_it_is_missing(void **state)
{
	make_skill(HEAD "requires_bins: ['sh', 'no-such-program']\n", "print(1)\n");
	cleanup_outcome struct outcome o = skill("run", "");

	assert_contains(o.e.text, "no-such-program");
	put_file(workspace, "SKILL.md", HEAD "platforms: ['macos', 'windows']\n---\n");
	cleanup_outcome struct outcome p = skill("run", "");
	assert_contains(p.e.text, "is for ['macos', 'windows'], and this is linux");
	put_file(workspace, "SKILL.md", HEAD "platforms: linux, macos\nrequires_bins: sh\n---\n");
	cleanup_outcome struct outcome q = skill("run", "");
	assert_true(q.r.ok);
}

static void
test_a_machine_without_python_is_told_so(void **state)
{
	make_skill(HEAD, "print(1)\n");
	setenv("PATH", "/nonexistent", 1);
	cleanup_outcome struct outcome o = skill("run", "");

	assert_contains(o.e.text, "there is no python3 on the PATH of the sandbox (/nonexistent)");
}

static void
test_a_script_that_talks_without_end_is_ended(void **state)
{
	make_skill(HEAD, "while True: print('x' * 100000)\n");
	cleanup_outcome struct outcome o = skill("run", "");

	assert_false(o.r.ok);
	assert_string_equal(o.r.code, "too-large");
	assert_contains(o.r.error, "put out more than 16 MB and was ended");
	assert_true(o.r.output.len < TOOL_OUTPUT_MAX);
}

static void
test_a_script_that_outlives_its_time_is_ended(void **state)
{
	make_skill(HEAD, "import subprocess\nprint('begun', flush=True)\nsubprocess.run(['sleep', '1000'])\n");
	cleanup_outcome struct outcome o = skill("run", ",\"timeout\":1");

	assert_false(o.r.ok);
	assert_string_equal(o.r.code, "timeout");
	assert_string_equal(o.r.error, "skill stars: Timed out after 1s");
	assert_contains(buf_str(&o.r.output), "begun");
}

static void
test_arguments_are_texts(void **state)
{
	make_skill(HEAD, "print(1)\n");
	cleanup_outcome struct outcome o = skill("run", ",\"args\":[1]");

	assert_contains(o.e.text, "args holds at most");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORKSPACE_TEST(test_a_script_runs_in_its_folder_with_its_arguments),
		WORKSPACE_TEST(test_scripts_are_parsed_and_not_run),
		WORKSPACE_TEST(test_a_port_that_nobody_listens_on_and_an_early_browser_are_told),
		WORKSPACE_TEST(test_nothing_runs_that_validate_finds_wrong),
		WORKSPACE_TEST(test_a_test_says_that_it_went_well),
		WORKSPACE_TEST(test_a_failing_script_fails_with_its_last_words_and_its_output),
		WORKSPACE_TEST(test_without_a_script_nothing_runs),
		WORKSPACE_TEST(test_invoke_is_the_json_alone),
		WORKSPACE_TEST(test_output_that_does_not_fit_its_schema_is_an_error),
		WORKSPACE_TEST(test_output_that_is_no_json_is_an_error),
		WORKSPACE_TEST(test_invoke_needs_a_schema_that_is_one),
		WORKSPACE_TEST(test_what_a_skill_asks_for_is_named_when_it_is_missing),
		WORKSPACE_TEST(test_a_machine_without_python_is_told_so),
		WORKSPACE_TEST(test_a_script_that_talks_without_end_is_ended),
		WORKSPACE_TEST(test_a_script_that_outlives_its_time_is_ended),
		WORKSPACE_TEST(test_arguments_are_texts),
	};

	return RUN(tests);
}

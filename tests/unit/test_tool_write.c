/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tool.h"

static void
test_write_makes_parents_and_counts_characters(void **state)
{
	cleanup_outcome struct outcome o = run_tool("write_file", "{'path':'a/b/c.txt','content':'h\u00e9!\\n'}");
	cleanup_free char *text = NULL, *said = xasprintf("Wrote 4 chars to %s/a/b/c.txt", workspace);

	assert_int_equal(o.status, 0);
	text = get_file(workspace, "a/b/c.txt");
	assert_string_equal(text, "h\u00e9!\n");
	assert_string_equal(buf_str(&o.r.output), said);
}

static void
test_write_records_the_mutation(void **state)
{
	put_file(workspace, "a.txt", "one\ntwo\nthree\n");
	cleanup_outcome struct outcome o = run_tool("write_file", "{'path':'a.txt','content':'one\\n2\\nthree\\n'}");
	const json_t *row = json_array_get(o.r.mutations, 0);

	assert_int_equal(json_array_size(o.r.mutations), 1);
	assert_string_equal(json_str(row, "op", ""), "write");
	assert_int_equal(json_int(row, "bytes_before", -1), 14);
	assert_int_equal(json_int(row, "bytes_after", -1), 12);
	assert_int_equal(json_int(row, "lines_before", -1), 3);
	assert_string_equal(json_str(row, "diff_preview", ""), "-two\n+2\n");
	assert_int_equal(strlen(json_str(row, "sha_before", "")), 64);
	assert_string_not_equal(json_str(row, "sha_before", ""), json_str(row, "sha_after", ""));
}

static void
test_write_of_a_new_file_is_a_create(void **state)
{
	cleanup_outcome struct outcome o = run_tool("write_file", "{'path':'n.txt','content':'x'}");
	const json_t *row = json_array_get(o.r.mutations, 0);

	assert_string_equal(json_str(row, "op", ""), "create");
	assert_true(json_is_null(json_object_get(row, "sha_before")));
}

static void
test_write_keeps_a_file_that_would_not_parse(void **state)
{
	static const struct { const char *name, *bad; } rows[] = {
		{ "a.json", "{'path':'a.json','content':'{'}" },
		{ "a.yaml", "{'path':'a.yaml','content':'a: [1'}" },
		{ "a.py", "{'path':'a.py','content':'def f(:\\n'}" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		put_file(workspace, rows[i].name, "{}");
		cleanup_outcome struct outcome o = run_tool("write_file", rows[i].bad);
		cleanup_free char *text = get_file(workspace, rows[i].name);

		assert_int_equal(o.status, -1);
		assert_contains(o.e.text, "does not parse");
		assert_string_equal(text, "{}");
		assert_null(o.r.mutations);
	}
}

static void
test_write_takes_what_parses(void **state)
{
	static const char *const good[] = {
		"{'path':'b.json','content':'[1, 2]'}",
		"{'path':'b.yml','content':'a: !Ref x\\n---\\nb: &y 1\\n'}",
		"{'path':'b.py','content':'def f():\\n\\treturn 1\\n'}",
		"{'path':'b.txt','content':'{'}",
	};

	for (size_t i = 0; i < COUNT(good); i++) {
		cleanup_outcome struct outcome o = run_tool("write_file", good[i]);

		assert_int_equal(o.status, 0);
	}
}

static void
test_write_refuses_dotenv_and_keys(void **state)
{
	static const char *const bad[] = {
		"{'path':'.env','content':'x'}", "{'path':'.env.production','content':'x'}", "{'path':'key.pem','content':'x'}",
		"{'path':'.ssh/id_rsa','content':'x'}", "{'path':'/etc/passwd','content':'x'}",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		cleanup_outcome struct outcome o = run_tool("write_file", bad[i]);

		assert_int_equal(o.status, -1);
		assert_int_equal(o.e.code, ERR_denied);
	}
	cleanup_free char *path = xasprintf("%s/.env", workspace);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_write_refuses_skills(void **state)
{
	char *before = workspace;
	struct tool_call call = { .name = "write_file", .workspace = workspace, .home = workspace, .progress = no_progress,
	    .result.output.max = TOOL_OUTPUT_MAX };
	cleanup_json json_t *args = json_pack("{s:s s:s}", "path", "skills/x/SKILL.md", "content", "x");
	struct error e = { 0 };

	call.args = args;
	assert_int_equal(tool_write_file(&call, &e), -1);
	assert_contains(e.text, "skill");
	assert_ptr_equal(before, workspace);
}

static void
test_write_keeps_the_mode(void **state)
{
	cleanup_free char *path = xasprintf("%s/run.sh", workspace);
	struct stat st;

	put_file(workspace, "run.sh", "#!/bin/sh\n");
	chmod(path, 0755);
	cleanup_outcome struct outcome o = run_tool("write_file", "{'path':'run.sh','content':'#!/bin/sh\\ntrue\\n'}");
	assert_true(o.r.ok);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORKSPACE_TEST(test_write_makes_parents_and_counts_characters),
		WORKSPACE_TEST(test_write_records_the_mutation),
		WORKSPACE_TEST(test_write_of_a_new_file_is_a_create),
		WORKSPACE_TEST(test_write_keeps_a_file_that_would_not_parse),
		WORKSPACE_TEST(test_write_takes_what_parses),
		WORKSPACE_TEST(test_write_refuses_dotenv_and_keys),
		WORKSPACE_TEST(test_write_refuses_skills),
		WORKSPACE_TEST(test_write_keeps_the_mode),
	};

	return RUN(tests);
}

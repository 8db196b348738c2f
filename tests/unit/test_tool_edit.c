/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tool.h"

static void
test_edit_replaces_the_one_occurrence(void **state)
{
	put_file(workspace, "a.c", "int a;\nint b;\n");
	cleanup_outcome struct outcome o = run_tool("edit_file", "{'path':'a.c','old_string':'int b','new_string':'long b'}");
	cleanup_free char *text = get_file(workspace, "a.c");

	assert_int_equal(o.status, 0);
	assert_string_equal(text, "int a;\nlong b;\n");
	assert_string_equal(json_str(json_array_get(o.r.mutations, 0), "op", ""), "edit");
	assert_string_equal(json_str(json_array_get(o.r.mutations, 0), "diff_preview", ""), "-int b;\n+long b;\n");
}

static void
test_edit_names_the_count(void **state)
{
	put_file(workspace, "a.c", "x\nx\nx\n");
	cleanup_outcome struct outcome many = run_tool("edit_file", "{'path':'a.c','old_string':'x','new_string':'y'}");
	cleanup_outcome struct outcome none = run_tool("edit_file", "{'path':'a.c','old_string':'z','new_string':'y'}");
	cleanup_free char *text = get_file(workspace, "a.c");

	assert_int_equal(many.status, -1);
	assert_contains(many.e.text, "3 times");
	assert_int_equal(none.status, -1);
	assert_contains(none.e.text, "0 occurrences");
	assert_string_equal(text, "x\nx\nx\n");
}

static void
test_edit_keeps_a_file_that_would_not_parse(void **state)
{
	put_file(workspace, "a.json", "{\"a\": 1}");
	cleanup_outcome struct outcome o = run_tool("edit_file", "{'path':'a.json','old_string':'}','new_string':''}");
	cleanup_free char *text = get_file(workspace, "a.json");

	assert_int_equal(o.status, -1);
	assert_string_equal(text, "{\"a\": 1}");
}

static void
test_edit_refuses_a_link_to_a_secret(void **state)
{
	put_file(workspace, ".env", "A=1\n");
	link_in_workspace(".env", "settings");
	cleanup_outcome struct outcome o = run_tool("edit_file", "{'path':'settings','old_string':'1','new_string':'2'}");
	cleanup_free char *text = get_file(workspace, ".env");

	assert_int_equal(o.status, -1);
	assert_int_equal(o.e.code, ERR_denied);
	assert_string_equal(text, "A=1\n");
}

static void
test_edit_writes_through_a_link_and_leaves_it_one(void **state)
{
	cleanup_free char *path = xasprintf("%s/link.txt", workspace);
	struct stat st;

	put_file(workspace, "real.txt", "one");
	link_in_workspace("real.txt", "link.txt");
	cleanup_outcome struct outcome o = run_tool("edit_file", "{'path':'link.txt','old_string':'one','new_string':'two'}");
	cleanup_free char *text = get_file(workspace, "real.txt");

	assert_int_equal(o.status, 0);
	assert_string_equal(text, "two");
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void
test_edit_needs_an_old_text(void **state)
{
	put_file(workspace, "a", "x");
	cleanup_outcome struct outcome o = run_tool("edit_file", "{'path':'a','old_string':'','new_string':'y'}");

	assert_int_equal(o.status, -1);
	assert_int_equal(o.e.code, ERR_invalid);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORKSPACE_TEST(test_edit_replaces_the_one_occurrence),
		WORKSPACE_TEST(test_edit_names_the_count),
		WORKSPACE_TEST(test_edit_keeps_a_file_that_would_not_parse),
		WORKSPACE_TEST(test_edit_refuses_a_link_to_a_secret),
		WORKSPACE_TEST(test_edit_writes_through_a_link_and_leaves_it_one),
		WORKSPACE_TEST(test_edit_needs_an_old_text),
	};

	return RUN(tests);
}

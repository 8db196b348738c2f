/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tool.h"

/* What a call puts out, without the workspace's own path. */
static void
assert_lists(const char *args, const char *names)
{
	cleanup_outcome struct outcome o = run_tool("index_workspace", args);
	cleanup_json json_t *page = NULL;
	struct buf b = BUF(0);
	json_t *row;
	size_t i;

	if (o.status != 0)
		fail_msg("%s", o.e.text);
	page = json_parse(buf_str(&o.r.output), o.r.output.len, 8, &o.e);
	assert_non_null(page);
	assert_string_equal(json_str(page, "workspace", ""), workspace);
	json_array_foreach(json_object_get(page, "files"), i, row)
		buf_addf(&b, "%s%s", i > 0 ? " " : "", json_string_value(json_array_get(row, 0)));
	assert_string_equal(buf_str(&b), names);
	buf_clear(&b);
}

static void
tree(void)
{
	dir_in_workspace("a");
	dir_in_workspace("node_modules");
	put_file(workspace, "a/x", "1");
	put_file(workspace, "a.b", "2");
	put_file(workspace, "b", "3");
	put_file(workspace, ".env", "SECRET=1");
	put_file(workspace, "node_modules/n", "4");
	link_in_workspace("b", "link");
}

static void
test_index_lists_plain_files_in_the_order_of_the_walk(void **state)
{
	tree();
	assert_lists("{}", "a/x a.b b");
	assert_lists("{'path':'a'}", "a/x");
	assert_lists("{'path':'b'}", "b");
	assert_lists("{'glob':'*.b'}", "a.b");
}

static void
test_index_goes_on_behind_the_file_it_is_told(void **state)
{
	tree();
	assert_lists("{'after':'a/x'}", "a.b b");
	assert_lists("{'after':'a.b'}", "b");
	assert_lists("{'after':'b'}", "");
}

static void
test_index_does_not_list_what_is_ours_but_documents(void **state)
{
	dir_in_workspace(".alpi");
	dir_in_workspace(".alpi/documents");
	dir_in_workspace(".alpi/state");
	put_file(workspace, ".alpi/documents/d.txt", "d");
	put_file(workspace, ".alpi/state/s", "s");
	put_file(workspace, ".alpi/f", "f");
	assert_lists("{}", ".alpi/documents/d.txt");
}

static void
test_index_hands_over_texts_and_says_why_not(void **state)
{
	put_file(workspace, "a", "one\ntwo");
	put_file(workspace, "latin", "caf\xe9");
	put_file(workspace, ".env", "SECRET=1");
	cleanup_outcome struct outcome o = run_tool("index_workspace", "{'paths':['a','latin','.env','gone','.']}");

	assert_int_equal(o.status, 0);
	assert_contains(buf_str(&o.r.output), "\"bytes\":7}\none\ntwo\n{\"path\":\"latin\"");
	assert_contains(buf_str(&o.r.output), "caf\xef\xbf\xbd\n");
	assert_contains(buf_str(&o.r.output), ".env is a sensitive path and is not touched");
	assert_contains(buf_str(&o.r.output), "{\"path\":\"gone\",\"gone\":");
	assert_contains(buf_str(&o.r.output), "{\"path\":\".\",\"gone\":\"not a regular file\"");
	assert_null(strstr(buf_str(&o.r.output), "SECRET"));
}

static void
test_index_refuses_paths_that_are_none(void **state)
{
	cleanup_outcome struct outcome o = run_tool("index_workspace", "{'paths':[7]}");

	assert_int_equal(o.status, -1);
}

static void
test_search_names_only_what_may_be_read(void **state)
{
	tree();
	cleanup_outcome struct outcome o = run_tool("search_workspace", "{'paths':['b','.env','nothing','a','/etc/shadow','../x']}");
	cleanup_json json_t *page = NULL;

	assert_int_equal(o.status, 0);
	page = json_parse(buf_str(&o.r.output), o.r.output.len, 8, &o.e);
	assert_int_equal(json_array_size(json_object_get(page, "files")), 1);
	assert_contains(buf_str(&o.r.output), "[\"b\",");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORKSPACE_TEST(test_index_lists_plain_files_in_the_order_of_the_walk),
		WORKSPACE_TEST(test_index_goes_on_behind_the_file_it_is_told),
		WORKSPACE_TEST(test_index_does_not_list_what_is_ours_but_documents),
		WORKSPACE_TEST(test_index_hands_over_texts_and_says_why_not),
		WORKSPACE_TEST(test_index_refuses_paths_that_are_none),
		WORKSPACE_TEST(test_search_names_only_what_may_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

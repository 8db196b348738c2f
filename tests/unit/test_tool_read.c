/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tool.h"

static void
test_read_numbers_lines(void **state)
{
	put_file(workspace, "a.txt", "one\ntwo\n\nfour");
	cleanup_outcome struct outcome o = run_tool("read_file", "{'path':'a.txt'}");

	assert_int_equal(o.status, 0);
	assert_true(o.r.ok);
	assert_string_equal(buf_str(&o.r.output), "     1\tone\n     2\ttwo\n     3\t\n     4\tfour");
}

static void
test_read_takes_offset_and_limit(void **state)
{
	put_file(workspace, "a.txt", "one\ntwo\nthree\nfour\n");
	cleanup_outcome struct outcome o = run_tool("read_file", "{'path':'a.txt','offset':1,'limit':2}");

	assert_string_equal(buf_str(&o.r.output), "     2\ttwo\n     3\tthree\n… [there is more: offset 3 goes on]");
}

static void
test_read_whole_file_has_no_note(void **state)
{
	put_file(workspace, "a.txt", "one\ntwo\n");
	cleanup_outcome struct outcome o = run_tool("read_file", "{'path':'a.txt','limit':2}");

	assert_string_equal(buf_str(&o.r.output), "     1\tone\n     2\ttwo");
}

static void
test_read_refuses_binary(void **state)
{
	cleanup_free char *path = xasprintf("%s/b", workspace);
	FILE *f = fopen(path, "w");

	fwrite("ELF\0\1\2", 1, 6, f);
	fclose(f);
	cleanup_outcome struct outcome o = run_tool("read_file", "{'path':'b'}");
	assert_int_equal(o.status, -1);
	assert_contains(o.e.text, "binary");
}

static void
test_read_names_similar_paths(void **state)
{
	put_file(workspace, "readme.md", "");
	put_file(workspace, "readme.txt", "");
	cleanup_outcome struct outcome o = run_tool("read_file", "{'path':'readme'}");

	assert_int_equal(o.status, -1);
	assert_int_equal(o.e.code, ERR_not_found);
	assert_contains(o.e.text, "readme.md");
	assert_contains(o.e.text, "readme.txt");
}

static void
test_read_refuses_dotenv(void **state)
{
	put_file(workspace, ".env", "KEY=1\n");
	cleanup_outcome struct outcome o = run_tool("read_file", "{'path':'.env'}");

	assert_int_equal(o.status, -1);
	assert_int_equal(o.e.code, ERR_denied);
	assert_contains(o.e.text, "sensitive");
	assert_int_equal(o.r.output.len, 0);
}

static void
test_read_refuses_link_to_dotenv(void **state)
{
	put_file(workspace, ".env", "KEY=1\n");
	link_in_workspace(".env", "notes");
	cleanup_outcome struct outcome o = run_tool("read_file", "{'path':'notes'}");

	assert_int_equal(o.status, -1);
	assert_int_equal(o.e.code, ERR_denied);
}

static void
test_read_refuses_directory(void **state)
{
	cleanup_outcome struct outcome o = run_tool("read_file", "{'path':'.'}");

	assert_int_equal(o.status, -1);
	assert_contains(o.e.text, "directory");
}

static void
test_read_does_not_wait_for_a_fifo(void **state)
{
	cleanup_free char *path = xasprintf("%s/fifo", workspace);

	assert_int_equal(mkfifo(path, 0600), 0);
	cleanup_outcome struct outcome o = run_tool("read_file", "{'path':'fifo'}");
	assert_int_equal(o.status, -1);
}

static void
test_read_bounds_a_long_line(void **state)
{
	cleanup_free char *path = xasprintf("%s/long", workspace);
	FILE *f = fopen(path, "w");

	for (int i = 0; i < 3 * 1024 * 1024; i++)
		putc('x', f);
	fclose(f);
	cleanup_outcome struct outcome o = run_tool("read_file", "{'path':'long'}");
	assert_true(o.r.output.len <= TOOL_OUTPUT_MAX);
	assert_contains(buf_str(&o.r.output) + o.r.output.len - 60, "there is more");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORKSPACE_TEST(test_read_numbers_lines),
		WORKSPACE_TEST(test_read_takes_offset_and_limit),
		WORKSPACE_TEST(test_read_whole_file_has_no_note),
		WORKSPACE_TEST(test_read_refuses_binary),
		WORKSPACE_TEST(test_read_names_similar_paths),
		WORKSPACE_TEST(test_read_refuses_dotenv),
		WORKSPACE_TEST(test_read_refuses_link_to_dotenv),
		WORKSPACE_TEST(test_read_refuses_directory),
		WORKSPACE_TEST(test_read_does_not_wait_for_a_fifo),
		WORKSPACE_TEST(test_read_bounds_a_long_line),
	};

	return RUN(tests);
}

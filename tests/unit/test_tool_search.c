/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tool.h"

static void
tree(void)
{
	dir_in_workspace("src");
	dir_in_workspace("node_modules");
	put_file(workspace, "src/a.c", "int main(void)\n{\n\treturn Foo();\n}\n");
	put_file(workspace, "src/b.h", "int Foo(void);\nint foo;\n");
	put_file(workspace, "node_modules/x.c", "Foo\n");
	put_file(workspace, "top.txt", "nothing\n");
}

static void
assert_finds(const char *args, const char *expected)
{
	cleanup_outcome struct outcome o = run_tool("search", args);

	if (o.status != 0)
		fail_msg("%s", o.e.text);
	assert_string_equal(buf_str(&o.r.output), expected);
}

static void
test_search_shows_file_line_and_text(void **state)
{
	tree();
	assert_finds("{'pattern':'main'}", "src/a.c:1:int main(void)");
}

static void
test_search_has_smart_case(void **state)
{
	tree();
	assert_finds("{'pattern':'Foo'}", "src/a.c:3:\treturn Foo();\nsrc/b.h:1:int Foo(void);");
	assert_finds("{'pattern':'foo'}", "src/a.c:3:\treturn Foo();\nsrc/b.h:1:int Foo(void);\nsrc/b.h:2:int foo;");
	assert_finds("{'pattern':'foo','case_sensitive':true}", "src/b.h:2:int foo;");
}

static void
test_search_skips_noise_unless_asked(void **state)
{
	tree();
	assert_finds("{'pattern':'^Foo$'}", "(no matches)");
	assert_finds("{'pattern':'^Foo$','include_noise':true}", "node_modules/x.c:1:Foo");
}

static void
test_search_finds_files_by_name(void **state)
{
	tree();
	assert_finds("{'pattern':'*.c','target':'files'}", "src/a.c");
	assert_finds("{'pattern':'**/*.h','target':'glob'}", "src/b.h");
	assert_finds("{'pattern':'src/*','target':'find'}", "src/a.c\nsrc/b.h");
	assert_finds("{'pattern':'top','target':'ls'}", "top.txt");
}

static void
test_search_takes_path_and_glob(void **state)
{
	tree();
	assert_finds("{'pattern':'int','path':'src','file_glob':'*.h'}", "src/b.h:1:int Foo(void);\nsrc/b.h:2:int foo;");
	assert_finds("{'pattern':'nothing','path':'top.txt'}", "top.txt:1:nothing");
}

static void
test_search_stops_at_its_limit(void **state)
{
	put_file(workspace, "many", "x\nx\nx\nx\n");
	assert_finds("{'pattern':'x','limit':2}", "many:1:x\nmany:2:x\n… [stopped after 2 results]");
}

static void
test_search_matches_lines_not_across_them(void **state)
{
	put_file(workspace, "t", "one\n\n  two\nthree\n");
	assert_finds("{'pattern':'one\\\\s+two'}", "(no matches)");
	assert_finds("{'pattern':'\\\\s*two'}", "t:3:  two");
	assert_finds("{'pattern':'^$'}", "t:2:");
	assert_finds("{'pattern':'e$'}", "t:1:one\nt:4:three");
}

static void
test_search_never_opens_what_reading_refuses(void **state)
{
	dir_in_workspace(".ssh");
	put_file(workspace, ".env", "PASSWORD=1\n");
	put_file(workspace, ".ssh/id_rsa", "PASSWORD\n");
	put_file(workspace, "key.pem", "PASSWORD\n");
	link_in_workspace(".env", "innocent");
	assert_finds("{'pattern':'PASSWORD'}", "(no matches)");
	assert_finds("{'pattern':'PASSWORD','include_noise':true}", "(no matches)");
	cleanup_outcome struct outcome o = run_tool("search", "{'pattern':'PASSWORD','path':'.env'}");
	assert_int_equal(o.status, -1);
	assert_int_equal(o.e.code, ERR_denied);
}

static void
test_search_refuses_a_broken_pattern(void **state)
{
	cleanup_outcome struct outcome o = run_tool("search", "{'pattern':'a('}");

	assert_int_equal(o.status, -1);
	assert_int_equal(o.e.code, ERR_invalid);
}

static void
test_search_survives_a_hostile_pattern(void **state)
{
	char text[4096];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	put_file(workspace, "a", text);
	cleanup_outcome struct outcome o = run_tool("search", "{'pattern':'(a+)+$b'}");
	assert_int_equal(o.status, 0);
}

static void
test_search_reads_ill_formed_utf8(void **state)
{
	put_file(workspace, "latin", "caf\xe9 ok\nplain ok\n");
	cleanup_outcome struct outcome o = run_tool("search", "{'pattern':'ok'}");

	assert_contains(buf_str(&o.r.output), "latin:1:caf");
	assert_contains(buf_str(&o.r.output), "latin:2:plain ok");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORKSPACE_TEST(test_search_shows_file_line_and_text),
		WORKSPACE_TEST(test_search_has_smart_case),
		WORKSPACE_TEST(test_search_skips_noise_unless_asked),
		WORKSPACE_TEST(test_search_finds_files_by_name),
		WORKSPACE_TEST(test_search_takes_path_and_glob),
		WORKSPACE_TEST(test_search_stops_at_its_limit),
		WORKSPACE_TEST(test_search_matches_lines_not_across_them),
		WORKSPACE_TEST(test_search_never_opens_what_reading_refuses),
		WORKSPACE_TEST(test_search_refuses_a_broken_pattern),
		WORKSPACE_TEST(test_search_survives_a_hostile_pattern),
		WORKSPACE_TEST(test_search_reads_ill_formed_utf8),
	};

	return RUN(tests);
}

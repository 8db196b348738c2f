/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tool.h"

#include "toolrunner/command.h"

static void
test_terminal_shows_output_errors_and_exit(void **state)
{
	cleanup_outcome struct outcome o = run_tool("terminal", "{'command':'echo out; echo err >&2; exit 3'}");

	assert_int_equal(o.status, 0);
	assert_false(o.r.ok);
	assert_string_equal(buf_str(&o.r.output), "out\n[stderr]\nerr\n[exit 3]");
	assert_string_equal(o.r.error, "err");
}

static void
test_terminal_success(void **state)
{
	cleanup_outcome struct outcome o = run_tool("terminal", "{'command':'printf hi'}");

	assert_true(o.r.ok);
	assert_string_equal(buf_str(&o.r.output), "hi\n[exit 0]");
	assert_string_equal(o.r.error, "");
}

static void
test_terminal_silent_failure_names_the_number(void **state)
{
	cleanup_outcome struct outcome o = run_tool("terminal", "{'command':'false'}");

	assert_string_equal(o.r.error, "command failed (exit 1)");
}

static void
test_terminal_removes_escape_codes(void **state)
{
	cleanup_outcome struct outcome o = run_tool("terminal",
	    "{'command':'printf \\'\\\\033[1;31mred\\\\033[0m \\\\033]0;title\\\\007plain\\''}");

	assert_contains(buf_str(&o.r.output), "red plain\n");
}

static void
test_terminal_begins_in_workspace_or_cwd(void **state)
{
	cleanup_free char *sub = xasprintf("%s/sub\n[exit 0]", workspace), *top = xasprintf("%s\n[exit 0]", workspace);

	dir_in_workspace("sub");
	assert_int_equal(chdir(workspace), 0);
	cleanup_outcome struct outcome a = run_tool("terminal", "{'command':'pwd'}");
	cleanup_outcome struct outcome b = run_tool("terminal", "{'command':'pwd','cwd':'sub'}");
	cleanup_outcome struct outcome c = run_tool("terminal", "{'command':'pwd','cwd':'missing'}");
	assert_string_equal(buf_str(&a.r.output), top);
	assert_string_equal(buf_str(&b.r.output), sub);
	assert_int_equal(c.status, -1);
	assert_contains(c.e.text, "not a directory");
	assert_int_equal(chdir("/"), 0);
}

static void
test_terminal_refuses_an_empty_command(void **state)
{
	cleanup_outcome struct outcome o = run_tool("terminal", "{'command':' \\n'}");

	assert_int_equal(o.status, -1);
	assert_int_equal(o.e.code, ERR_invalid);
}

static void
test_terminal_ends_at_its_time_limit(void **state)
{
	cleanup_outcome struct outcome o = run_tool("terminal", "{'command':'echo begun; sleep 1000','timeout':1}");

	assert_false(o.r.ok);
	assert_string_equal(o.r.error, "Timed out after 1s");
	assert_string_equal(o.r.code, "timeout");
	assert_contains(buf_str(&o.r.output), "begun\n");
}

static void
test_terminal_bounds_the_output_and_keeps_both_ends(void **state)
{
	cleanup_outcome struct outcome o = run_tool("terminal",
	    "{'command':'echo first; head -c 100000000 /dev/zero | tr \\'\\\\0\\' x; echo; echo last'}");

	assert_true(o.r.ok);
	assert_true(o.r.output.len < TOOL_OUTPUT_MAX);
	assert_memory_equal(o.r.output.data, "first\n", 6);
	assert_contains(buf_str(&o.r.output), "bytes left out]");
	assert_contains(o.r.output.data + o.r.output.len - 20, "last\n[exit 0]");
}

static void
test_terminal_does_not_wait_for_what_it_leaves_behind(void **state)
{
	cleanup_outcome struct outcome o = run_tool("terminal", "{'command':'sleep 1000 & echo done'}");

	assert_true(o.r.ok);
	assert_string_equal(buf_str(&o.r.output), "done\n[exit 0]");
}

static void
test_terminal_tells_a_signal(void **state)
{
	cleanup_outcome struct outcome o = run_tool("terminal", "{'command':'kill -SEGV $$'}");

	assert_false(o.r.ok);
	assert_contains(buf_str(&o.r.output), "[exit 139]");
}

/* The kept end must be the true end, wherever the ring stands. */
static void
test_capture_keeps_head_and_tail(void **state)
{
	const char *const argv[] = { "/bin/sh", "-c", "i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i + 1)); done", NULL };
	struct command c = { .argv = argv, .input = -1, .limit_ms = 60000, .out.half = 37, .err.half = 8 };
	cleanup_buf struct buf b = BUF(0);
	struct error e = { 0 };

	assert_int_equal(command_run(&c, &e), 0);
	capture_text(&c.out, &b);
	assert_int_equal(c.out.total, 8890);
	assert_memory_equal(b.data, "line 0\nline 1\nline 2\nline 3\nline 4\nli", 37);
	assert_memory_equal(b.data + b.len - 37, "\nline 996\nline 997\nline 998\nline 999\n", 37);
	command_clear(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORKSPACE_TEST(test_terminal_shows_output_errors_and_exit),
		WORKSPACE_TEST(test_terminal_success),
		WORKSPACE_TEST(test_terminal_silent_failure_names_the_number),
		WORKSPACE_TEST(test_terminal_removes_escape_codes),
		WORKSPACE_TEST(test_terminal_begins_in_workspace_or_cwd),
		WORKSPACE_TEST(test_terminal_refuses_an_empty_command),
		WORKSPACE_TEST(test_terminal_ends_at_its_time_limit),
		WORKSPACE_TEST(test_terminal_bounds_the_output_and_keeps_both_ends),
		WORKSPACE_TEST(test_terminal_does_not_wait_for_what_it_leaves_behind),
		WORKSPACE_TEST(test_terminal_tells_a_signal),
		cmocka_unit_test(test_capture_keeps_head_and_tail),
	};

	return RUN(tests);
}

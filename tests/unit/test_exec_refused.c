/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are not admitted: by their arguments, their grant, the configuration or a sandbox that does not hold. */
#include "tests/unit/exec_fixture.h"

static const struct {
	const char	*tool, *args, *names;
	uint32_t	 without;	/* a capability that is missing */
	enum error_code	 code;
} refused[] = {
	{ "read_file", "{}", "path", 0, ERR_invalid },
	{ "read_file", "{\"path\": 7}", "path", 0, ERR_invalid },
	{ "read_file", "{\"path\": \"x\", \"mode\": \"r\"}", "mode", 0, ERR_invalid },
	{ "write_file", "{\"path\": \"x\", \"content\": \"y\"}", "write_file", 1 << CAP_write, ERR_denied },
	{ "edit_file", "{\"path\": \"x\", \"old_string\": \"a\"}", "new_string", 0, ERR_invalid },
	{ "search", "{\"pattern\": \"x\", \"target\": \"web\"}", "target", 0, ERR_invalid },
	{ "search", "[]", "search", 0, ERR_invalid },
	{ "terminal", "{\"command\": \"ls\"}", "terminal", 1 << CAP_exec, ERR_denied },
	{ "terminal", "{\"action\": \"run\", \"timeout\": \"2\"}", "timeout", 0, ERR_invalid },
	{ "no_such", "{}", "read_file, write_file, edit_file, search, terminal", 0, ERR_not_found },
};

static void
test_calls_that_are_not_admitted_begin_nothing(void **state)
{
	uint32_t caps = grant.caps;

	for (size_t i = 0; i < COUNT(refused); i++) {
		struct error e = { 0 };

		grant.caps = caps & ~refused[i].without;
		assert_int_equal(exec("k", refused[i].tool, refused[i].args, &e), -1);
		assert_int_equal(e.code, refused[i].code);
		if (strstr(e.text, refused[i].names) == NULL)
			fail_msg("%s %s: %s", refused[i].tool, refused[i].args, e.text);
		assert_string_equal(state_of("k"), "unknown");
	}
	assert_int_equal(worker.starts, 0);
}

static void
test_good_arguments_are_taken(void **state)
{
	struct error e = { 0 };

	assert_int_equal(exec("a", "search", "{\"pattern\": \"x\", \"target\": \"grep\", \"limit\": 3.0, \"path\": null}", &e), 0);
	assert_int_equal(exec("b", "terminal", "{\"action\": \"status\", \"pid\": 4}", &e), 0);
	assert_int_equal(exec("c", "terminal", "{\"command\": \"ls\", \"timeout\": 7}", &e), 0);
	assert_int_equal(worker.timeout_ms, 7000);
	assert_int_equal(exec("d", "terminal", "{\"command\": \"ls\", \"timeout\": 99999}", &e), 0);
	assert_int_equal(worker.timeout_ms, TOOL_LIMIT_MAX_S * 1000);
}

static void
test_the_configuration_can_deny_a_tool(void **state)
{
	struct error e = { 0 };

	config_text = "tools: {deny: [terminal]}\n";
	assert_int_equal(exec("k", "terminal", "{\"command\": \"ls\"}", &e), -1);
	assert_int_equal(e.code, ERR_denied);
	assert_non_null(strstr(e.text, "tools.deny"));
	config_text = NULL;
	assert_int_equal(exec("k", "terminal", "{\"command\": \"ls\"}", &e), 0);
}

static void
test_a_caveat_on_tools_holds(void **state)
{
	char *only[] = { "read_file", NULL };
	struct error e = { 0 };

	grant.tools = only;
	assert_int_equal(exec("k", "terminal", "{\"command\": \"ls\"}", &e), -1);
	assert_int_equal(e.code, ERR_denied);
	assert_int_equal(exec("k", "read_file", "{\"path\": \"x\"}", &e), 0);
}

static void
test_a_configuration_that_does_not_load_stops_the_tools(void **state)
{
	struct error e = { 0 };

	config_text = "tools: {deny: [terminal}\n";
	assert_int_equal(exec("k", "read_file", "{\"path\": \"x\"}", &e), -1);
	assert_non_null(strstr(e.text, "config.yaml"));
	config_text = "{}\n";
	assert_int_equal(exec("k", "read_file", "{\"path\": \"x\"}", &e), 0);
}

static void
test_a_layer_that_does_not_hold_stops_the_tools_unless_allowed(void **state)
{
	struct error e = { 0 };

	selftest_begin(&runner);
	assert_int_equal(exec("k", "read_file", "{\"path\": \"x\"}", &e), -1);
	assert_int_equal(e.code, ERR_unsupported);
	assert_non_null(strstr(e.text, "sandbox.allow_missing: [seccomp]"));
	config_text = "sandbox: {allow_missing: [seccomp]}\n";
	assert_int_equal(exec("k", "read_file", "{\"path\": \"x\"}", &e), 0);
}

static void
test_the_network_needs_configuration_and_grant(void **state)
{
	terminal("a", "ls");
	assert_int_equal(worker.net, NET_NONE);
	config_text = "sandbox: {network: public}\n";
	terminal("b", "ls");
	assert_int_equal(worker.net, NET_PUBLIC);
	grant.caps &= ~(1U << CAP_network);
	terminal("c", "ls");
	assert_int_equal(worker.net, NET_NONE);
}

static void
test_the_workspace_is_configured_or_granted_and_never_alpis_home(void **state)
{
	cleanup_json json_t *args = json_pack("{s:s}", "command", "ls");
	struct tool_exec m = { .key = "k", .turn = "t1", .tool = "terminal", .args = args, .workspace = "/other" };
	cleanup_free char *own = xasprintf("%s/workspace", home), *inside = xasprintf("%s/sessions", home);
	struct error e = { 0 };
	struct answer a;

	assert_int_equal(deliver(MSG_tool_exec, &m, &a, &e), -1);
	assert_int_equal(e.code, ERR_denied);
	terminal("a", "ls");
	assert_string_equal(worker.workspace, "/w");
	grant.workspace = NULL;
	terminal("b", "ls");
	assert_string_equal(worker.workspace, own);
	grant.workspace = inside;
	assert_int_equal(exec("c", "terminal", "{\"command\": \"ls\"}", &e), -1);
	assert_int_equal(e.code, ERR_denied);
	config_text = "workspace: ~/project\n";
	terminal("d", "ls");
	assert_string_equal(worker.workspace, "/home/u/project");
}

static void
test_a_denied_tool_is_listed_as_unavailable(void **state)
{
	struct tool_list m;
	struct error e = { 0 };
	struct answer a;
	int64_t n = 0;

	while (tools[n].name != NULL)
		n++;
	assert_int_equal(deliver(MSG_tool_list, &m, &a, &e), 0);
	assert_int_equal(a.seq, n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(test_calls_that_are_not_admitted_begin_nothing),
		STAGED(test_good_arguments_are_taken),
		STAGED(test_the_configuration_can_deny_a_tool),
		STAGED(test_a_caveat_on_tools_holds),
		STAGED(test_a_configuration_that_does_not_load_stops_the_tools),
		STAGED(test_a_layer_that_does_not_hold_stops_the_tools_unless_allowed),
		STAGED(test_the_network_needs_configuration_and_grant),
		STAGED(test_the_workspace_is_configured_or_granted_and_never_alpis_home),
		STAGED(test_a_denied_tool_is_listed_as_unavailable),
	};

	return RUN(tests);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of tools from tool.exec to their result, through the handlers, with
 * workers, launcher and bus replaced: what is admitted, asked, kept, and
 * never done twice.
 */
#include "toolrunner/exec.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/mem.h"
#include "tests/check.h"
#include "toolrunner/consent.h"
#include "toolrunner/selftest.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* ---- what is replaced ----------------------------------------------------------------------- */

static struct {
	int				 starts, goes, drops, cancels;
	const struct worker_events	*events;	/* of the latest start */
	void				*arg;
	enum tool_net			 net;
	int64_t				 timeout_ms;
	char				*workspace, *skill, *env;
	bool				 fails;
} worker;

static const char *config_text;			/* what the launcher hands over; NULL: no file */

struct worker *
worker_start(struct launcher *l, const struct worker_job *job, const struct worker_events *ev, void *arg, struct error *e)
{
	if (worker.fails) {
		error_set(e, ERR_unavailable, "no worker");
		return NULL;
	}
	worker.starts++;
	worker.events = ev;
	worker.arg = arg;
	worker.net = job->policy->net;
	worker.timeout_ms = job->timeout_ms;
	free(worker.workspace);
	worker.workspace = xstrdup(job->workspace);
	free(worker.skill);
	worker.skill = xstrdup0(job->skill);
	free(worker.env);
	worker.env = job->env == NULL ? NULL : json_text(job->env);
	return (struct worker *)&worker;
}

void
worker_go(struct worker *w)
{
	worker.goes++;
}

void
worker_drop(struct worker *w)
{
	worker.drops++;
}

void
worker_cancel(struct worker *w)
{
	worker.cancels++;
}

int
launcher_config(struct launcher *l, struct error *e)
{
	char name[] = "/tmp/alpi-test-XXXXXX";
	int fd;

	if (config_text == NULL)
		return error_set(e, ERR_not_found, "config.yaml");
	fd = mkstemp(name);
	unlink(name);
	if (write(fd, config_text, strlen(config_text)) == -1 || lseek(fd, 0, SEEK_SET) == -1)
		fail_msg("no temporary file");
	return fd;
}

static const char *skill_text;			/* of the skill "stars", in "research"; NULL: there is none */

int
launcher_skill(struct launcher *l, const char *name, const char **category, struct error *e)
{
	char file[] = "/tmp/alpi-test-XXXXXX";
	int fd;

	if (skill_text == NULL || strcmp(name, "stars") != 0)
		return error_set(e, ERR_not_found, "there is no skill %s", name);
	*category = "research";
	fd = mkstemp(file);
	unlink(file);
	if (write(fd, skill_text, strlen(skill_text)) == -1 || lseek(fd, 0, SEEK_SET) == -1)
		fail_msg("no temporary file");
	return fd;
}

/* The sandbox's test: a worker as well, whose end is heard when somebody waits for it. */
static const struct worker_events *probe_events;
static void *probe_arg;

struct worker *
worker_probe(struct launcher *l, const struct sandbox_policy *p, const struct worker_events *ev, void *arg, struct error *e)
{
	probe_events = ev;
	probe_arg = arg;
	return (struct worker *)&probe_events;
}

int
launcher_hear(struct launcher *l, int wait_ms)
{
	probe_events->done(probe_arg, &(struct worker_result){ .ok = true, .error = "", .code = "", .output =
	    "[{\"name\": \"landlock\", \"held\": true, \"detail\": \"\"},"
	    "{\"name\": \"seccomp\", \"held\": false, \"detail\": \"not in this kernel\"}]" });
	return 0;
}

/* The bus: an answer is copied to where the caller of the handler finds it. */
struct answer {
	struct call	call;		/* first */
	bool		answered;
	char		state[16], ticket[40], command[256], pattern[64], cwd[256], code[32], error[512];
	char		*output;
	bool		ok, flag;
	int64_t		seq;
};

#define COPY(to, from) snprintf(to, sizeof(to), "%s", (from) == NULL ? "" : (from))

int
call_reply(struct call *c, const void *reply)
{
	struct answer *a = (struct answer *)c;

	assert_false(a->answered);
	a->answered = true;
	if (c->type == MSG_tool_exec)
		a->flag = ((const struct tool_exec_reply *)reply)->known;
	if (c->type == MSG_tool_cancel)
		a->flag = ((const struct tool_cancel_reply *)reply)->cancelled;
	if (c->type == MSG_tool_approve)
		a->flag = ((const struct tool_approve_reply *)reply)->taken;
	if (c->type == MSG_tool_list)
		a->seq = (int64_t)((const struct tool_list_reply *)reply)->n_tools;
	if (c->type == MSG_tool_next) {
		const struct tool_next_reply *m = reply;

		COPY(a->state, m->state);
		COPY(a->ticket, m->ticket);
		COPY(a->command, m->command);
		COPY(a->pattern, m->pattern);
		COPY(a->cwd, m->cwd);
		COPY(a->code, m->code);
		COPY(a->error, m->error);
		a->output = m->output == NULL ? NULL : xstrdup(m->output);
		a->ok = m->ok;
		a->seq = m->seq;
	}
	return 0;
}

/* ---- the stage ------------------------------------------------------------------------------ */

static struct boot us, host;
static struct runner runner;
static struct grant grant;
static char *home;

static void
line(struct boot *b, const char *text)
{
	struct error e = { 0 };

	if (boot_line(b, text, &e) == -1)
		fail_msg("%s: %s", text, e.text);
}

static void
begin_world(void)
{
	cleanup_free char *root = NULL, *own = NULL;
	struct error e = { 0 };

	home = temp_home();
	root = xasprintf("root %s", home);
	own = xasprintf("home %s", home);
	line(&us, root);
	line(&us, own);
	line(&us, "verify default/hostd " KEY);
	line(&us, "option person /home/u");
	line(&host, "unit default/hostd");
	line(&host, "mint default/toolrunner " KEY);
	line(&us, "unit default/toolrunner");
	runner = (struct runner){ .boot = &us, .approval_fd = -1 };
	assert_non_null(runner.audit = audit_open(home, "toolrunner", &e));
	assert_int_not_equal(runner.approval_fd = consent_open_log(home, &e), -1);
	config_text = NULL;
	skill_text = NULL;
	memset(&worker, 0, sizeof(worker));
	grant = (struct grant){
		.origin = "default/hostd", .who = "local", .surface = "cli", .session = "s1", .workspace = "/w",
		.caps = 1 << CAP_read | 1 << CAP_write | 1 << CAP_exec | 1 << CAP_approve | 1 << CAP_network,
	};
	runner.layers[0] = (struct sandbox_state){ .name = "landlock", .held = true };
	runner.nlayers = 1;
	clock_fake(1790000000000, 1000000);
}

static void
end_world(void)
{
	exec_clear(&runner);
	consent_clear(&runner);
	settings_clear(&runner.settings);
	audit_close(runner.audit);
	close(runner.approval_fd);
	free(runner.stop);
	boot_clear(&us);
	boot_clear(&host);
	free(steal(worker.workspace));
	free(steal(worker.skill));
	free(steal(worker.env));
	free(home);
	clock_fake(-1, -1);
}

static int
set_up(void **state)
{
	begin_world();
	return 0;
}

static int
tear_down(void **state)
{
	end_world();
	return 0;
}

/* Send a message to its handler. The handler's value; the answer in *a. */
static int
deliver(enum msg type, const void *m, struct answer *a, struct error *e)
{
	*a = (struct answer){ .call = { .ctx = &runner, .type = type, .grant = &grant, .from = "default/engined" } };
	for (const struct handler *h = tool_handlers; h->fn != NULL; h++)
		if (h->type == type)
			return h->fn(&a->call, m, e);
	fail_msg("no handler");
	return -1;
}

static int
exec_with(const char *key, const char *tool, const char *args, const char *skills, struct error *e)
{
	cleanup_json json_t *j = json_parse(args, strlen(args), 8, NULL);
	struct tool_exec m = { .key = key, .turn = "t1", .tool = tool, .args = j, .skills = skills };
	struct answer a;

	assert_non_null(j);
	return deliver(MSG_tool_exec, &m, &a, e) == -1 ? -1 : a.flag;
}

static int
exec(const char *key, const char *tool, const char *args, struct error *e)
{
	return exec_with(key, tool, args, NULL, e);
}

static int
terminal(const char *key, const char *command)
{
	cleanup_free char *args = xasprintf("{\"command\": \"%s\"}", command);
	struct error e = { 0 };
	int n = exec(key, "terminal", args, &e);

	if (n == -1)
		fail_msg("%s: %s", command, e.text);
	return n;
}

static void
next(const char *key, int64_t after, int64_t wait_ms, struct answer *a)
{
	struct tool_next m = { .key = key, .after = after, .wait_ms = wait_ms };
	struct error e = { 0 };

	assert_int_equal(deliver(MSG_tool_next, &m, a, &e), CALL_LATER);
}

static const char *
state_of(const char *key)
{
	static struct answer a;

	free(a.output);
	next(key, 0, 0, &a);
	assert_true(a.answered);
	return a.state;
}

static void
done(const char *output)
{
	worker.events->done(worker.arg, &(struct worker_result){ .ok = true, .output = output, .error = "", .code = "" });
}

/* Answer a question as hostd would seal it. 1 taken, 0 not, -1 refused. */
static int
approve_as(const struct answer *q, const char *choice, const char *command)
{
	const char *parts[] = { "approval", q->ticket, choice, command, q->pattern, q->cwd, NULL };
	struct tool_approve m = { .ticket = q->ticket, .choice = choice };
	struct error e = { 0 };
	struct answer a;
	char seal[65];

	assert_int_equal(grant_seal(&host, "default/toolrunner", parts, seal, &e), 0);
	m.seal = seal;
	return deliver(MSG_tool_approve, &m, &a, &e) == -1 ? -1 : a.flag;
}

static int
approve(const struct answer *q, const char *choice)
{
	return approve_as(q, choice, q->command);
}

static bool
file_holds(const char *name, const char *text)
{
	cleanup_free char *all = get_file(home, name);

	return strstr(all, text) != NULL;
}

/* ---- a call and its key ----------------------------------------------------------------------- */

static void
test_a_key_begins_one_call_only(void **state)
{
	assert_int_equal(terminal("k", "ls"), 0);
	assert_int_equal(terminal("k", "ls"), 1);
	assert_int_equal(worker.starts, 1);
	done("x");
	assert_int_equal(terminal("k", "ls"), 1);
	assert_int_equal(worker.starts, 1);
}

static void
test_a_key_of_another_call_is_a_conflict(void **state)
{
	struct error e = { 0 };

	terminal("k", "ls");
	assert_int_equal(exec("k", "read_file", "{\"path\": \"x\"}", &e), -1);
	assert_int_equal(e.code, ERR_conflict);
}

static void
test_an_unknown_key_is_unknown_and_begins_nothing(void **state)
{
	assert_string_equal(state_of("k"), "unknown");
	assert_int_equal(worker.starts, 0);
}

static void
test_next_waits_for_progress_and_for_the_result(void **state)
{
	struct answer a, b;

	terminal("k", "ls");
	next("k", 0, 1000, &a);
	assert_false(a.answered);
	worker.events->progress(worker.arg, "half");
	assert_true(a.answered);
	assert_string_equal(a.state, "running");
	assert_int_equal(a.seq, 1);
	next("k", a.seq, 1000, &b);
	assert_false(b.answered);
	done("out");
	assert_true(b.answered);
	assert_string_equal(b.state, "done");
	assert_string_equal(b.output, "out");
	assert_true(b.ok);
	free(b.output);
}

static void
test_next_is_answered_when_its_time_is_over(void **state)
{
	struct answer a;

	terminal("k", "ls");
	next("k", 1, 1000, &a);
	clock_fake(1790000000000, 1000999);
	exec_expire(&runner);
	assert_false(a.answered);
	clock_fake(1790000000000, 1001000);
	exec_expire(&runner);
	assert_true(a.answered);
	assert_string_equal(a.state, "running");
}

static void
test_a_worker_that_cannot_start_is_a_result(void **state)
{
	worker.fails = true;
	terminal("k", "ls");
	assert_string_equal(state_of("k"), "done");
}

static void
test_cancel_ends_a_running_call_once(void **state)
{
	struct tool_cancel m = { .key = "k" };
	struct error e = { 0 };
	struct answer a;

	assert_int_equal(deliver(MSG_tool_cancel, &m, &a, &e), 0);
	assert_false(a.flag);
	terminal("k", "ls");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(deliver(MSG_tool_cancel, &m, &a, &e), 0);
		assert_true(a.flag);
	}
	assert_int_equal(worker.cancels, 1);
	done("");
	assert_int_equal(deliver(MSG_tool_cancel, &m, &a, &e), 0);
	assert_false(a.flag);
}

static void
test_results_are_kept_in_bounds(void **state)
{
	char key[32];

	for (int i = 0; i < 3 * EXEC_DONE_MAX; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		terminal(key, "ls");
		done("x");
	}
	assert_true(runner.ncalls <= EXEC_DONE_MAX + 1);
	assert_string_equal(state_of("k0"), "unknown");
	assert_string_equal(state_of(key), "done");
	clock_fake(1790000000000, 1000000 + EXEC_DONE_MS);
	exec_expire(&runner);
	assert_int_equal(runner.ncalls, 0);
}

static void
test_a_call_that_ran_long_keeps_its_result(void **state)
{
	char key[32];
	void *old;

	terminal("old", "ls");
	old = worker.arg;
	for (int i = 0; i < 2 * EXEC_DONE_MAX; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		terminal(key, "ls");
		done("x");
	}
	clock_fake(1790000000000, 1000001);
	worker.events->done(old, &(struct worker_result){ .ok = true, .output = "", .error = "", .code = "" });
	terminal("last", "ls");
	assert_string_equal(state_of("old"), "done");
}

static void
test_open_calls_are_bounded(void **state)
{
	struct error e = { 0 };
	char key[32];

	for (int i = 0; i < EXEC_OPEN_MAX; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		terminal(key, "ls");
	}
	assert_int_equal(exec("more", "terminal", "{\"command\": \"ls\"}", &e), -1);
	assert_int_equal(e.code, ERR_busy);
}

static void
test_output_is_cut_to_the_budget(void **state)
{
	struct answer a;

	config_text = "tools: {budget: {per_result_chars: 4}}\n";
	terminal("k", "ls");
	done("\xc3\xa4" "b  efgh");
	next("k", 0, 0, &a);
	assert_string_equal(a.output, "\xc3\xa4" "b\n\xe2\x80\xa6 [4 chars elided by tool budget]");
	free(a.output);
}

static void
test_the_call_is_in_the_audit_chain_by_hash_alone(void **state)
{
	cleanup_free char *path = xasprintf("%s/logs/audit/toolrunner.jsonl", home);

	terminal("k", "cat secretplan");
	assert_true(file_holds("logs/audit/toolrunner.jsonl", "\"tool.exec\""));
	assert_true(file_holds("logs/audit/toolrunner.jsonl", "cli/local"));
	assert_false(file_holds("logs/audit/toolrunner.jsonl", "secretplan"));
	assert_int_equal(audit_verify(path, NULL), 1);
}

/* ---- one refused call per tool, and what else is refused ------------------------------------------ */

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

/* ---- approvals ------------------------------------------------------------------------------------ */

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

static void
test_a_call_begins_when_somebody_waits_for_it(void **state)
{
	assert_int_equal(terminal("k", "ls"), 0);
	assert_int_equal(worker.starts, 1);
	assert_int_equal(worker.goes, 0);
	assert_string_equal(state_of("k"), "running");
	assert_string_equal(state_of("k"), "running");
	assert_int_equal(worker.goes, 1);
}

static void
test_a_call_nobody_waits_for_is_not_begun(void **state)
{
	assert_int_equal(terminal("k", "ls"), 0);
	clock_fake(1790000000000, 1000000 + EXEC_WANTED_MS);
	exec_expire(&runner);
	assert_int_equal(worker.cancels, 1);
	assert_string_equal(state_of("k"), "running");	/* until its worker has ended */
	assert_int_equal(worker.goes, 0);
}

/* ---- skills ----------------------------------------------------------------------------------- */

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

#define STAGED(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(test_a_key_begins_one_call_only),
		STAGED(test_a_key_of_another_call_is_a_conflict),
		STAGED(test_an_unknown_key_is_unknown_and_begins_nothing),
		STAGED(test_a_call_begins_when_somebody_waits_for_it),
		STAGED(test_a_call_nobody_waits_for_is_not_begun),
		STAGED(test_next_waits_for_progress_and_for_the_result),
		STAGED(test_next_is_answered_when_its_time_is_over),
		STAGED(test_a_worker_that_cannot_start_is_a_result),
		STAGED(test_cancel_ends_a_running_call_once),
		STAGED(test_results_are_kept_in_bounds),
		STAGED(test_a_call_that_ran_long_keeps_its_result),
		STAGED(test_open_calls_are_bounded),
		STAGED(test_output_is_cut_to_the_budget),
		STAGED(test_the_call_is_in_the_audit_chain_by_hash_alone),
		STAGED(test_calls_that_are_not_admitted_begin_nothing),
		STAGED(test_good_arguments_are_taken),
		STAGED(test_the_configuration_can_deny_a_tool),
		STAGED(test_a_caveat_on_tools_holds),
		STAGED(test_a_configuration_that_does_not_load_stops_the_tools),
		STAGED(test_a_layer_that_does_not_hold_stops_the_tools_unless_allowed),
		STAGED(test_the_network_needs_configuration_and_grant),
		STAGED(test_the_workspace_is_configured_or_granted_and_never_alpis_home),
		STAGED(test_a_denied_tool_is_listed_as_unavailable),
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
		STAGED(test_a_skill_gets_what_its_own_file_declares_and_no_more),
		STAGED(test_a_skill_whose_variable_is_missing_does_not_begin),
		STAGED(test_no_skill_is_given_a_key_of_a_provider),
		STAGED(test_a_database_needs_no_variable_and_gets_none),
		STAGED(test_names_that_are_no_skill_begin_nothing),
		STAGED(test_a_command_gets_the_variables_of_the_skills_that_were_shown),
		STAGED(test_a_script_never_has_more_than_ten_minutes),
	};

	return RUN(tests);
}

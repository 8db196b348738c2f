/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of tools through toolrunner's handlers, with workers, launcher and
 * bus replaced; one test program includes it once.
 */
#ifndef TESTS_EXEC_FIXTURE_H
#define TESTS_EXEC_FIXTURE_H

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
#include "toolrunner/document.h"
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
	if (c->type == MSG_tool_document) {
		const struct tool_document_reply *m = reply;

		COPY(a->code, m->code);
		COPY(a->error, m->error);
		COPY(a->state, m->text);
		a->seq = m->pages;
	}
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
static const char *caller;		/* the unit that asks */
static char *home;

static inline void
line(struct boot *b, const char *text)
{
	struct error e = { 0 };

	if (boot_line(b, text, &e) == -1)
		fail_msg("%s: %s", text, e.text);
}

static inline void
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
	caller = "default/engined";
	grant = (struct grant){
		.origin = "default/hostd", .who = "local", .surface = "cli", .session = "s1", .workspace = "/w",
		.caps = 1 << CAP_read | 1 << CAP_write | 1 << CAP_exec | 1 << CAP_approve | 1 << CAP_network,
	};
	runner.layers[0] = (struct sandbox_state){ .name = "landlock", .held = true };
	runner.nlayers = 1;
	clock_fake(1790000000000, 1000000);
}

static inline void
end_world(void)
{
	exec_clear(&runner);
	document_clear(&runner);
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

static inline int
set_up(void **state)
{
	begin_world();
	return 0;
}

static inline int
tear_down(void **state)
{
	end_world();
	return 0;
}

/* Send a message to its handler. The handler's value; the answer in *a. */
static inline int
deliver(enum msg type, const void *m, struct answer *a, struct error *e)
{
	*a = (struct answer){ .call = { .ctx = &runner, .type = type, .grant = &grant, .from = caller } };
	for (const struct handler *h = tool_handlers; h->fn != NULL; h++)
		if (h->type == type)
			return h->fn(&a->call, m, e);
	fail_msg("no handler");
	return -1;
}

static inline int
exec_with(const char *key, const char *tool, const char *args, const char *skills, struct error *e)
{
	cleanup_json json_t *j = json_parse(args, strlen(args), 8, NULL);
	struct tool_exec m = { .key = key, .turn = "t1", .tool = tool, .args = j, .skills = skills };
	struct answer a;

	assert_non_null(j);
	return deliver(MSG_tool_exec, &m, &a, e) == -1 ? -1 : a.flag;
}

static inline int
exec(const char *key, const char *tool, const char *args, struct error *e)
{
	return exec_with(key, tool, args, NULL, e);
}

static inline int
terminal(const char *key, const char *command)
{
	cleanup_free char *args = xasprintf("{\"command\": \"%s\"}", command);
	struct error e = { 0 };
	int n = exec(key, "terminal", args, &e);

	if (n == -1)
		fail_msg("%s: %s", command, e.text);
	return n;
}

static inline void
next(const char *key, int64_t after, int64_t wait_ms, struct answer *a)
{
	struct tool_next m = { .key = key, .after = after, .wait_ms = wait_ms };
	struct error e = { 0 };

	assert_int_equal(deliver(MSG_tool_next, &m, a, &e), CALL_LATER);
}

static inline const char *
state_of(const char *key)
{
	static struct answer a;

	free(a.output);
	next(key, 0, 0, &a);
	assert_true(a.answered);
	return a.state;
}

static inline void
done(const char *output)
{
	worker.events->done(worker.arg, &(struct worker_result){ .ok = true, .output = output, .error = "", .code = "" });
}

/* Answer a question as hostd would seal it. 1 taken, 0 not, -1 refused. */
static inline int
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

static inline int
approve(const struct answer *q, const char *choice)
{
	return approve_as(q, choice, q->command);
}

static inline bool
file_holds(const char *name, const char *text)
{
	cleanup_free char *all = get_file(home, name);

	return strstr(all, text) != NULL;
}

#define STAGED(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See exec.h. The way of a call: judged, written down, begun, ended. On disk
 * first: its audit row stands before it begins, a decision's row before what
 * it allows. What has no effect does not wait for the disk: the worker puts
 * its sandbox on meanwhile.
 */
#include "toolrunner/exec.h"

#include <stdlib.h>
#include <string.h>

#include "common/budget.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/exec_own.h"

#define PROGRESS_MAX	4096
#define ERROR_MAX	65536

/* ---- results -------------------------------------------------------------------------------- */

static void
finish(struct exec *x, const struct worker_result *result)
{
	struct runner *r = x->runner;

	x->worker = NULL;
	json_decref(steal(x->env));
	x->ok = result->ok;
	x->output = budget_cut(result->output, x->tool->bulk ? -1 : budget_of(r->settings.config, x->tool->name));
	x->error = *result->error == '\0' ? NULL : xstrndup(result->error, utf8_cut(result->error, strlen(result->error), ERROR_MAX));
	x->code = *result->code == '\0' ? NULL : xstrdup(result->code);
	x->mutations = json_incref(result->mutations);
	x->produced = json_incref(result->produced);
	x->state = DONE;
	x->deadline = clock_mono_ms() + EXEC_DONE_MS;
	exec_changed(x);
	exec_rearm(r);
	if (r->idle != NULL && exec_open(r) == 0)
		r->idle(r);
}

static void
finish_error(struct exec *x, const struct error *e)
{
	finish(x, &(struct worker_result){ .output = "", .error = e->text, .code = error_name(e->code) });
}

/* ---- running -------------------------------------------------------------------------------- */

static void
on_progress(void *arg, const char *line)
{
	struct exec *x = arg;

	free(x->progress);
	x->progress = xstrndup(line, utf8_cut(line, strlen(line), PROGRESS_MAX));
	exec_changed(x);
}

static void
on_done(void *arg, const struct worker_result *result)
{
	finish(arg, result);
}

static const struct worker_events events = { .progress = on_progress, .done = on_done };

static struct sandbox_policy
policy_of(const struct exec *x)
{
	const struct settings *s = &x->runner->settings;

	return (struct sandbox_policy){
		.read = (const char *const *)s->read, .write = (const char *const *)s->write,
		.allow_missing = (const char *const *)s->missing, .net = s->net < x->net ? s->net : x->net,
	};
}

/* A worker gets ready for the call and waits. */
static int
prepare(struct exec *x, struct error *e)
{
	struct sandbox_policy policy = policy_of(x);
	struct worker_job job = {
		.key = x->key, .tool = x->tool, .args = x->args, .workspace = x->workspace, .policy = &policy,
		.skill = x->skill, .env = x->env,
		.timeout_ms = tool_limit_ms(x->tool, x->args, x->job),
	};

	return (x->worker = worker_start(x->runner->launcher, &job, &events, x, e)) == NULL ? -1 : 0;
}

void
exec_go(struct exec *x)
{
	if (x->begun || x->cancelled || !x->cleared || !x->wanted || x->worker == NULL)
		return;
	x->begun = true;
	worker_go(x->worker);
}

/* Nothing that must be on disk is missing. */
static void
clear(struct exec *x)
{
	struct error e = { 0 };

	x->cleared = true;
	if (x->worker == NULL && prepare(x, &e) == -1)
		finish_error(x, &e);
	else
		exec_go(x);
}

static void
drop_worker(struct exec *x)
{
	if (x->worker != NULL)
		worker_drop(steal(x->worker));
}

bool
exec_cancel(struct runner *r, const char *key)
{
	struct exec *x = exec_find(r, key);
	struct error e = { 0 };

	if (x == NULL || x->state == DONE)
		return false;
	if (x->state == ASKING) {
		error_set(&e, ERR_cancelled, "cancelled before it was approved");
		finish_error(x, &e);
	} else if (!x->cancelled) {
		x->cancelled = true;
		worker_cancel(x->worker);
	}
	return true;
}

void
exec_cancel_all(struct runner *r)
{
	struct exec *x, *next;

	for (x = r->calls; x != NULL; x = next) {
		next = x->next;
		exec_cancel(r, x->key);
	}
}

/* ---- what the gate lets pass ----------------------------------------------------------------- */

/* An allowed command starts when that it was allowed is on disk. */
static void
allow(struct exec *x)
{
	struct error e = { 0 };

	if (gate_record(&x->gate, true, &e) == -1) {
		error_add(&e, "the approval cannot be written down");
		drop_worker(x);
		finish_error(x, &e);
		return;
	}
	clear(x);
}

static void
deny(struct exec *x, const char *text)
{
	const char *tier = tier_name(x->gate.tier);
	struct error e = { 0 };

	if (gate_record(&x->gate, false, &e) == -1)
		error_add(&e, "refused (%s): %s, and that cannot be written down", tier, text);
	else
		error_set(&e, ERR_denied, "refused (%s): %s", tier, text);
	finish_error(x, &e);
}

static void
ask(struct exec *x)
{
	x->deadline = clock_mono_ms() + EXEC_ASK_S * 1000;
	x->state = ASKING;
	exec_changed(x);
	exec_rearm(x->runner);
}

void
exec_unanswered(struct exec *x)
{
	x->gate.reason = "denied";
	deny(x, "nobody answered");
}

static void
refuse(struct exec *x)
{
	cleanup_free char *text = gate_refusal(&x->gate);

	deny(x, text);
}

static void (*const passages[])(struct exec *) = {
	[RULE_ALLOW] = allow,
	[RULE_DENY]  = refuse,
	[RULE_ASK]   = ask,
};

/* A ticket is good while its call asks; the first answer that fits ends that. */
int
exec_answer(struct runner *r, const char *ticket, const char *choice, const char *seal, struct error *e)
{
	enum ruling ruling;
	const char *why;
	struct exec *x;

	for (x = r->calls; x != NULL && (x->state != ASKING || strcmp(x->gate.ticket, ticket) != 0); x = x->next)
		;
	if (x == NULL)
		return 0;
	if (gate_answer(&x->gate, choice, seal, &ruling, &why, e) == -1)
		return -1;
	if (ruling == RULE_DENY) {
		deny(x, why);
		return 1;
	}
	x->state = RUNNING;
	exec_changed(x);
	allow(x);
	return 1;
}

/* ---- beginning ------------------------------------------------------------------------------ */

static int
audit_call(const struct exec *x, struct error *e)
{
	cleanup_free char *text = json_text_sorted(x->args);
	cleanup_json json_t *detail = NULL;
	char hash[65];

	audit_hash(text, strlen(text), hash);
	detail = json_pack("{s:s, s:s, s:s, s:s, s:s}", "call", x->key, "turn", x->turn, "session", x->session,
	    "tool", x->tool->name, "args", hash);
	return audit_add(x->runner->audit, "tool.exec", x->who, "begin", detail, e);
}

struct exec *
exec_take(struct runner *r, const struct exec_order *o, struct error *e)
{
	const char *command = o->tool->command == NULL ? NULL : o->tool->command(o->args);
	struct exec *x;

	if (exec_open(r) >= EXEC_OPEN_MAX) {
		error_set(e, ERR_busy, "%d tool calls are open already", EXEC_OPEN_MAX);
		return NULL;
	}
	if (command != NULL && strlen(command) > EXEC_COMMAND_MAX) {
		error_set(e, ERR_too_large, "%s: argument command is longer than %d bytes", o->tool->name, EXEC_COMMAND_MAX);
		return NULL;
	}
	exec_prune(r);
	x = exec_new(r, o);
	x->ruling = gate_judge(&x->gate);
	if (x->ruling == RULE_ALLOW)
		prepare(x, NULL);	/* tried again, and said, when it matters */
	return x;
}

void
exec_pass(struct exec *x)
{
	struct error e = { 0 };

	if (audit_call(x, &e) == 0) {
		passages[x->ruling](x);
	} else {
		error_add(&e, "the call cannot be written down");
		drop_worker(x);
		finish_error(x, &e);
	}
	exec_rearm(x->runner);
}

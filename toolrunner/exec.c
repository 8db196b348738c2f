/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See exec.h. On disk first: a call's audit row stands before its worker
 * starts, a decision's row before what it allows. A ticket is over the exact
 * command, directory, environment and turn, and good for one answer.
 */
#include "toolrunner/exec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/approve.h"
#include "toolrunner/consent.h"

#define WAITERS_MAX	16		/* tool.next held for one call */
#define PROGRESS_MAX	4096
#define ERROR_MAX	65536
#define OUTPUT_MAX	4194304		/* bytes: what proto lets pass */

extern char **environ;

enum state { RUNNING, ASKING, DONE };

struct waiter {
	struct waiter	*next;
	int64_t		 after, deadline;
	exec_answer_fn	*fn;
	void		*arg;
};

struct exec {
	struct exec		*next;
	struct runner		*runner;
	char			*key, *turn, *workspace, *origin, *session, *who;
	const struct tool	*tool;
	json_t			*args;
	enum tool_net		 net;
	bool			 approver;
	enum state		 state;
	int64_t			 seq;		/* of the last change */
	char			*progress;
	struct worker		*worker;
	bool			 cancelled;
	struct waiter		*waiters;
	/* what the gate judged; command is borrowed from args, NULL when there is nothing to judge */
	const char		*command;
	char			*cwd;
	enum tier		 tier;
	const char		*label;
	char			 ticket[33], environment[65];
	int64_t			 deadline;	/* ASKING: of the question. DONE: of the result */
	/* DONE */
	bool			 ok;
	char			*output, *error, *code;
	json_t			*mutations;
};

static const char *const state_names[] = { "running", "asking", "done" };

static void rearm(struct runner *r);

/* ---- the list ----------------------------------------------------------------------------- */

static struct exec *
find(const struct runner *r, const char *key)
{
	struct exec *x;

	for (x = r->calls; x != NULL && strcmp(x->key, key) != 0; x = x->next)
		;
	return x;
}

static struct exec *
exec_new(struct runner *r, const struct exec_order *o)
{
	struct exec *x = xcalloc(1, sizeof(*x)), **end;

	x->runner = r;
	x->key = xstrdup(o->key);
	x->turn = xstrdup(o->turn);
	x->workspace = xstrdup(o->workspace);
	x->origin = xstrdup(o->origin);
	x->session = xstrdup(o->session);
	x->who = xstrdup(o->who);
	x->tool = o->tool;
	x->args = json_incref(o->args);
	x->net = o->net;
	x->approver = o->approver;
	for (end = &r->calls; *end != NULL; end = &(*end)->next)
		;
	*end = x;
	r->ncalls++;
	return x;
}

static void
exec_free(struct exec *x)
{
	struct waiter *w;
	struct exec **at;

	for (at = &x->runner->calls; *at != x; at = &(*at)->next)
		;
	*at = x->next;
	x->runner->ncalls--;
	while ((w = x->waiters) != NULL) {
		x->waiters = w->next;
		free(w);
	}
	free(x->key);
	free(x->turn);
	free(x->workspace);
	free(x->origin);
	free(x->session);
	free(x->who);
	json_decref(x->args);
	free(x->progress);
	free(x->cwd);
	free(x->output);
	free(x->error);
	free(x->code);
	json_decref(x->mutations);
	free(x);
}

size_t
exec_open(const struct runner *r)
{
	size_t n = 0;

	for (struct exec *x = r->calls; x != NULL; x = x->next)
		n += x->state != DONE;
	return n;
}

int
exec_known(const struct runner *r, const char *key, const char *turn, const char *tool, struct error *e)
{
	const struct exec *x = find(r, key);

	if (x == NULL)
		return 0;
	if (strcmp(x->turn, turn) != 0 || strcmp(x->tool->name, tool) != 0)
		return error_set(e, ERR_conflict, "key %.64s belongs to another call", key);
	return 1;
}

/* ---- answering ---------------------------------------------------------------------------- */

static void
answer(const struct exec *x, exec_answer_fn *fn, void *arg)
{
	struct tool_next_reply m = { .state = state_names[x->state], .seq = x->seq, .progress = x->progress };

	if (x->state == ASKING) {
		m.ticket = x->ticket;
		m.command = x->command;
		m.severity = tier_name(x->tier);
		m.pattern = x->label;
		m.cwd = x->cwd;
		m.timeout_s = EXEC_ASK_S;
	}
	if (x->state == DONE) {
		m.ok = x->ok;
		m.output = x->output;
		m.error = x->error;
		m.code = x->code;
		m.mutations = x->mutations;
	}
	fn(arg, &m);
}

/* Answer every waiter that what stands now is news to, or whose time is over. */
static void
wake(struct exec *x)
{
	struct waiter **at = &x->waiters, *w;
	int64_t now = clock_mono_ms();

	while ((w = *at) != NULL) {
		if (x->state != DONE && x->seq <= w->after && now < w->deadline) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		answer(x, w->fn, w->arg);
		free(w);
	}
}

static void
changed(struct exec *x)
{
	x->seq++;
	wake(x);
}

void
exec_next(struct runner *r, const char *key, int64_t after, int64_t wait_ms, exec_answer_fn *fn, void *arg)
{
	struct exec *x = find(r, key);
	struct waiter **end, *w;
	size_t n = 0;

	if (x == NULL) {
		fn(arg, &(struct tool_next_reply){ .state = "unknown" });
		return;
	}
	for (end = &x->waiters; *end != NULL; end = &(*end)->next)
		n++;
	if (x->state == DONE || x->seq > after || wait_ms <= 0 || n >= WAITERS_MAX) {
		answer(x, fn, arg);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct waiter){ .after = after, .deadline = clock_mono_ms() + wait_ms, .fn = fn, .arg = arg };
	*end = w;
	rearm(r);
}

/* ---- results ------------------------------------------------------------------------------ */

/* The first `budget` characters without the blanks at their end, and a line about the rest (tools.md, 1). */
static char *
cut(const char *text, int64_t budget)
{
	size_t len = strlen(text), chars = utf8_count(text, len), end;

	if ((budget < 0 || chars <= (size_t)budget) && len <= OUTPUT_MAX)
		return xstrdup(text);
	end = budget < 0 || (size_t)budget > chars ? len : utf8_offset(text, len, (size_t)budget);
	if (end > OUTPUT_MAX - 128)
		end = utf8_cut(text, len, OUTPUT_MAX - 128);
	chars -= utf8_count(text, end);
	while (end > 0 && isspace((unsigned char)text[end - 1]))
		end--;
	return xasprintf("%.*s\n\xe2\x80\xa6 [%zu chars elided by tool budget]", (int)end, text, chars);
}

static void
finish(struct exec *x, const struct worker_result *result)
{
	struct runner *r = x->runner;

	x->worker = NULL;
	x->ok = result->ok;
	x->output = cut(result->output, r->settings.budget);
	x->error = *result->error == '\0' ? NULL : xstrndup(result->error, utf8_cut(result->error, strlen(result->error), ERROR_MAX));
	x->code = *result->code == '\0' ? NULL : xstrdup(result->code);
	x->mutations = json_incref(result->mutations);
	x->state = DONE;
	x->deadline = clock_mono_ms() + EXEC_DONE_MS;
	changed(x);
	rearm(r);
	if (r->idle != NULL && exec_open(r) == 0)
		r->idle(r);
}

static void
finish_error(struct exec *x, const struct error *e)
{
	finish(x, &(struct worker_result){ .output = "", .error = e->text, .code = error_name(e->code) });
}

/* ---- running ------------------------------------------------------------------------------ */

static void
on_progress(void *arg, const char *line)
{
	struct exec *x = arg;

	free(x->progress);
	x->progress = xstrndup(line, utf8_cut(line, strlen(line), PROGRESS_MAX));
	changed(x);
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

static void
start(struct exec *x)
{
	struct sandbox_policy policy = policy_of(x);
	struct worker_job job = {
		.key = x->key, .tool = x->tool, .args = x->args, .workspace = x->workspace, .policy = &policy,
		.timeout_ms = tool_limit_ms(x->tool, x->args),
	};
	struct error e = { 0 };

	x->state = RUNNING;
	if ((x->worker = worker_start(x->runner->launcher, &job, &events, x, &e)) == NULL)
		finish_error(x, &e);
}

bool
exec_cancel(struct runner *r, const char *key)
{
	struct exec *x = find(r, key);
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

/* ---- the approval gate -------------------------------------------------------------------- */

static void
add_list(struct buf *b, char **list)
{
	for (; list != NULL && *list != NULL; list++)
		buf_add(b, *list, strlen(*list) + 1);
	buf_addc(b, '\0');
}

/* Everything beside command, directory and turn that makes a command what it is: variables, workspace, what the sandbox opens. */
static void
environment_hash(const struct exec *x, char out[65])
{
	const struct settings *s = &x->runner->settings;
	cleanup_buf struct buf b = BUF(0);

	add_list(&b, environ);
	add_list(&b, s->read);
	add_list(&b, s->write);
	buf_addf(&b, "%d %d %s", (int)s->net, (int)x->net, x->workspace);
	audit_hash(buf_str(&b), b.len, out);
}

static int
record(struct exec *x, bool allowed, const char *reason, struct error *e)
{
	struct consent_fact f = {
		.key = x->key, .who = x->who, .command = x->command, .label = x->label, .tier = x->tier,
		.allowed = allowed, .reason = reason,
	};

	return consent_record(x->runner, &f, e);
}

/* An allowed command starts when that it was allowed is on disk. */
static void
allow(struct exec *x, const char *reason)
{
	struct error e = { 0 };

	if (record(x, true, reason, &e) == -1) {
		error_add(&e, "the approval cannot be written down");
		finish_error(x, &e);
		return;
	}
	start(x);
}

static void
deny(struct exec *x, const char *reason, const char *text)
{
	struct error e = { 0 };

	if (record(x, false, reason, &e) == -1)
		error_add(&e, "refused (%s): %s, and that cannot be written down", tier_name(x->tier), text);
	else
		error_set(&e, ERR_denied, "refused (%s): %s", tier_name(x->tier), text);
	finish_error(x, &e);
}

static void
ask(struct exec *x)
{
	random_hex(x->ticket, 16);
	environment_hash(x, x->environment);
	x->deadline = clock_mono_ms() + EXEC_ASK_S * 1000;
	x->state = ASKING;
	changed(x);
	rearm(x->runner);
}

static void
refuse(struct exec *x, const struct verdict *v, const struct decision *d)
{
	cleanup_free char *text = NULL;

	if (v->tier == TIER_DANGEROUS)
		text = xasprintf("%s: it %s; no setting and no answer allows that", v->label, v->reason);
	else
		text = xasprintf("%s needs an approval, and nobody is here to give it; the list "
		    "tools.terminal.approval.allowlist in config.yaml allows it by that label", x->label);
	deny(x, d->reason, text);
}

static void
gate(struct exec *x)
{
	const struct runner *r = x->runner;
	struct verdict v;
	struct decision d;

	approve_classify(x->command, strlen(x->command), &v);
	approve_decide(&v, x->command, (const char *const *)r->settings.allow, consent_session(r, x->origin, x->session),
	    x->approver, &d);
	x->tier = v.tier;
	x->label = d.ask != NULL ? d.ask : v.label;
	if (d.ruling == RULE_ASK)
		ask(x);
	else if (d.ruling == RULE_DENY)
		refuse(x, &v, &d);
	else if (v.tier == TIER_SAFE)
		start(x);
	else
		allow(x, d.reason);
}

/* A ticket is good while its call asks; the first answer that fits ends that. */
int
exec_answer(struct runner *r, const char *ticket, const char *choice, const char *seal, struct error *e)
{
	char now[65];
	struct decision d = { 0 };
	struct exec *x;

	for (x = r->calls; x != NULL && (x->state != ASKING || strcmp(x->ticket, ticket) != 0); x = x->next)
		;
	if (x == NULL)
		return 0;
	const char *parts[] = { "approval", ticket, choice, x->command, x->label, x->cwd, NULL };
	if (grant_unseal(r->boot, x->origin, parts, seal, e) == -1)
		return error_add(e, "answer to call %.64s", x->key);
	environment_hash(x, now);
	approve_answer(strcmp(now, x->environment) == 0 ? choice : "deny", &d);
	if (d.ruling == RULE_DENY) {
		deny(x, d.reason, strcmp(now, x->environment) == 0 ? "denied by the user" : "the settings changed while the question stood");
		return 1;
	}
	if (strcmp(choice, "once") != 0)
		consent_remember(r, x->origin, x->session, x->label);
	x->state = RUNNING;
	changed(x);
	allow(x, d.reason);
	return 1;
}

/* ---- beginning ---------------------------------------------------------------------------- */

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

/* Where a command will begin, for the one who is asked. */
static char *
directory(const struct exec *x)
{
	const char *person = boot_option(x->runner->boot, "person");
	cleanup_free char *given = path_expand(json_str(x->args, "cwd", ""), person == NULL ? "~" : person);

	if (*given == '\0')
		return xstrdup(x->workspace);
	return given[0] == '/' ? xstrdup(given) : path_join(x->workspace, given);
}

/* Keep no more results than we said; those that ended first go first. */
static void
prune(struct runner *r)
{
	while (r->ncalls - exec_open(r) > EXEC_DONE_MAX) {
		struct exec *oldest = NULL;

		for (struct exec *x = r->calls; x != NULL; x = x->next)
			if (x->state == DONE && (oldest == NULL || x->deadline < oldest->deadline))
				oldest = x;
		exec_free(oldest);
	}
}

int
exec_begin(struct runner *r, const struct exec_order *o, struct error *e)
{
	const char *command = o->tool->command == NULL ? NULL : o->tool->command(o->args);
	struct exec *x;

	if (exec_open(r) >= EXEC_OPEN_MAX)
		return error_set(e, ERR_busy, "%d tool calls are open already", EXEC_OPEN_MAX);
	if (command != NULL && strlen(command) > EXEC_COMMAND_MAX)
		return error_set(e, ERR_too_large, "%s: argument command is longer than %d bytes", o->tool->name, EXEC_COMMAND_MAX);
	prune(r);
	x = exec_new(r, o);
	if (audit_call(x, e) == -1) {
		exec_free(x);
		return error_add(e, "the call cannot be written down");
	}
	if (command == NULL) {
		start(x);
		return 0;
	}
	x->command = command;
	x->cwd = directory(x);
	gate(x);
	return 0;
}

/* ---- time --------------------------------------------------------------------------------- */

static void
expire_one(struct exec *x, int64_t now)
{
	wake(x);
	if (x->state == DONE && now >= x->deadline)
		exec_free(x);
	else if (x->state == ASKING && now >= x->deadline)
		deny(x, "denied", "nobody answered");
}

void
exec_expire(struct runner *r)
{
	int64_t now = clock_mono_ms();
	struct exec *x, *next;

	for (x = r->calls; x != NULL; x = next) {
		next = x->next;
		expire_one(x, now);
	}
	rearm(r);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	exec_expire(arg);
}

/* One timer for all: set to the earliest moment at which anything ends by itself. */
static void
rearm(struct runner *r)
{
	int64_t first = INT64_MAX, wait;
	struct timeval tv;

	for (const struct exec *x = r->calls; x != NULL; x = x->next) {
		if (x->state != RUNNING && x->deadline < first)
			first = x->deadline;
		for (const struct waiter *w = x->waiters; w != NULL; w = w->next)
			if (w->deadline < first)
				first = w->deadline;
	}
	if (r->base == NULL)		/* tests move the clock themselves */
		return;
	if (r->timer == NULL)
		r->timer = evtimer_new(r->base, on_timer, r);
	if (first == INT64_MAX) {
		evtimer_del(r->timer);
		return;
	}
	wait = first - clock_mono_ms();
	wait = wait < 0 ? 0 : wait + 1;
	tv = (struct timeval){ .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
	evtimer_add(r->timer, &tv);
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

void
exec_clear(struct runner *r)
{
	while (r->calls != NULL)
		exec_free(r->calls);
	if (r->timer != NULL)
		event_free(r->timer);
	r->timer = NULL;
}

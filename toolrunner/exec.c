/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See exec.h. On disk first: a call's audit row stands before it begins, a
 * decision's row before what it allows. What has no effect does not wait for
 * the disk: the worker puts its sandbox on meanwhile.
 */
#include "toolrunner/exec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/gate.h"

#define WAITERS_MAX	16		/* tool.next held for one call */
#define PROGRESS_MAX	4096
#define ERROR_MAX	65536
#define OUTPUT_MAX	4194304		/* bytes: what proto lets pass */

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
	json_t			*args, *env;	/* env: as long as it runs */
	char			*skill;
	enum tool_net		 net;
	enum state		 state;
	int64_t			 seq;		/* of the last change */
	char			*progress;
	struct worker		*worker;
	bool			 cleared;	/* all that must be is on disk */
	bool			 wanted;	/* somebody waits for it: his record of it is on disk, too */
	bool			 begun, cancelled;
	struct waiter		*waiters;
	struct gate		 gate;		/* borrows from what stands above */
	enum ruling		 ruling;
	int64_t			 deadline;	/* ASKING: of the question. DONE: of the result. Not wanted yet: of that */
	/* DONE */
	bool			 ok;
	char			*output, *error, *code;
	json_t			*mutations, *produced;
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
	x->env = json_incref(o->env);
	x->skill = xstrdup0(o->skill);
	x->net = o->net;
	x->deadline = clock_mono_ms() + EXEC_WANTED_MS;
	x->gate = (struct gate){ .runner = r, .key = x->key, .who = x->who, .origin = x->origin, .session = x->session,
	    .workspace = x->workspace, .given = json_str(x->args, "cwd", ""), .net = x->net, .approver = o->approver,
	    .command = x->tool->command == NULL ? NULL : x->tool->command(x->args) };
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
	json_decref(x->env);
	free(x->skill);
	free(x->progress);
	gate_clear(&x->gate);
	free(x->output);
	free(x->error);
	free(x->code);
	json_decref(x->mutations);
	json_decref(x->produced);
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
		m.ticket = x->gate.ticket;
		m.command = x->gate.command;
		m.severity = tier_name(x->gate.tier);
		m.pattern = x->gate.label;
		m.cwd = x->gate.cwd;
		m.timeout_s = EXEC_ASK_S;
	}
	if (x->state == DONE) {
		m.ok = x->ok;
		m.output = x->output;
		m.error = x->error;
		m.code = x->code;
		m.mutations = x->mutations;
		m.produced = x->produced;
	}
	fn(arg, &m);
}

/* A result that can be had again is not kept for those who ask twice. */
static void
fetched(struct exec *x)
{
	if (x->state == DONE && x->tool->bulk)
		x->deadline = clock_mono_ms();
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
		fetched(x);
		free(w);
	}
}

static void
changed(struct exec *x)
{
	x->seq++;
	wake(x);
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
	json_decref(steal(x->env));
	x->ok = result->ok;
	x->output = cut(result->output, x->tool->bulk ? -1 : r->settings.budget);
	x->error = *result->error == '\0' ? NULL : xstrndup(result->error, utf8_cut(result->error, strlen(result->error), ERROR_MAX));
	x->code = *result->code == '\0' ? NULL : xstrdup(result->code);
	x->mutations = json_incref(result->mutations);
	x->produced = json_incref(result->produced);
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

/* A worker gets ready for the call and waits. */
static bool
is_of_a_job(const struct exec *x)
{
	return strcmp(strchrnul(x->origin, '/'), "/scheduled") == 0;
}

static int
prepare(struct exec *x, struct error *e)
{
	struct sandbox_policy policy = policy_of(x);
	struct worker_job job = {
		.key = x->key, .tool = x->tool, .args = x->args, .workspace = x->workspace, .policy = &policy,
		.skill = x->skill, .env = x->env,
		.timeout_ms = tool_limit_ms(x->tool, x->args, is_of_a_job(x)),
	};

	return (x->worker = worker_start(x->runner->launcher, &job, &events, x, e)) == NULL ? -1 : 0;
}

static void
go(struct exec *x)
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
		go(x);
}

static void
drop_worker(struct exec *x)
{
	if (x->worker != NULL)
		worker_drop(steal(x->worker));
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
	x->wanted = true;
	go(x);
	for (end = &x->waiters; *end != NULL; end = &(*end)->next)
		n++;
	if (x->state == DONE || x->seq > after || wait_ms <= 0 || n >= WAITERS_MAX) {
		answer(x, fn, arg);
		fetched(x);
		rearm(r);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct waiter){ .after = after, .deadline = clock_mono_ms() + wait_ms, .fn = fn, .arg = arg };
	*end = w;
	rearm(r);
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

/* ---- what the gate lets pass --------------------------------------------------------------- */

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
	changed(x);
	rearm(x->runner);
}

static void
unanswered(struct exec *x)
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
	changed(x);
	allow(x);
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
	prune(r);
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
	rearm(x->runner);
}

/* ---- time --------------------------------------------------------------------------------- */

static void
expire_one(struct exec *x, int64_t now)
{
	wake(x);
	if (x->state == DONE && now >= x->deadline)
		exec_free(x);
	else if (x->state == ASKING && now >= x->deadline)
		unanswered(x);
	else if (x->state == RUNNING && !x->wanted && now >= x->deadline)
		exec_cancel(x->runner, x->key);
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
		if ((x->state != RUNNING || (!x->wanted && !x->cancelled)) && x->deadline < first)
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

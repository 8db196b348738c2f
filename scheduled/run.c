/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run, from the row that says it runs to the row that says how it ended
 * (spec/scheduler.md, 5, 6 and 8). The result is filed for the person, a once
 * job is taken away, and only then is the row closed: whoever dies between is
 * repeated under the same key, which changes nothing twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/scan.h"
#include "scheduled/job.h"
#include "scheduled/schedule.h"
#include "scheduled/script.h"

#define ANSWER_MS	8000
#define AGAIN_S		5		/* between attempts to file or to close */
#define GRACE_S		60		/* beyond the limit, for an engined that is away */
#define TITLE_CHARS	80

struct active {
	TAILQ_ENTRY(active) link;
	struct schedule	*in;
	struct run	 run;
	json_t		*job;		/* as it was when the run began */
	char		 key[RUN_KEY], session[17];
	bool		 resumed, agent, timed_out;
	struct follow	*follow;	/* of an agent's run */
	struct script	*script;	/* of a script's */
	struct event	*timer;		/* its limit, then attempts to finish */
	struct request	*filing;
	bool		 filed, notified, sent;
	char		*reply;		/* NULL: none came */
	char		*failure;	/* NULL: none was told */
};

static void finish(struct active *a);

/* ---- the end ------------------------------------------------------------------------------------ */

static void
active_free(struct active *a)
{
	TAILQ_REMOVE(&a->in->active, a, link);
	if (a->filing != NULL)
		a->in->cancel(a->filing);
	follow_free(a->follow);
	script_free(a->script);
	event_free(a->timer);
	json_decref(a->job);
	run_clear(&a->run);
	free(a->reply);
	free(a->failure);
	free(a);
}

static bool
is_ok(const struct active *a)
{
	return strcmp(a->run.outcome, "ok") == 0;
}

static void
on_told(void *arg, const void *reply, const struct error *e)
{
}

/* Clients that look on are told; nothing depends on it. */
static void
tell(struct active *a)
{
	struct schedule *s = a->in;
	cleanup_json json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "job_id", a->run.job,
	    "title", json_str(a->job, "title", ""), "kind", json_str(a->job, "kind", "cron"),
	    "message", a->run.message, "reply", a->reply == NULL || !is_ok(a) ? "" : a->run.message,
	    "delivered_to", a->run.delivered, "silent", a->run.silent);

	if (data != NULL)
		s->send(s->daemon, "default/hostd", MSG_event_push, &(struct event_push){
		    .kind = is_ok(a) ? "schedule.done" : "schedule.failed", .data = data }, NULL, ANSWER_MS, on_told, NULL, NULL);
}

static void
later(struct active *a)
{
	event_add(a->timer, &(struct timeval){ .tv_sec = AGAIN_S });
}

/* A once job that went well is over; one that another hand took away is, too. */
static int
take_away(struct active *a, struct error *e)
{
	struct schedule *s = a->in;
	struct job *j;

	tick_refresh(s);
	j = jobs_find(s->jobs, a->run.job);
	if (j == NULL || j->kind != JOB_ONCE || a->run.by_hand || !is_ok(a) || jobs_corrupt(s->jobs) != NULL)
		return 0;
	due_drop(&s->due, j);
	if (jobs_remove(s->jobs, a->run.job, e) == -1)
		return -1;
	return 0;
}

static void
close_run(struct active *a)
{
	struct schedule *s = a->in;
	struct error e = { 0 };
	char id[JOB_ID_MAX + 1];
	struct job *j;

	if (take_away(a, &e) == -1 || runs_end(s->runs, &a->run, &e) == -1) {
		log_error("job=%s run=%lld is not closed yet: %s", a->run.job, (long long)a->run.id, e.text);
		later(a);
		return;
	}
	log_info("job=%s run=%lld ended outcome=%s", a->run.job, (long long)a->run.id, a->run.outcome);
	tell(a);
	strcpy(id, a->run.job);
	if ((j = jobs_find(s->jobs, id)) != NULL)
		snprintf(j->status, sizeof(j->status), "%s", is_ok(a) ? "ok" : "error");
	active_free(a);
	tick_arm(s, id);
	if (!event_pending(s->repeat, EV_TIMEOUT, NULL))
		event_add(s->repeat, &(struct timeval){ .tv_sec = 2 });
	tick_soon(s);
}

/* ---- the result is filed for the person ------------------------------------------------------------ */

static void
on_filed(void *arg, const void *reply, const struct error *e)
{
	struct active *a = arg;

	a->filing = NULL;
	if (reply == NULL && (e->code == ERR_unavailable || e->code == ERR_gone || e->code == ERR_timeout || e->code == ERR_full)) {
		later(a);
		return;
	}
	if (reply == NULL)
		log_error("job=%s run=%lld: its result is not filed: %s", a->run.job, (long long)a->run.id, e->text);
	a->filed = true;
	finish(a);
}

/* The job's title, or how its prompt begins. */
static char *
title_of(const struct active *a)
{
	const char *title = json_str(a->job, "title", ""), *text = title[0] != '\0' ? title : json_str(a->job, "prompt", "");
	size_t n = strcspn(text, "\r\n");

	return xstrndup(text, utf8_cut(text, n, TITLE_CHARS));
}

static void
file(struct active *a)
{
	const char *to[] = { "alpi" };
	cleanup_free char *title = title_of(a);
	struct error e = { 0 };

	a->filing = a->in->send(a->in->daemon, "engined", MSG_outputs_add, &(struct outputs_add){
		.key = a->key,
		.title = title,
		.body = a->run.message,
		.type = is_ok(a) ? "info" : "error",
		.source = "schedule",
		.source_id = a->run.job,
		.delivered_to = to,
		.n_delivered_to = 1,
		.announce = is_ok(a),
	}, NULL, ANSWER_MS, on_filed, a, &e);
	if (a->filing == NULL)
		on_filed(a, NULL, &e);
}

static bool
is_for_person(const struct active *a)
{
	return !is_ok(a) || (job_notifies(a->job) && a->run.message[0] != '\0');
}

static void
finish(struct active *a)
{
	if (a->filing != NULL)
		return;
	if (!a->filed && is_for_person(a))
		file(a);
	else
		close_run(a);
}

static void
set_outcome(struct active *a, const char *outcome, const char *text)
{
	size_t n = strlen(text);
	cleanup_free char *clean = NULL;

	while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
		n--;
	clean = utf8_clean(text, n);
	snprintf(a->run.outcome, sizeof(a->run.outcome), "%s", outcome);
	free(a->run.message);
	a->run.message = xstrndup(clean, utf8_cut(clean, strlen(clean), RUN_REPLY_MAX));
}

/* Section 6, outcomes. */
static void
judge(struct active *a)
{
	bool notify = job_notifies(a->job), empty = a->reply == NULL || a->reply[strspn(a->reply, " \t\r\n")] == '\0';
	cleanup_free char *late = NULL;

	if (a->timed_out) {
		late = xasprintf("It did not end within its %d seconds.", job_timeout_s(a->job));
		set_outcome(a, "timeout", late);
	} else if (a->failure != NULL)
		set_outcome(a, a->run.outcome[0] != '\0' ? a->run.outcome : "error", a->failure);
	else if (empty && notify && a->agent)
		set_outcome(a, a->resumed ? "interrupted" : "error", a->resumed ? "It ended while its reply was not looked for."
		    : "The run ended without a reply.");
	else
		set_outcome(a, "ok", empty ? "" : a->reply);
	if (is_ok(a))
		strcpy(a->run.delivered, (notify && !empty) || a->notified ? "alpi" : a->sent ? "external" : "");
	else
		strcpy(a->run.delivered, "alpi");
	a->run.silent = is_ok(a) && a->run.delivered[0] == '\0';
}

static void
over(struct active *a)
{
	event_del(a->timer);
	a->run.ended = clock_wall_ms();
	judge(a);
	finish(a);
}

static void
fail(struct active *a, const char *outcome, const char *text)
{
	if (a->failure == NULL)
		a->failure = xstrdup(text);
	if (outcome != NULL)
		strcpy(a->run.outcome, outcome);
	over(a);
}

/* ---- an agent's run --------------------------------------------------------------------------------- */

static char *
mint(const struct active *a, const char *verifier, struct error *e)
{
	const struct boot *b = &a->in->daemon->boot;
	cleanup_free char *audience = xasprintf("%s/%s", b->profile, verifier), *who = xasprintf("job:%s", a->run.job);
	struct grant g = {
		.origin = b->unit,
		.audience = audience,
		.who = who,
		.surface = (char *)"cron",
		.session = (char *)a->session,
		.caps = cap_ceiling("scheduled"),
		.until = clock_wall_ms() / 1000 + job_timeout_s(a->job) + GRACE_S,
	};

	return grant_mint(b, &g, e);
}

/* What the run is, for the agent; then what it is to do. */
static char *
text_of(const struct active *a)
{
	static const char loud[] = "Your final reply is delivered to the user by itself: do not use notify for it as well.";
	static const char silent[] = "Your reply goes nowhere. To tell the user something use notify, for others use "
	    "send_message; if there is nothing to say, end with an empty reply.";

	return xasprintf("[SCHEDULED: job %s runs on its schedule and nobody is watching; ask nothing. %s]\n\n%s", a->run.job,
	    job_notifies(a->job) ? loud : silent, json_str(a->job, "prompt", ""));
}

/* The rest of the limit is for the turn to put an end to what it does. */
static int64_t
budget_s(const struct active *a)
{
	int limit = job_timeout_s(a->job), spare = limit / 10 > 60 ? limit / 10 : 60;

	return limit > 2 * spare ? limit - spare : limit / 2;
}

static struct request *
send_start(void *arg, request_done *done, void *done_arg, struct error *e)
{
	struct active *a = arg;
	cleanup_free char *tools = mint(a, "toolrunner", e), *peers = mint(a, "alpd", NULL), *text = text_of(a);

	if (tools == NULL)
		return NULL;
	return a->in->send(a->in->daemon, "engined", MSG_turn_start, &(struct turn_start){
		.key = a->key,
		.session = a->session,
		.fresh = true,
		.text = text,
		.surface = "cron",
		.no_save = true,
		.budget_s = budget_s(a),
		.grants = (const char *[]){ tools, peers },
		.n_grants = peers == NULL ? 1 : 2,
	}, NULL, ANSWER_MS, done, done_arg, e);
}

static void
on_started(void *arg, const struct turn_start_reply *r)
{
	struct active *a = arg;

	log_info("job=%s run=%lld turn=%s%s", a->run.job, (long long)a->run.id, r->turn, r->known ? " goes on" : "");
}

static void
take_text(char **into, const json_t *data, const char *otherwise)
{
	free(*into);
	*into = xstrdup(json_str(data, "text", otherwise));
}

static void
on_event(void *arg, const struct turn_event *ev)
{
	struct active *a = arg;
	const char *tool = json_str(ev->data, "name", "");

	if (strcmp(ev->kind, "usage") == 0) {
		a->run.tokens_in += json_int(ev->data, "tokens_in", 0);
		a->run.tokens_out += json_int(ev->data, "tokens_out", 0);
		a->run.cost += json_num(ev->data, "cost", 0);
	} else if (strcmp(ev->kind, "tool_end") == 0 && json_bool(ev->data, "ok", false)) {
		a->notified |= strcmp(tool, "notify") == 0;
		a->sent |= strcmp(tool, "send_message") == 0;
	} else if (strcmp(ev->kind, "reply") == 0)
		take_text(&a->reply, ev->data, "");
	else if (strcmp(ev->kind, "error") == 0)
		take_text(&a->failure, ev->data, "it failed");
	else if (strcmp(ev->kind, "interrupted") == 0) {
		take_text(&a->failure, NULL, "it was interrupted");
		strcpy(a->run.outcome, "interrupted");
	}
}

static void
on_ended(void *arg, const struct error *why)
{
	struct active *a = arg;

	a->follow = NULL;			/* freed with its end */
	if (a->reply != NULL)
		free(steal(a->failure));	/* an error that a reply followed is none */
	if (why != NULL && !a->timed_out)
		fail(a, a->resumed ? "interrupted" : NULL, why->text);
	else
		over(a);
}

static const struct follow_owner owner = {
	.start = send_start, .started = on_started, .event = on_event, .ended = on_ended,
};

static void
start_agent(struct active *a)
{
	struct schedule *s = a->in;

	a->follow = follow_new(s->daemon, s->send, s->cancel, "engined", a->key, &owner, a);
	follow_go(a->follow);
}

/* ---- a script's run ------------------------------------------------------------------------------------ */

static void
on_script(void *arg, const char *outcome, const char *text)
{
	struct active *a = arg;

	bool ok = strcmp(outcome, "ok") == 0;

	*(ok ? &a->reply : &a->failure) = xstrdup(text);
	if (!ok)
		snprintf(a->run.outcome, sizeof(a->run.outcome), "%s", outcome);
	script_free(steal(a->script));		/* which owns what was told */
	over(a);
}

static void
start_script(struct active *a)
{
	struct error e = { 0 };
	cleanup_free char *grant = mint(a, "toolrunner", &e);

	if (grant == NULL || (a->script = script_start(a->in, a->key, grant, a->job, a->resumed, on_script, a, &e)) == NULL)
		fail(a, NULL, e.text);
}

/* ---- begin ----------------------------------------------------------------------------------------------- */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct active *a = arg;

	if (a->run.ended != 0) {
		finish(a);
		return;
	}
	a->timed_out = true;
	if (a->script != NULL)
		script_end(a->script);
	if (a->follow != NULL)
		follow_cancel(a->follow, "the job's time is over");
	else if (a->script == NULL)
		over(a);
}

/* A prompt that was changed on disk was not looked at when the job was added. */
static bool
is_clean(struct active *a, struct error *e)
{
	const char *prompt = json_str(a->job, "prompt", "");
	struct scan_hits hits = { 0 };

	scan_text(SCAN_SKILL, prompt, strlen(prompt), NULL, &hits);
	if (hits.n > 0)
		error_set(e, ERR_denied, "the scan of its prompt stopped it: %s (%s)", hits.rows[0].id, hits.rows[0].why);
	scan_hits_clear(&hits);
	return e->code == ERR_none;
}

static void
set_limit(struct active *a)
{
	int64_t left = a->run.began + job_timeout_s(a->job) * 1000LL - clock_wall_ms();

	if (left > job_timeout_s(a->job) * 1000LL)
		left = job_timeout_s(a->job) * 1000LL;	/* a clock that was put back */
	if (left < 1)
		left = 1;
	event_add(a->timer, &(struct timeval){ left / 1000, (suseconds_t)(left % 1000) * 1000 });
}

/* Name the session of a run, the same after each death of ours. */
static void
name_session(struct active *a)
{
	uint64_t hash = 14695981039346656037ULL;

	for (const char *c = a->key; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211ULL;
	snprintf(a->session, sizeof(a->session), "%016llx", (unsigned long long)hash);
}

void
run_start(struct schedule *s, struct run *r, bool resumed)
{
	struct active *a = xcalloc(1, sizeof(*a));
	struct error e = { 0 };

	a->in = s;
	a->run = *r;
	a->resumed = resumed;
	a->job = json_parse(r->row, strlen(r->row), 16, &e);
	a->agent = !json_bool(a->job, "no_agent", false);
	run_key(&a->run, a->key);
	name_session(a);
	a->timer = evtimer_new(s->daemon->base, on_timer, a);
	TAILQ_INSERT_TAIL(&s->active, a, link);
	if (a->job == NULL || !is_clean(a, &e)) {
		a->failure = xstrdup(e.text);		/* told from the loop, not from within a look */
		a->run.ended = clock_wall_ms();
		judge(a);
		event_active(a->timer, EV_TIMEOUT, 0);
		return;
	}
	set_limit(a);
	if (a->agent)
		start_agent(a);
	else
		start_script(a);
}

/* ---- what goes on -------------------------------------------------------------------------------------------- */

const struct run *
run_of_job(const struct schedule *s, const char *job)
{
	const struct active *a;

	TAILQ_FOREACH(a, &s->active, link)
		if (strcmp(a->run.job, job) == 0)
			return &a->run;
	return NULL;
}

const struct run *
run_of_id(const struct schedule *s, int64_t id)
{
	const struct active *a;

	TAILQ_FOREACH(a, &s->active, link)
		if (a->run.id == id)
			return &a->run;
	return NULL;
}

bool
run_is_scheduled(const struct schedule *s)
{
	const struct active *a;

	TAILQ_FOREACH(a, &s->active, link)
		if (!a->run.by_hand)
			return true;
	return false;
}

void
run_forget_all(struct schedule *s)
{
	struct active *a;

	while ((a = TAILQ_FIRST(&s->active)) != NULL)
		active_free(a);
}

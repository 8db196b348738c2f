/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run, from the row that says it runs (spec/scheduler.md, 5 and 6): its
 * prompt is looked at once more, its limit set, and it goes to engined
 * (agent.c) or to a skill's script (script.c). How it ends stands in result.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/scan.h"
#include "scheduled/active.h"
#include "scheduled/job.h"
#include "scheduled/script.h"

#define GRACE_S		60		/* beyond the limit, for an engined that is away */
#define LATE_MS		30000		/* to learn what a run came to whose time ended while we were away */

void
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
	free(a->lost);
	free(a);
}

char *
active_grant(const struct active *a, const char *verifier, struct error *e)
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

/* ---- a script's run ------------------------------------------------------------------------------ */

static void
on_script(void *arg, const char *outcome, const char *text)
{
	struct active *a = arg;
	bool ok = strcmp(outcome, "ok") == 0;

	*(ok ? &a->reply : &a->failure) = xstrdup(text);
	if (!ok)
		snprintf(a->run.outcome, sizeof(a->run.outcome), "%s", a->late && a->ended ? "interrupted" : outcome);
	script_free(steal(a->script));		/* which owns what was told */
	result_over(a);
}

static void
start_script(struct active *a)
{
	struct error e = { 0 };
	cleanup_free char *grant = active_grant(a, "toolrunner", &e);

	if (grant == NULL || (a->script = script_start(a->in, a->key, grant, a->job, a->resumed, on_script, a, &e)) == NULL)
		result_fail(a, NULL, e.text);
}

/* ---- begin --------------------------------------------------------------------------------------- */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct active *a = arg;

	if (a->run.ended != 0) {
		result_finish(a);
		return;
	}
	a->timed_out = !a->late;
	a->ended = true;
	if (a->script != NULL)
		script_end(a->script);
	if (a->follow != NULL)
		follow_cancel(a->follow, "the job's time is over");
	else if (a->script == NULL)
		result_over(a);
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
	if (left < 1) {
		a->late = a->resumed;
		left = a->late ? LATE_MS : 1;
	}
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
		result_judge(a);
		event_active(a->timer, EV_TIMEOUT, 0);
		return;
	}
	set_limit(a);
	if (a->agent)
		agent_start(a);
	else
		start_script(a);
}

/* ---- what goes on -------------------------------------------------------------------------------- */

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

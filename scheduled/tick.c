/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When something is looked for (spec/scheduler.md, 4): at the next due time,
 * and every half minute, which notices files, zones and clocks that others
 * changed. A look asks nobody and costs what is due.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "scheduled/schedule.h"

#define LOOK_MS		30000
#define REPEAT_MS	2000		/* runs.json is written for others: not for each of many runs.. */
#define REPEAT_SHARE	50		/* ..and of many jobs so seldom that it takes a fiftieth of the time */
#define ASK_MS		8000

static void
arm_all(struct schedule *s, int64_t now)
{
	for (size_t i = 0; i < jobs_count(s->jobs); i++) {
		struct job *j = jobs_at(s->jobs, i);

		j->running = run_of_job(s, j->id) != NULL;
		due_arm(&s->due, j, now);
	}
}

static void
take_jobs(struct schedule *s, int64_t now)
{
	due_forget(&s->due);
	runs_tell(s->runs, s->jobs);
	arm_all(s, now);
}

void
tick_refresh(struct schedule *s)
{
	if (jobs_refresh(s->jobs))
		take_jobs(s, clock_wall_ms());
}

void
tick_arm(struct schedule *s, const char *id)
{
	struct job *j = jobs_find(s->jobs, id);

	if (j == NULL)
		return;
	j->running = run_of_job(s, id) != NULL;
	due_arm(&s->due, j, clock_wall_ms());
}

bool
tick_is_busy(const struct schedule *s)
{
	return run_is_scheduled(s) || s->idle != NULL || (!s->paused && due_next(&s->due) <= clock_wall_ms());
}

/* ---- runs.json ------------------------------------------------------------------------------ */

int
tick_repeat(struct schedule *s, struct error *e)
{
	int64_t began = clock_mono_ms();
	int r;

	event_del(s->repeat);
	r = runs_repeat(s->runs, s->jobs, e);
	s->repeat_ms = (clock_mono_ms() - began) * REPEAT_SHARE;
	return r;
}

void
tick_repeat_later(struct schedule *s)
{
	int64_t ms = s->repeat_ms > REPEAT_MS ? s->repeat_ms : REPEAT_MS;

	if (!event_pending(s->repeat, EV_TIMEOUT, NULL))
		event_add(s->repeat, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static void
on_repeat(evutil_socket_t fd, short what, void *arg)
{
	struct error e = { 0 };

	if (tick_repeat(arg, &e) == -1)
		log_warn("schedule/runs.json is not written: %s", e.text);
}

/* ---- a run begins --------------------------------------------------------------------------- */

/* 0, also when that time has its run; -1: not now. */
static int
begin(struct schedule *s, struct job *j, int64_t now, bool by_hand, int64_t *id, struct error *e)
{
	struct run r = { .due = by_hand ? now : j->due, .by_hand = by_hand, .began = now, .row = xstrdup(j->text) };

	strcpy(r.job, j->id);
	if (runs_begin(s->runs, &r, e) == -1) {
		run_clear(&r);
		return -1;
	}
	j->ran = true;
	j->last_run = now;
	j->running = true;
	due_arm(&s->due, j, now);
	*id = r.id;
	log_info("job=%s run=%lld begins%s", r.job, (long long)r.id, by_hand ? " by hand" : "");
	run_start(s, &r, false);
	tick_repeat_later(s);
	return 0;
}

/* False: nothing more can begin now, as on a full disk. */
static bool
begin_due(struct schedule *s, struct job *j, int64_t now)
{
	struct error e = { 0 };
	int64_t id;

	if (begin(s, j, now, false, &id, &e) == 0)
		return true;
	if (e.code == ERR_exists)
		j->skip = j->due;		/* it had its run, as after a clock was put back */
	else
		log_error("job=%s does not begin: %s", j->id, e.text);
	due_arm(&s->due, j, now);
	return e.code == ERR_exists;
}

int
tick_fire(struct schedule *s, const char *id, int64_t *run, struct error *e)
{
	struct job *j = jobs_find(s->jobs, id);

	if (j->broken != NULL)
		return error_set(e, ERR_invalid, "%s", j->broken);
	if (run_of_job(s, id) != NULL)
		return error_set(e, ERR_busy, "job %s runs already", id);
	return begin(s, j, clock_wall_ms(), true, run, e);
}

/* ---- inactivity ----------------------------------------------------------------------------- */

static void
on_idle(void *arg, const void *reply, const struct error *e)
{
	const struct session_list_reply *r = reply;
	struct schedule *s = arg;
	struct job *j = jobs_find(s->jobs, s->idle_job);
	int64_t now = clock_wall_ms();

	s->idle = NULL;
	s->idle_job[0] = '\0';
	if (r == NULL && j != NULL) {
		log_warn("job=%s: whether the person is idle is not known: %s", j->id, e->text);
		due_later(&s->due, j, now + LOOK_MS);
	} else if (j != NULL) {
		j->seen = (int64_t)(json_num(json_array_get(r->sessions, 0), "mtime", 0) * 1000);
		due_arm(&s->due, j, now);
		if (j->due <= now && !run_is_scheduled(s) && !s->paused) {
			due_drop(&s->due, j);
			begin_due(s, j, now);
		}
	}
	tick_soon(s);
}

static void
ask_idle(struct schedule *s, const char *id)
{
	struct error e = { 0 };

	strcpy(s->idle_job, id);
	s->idle = s->send(s->daemon, "engined", MSG_session_list, &(struct session_list){ .limit = 1 }, NULL, ASK_MS, on_idle, s, &e);
	if (s->idle == NULL)
		on_idle(s, NULL, &e);
}

/* ---- a look --------------------------------------------------------------------------------- */

static void
set_timer(struct schedule *s, int64_t now)
{
	int64_t ms = due_next(&s->due) - now;

	if (ms > LOOK_MS || run_is_scheduled(s) || s->idle != NULL || s->paused)
		ms = LOOK_MS;
	if (ms < 0)
		ms = due_next(&s->due) == NEVER ? LOOK_MS : 1000;	/* it could not begin: not at once again */
	event_add(s->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static void
notice(struct schedule *s, int64_t now)
{
	if (jobs_refresh(s->jobs))
		take_jobs(s, now);
	else if (now < s->looked)
		arm_all(s, now);		/* the clock was put back */
	s->looked = now;
}

void
tick_look(struct schedule *s)
{
	int64_t now = clock_wall_ms();
	struct job *j;

	notice(s, now);
	while (!s->paused && !s->daemon->draining && s->idle == NULL && !run_is_scheduled(s) &&
	    (j = due_take(&s->due, now)) != NULL) {
		if (j->kind == JOB_INACTIVITY)
			ask_idle(s, j->id);
		else if (!begin_due(s, j, now))
			break;
	}
	set_timer(s, now);
	watch_tell(s);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	tick_look(arg);
}

void
tick_soon(struct schedule *s)
{
	event_active(s->timer, EV_TIMEOUT, 0);
}

/* ---- open and close ------------------------------------------------------------------------- */

static void
resume(void *arg, struct run *r)
{
	log_info("job=%s run=%lld is taken up again", r->job, (long long)r->id);
	run_start(arg, r, true);
}

int
tick_open(struct schedule *s, struct error *e)
{
	due_init(&s->due);
	TAILQ_INIT(&s->active);
	TAILQ_INIT(&s->watches);
	s->timer = evtimer_new(s->daemon->base, on_timer, s);
	s->repeat = evtimer_new(s->daemon->base, on_repeat, s);
	if ((s->runs = runs_open(s->home, e)) == NULL || (s->jobs = jobs_open(s->home, e)) == NULL ||
	    runs_open_rows(s->runs, resume, s, e) == -1)
		return -1;
	take_jobs(s, clock_wall_ms());
	return 0;
}

void
tick_close(struct schedule *s)
{
	due_clear(&s->due);
	jobs_close(steal(s->jobs));
	runs_close(steal(s->runs));
	event_free(s->timer);
	event_free(s->repeat);
}

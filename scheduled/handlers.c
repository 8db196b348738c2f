/* SPDX-License-Identifier: Apache-2.0 */
/* What may be asked of scheduled, and by what right. */
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "scheduled/schedule.h"

#define LIST_LIMIT	1000
#define LIST_BYTES	(6 * 1024 * 1024 - 65536)
#define HISTORY_LIMIT	20

static bool
is_asked_for(const struct job_list *m, const struct job *j)
{
	return (!m->broken || j->broken != NULL) && (m->id == NULL || strcmp(m->id, j->id) == 0);
}

/* A page of the rows that are asked for, as many as fit into an answer. New reference. */
static json_t *
page(struct schedule *s, const struct job_list *m)
{
	size_t limit = m->limit > 0 ? (size_t)m->limit : LIST_LIMIT, bytes = 0;
	int64_t skip = m->from;
	json_t *rows = json_array();

	for (size_t i = 0; i < jobs_count(s->jobs) && json_array_size(rows) < limit; i++) {
		cleanup_json json_t *row = NULL;
		cleanup_free char *text = NULL;

		if (!is_asked_for(m, jobs_at(s->jobs, i)) || skip-- > 0)
			continue;
		row = edit_show(s, jobs_at(s->jobs, i));
		text = json_text(row);
		if ((bytes += strlen(text) + 1) > LIST_BYTES)
			break;
		json_array_append(rows, row);
	}
	return rows;
}

static void
count(const struct schedule *s, struct job_list_reply *r)
{
	r->total = (int64_t)jobs_count(s->jobs);
	for (size_t i = 0; i < jobs_count(s->jobs); i++) {
		const struct job *j = jobs_at(s->jobs, i);

		r->broken += j->broken != NULL;
		r->paused += j->broken == NULL && j->paused;
	}
}

static int
job_list(struct call *c, const void *in, struct error *e)
{
	const struct job_list *m = in;
	struct schedule *s = c->ctx;
	cleanup_json json_t *rows = NULL;
	struct job_list_reply r = { 0 };
	int64_t now = clock_wall_ms();
	char next[ZONE_TEXT];

	tick_refresh(s);
	if (m->id != NULL && edit_find(s, m->id, e) == NULL)
		return -1;
	rows = page(s, m);
	count(s, &r);
	r.jobs = rows;
	r.corrupt = jobs_corrupt(s->jobs);
	if (!s->paused && due_next(&s->due) != NEVER) {
		time_print(jobs_zone(s->jobs), (due_next(&s->due) < now ? now : due_next(&s->due)) / 1000, next);
		r.next = next;
	}
	return call_reply(c, &r);
}

static int
job_add(struct call *c, const void *in, struct error *e)
{
	const struct job_add *m = in;
	cleanup_json json_t *job = edit_add(c->ctx, m->job, m->force, NULL, e);

	return job == NULL ? -1 : call_reply(c, &(struct job_add_reply){ .job = job });
}

static int
job_update(struct call *c, const void *in, struct error *e)
{
	const struct job_update *m = in;
	cleanup_json json_t *job = edit_update(c->ctx, m->id, m->changes, e);

	return job == NULL ? -1 : call_reply(c, &(struct job_update_reply){ .job = job });
}

static int
job_remove(struct call *c, const void *in, struct error *e)
{
	const struct job_remove *m = in;

	return edit_remove(c->ctx, m->id, e) == -1 ? -1 : call_reply(c, &(struct job_remove_reply){ });
}

static int
job_fire(struct call *c, const void *in, struct error *e)
{
	const struct job_fire *m = in;
	struct job_fire_reply r;

	tick_refresh(c->ctx);
	if (edit_find(c->ctx, m->id, e) == NULL || tick_fire(c->ctx, m->id, &r.run, e) == -1)
		return -1;
	return call_reply(c, &r);
}

/* Runs that had begun by themselves a moment ago are what is due, too. */
static int
job_run_once(struct call *c, const void *in, struct error *e)
{
	struct schedule *s = c->ctx;
	int64_t first;

	tick_refresh(s);
	if (jobs_corrupt(s->jobs) != NULL)
		return error_set(e, ERR_io, "%s is corrupt: %s", JOBS_FILE, jobs_corrupt(s->jobs));
	if ((first = runs_first_open(s->runs, e)) == -1)
		return -1;
	tick_look(s);
	return call_reply(c, &(struct job_run_once_reply){ .due = tick_is_busy(s), .after = first });
}

static int
job_wait(struct call *c, const void *in, struct error *e)
{
	return watch_begin(c->ctx, c, in, e);
}

static int
job_history(struct call *c, const void *in, struct error *e)
{
	const struct job_history *m = in;
	struct schedule *s = c->ctx;
	cleanup_json json_t *rows = runs_history(s->runs, m->id, m->limit > 0 ? m->limit : HISTORY_LIMIT, e);

	return rows == NULL ? -1 : call_reply(c, &(struct job_history_reply){ .runs = rows });
}

const struct handler schedule_handlers[] = {
	{ MSG_job_list,     job_list,     CAP_none },
	{ MSG_job_add,      job_add,      CAP_none },
	{ MSG_job_update,   job_update,   CAP_none },
	{ MSG_job_remove,   job_remove,   CAP_none },
	{ MSG_job_fire,     job_fire,     CAP_none },
	{ MSG_job_run_once, job_run_once, CAP_none },
	{ MSG_job_wait,     job_wait,     CAP_none },
	{ MSG_job_history,  job_history,  CAP_none },
	{ MSG_job_call,     tool_call,    CAP_schedule },
	{ 0 }
};

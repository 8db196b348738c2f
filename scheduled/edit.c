/* SPDX-License-Identifier: Apache-2.0 */
/* What people and models change (spec/scheduler.md, 7): one way for both, checked as a whole before it is written. */
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/scan.h"
#include "scheduled/job.h"
#include "scheduled/schedule.h"
#include "scheduled/script.h"

/* ---- shown -------------------------------------------------------------------------------------- */

static const char *
status_of(const struct schedule *s, const struct job *j, int64_t now)
{
	if (run_of_job(s, j->id) != NULL)
		return "running";
	if (j->broken != NULL)
		return "none";
	if (j->paused || s->paused)
		return "paused";
	if (j->kind == JOB_INACTIVITY)
		return "idle-gated";
	return j->due == NEVER ? "none" : j->due <= now ? "due" : "scheduled";
}

static json_t *
time_shown(const struct zone *zone, int64_t ms)
{
	char text[ZONE_TEXT];

	time_print(zone, ms / 1000, text);
	return json_string(text);
}

json_t *
edit_show(struct schedule *s, const struct job *j)
{
	int64_t now = clock_wall_ms();
	const char *status = status_of(s, j, now);
	json_t *row = job_row(j);

	if (!json_is_object(row)) {
		json_decref(row);
		row = json_object();
	}
	json_object_set_new(row, "status", json_string(status));
	json_object_set_new(row, "next_fire", strcmp(status, "due") == 0 || strcmp(status, "scheduled") == 0 ?
	    time_shown(j->zone, j->due < now ? now : j->due) : json_null());
	json_object_set_new(row, "last_run_at", j->ran ? time_shown(jobs_zone(s->jobs), j->last_run) : json_null());
	if (j->status[0] != '\0')
		json_object_set_new(row, "last_run_status", json_string(j->status));
	if (j->broken != NULL) {
		json_object_set_new(row, "broken", json_string(j->broken));
		json_object_set_new(row, "row", json_integer((json_int_t)j->order + 1));
	}
	return row;
}

struct job *
edit_find(struct schedule *s, const char *id, struct error *e)
{
	struct job *j = jobs_find(s->jobs, id);
	const char *like;

	if (jobs_corrupt(s->jobs) != NULL)
		error_set(e, ERR_io, "%s is corrupt: %s", JOBS_FILE, jobs_corrupt(s->jobs));
	else if (j == NULL && (like = jobs_alike(s->jobs, id)) != NULL)
		error_set(e, ERR_not_found, "no job %s; did you mean %s?", id, like);
	else if (j == NULL)
		error_set(e, ERR_not_found, "no job %s", id);
	return j;
}

/* ---- checked ------------------------------------------------------------------------------------ */

static int
check_prompt(const struct schedule *s, const json_t *row, struct error *e)
{
	const char *prompt = json_str(row, "prompt", "");
	struct scan_hits hits = { 0 };
	json_t *call;

	scan_text(SCAN_SKILL, prompt, strlen(prompt), NULL, &hits);
	if (hits.n > 0)
		error_set(e, ERR_denied, "the prompt is refused: %s (%s)", hits.rows[0].id, hits.rows[0].why);
	scan_hits_clear(&hits);
	if (e->code != ERR_none)
		return -1;
	if (!json_bool(row, "no_agent", false))
		return 0;
	if ((call = script_parse(s->home, prompt, e)) == NULL)
		return -1;
	json_decref(call);
	return 0;
}

static int
check(struct schedule *s, const json_t *row, struct error *e)
{
	struct job j;

	if (jobs_check(s->jobs, row, &j, e) == -1)
		return -1;
	job_clear(&j);
	return check_prompt(s, row, e);
}

static int
check_twin(struct schedule *s, const json_t *row, bool force, struct error *e)
{
	const char *twin = force ? NULL : jobs_twin(s->jobs, row);

	return twin == NULL ? 0 : error_set(e, ERR_exists, "job %s is the same; with force it is added all the same", twin);
}

/* ---- add ---------------------------------------------------------------------------------------- */

/* Only the fields that a job has; the state is ours. */
static json_t *
fields_of(const json_t *asked)
{
	static const char *const names[] = { "kind", "expression", "run_at", "after_hours", "prompt", "title", "notify", "timeout",
	    "no_agent", "tier", "tz", "paused", "channel" };
	json_t *row = json_object(), *v;

	for (size_t i = 0; i < COUNT(names); i++)
		if ((v = json_object_get(asked, names[i])) != NULL && !json_is_null(v))
			json_object_set(row, names[i], v);
	return row;
}

static json_t *
new_row(struct schedule *s, const json_t *asked)
{
	json_t *row = fields_of(asked);
	char id[JOB_ID + 1];

	do
		random_hex(id, JOB_ID / 2);
	while (jobs_find(s->jobs, id) != NULL);
	json_object_set_new(row, "id", json_string(id));
	if (json_object_get(row, "kind") == NULL)
		json_object_set_new(row, "kind", json_string("cron"));
	if (json_object_get(row, "notify") == NULL)
		json_object_set_new(row, "notify", json_false());
	if (json_object_get(row, "no_agent") == NULL && script_is_meant(s->home, json_str(row, "prompt", "")))
		json_object_set_new(row, "no_agent", json_true());
	return row;
}

/* How it stands is on disk before the job is: a cron job that is found without would run at once. */
static struct job *
put_new(struct schedule *s, const json_t *row, const char *key, struct error *e)
{
	bool cron = strcmp(json_str(row, "kind", ""), "cron") == 0;
	const char *id = json_str(row, "id", "");
	int64_t now = clock_wall_ms();
	struct job *j;

	if (runs_anchor(s->runs, id, cron, now, key, e) == -1)
		return NULL;
	if ((j = jobs_put(s->jobs, row, e)) == NULL) {
		runs_forget(s->runs, id, NULL);
		return NULL;
	}
	j->ran = cron;
	j->last_run = cron ? now : 0;
	return j;
}

/* It was added for this very call. A once job may have run since, and be gone: it is not added a second time. */
static json_t *
show_added(struct schedule *s, const char *id, struct error *e)
{
	struct job *j = jobs_find(s->jobs, id);

	if (j != NULL)
		return edit_show(s, j);
	error_set(e, ERR_exists, "job %s was added by this call already, and is over or was removed", id);
	return NULL;
}

json_t *
edit_add(struct schedule *s, const json_t *asked, bool force, const char *key, struct error *e)
{
	cleanup_json json_t *row = NULL;
	char id[JOB_ID_MAX + 1];
	struct job *j;
	int known;

	tick_refresh(s);
	if (jobs_corrupt(s->jobs) != NULL) {
		edit_find(s, "", e);
		return NULL;
	}
	if (key != NULL && (known = runs_added(s->runs, key, id, e)) != 0)
		return known == -1 ? NULL : show_added(s, id, e);
	row = new_row(s, asked);
	if (check(s, row, e) == -1 || check_twin(s, row, force, e) == -1 || (j = put_new(s, row, key, e)) == NULL)
		return NULL;
	tick_arm(s, j->id);
	tick_repeat_later(s);
	tick_soon(s);
	return edit_show(s, j);
}

/* ---- update, remove ------------------------------------------------------------------------------- */

static bool
differs(const json_t *a, const json_t *b, const char *name)
{
	return !json_equal(json_object_get(a, name), json_object_get(b, name)) &&
	    (json_object_get(a, name) != NULL || json_object_get(b, name) != NULL);
}

static bool
is_moved(const json_t *old, const json_t *row)
{
	static const char *const names[] = { "kind", "expression", "run_at", "after_hours", "tz" };
	bool moved = false;

	for (size_t i = 0; i < COUNT(names); i++)
		moved |= differs(old, row, names[i]);
	return moved;
}

/* Its time is another: it counts from now, and a once job is to come. That is on disk before the new time, which would else be due. */
static struct job *
put_again(struct schedule *s, const char *id, const json_t *old, const json_t *row, struct error *e)
{
	bool moved = is_moved(old, row), ran = strcmp(json_str(row, "kind", "cron"), "once") != 0;
	int64_t now = clock_wall_ms();
	struct job *j;

	if (moved && runs_anchor(s->runs, id, ran, ran ? now : 0, NULL, e) == -1)
		return NULL;
	if ((j = jobs_put(s->jobs, row, e)) == NULL || !moved)
		return j;
	j->ran = ran;
	j->last_run = ran ? now : 0;
	j->skip = 0;
	return j;
}

static int
merge(json_t *row, const json_t *changes, struct error *e)
{
	cleanup_json json_t *known = fields_of(changes);
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)changes, name, v)
		if (!json_is_null(v) && json_object_get(known, name) == NULL)
			return error_set(e, ERR_invalid, "a job has no field %.64s that can be changed", name);
		else if (json_is_null(v))
			json_object_del(row, name);
	json_object_update(row, known);
	return 0;
}

json_t *
edit_update(struct schedule *s, const char *id, const json_t *changes, struct error *e)
{
	cleanup_json json_t *old = NULL, *row = NULL;
	struct job *j;

	tick_refresh(s);
	if ((j = edit_find(s, id, e)) == NULL)
		return NULL;
	old = job_row(j);
	row = json_copy(old);
	if (merge(row, changes, e) == -1 || check(s, row, e) == -1)
		return NULL;
	due_drop(&s->due, j);
	j = put_again(s, id, old, row, e);
	tick_arm(s, id);
	if (j == NULL)
		return NULL;
	tick_repeat_later(s);
	tick_soon(s);
	return edit_show(s, j);
}

int
edit_remove(struct schedule *s, const char *id, struct error *e)
{
	struct job *j;

	tick_refresh(s);
	if ((j = edit_find(s, id, e)) == NULL)
		return -1;
	due_drop(&s->due, j);
	if (jobs_remove(s->jobs, id, e) == -1) {
		tick_arm(s, id);
		return -1;
	}
	runs_forget(s->runs, id, NULL);
	tick_repeat_later(s);
	return 0;
}

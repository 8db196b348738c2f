/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a run ends (spec/scheduler.md, 6 and 8): it is judged, its result is
 * filed for the person, the run noted among the profile's, a once job taken
 * away, and only then is the row closed. Whoever dies between repeats it
 * under the same key, which changes nothing twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "scheduled/active.h"
#include "scheduled/job.h"

#define AGAIN_S		5		/* between attempts to file or to close */
#define TITLE_CHARS	80
#define AWAY_MS		60000		/* a gatewayd that died is back by then; the next job waits for it, too */

/* ---- the row is closed -------------------------------------------------------------------------- */

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
	cleanup_free char *link = xasprintf("/outputs/%s/%s", s->daemon->boot.profile, a->output);
	cleanup_json json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "job_id", a->run.job,
	    "title", json_str(a->job, "title", ""), "kind", json_str(a->job, "kind", "cron"),
	    "message", a->run.message, "reply", a->reply == NULL || !is_ok(a) ? "" : a->run.message,
	    "delivered_to", a->run.delivered, "silent", a->run.silent);

	if (data != NULL && a->output[0] != '\0')
		json_object_update_new(data, json_pack("{s:s, s:s, s:s}", "output_id", a->output, "deep_link", link, "body", a->run.message));
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
	if (j == NULL || j->kind != JOB_ONCE || a->run.by_hand || !is_ok(a) || jobs_corrupt(s->jobs) != NULL ||
	    strcmp(j->text, a->run.row) != 0)		/* it was changed while it ran, and is to come */
		return 0;
	due_drop(&s->due, j);
	return jobs_remove(s->jobs, a->run.job, e) == -1 ? -1 : runs_gone(s->runs, a->run.job, clock_wall_ms(), e);
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
	tick_repeat_later(s);
	tick_soon(s);
}

/* ---- it is filed for the person, and noted --------------------------------------------------------- */

/* Is there nothing for it but to ask again later? */
static bool
is_away(const struct error *e)
{
	return e->code == ERR_unavailable || e->code == ERR_gone || e->code == ERR_timeout || e->code == ERR_full;
}

/* One of the two steps at engined was answered. */
static void
on_step(struct active *a, bool *done, const char *what, const void *reply, const struct error *e)
{
	a->filing = NULL;
	if (reply == NULL && is_away(e)) {
		later(a);
		return;
	}
	if (reply == NULL)
		log_error("job=%s run=%lld: %s: %s", a->run.job, (long long)a->run.id, what, e->text);
	*done = true;
	result_finish(a);
}

/* It is in outputs, and nobody takes it to a platform: that is tried for a while, and then filed as well. */
static void
not_taken(struct active *a, const struct error *e)
{
	a->filing = NULL;
	if (clock_wall_ms() - a->run.ended > AWAY_MS)
		a->lost = xstrdup(e->text);
	later(a);
}

static void
on_filed(void *arg, const void *reply, const struct error *e)
{
	const struct outputs_add_reply *r = reply;
	struct active *a = arg;

	if (r != NULL)
		snprintf(a->output, sizeof(a->output), "%s", r->id);
	if (reply == NULL && e->code == ERR_busy && a->lost == NULL) {
		not_taken(a, e);
		return;
	}
	on_step(a, &a->filed, "its result is not filed", reply, e);
}

static void
on_noted(void *arg, const void *reply, const struct error *e)
{
	struct active *a = arg;

	on_step(a, &a->noted, "it has no row in logs/runs.jsonl", reply, e);
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
	cleanup_free char *title = title_of(a), *letters = active_grant(a, "gatewayd", NULL);
	cleanup_free char *key = a->lost == NULL ? xstrdup(a->key) : xasprintf("%s lost", a->key);
	cleanup_free char *body = a->lost == NULL ? xstrdup(a->run.message) : xasprintf("%s\n[not delivered: %s]", a->run.message, a->lost);
	struct error e = { 0 };

	a->filing = a->in->send(a->in->daemon, "engined", MSG_outputs_add, &(struct outputs_add){
		.key = key,
		.title = title,
		.body = body,
		.type = is_ok(a) && a->lost == NULL ? "info" : "error",
		.source = "schedule",
		.source_id = a->run.job,
		.delivered_to = to,
		.n_delivered_to = 1,
		.announce = is_ok(a),
		.notify = a->lost == NULL,
		.channel = job_channel(a->job),
		.grant = letters,
	}, NULL, ANSWER_MS, on_filed, a, &e);
	if (a->filing == NULL)
		on_filed(a, NULL, &e);
}

/* Every run has its row among those of the profile. */
static void
note(struct active *a)
{
	struct error e = { 0 };

	a->filing = a->in->send(a->in->daemon, "engined", MSG_run_add, &(struct run_add){
		.key = a->key,
		.kind = "schedule",
		.outcome = a->run.outcome,
		.at = (double)a->run.began / 1000,
		.elapsed_s = (double)(a->run.ended - a->run.began) / 1000,
		.session = a->agent ? a->session : NULL,
		.job = a->run.job,
		.timeout_reason = strcmp(a->run.outcome, "timeout") == 0 ? a->run.message : NULL,
		.last_tool = a->last_tool,
		.tool_count = a->tools,
		.output = a->run.message,
	}, NULL, ANSWER_MS, on_noted, a, &e);
	if (a->filing == NULL)
		on_noted(a, NULL, &e);
}

static bool
is_for_person(const struct active *a)
{
	return !is_ok(a) || (job_notifies(a->job) && a->run.message[0] != '\0');
}

void
result_finish(struct active *a)
{
	if (a->filing != NULL)
		return;
	if (!a->filed && is_for_person(a))
		file(a);
	else if (!a->noted)
		note(a);
	else
		close_run(a);
}

/* ---- what it was ----------------------------------------------------------------------------------- */

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

void
result_judge(struct active *a)
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

void
result_over(struct active *a)
{
	event_del(a->timer);
	a->run.ended = clock_wall_ms();
	result_judge(a);
	result_finish(a);
}

void
result_fail(struct active *a, const char *outcome, const char *text)
{
	if (a->failure == NULL)
		a->failure = xstrdup(text);
	if (outcome != NULL)
		strcpy(a->run.outcome, outcome);
	result_over(a);
}

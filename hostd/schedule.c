/* SPDX-License-Identifier: Apache-2.0 */
/* See schedule.h. */
#include "hostd/schedule.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "hostd/forward.h"
#include "hostd/host.h"
#include "hostd/stream.h"

#define LIST_MAX	100000
#define HISTORY_MAX	1000
#define WAIT_MAX_MS	25000

/* A scheduler that is switched off is no missing profile. */
static int
to_scheduled(struct ask *a, enum msg type, const void *body, int timeout_ms, request_done *done, struct error *e)
{
	const char *profile = ask_str(a, "profile");
	cleanup_free char *engine = host_engine(a->host, profile, NULL), *unit = host_unit(a->host, profile, "scheduled", NULL);

	if (engine != NULL && unit == NULL)
		return error_set(e, ERR_unavailable, "profile %s has no scheduler now: is service.schedule off?", profile);
	return forward(a, "scheduled", type, body, timeout_ms, done, e);
}

static json_int_t
number(const struct ask *a, const char *name, json_int_t most)
{
	json_int_t n = json_int(a->params, name, 0);

	return n < 0 ? 0 : n > most ? most : n;
}

PASS_ON(job_run_once)
PASS_ON(job_wait)
PASS_ON(job_history)
ANSWER_OK(job_add)
ANSWER_OK(job_update)

static void
changed(struct ask *a, const char *action)
{
	stream_emit(a->host->stream, "schedule.changed", json_pack("{s:s, s:s, s:s}", "profile", ask_str(a, "profile"),
	    "id", ask_str(a, "id"), "action", action));
}

/* A file that cannot be read is a failure for clients of the host plane. */
static void
on_job_list(void *arg, const void *reply, const struct error *e)
{
	const struct job_list_reply *r = reply;
	struct error corrupt = { 0 };

	if (r != NULL && r->corrupt != NULL) {
		error_set(&corrupt, ERR_internal, "schedule/jobs.json is corrupt: %s", r->corrupt);
		ask_error(arg, &corrupt);
		return;
	}
	forward_answer(arg, MSG_job_list, reply, e);
}

int
schedule_list(struct ask *a, struct error *e)
{
	return to_scheduled(a, MSG_job_list, &(struct job_list){ .limit = number(a, "limit", LIST_MAX),
	    .from = number(a, "from", INT64_MAX), .broken = json_bool(a->params, "broken", false), .id = ask_str0(a, "id") },
	    FORWARD_MS, on_job_list, e);
}

int
schedule_add(struct ask *a, struct error *e)
{
	return to_scheduled(a, MSG_job_add, &(struct job_add){ .job = json_object_get(a->params, "job"),
	    .force = json_bool(a->params, "force", false) }, FORWARD_MS, on_job_add, e);
}

int
schedule_update(struct ask *a, struct error *e)
{
	return to_scheduled(a, MSG_job_update, &(struct job_update){ .id = ask_str(a, "id"),
	    .changes = json_object_get(a->params, "changes") }, FORWARD_MS, on_job_update, e);
}

static void
on_job_remove(void *arg, const void *reply, const struct error *e)
{
	if (reply != NULL)
		changed(arg, "removed");
	forward_answer_ok(arg, MSG_job_remove, reply, e);
}

int
schedule_remove(struct ask *a, struct error *e)
{
	return to_scheduled(a, MSG_job_remove, &(struct job_remove){ .id = ask_str(a, "id") }, FORWARD_MS, on_job_remove, e);
}

static void
on_paused(void *arg, const void *reply, const struct error *e)
{
	struct ask *a = arg;
	bool paused = json_bool(a->params, "paused", false);

	if (reply == NULL) {
		ask_error(a, e);
		return;
	}
	changed(a, paused ? "paused" : "resumed");
	ask_result(a, json_pack("{s:b, s:b}", "ok", 1, "paused", paused));
}

int
schedule_set_paused(struct ask *a, struct error *e)
{
	bool paused = json_bool(a->params, "paused", false);
	cleanup_json json_t *changes = json_pack("{s:o}", "paused", paused ? json_true() : json_null());

	return to_scheduled(a, MSG_job_update, &(struct job_update){ .id = ask_str(a, "id"), .changes = changes }, FORWARD_MS,
	    on_paused, e);
}

static void
on_job_fire(void *arg, const void *reply, const struct error *e)
{
	const struct job_fire_reply *r = reply;
	struct ask *a = arg;

	if (r == NULL && e->code == ERR_not_found)
		ask_error_as(a, "fire-failed", e);
	else if (r == NULL)
		ask_error(a, e);
	else
		ask_result(a, json_pack("{s:b, s:s, s:I}", "ok", 1, "id", ask_str(a, "id"), "run", (json_int_t)r->run));
}

int
schedule_fire(struct ask *a, struct error *e)
{
	return to_scheduled(a, MSG_job_fire, &(struct job_fire){ .id = ask_str(a, "id") }, FORWARD_MS, on_job_fire, e);
}

int
schedule_run_once(struct ask *a, struct error *e)
{
	return to_scheduled(a, MSG_job_run_once, &(struct job_run_once){ }, FORWARD_MS, on_job_run_once, e);
}

int
schedule_wait(struct ask *a, struct error *e)
{
	return to_scheduled(a, MSG_job_wait, &(struct job_wait){ .run = number(a, "run", INT64_MAX),
	    .after = number(a, "after", INT64_MAX), .wait_ms = number(a, "wait_ms", WAIT_MAX_MS) }, WAIT_MAX_MS + FORWARD_MS,
	    on_job_wait, e);
}

int
schedule_history(struct ask *a, struct error *e)
{
	return to_scheduled(a, MSG_job_history, &(struct job_history){ .id = ask_str0(a, "id"),
	    .limit = number(a, "limit", HISTORY_MAX) }, FORWARD_MS, on_job_history, e);
}

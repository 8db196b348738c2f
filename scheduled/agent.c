/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent's run: a turn of engined's, begun under the run's key, told what
 * it is, and followed to its end. What it says on the way counts only once it
 * is over (result.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "scheduled/active.h"
#include "scheduled/job.h"

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
	cleanup_free char *tools = active_grant(a, "toolrunner", e), *peers = active_grant(a, "alpd", NULL);
	cleanup_free char *letters = active_grant(a, "gatewayd", NULL), *text = text_of(a);
	const char *grants[3] = { tools };
	size_t n = 1;

	if (tools == NULL)
		return NULL;
	if (peers != NULL)
		grants[n++] = peers;
	if (letters != NULL)
		grants[n++] = letters;
	return a->in->send(a->in->daemon, "engined", MSG_turn_start, &(struct turn_start){
		.key = a->key,
		.session = a->session,
		.fresh = true,
		.text = text,
		.surface = "cron",
		.tier = json_str(a->job, "tier", NULL),
		.no_save = true,
		.budget_s = budget_s(a),
		.grants = grants,
		.n_grants = n,
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

	if (strcmp(ev->kind, "tool_start") == 0) {
		a->tools++;
		snprintf(a->last_tool, sizeof(a->last_tool), "%s", tool);
	} else if (strcmp(ev->kind, "usage") == 0) {
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
		result_fail(a, a->resumed ? "interrupted" : NULL, why->text);
	else
		result_over(a);
}

/* An engined that is away is waited for as long as the job has: its time is due once. */
static const struct follow_owner owner = {
	.start_s = JOB_TIMEOUT_MAX,
	.start = send_start, .started = on_started, .event = on_event, .ended = on_ended,
};

void
agent_start(struct active *a)
{
	struct schedule *s = a->in;

	a->follow = follow_new(s->daemon, s->send, s->cancel, "engined", a->key, &owner, a);
	follow_go(a->follow);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tool `schedule` (tools.md, 7.5): a request to scheduled, which judges
 * the turn's grant and knows by the call's key what it has added. What may
 * have happened is asked again only where that changes nothing. A job's words
 * are taken for its owner's: see lasting.c for who may write them.
 */
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/neighbour.h"
#include "engined/turn.h"

#define ANSWER_MS	15000

static void send_call(struct turn *t);

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	send_call(arg);
}

/* It may have arrived. */
static void
ask_again(struct turn *t)
{
	static const char *const harmless[] = { "list", "add", "update" };

	for (size_t i = 0; i < COUNT(harmless); i++)
		if (strcmp(json_str(t->now.args, "action", ""), harmless[i]) == 0) {
			send_call(t);
			return;
		}
	calls_fail(t, OUTCOME_UNKNOWN);
}

static void
on_answer(void *arg, const void *reply, const struct error *e)
{
	const struct job_call_reply *m = reply;
	struct tool_result r = { .ok = true };
	struct turn *t = arg;

	t->now.request = NULL;
	if (m == NULL) {
		neighbour_not_begun(t, e, on_again, ask_again);
		return;
	}
	r.output = xstrdup(m->text);
	calls_end(t, &r);
}

static void
send_call(struct turn *t)
{
	struct job_call m = { .key = t->now.key, .args = t->now.args };
	struct error e = { 0 };

	t->now.sent = true;
	t->now.request = request_send(t->engine->daemon, "scheduled", MSG_job_call, &m, neighbour_grant(t, "scheduled"),
	    ANSWER_MS, on_answer, t, &e);
	if (t->now.request == NULL)
		neighbour_not_begun(t, &e, on_again, ask_again);
}

static void
on_decision(struct turn *t, bool yes)
{
	if (!yes)
		calls_fail(t, "the user does not want this change of jobs, because text of others is in this conversation");
	else if (neighbour_begin(t) == 0)
		send_call(t);
}

void
schedule_begin(struct turn *t)
{
	if (strcmp(json_str(t->now.args, "action", ""), "list") == 0)
		on_decision(t, true);
	else
		lasting_change(t, "jobs that run later", on_decision);
}

void
schedule_find(struct turn *t)
{
	ask_again(t);
}

void
schedule_cancel(struct turn *t)
{
	calls_fail(t, "interrupted by the user; it may have happened");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: one call in toolrunner, or in gatewayd, which speaks the same
 * words for the tool email. tool.exec goes out once;
 * only when it certainly did not arrive is it sent again. From then on
 * tool.next, by key, says how the call stands, and a key that toolrunner does
 * not know means: outcome unknown.
 */
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/neighbour.h"
#include "engined/turn.h"

#define EXEC_MS		60000		/* a stopped toolrunner answers when it goes on */
#define STOP_MS		5000

/* ---- how the call stands ---------------------------------------------------------------------------- */

static void
on_running(struct turn *t, const struct tool_next_reply *r)
{
	if (t->now.asking != NULL)
		ask_approved(t, "once", "person");
	if (r->progress != NULL && r->seq > t->now.seq)
		calls_tool_state(t, r->progress);
	t->now.seq = r->seq;
	neighbour_next(t);
}

static void
on_asking(struct turn *t, const struct tool_next_reply *r)
{
	if (t->now.asking == NULL) {
		calls_tool_state(t, "waiting for approval");
		ask_approval(t, r);
	}
	t->now.seq = r->seq;
	neighbour_next(t);
}

static void
on_finished(struct turn *t, const struct tool_next_reply *r)
{
	struct tool_result result = { .ok = r->ok, .output = xstrdup0(r->output), .error = xstrdup0(r->error),
	    .mutations = json_incref(r->mutations), .produced = json_incref(r->produced), .cut = !email_is(t->now.name) };

	if (t->now.asking != NULL)
		ask_approved(t, r->ok ? "once" : "deny", "timeout");
	if (r->ok && r->output != NULL && strcmp(t->now.name, "learn_file") == 0)
		indexing_learned(t, &result);
	else if (skill_validates(t))
		skill_validated(t, &result);
	else
		calls_end(t, &result);
}

static void
on_unknown(struct turn *t, const struct tool_next_reply *r)
{
	calls_fail(t, OUTCOME_UNKNOWN);
}

static const struct {
	const char	*name;
	void		(*fn)(struct turn *, const struct tool_next_reply *);
} states[] = {
	{ "running", on_running },
	{ "asking",  on_asking },
	{ "done",    on_finished },
	{ "unknown", on_unknown },
};

static void
take(struct turn *t, const void *reply)
{
	const struct tool_next_reply *r = reply;

	for (size_t i = 0; i < COUNT(states); i++)
		if (strcmp(r->state, states[i].name) == 0) {
			states[i].fn(t, r);
			return;
		}
	calls_fail(t, "the call is in a state nobody knows");
}

/* ---- asking toolrunner -------------------------------------------------------------------------------- */

const char *
runner_of(const struct turn *t)
{
	return email_is(t->now.name) ? "gatewayd" : "toolrunner";
}

static struct request *
send_exec(struct turn *t, request_done *done, struct error *e)
{
	struct tool_exec m = { .key = t->now.key, .turn = t->row.id, .tool = t->now.name,
	    .args = email_is(t->now.name) ? email_args(t) : t->now.args, .skills = t->shown_skills };

	return request_send(t->engine->daemon, runner_of(t), MSG_tool_exec, &m, neighbour_grant(t, runner_of(t)), EXEC_MS, done, t, e);
}

static struct request *
send_next(struct turn *t, request_done *done, struct error *e)
{
	struct tool_next m = { .key = t->now.key, .after = t->now.seq, .wait_ms = NEIGHBOUR_WAIT_MS };

	return request_send(t->engine->daemon, runner_of(t), MSG_tool_next, &m, NULL, NEIGHBOUR_NEXT_MS, done, t, e);
}

static void
send_cancel(struct turn *t, request_done *done)
{
	struct tool_cancel m = { .key = t->now.key };

	request_send(t->engine->daemon, runner_of(t), MSG_tool_cancel, &m, NULL, STOP_MS, done, NULL, NULL);
}

static const struct neighbour toolrunner = {
	.order = send_exec,
	.next = send_next,
	.cancel = send_cancel,
	.take = take,
	.stuck = "interrupted by the user; the tool did not stop in time, " OUTCOME_UNKNOWN,
};

/*
 * toolrunner judges and prepares while our row goes to disk; it begins with the first tool.next, which goes out after.
 * One that we never ask about is let go there.
 */
void
runner_begin(struct turn *t)
{
	neighbour_order(t, &toolrunner);
	if (t->now.request != NULL)
		neighbour_begin(t);
}

void
runner_find(struct turn *t)
{
	neighbour_find(t, &toolrunner);
}

void
runner_cancel(struct turn *t)
{
	neighbour_cancel(t, &toolrunner);
}

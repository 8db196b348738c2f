/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: one call in toolrunner. tool.exec goes out once;
 * only when it certainly did not arrive is it sent again. From then on
 * tool.next, by key, says how the call stands, and a key that toolrunner does
 * not know means: outcome unknown.
 */
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/neighbour.h"
#include "engined/turn.h"

#define EXEC_MS		60000		/* a stopped toolrunner answers when it goes on */
#define WAIT_MS		20000		/* toolrunner holds a tool.next that long */
#define NEXT_MS		60000
#define STOP_MS		5000		/* a cancelled call has ended by then */

static void ask_next(struct turn *t);

/* ---- tool.next ------------------------------------------------------------------------------------- */

static void
on_running(struct turn *t, const struct tool_next_reply *r)
{
	if (t->now.asking != NULL)
		ask_approved(t, "once", "person");
	if (r->progress != NULL && r->seq > t->now.seq)
		calls_tool_state(t, r->progress);
	t->now.seq = r->seq;
	ask_next(t);
}

static void
on_asking(struct turn *t, const struct tool_next_reply *r)
{
	if (t->now.asking == NULL) {
		calls_tool_state(t, "waiting for approval");
		ask_approval(t, r);
	}
	t->now.seq = r->seq;
	ask_next(t);
}

static void
on_finished(struct turn *t, const struct tool_next_reply *r)
{
	struct tool_result result = { .ok = r->ok, .output = xstrdup0(r->output), .error = xstrdup0(r->error),
	    .mutations = json_incref(r->mutations), .produced = json_incref(r->produced) };

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
on_again(evutil_socket_t fd, short what, void *arg)
{
	ask_next(arg);
}

static void
on_next(void *arg, const void *reply, const struct error *e)
{
	const struct tool_next_reply *r = reply;
	struct turn *t = arg;

	t->now.request = NULL;
	if (r == NULL) {
		neighbour_not_told(t, e, on_again);
		return;
	}
	t->now.lost_ms = 0;
	for (size_t i = 0; i < COUNT(states); i++)
		if (strcmp(r->state, states[i].name) == 0) {
			states[i].fn(t, r);
			return;
		}
	calls_fail(t, "toolrunner answered with a state nobody knows");
}

static void
ask_next(struct turn *t)
{
	struct tool_next m = { .key = t->now.key, .after = t->now.seq, .wait_ms = WAIT_MS };
	struct error e = { 0 };

	t->now.request = request_send(t->engine->daemon, "toolrunner", MSG_tool_next, &m, NULL, NEXT_MS, on_next, t, &e);
	if (t->now.request == NULL)
		neighbour_not_told(t, &e, on_again);
}

void
runner_find(struct turn *t)
{
	t->now.sent = true;
	ask_next(t);
}

/* ---- tool.exec ------------------------------------------------------------------------------------- */

static void send_exec(struct turn *t);

static void
on_exec_again(evutil_socket_t fd, short what, void *arg)
{
	send_exec(arg);
}

static void
on_exec(void *arg, const void *reply, const struct error *e)
{
	struct turn *t = arg;

	t->now.request = NULL;
	if (reply == NULL) {
		neighbour_not_begun(t, e, on_exec_again, ask_next);
		return;
	}
	t->now.lost_ms = 0;
	ask_next(t);
}

static void
send_exec(struct turn *t)
{
	struct tool_exec m = { .key = t->now.key, .turn = t->row.id, .tool = t->now.name, .args = t->now.args,
	    .skills = t->shown_skills };
	struct error e = { 0 };

	t->now.sent = true;
	t->now.request = request_send(t->engine->daemon, "toolrunner", MSG_tool_exec, &m, neighbour_grant(t, "toolrunner"), EXEC_MS,
	    on_exec, t, &e);
	if (t->now.request == NULL)
		calls_fail(t, e.text);
}

/*
 * toolrunner judges and prepares while our row goes to disk; it begins with the first tool.next, which goes out after.
 * One that we never ask about is let go there.
 */
void
runner_begin(struct turn *t)
{
	send_exec(t);
	if (t->now.request != NULL)
		neighbour_begin(t);
}

/* ---- the user interrupts ------------------------------------------------------------------------------ */

static void
on_cancelled(void *arg, const void *reply, const struct error *e)
{
}

static void
on_stop_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct turn *t = arg;

	calls_fail(t, "interrupted by the user; the tool did not stop in time, " OUTCOME_UNKNOWN);
}

void
runner_cancel(struct turn *t)
{
	struct tool_cancel m = { .key = t->now.key };

	if (t->now.cancelled)
		return;
	if (!t->now.sent) {
		calls_fail(t, "interrupted by the user before it began");
		return;
	}
	t->now.cancelled = true;
	request_send(t->engine->daemon, "toolrunner", MSG_tool_cancel, &m, NULL, STOP_MS, on_cancelled, NULL, NULL);
	neighbour_arm(t, on_stop_timeout, STOP_MS);
	if (t->now.request == NULL)
		ask_next(t);
}

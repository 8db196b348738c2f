/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: one call in toolrunner. The rule that everything here serves:
 * a call that may have begun is never begun again. tool.exec goes out once;
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
#include "engined/turn.h"

#define EXEC_MS		60000		/* a stopped toolrunner answers when it goes on */
#define WAIT_MS		20000		/* toolrunner holds a tool.next that long */
#define NEXT_MS		60000
#define AGAIN_MS	200		/* between attempts while toolrunner is away */
#define AWAY_MS		15000		/* a dead toolrunner is back by then */
#define STUCK_MS	600000		/* one that lives and says nothing */
#define STOP_MS		5000		/* a cancelled call has ended by then */

#define UNKNOWN "outcome unknown: the call had started and its result was lost. It may have happened; look before you repeat it."

static void ask_next(struct turn *t);

/* The grant that our toolrunner verifies, NULL: there is none (it will refuse). */
static const char *
grant_for_runner(const struct turn *t)
{
	cleanup_free char *line = xasprintf("\nfor %s/toolrunner\n", t->engine->daemon->boot.profile);
	json_t *text;
	size_t i;

	json_array_foreach(t->row.grants, i, text)
		if (strstr(json_string_value(text), line) != NULL)
			return json_string_value(text);
	return NULL;
}

static void
arm(struct turn *t, event_callback_fn fn, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (t->now.timer != NULL)
		event_free(t->now.timer);
	t->now.timer = evtimer_new(t->engine->base, fn, t);
	evtimer_add(t->now.timer, &tv);
}

/* How long it has been silent; the silence begins with the first call. */
static int64_t
silent_ms(struct turn *t)
{
	int64_t now = clock_mono_ms();

	if (t->now.lost_ms == 0)
		t->now.lost_ms = now;
	return now - t->now.lost_ms;
}

/* ---- tool.next ------------------------------------------------------------------------------------- */

static json_t *
progress_json(const struct turn *t, const char *text)
{
	return json_pack("{s:s, s:s, s:s, s:b}", "tool_id", t->now.id, "name", t->now.name, "text", text, "ok", 1);
}

static void
on_running(struct turn *t, const struct tool_next_reply *r)
{
	if (t->now.asking != NULL)
		ask_approved(t, "once", "person");
	if (r->progress != NULL && r->seq > t->now.seq)
		events_add(&t->events, "tool_state", progress_json(t, r->progress));
	t->now.seq = r->seq;
	ask_next(t);
}

static void
on_asking(struct turn *t, const struct tool_next_reply *r)
{
	if (t->now.asking == NULL) {
		events_add(&t->events, "tool_state", progress_json(t, "waiting for approval"));
		ask_approval(t, r);
	}
	t->now.seq = r->seq;
	ask_next(t);
}

static void
on_finished(struct turn *t, const struct tool_next_reply *r)
{
	struct tool_result result = { .ok = r->ok, .output = xstrdup0(r->output), .error = xstrdup0(r->error),
	    .mutations = json_incref(r->mutations) };

	if (t->now.asking != NULL)
		ask_approved(t, r->ok ? "once" : "deny", "timeout");
	calls_end(t, &result);
}

static void
on_unknown(struct turn *t, const struct tool_next_reply *r)
{
	calls_fail(t, UNKNOWN);
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

/* Did the callee answer and refuse, or is it away? */
static bool
away(const struct error *e)
{
	return e->code == ERR_gone || e->code == ERR_unavailable || e->code == ERR_timeout;
}

static void
next_failed(struct turn *t, const struct error *e)
{
	if (!away(e))
		calls_fail(t, e->text);
	else if (silent_ms(t) > (e->code == ERR_timeout ? STUCK_MS : AWAY_MS))
		calls_fail(t, UNKNOWN);
	else if (!t->now.cancelled)		/* else its own timer runs, and is not to be replaced */
		arm(t, on_again, AGAIN_MS);
}

static void
on_next(void *arg, const void *reply, const struct error *e)
{
	const struct tool_next_reply *r = reply;
	struct turn *t = arg;

	t->now.request = NULL;
	if (r == NULL) {
		next_failed(t, e);
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
		calls_fail(t, e.text);
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
exec_failed(struct turn *t, const struct error *e)
{
	if (e->code == ERR_unavailable && silent_ms(t) <= AWAY_MS) {
		t->now.sent = false;
		arm(t, on_exec_again, AGAIN_MS);
	} else if (e->code == ERR_gone || e->code == ERR_timeout) {
		ask_next(t);
	} else {
		calls_fail(t, e->text);
	}
}

static void
on_exec(void *arg, const void *reply, const struct error *e)
{
	struct turn *t = arg;

	t->now.request = NULL;
	if (reply == NULL) {
		exec_failed(t, e);
		return;
	}
	t->now.lost_ms = 0;
	ask_next(t);
}

static void
send_exec(struct turn *t)
{
	struct tool_exec m = { .key = t->now.key, .turn = t->row.id, .tool = t->now.name, .args = t->now.args };
	struct error e = { 0 };

	t->now.sent = true;
	t->now.request = request_send(t->engine->daemon, "toolrunner", MSG_tool_exec, &m, grant_for_runner(t), EXEC_MS,
	    on_exec, t, &e);
	if (t->now.request == NULL)
		calls_fail(t, e.text);
}

void
runner_begin(struct turn *t)
{
	struct error e = { 0 };

	if (journal_call(t->engine->journal, t->row.id, t->step, t->call, &e) == -1) {
		toolcall_clear(t);
		finish_error(t, &e);
		return;
	}
	send_exec(t);
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

	calls_fail(t, "interrupted by the user; the tool did not stop in time, " UNKNOWN);
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
	arm(t, on_stop_timeout, STOP_MS);
	if (t->now.request == NULL)
		ask_next(t);
}

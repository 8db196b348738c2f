/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: a turn whose process died is built again from its journal
 * rows with the same functions that built it the first time, and goes on
 * behind the last finished step. A step that was being streamed is asked
 * again; clients are told to drop what they had seen of it.
 */
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/context.h"
#include "engined/engine.h"
#include "engined/sidecar.h"
#include "engined/talk.h"
#include "engined/turn.h"

/* What clients were shown: {start: set of tool ids, end: set of tool ids, last: kind}. */
static json_t *
shown_frames(const struct turn *t)
{
	json_t *seen = json_pack("{s:{}, s:{}, s:s}", "tool_start", "tool_end", "last", ""), *rows, *row;
	int64_t after = 0;
	size_t i;

	while (json_array_size(rows = sidecar_read(t->events.sidecar, after, 1000, EVENTS_REPLY)) > 0) {
		json_array_foreach(rows, i, row) {
			const json_t *frame = json_object_get(row, "frame");
			const char *kind = json_str(frame, "event", "");

			json_object_set_new(json_object_get(seen, kind), json_str(frame, "tool_id", ""), json_true());
			json_object_set_new(seen, "last", json_string(kind));
			after = json_int(row, "seq", after);
		}
		json_decref(rows);
	}
	json_decref(rows);
	return seen;
}

static bool
was_shown(const json_t *seen, const char *kind, const struct turn *t)
{
	return json_object_get(json_object_get(seen, kind), t->now.id) != NULL;
}

/* engined's own tools change what is remembered: apply the call again. */
static void
repeat_own(struct turn *t, const json_t *call)
{
	struct tools *tools = &t->engine->tools;
	struct tools_policy p = turn_policy(t);
	const json_t *function = json_object_get(call, "function");
	const char *text = json_str(function, "arguments", ""), *name = json_str(function, "name", "");
	cleanup_json json_t *args = json_parse(text, strlen(text), 32, NULL);
	enum tool_place place = tools_where(tools, &p, name, args, NULL);
	cleanup_free char *ignored = NULL;

	if (place == TOOL_TODO)
		ignored = todo_call(&t->talk->todo, args, NULL);
	else if (place == TOOL_LOAD)
		ignored = tools_load(tools, &p, args, t->talk->loaded, NULL);
}

static void
replay_result(struct turn *t, const json_t *result, const json_t *seen)
{
	const json_t *call = json_array_get(t->calls, t->call);

	t->now.name = json_str(json_object_get(call, "function"), "name", "");
	t->now.args = json_object();
	toolcall_name(t, t->now.id, sizeof(t->now.id));
	repeat_own(t, call);
	if (!was_shown(seen, "tool_start", t))
		calls_tool_start(t);
	if (!was_shown(seen, "tool_end", t))
		calls_tool_end(t, json_bool(result, "ok", false), json_str(result, "shown", ""));
	toolcall_clear(t);
	calls_apply(t, result);
}

/* Replay the calls of a step. 1: the call at t->call had started and has no result. */
static int
replay_calls(struct turn *t, const json_t *calls, const json_t *seen)
{
	json_t *row, *result;
	size_t i;

	json_array_foreach(calls, i, row) {
		result = json_object_get(row, "result");
		if (json_int(row, "index", -1) != (int64_t)t->call)
			break;
		if (!json_is_object(result))
			return 1;
		replay_result(t, result, seen);
	}
	return 0;
}

/* A step with a step after it: whatever followed it has happened. */
static void
step_over(struct turn *t)
{
	if (json_array_size(t->calls) > 0)
		calls_batch_done(t);
	else
		step_nudge(t);
	t->step++;
}

static bool
is_delta(const char *kind)
{
	return strcmp(kind, "assistant_delta") == 0 || strcmp(kind, "reasoning_delta") == 0;
}

/* No step is unfinished: go on with the next answer. */
static void
ask_again(struct turn *t, const json_t *seen)
{
	if (is_delta(json_str(seen, "last", "")))
		events_add(&t->events, "restart_step", json_object());
	turn_go(t, TURN_STEP);
}

static void
go_on(struct turn *t, bool running, const json_t *seen)
{
	if (running) {
		t->state = TURN_TOOLS;
		calls_find(t, json_object_get(seen, "tool_start"));
		if (t->row.cancelled != NULL && t->state == TURN_TOOLS)
			calls_cancel(t);
	} else {
		step_next(t);
	}
}

/* The conversation was made shorter before this step. */
static void
fold_again(struct turn *t)
{
	cleanup_free char *step = xasprintf("%d", t->step);
	const json_t *row = json_object_get(t->folds, step);

	if (row != NULL)
		fold_apply(t, row);
}

void
resume_replay(struct turn *t)
{
	cleanup_json json_t *steps = journal_steps(t->engine->journal, t->row.id, NULL), *seen = shown_frames(t);
	size_t n = json_array_size(steps), i;
	int running = 0;
	json_t *step;

	t->folds = journal_folds(t->engine->journal, t->row.id, NULL);
	log_info("turn resumed turn=%s session=%s steps=%zu", t->row.id, t->row.session, n);
	json_array_foreach(steps, i, step) {
		if (i > 0)
			step_over(t);
		fold_again(t);
		step_apply(t, json_object_get(step, "row"));
		running = replay_calls(t, json_object_get(step, "calls"), seen);
	}
	if (n == 0)
		ask_again(t, seen);
	else if (json_array_size(t->calls) > 0 && t->call == json_array_size(t->calls)) {
		step_over(t);
		ask_again(t, seen);
	} else
		go_on(t, running == 1, seen);
}

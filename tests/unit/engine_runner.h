/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A toolrunner, and a hostd that only listens, in place of common/call.c's
 * requests. The tools by what they do: "good" answers, "bad" fails with
 * output, "slow" runs until it is cancelled, "careful" asks a person first,
 * "lossy" dies with its result, "writer" changes a file, "maker" makes the one
 * of its arguments. Calls outlive the engine, as in life.
 */
#ifndef ALPI_ENGINE_RUNNER_H
#define ALPI_ENGINE_RUNNER_H

#include "tests/unit/engine_model.h"

#include <sys/queue.h>

#include "common/call.h"

static json_t *runner_calls;		/* key -> {tool, effects, cancelled, approved} */
static json_t *pushed;			/* [{kind, data}] what hostd was told */
static bool runner_away;		/* requests fail with ERR_unavailable */
static bool runner_silent;		/* requests are never answered */
static bool runner_files;		/* it has read_file and terminal, which asks first, too */
static const char *runner_output;	/* of what goes well */
static int runner_requests;

struct request {
	LIST_ENTRY(request) link;
	enum msg	 type;
	char		*unit, *key, *tool, *choice;
	int64_t		 after;
	request_done	*done;
	void		*arg;
	struct event	*timer;
};

static LIST_HEAD(, request) on_the_way;

/* What a test's own neighbours do, before toolrunner does as below. */
struct neighbours {
	void	(*hears)(const struct request *r, const void *body, const char *grant);
	bool	(*waits)(const struct request *r);	/* it has nothing new to say yet */
	bool	(*says)(struct request *r);		/* true: it has answered */
};

static const struct neighbours *neighbours;	/* NULL: there are none */

static void
request_free(struct request *r)
{
	LIST_REMOVE(r, link);
	event_free(r->timer);
	free(r->unit);
	free(r->key);
	free(r->tool);
	free(r->choice);
	free(r);
}

static const struct tool_row tool_rows[] = {
	{ .name = "good",    .description = "does it", .summary = "good things", .core = true },
	{ .name = "bad",     .description = "fails",   .summary = "bad things" },
	{ .name = "slow",    .description = "waits",   .summary = "slow things" },
	{ .name = "careful", .description = "asks",    .summary = "careful things" },
	{ .name = "lossy",   .description = "dies",    .summary = "lossy things" },
	{ .name = "writer",  .description = "writes",  .summary = "written things" },
	{ .name = "maker",   .description = "makes",   .summary = "made things" },
	{ .name = "absent",  .description = "is not",  .summary = "absent things", .unavailable = "no browser here" },
	{ .name = "read_file", .description = "reads", .summary = "read things" },
	{ .name = "terminal", .description = "runs",   .summary = "run things" },
};
#define FILE_TOOLS	2		/* the last of them */

static void
reply_list(struct request *r)
{
	struct tool_row rows[COUNT(tool_rows)];
	struct tool_list_reply reply = { .tools = rows, .n_tools = COUNT(tool_rows) - (runner_files ? 0 : FILE_TOOLS) };

	memcpy(rows, tool_rows, sizeof(rows));
	for (size_t i = 0; i < COUNT(rows); i++)
		rows[i].parameters = json_object();
	r->done(r->arg, &reply, NULL);
	for (size_t i = 0; i < COUNT(rows); i++)
		json_decref(rows[i].parameters);
}

static bool
is_careful(const char *tool)
{
	return strcmp(tool, "careful") == 0 || strcmp(tool, "terminal") == 0;
}

static void
reply_next(struct request *r)
{
	json_t *call = json_object_get(runner_calls, r->key);
	const char *tool = json_str(call, "tool", "");
	struct tool_next_reply reply = { .state = "done", .ok = true, .output = runner_output };
	json_t *mutations = NULL;

	if (call == NULL || strcmp(tool, "lossy") == 0) {
		reply = (struct tool_next_reply){ .state = "unknown" };
	} else if (json_bool(call, "cancelled", false)) {
		reply = (struct tool_next_reply){ .state = "done", .error = "cancelled", .code = "cancelled" };
	} else if (strcmp(tool, "bad") == 0) {
		reply = (struct tool_next_reply){ .state = "done", .output = "half of it", .error = "it broke" };
	} else if (strcmp(tool, "slow") == 0) {
		if (r->after == 0)
			reply = (struct tool_next_reply){ .state = "running", .seq = 1, .progress = "still at it" };
		else
			return;		/* nothing to say until it is cancelled */
	} else if (is_careful(tool) && json_object_get(call, "approved") == NULL) {
		if (r->after != 0)
			return;
		reply = (struct tool_next_reply){ .state = "asking", .seq = 1, .ticket = "t1", .command = "rm -r x",
		    .severity = "caution", .pattern = "recursive rm", .cwd = "/w", .timeout_s = 60 };
	} else if (strcmp(tool, "writer") == 0) {
		reply.mutations = mutations = json_pack("[{s:s, s:s, s:i, s:i}]", "path", "/w/f", "op", "write",
		    "lines_before", 1, "lines_after", 2);
	} else if (strcmp(tool, "maker") == 0) {
		reply.produced = json_object_get(call, "args");
	}
	r->done(r->arg, &reply, NULL);
	json_decref(mutations);
}

/* Requests that wait for a change: at most one in a test. */
static struct request *held;

static void
reply_now(struct request *r)
{
	static const struct error away = { ERR_unavailable, "toolrunner is not there" };

	if (neighbours != NULL && neighbours->says(r))
		return;
	if (runner_away && r->type != MSG_event_push)
		r->done(r->arg, NULL, &away);
	else if (r->type == MSG_tool_list)
		reply_list(r);
	else if (r->type == MSG_tool_exec)
		r->done(r->arg, &(struct tool_exec_reply){ .known = false }, NULL);
	else if (r->type == MSG_tool_next)
		reply_next(r);
	else if (r->type == MSG_tool_cancel)
		r->done(r->arg, &(struct tool_cancel_reply){ .cancelled = true }, NULL);
	else if (r->type == MSG_tool_approve)
		r->done(r->arg, &(struct tool_approve_reply){ .taken = true }, NULL);
	else
		r->done(r->arg, &(struct event_push_reply){ .seq = 1 }, NULL);
}

/* Would the answer be "nothing new yet"? */
static bool
must_wait(const struct request *r)
{
	const json_t *call = json_object_get(runner_calls, r->key == NULL ? "" : r->key);
	const char *tool = json_str(call, "tool", "");

	if (r->type == MSG_event_push || runner_away)
		return false;
	if (runner_silent || (neighbours != NULL && neighbours->waits(r)))
		return true;
	if (r->type != MSG_tool_next || r->after == 0 || json_bool(call, "cancelled", false))
		return false;
	return strcmp(tool, "slow") == 0 || (is_careful(tool) && json_object_get(call, "approved") == NULL);
}

static void
deliver(evutil_socket_t fd, short what, void *arg)
{
	struct request *r = arg;

	if (must_wait(r)) {
		held = r;
		return;
	}
	if (held == r)
		held = NULL;
	reply_now(r);
	request_free(r);
}

static void
release_held(void)
{
	struct request *r = held;

	held = NULL;
	if (r != NULL)
		event_active(r->timer, 0, 0);
}

static void
take_body(struct request *r, const void *body)
{
	if (r->type == MSG_tool_exec) {
		const struct tool_exec *m = body;
		json_t *call = json_object_get(runner_calls, m->key);

		r->key = xstrdup(m->key);
		if (runner_away)
			return;
		if (call == NULL)
			json_object_set_new(runner_calls, m->key, call = json_pack("{s:s, s:i, s:O}", "tool", m->tool,
			    "effects", 0, "args", m->args));
		json_object_set_new(call, "effects", json_integer(json_int(call, "effects", 0) + 1));
	} else if (r->type == MSG_tool_next) {
		r->key = xstrdup(((const struct tool_next *)body)->key);
		r->after = ((const struct tool_next *)body)->after;
	} else if (r->type == MSG_tool_cancel) {
		json_object_set_new(json_object_get(runner_calls, ((const struct tool_cancel *)body)->key), "cancelled", json_true());
		release_held();
	} else if (r->type == MSG_tool_approve) {
		const char *key;
		json_t *call;

		json_object_foreach(runner_calls, key, call)
			json_object_set_new(call, "approved", json_string(((const struct tool_approve *)body)->choice));
		release_held();
	} else if (r->type == MSG_event_push) {
		const struct event_push *m = body;

		json_array_append_new(pushed, json_pack("{s:s, s:o}", "kind", m->kind, "data", json_deep_copy(m->data)));
	}
}

struct request *
request_send(struct daemon *d, const char *unit, enum msg type, const void *body, const char *grant, int timeout_ms,
    request_done *done, void *arg, struct error *e)
{
	struct request *r = xcalloc(1, sizeof(*r));

	r->type = type;
	r->unit = xstrdup(unit);
	r->done = done;
	r->arg = arg;
	r->timer = evtimer_new(base, deliver, r);
	runner_requests++;
	LIST_INSERT_HEAD(&on_the_way, r, link);
	take_body(r, body);
	if (type == MSG_tool_exec)
		json_object_set_new(json_object_get(runner_calls, r->key), "grant", json_string(grant == NULL ? "" : grant));
	if (neighbours != NULL)
		neighbours->hears(r, body, grant);
	event_active(r->timer, 0, 0);
	return r;
}

void
request_cancel(struct request *r)
{
	if (held == r)
		held = NULL;
	request_free(r);
}

/* What hostd was told last of this kind; fails when it was not. */
static inline json_t *
pushed_data(const char *kind)
{
	json_t *found = NULL, *p;
	size_t i;

	json_array_foreach(pushed, i, p)
		if (strcmp(json_str(p, "kind", ""), kind) == 0)
			found = json_object_get(p, "data");
	if (found == NULL)
		fail_msg("%s was not pushed", kind);
	return found;
}

/* How often a tool really ran, whatever the key. */
static int64_t
effects(const char *tool)
{
	const char *key;
	json_t *call;
	int64_t n = 0;

	json_object_foreach(runner_calls, key, call)
		if (strcmp(json_str(call, "tool", ""), tool) == 0)
			n += json_int(call, "effects", 0);
	return n;
}

static void
runner_up(void)
{
	pushed = json_array();
	runner_calls = json_object();
	runner_away = runner_silent = runner_files = false;
	runner_output = "did it";
	runner_requests = 0;
	neighbours = NULL;
}

/* Its requests go with the engine that sent them. */
static void
runner_forget(void)
{
	while (!LIST_EMPTY(&on_the_way))
		request_free(LIST_FIRST(&on_the_way));
	held = NULL;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine in one process with a model and a toolrunner that follow a
 * script. The functions of call.h, dispatch.h and provider.h that reach out
 * of the process are defined here; everything else is the daemon's own code.
 */
#ifndef ALPI_ENGINE_FIXTURE_H
#define ALPI_ENGINE_FIXTURE_H

#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/call.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/dispatch.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/catalog.h"
#include "engined/embed.h"
#include "engined/engine.h"
#include "engined/handlers.h"
#include "engined/journal.h"
#include "engined/ledger.h"
#include "engined/session.h"
#include "engined/transcribe.h"
#include "engined/turn.h"

/* ---- the model ----------------------------------------------------------------------------------- */

struct answer {				/* what the model does when it is asked once more */
	const char	*text;		/* NULL: none */
	const char	*reasoning;
	const char	*calls;		/* JSON list [{id, name, arguments}], NULL: none */
	const char	*error;		/* fails with this after the text */
	bool		 hangs;		/* never ends */
	bool		 late;		/* its error is that it took too long */
};

static const struct answer *script;	/* ends with a row of zeroes: "ok" from then on */
static size_t script_at;
static json_t *asked;			/* [{messages, tools, effort}] as the model was given them */

struct provider_call {
	const struct answer		*answer;
	struct provider_events		 ev;
	void				*arg;
	struct event			*timer;
};

static void
call_free_(struct provider_call *c)
{
	event_free(c->timer);
	free(c);
}

static void
answer_now(evutil_socket_t fd, short what, void *arg)
{
	struct provider_call *c = arg;
	static const struct answer ok = { .text = "ok" };
	const struct answer *a = c->answer->text == NULL && c->answer->calls == NULL && c->answer->error == NULL &&
	    !c->answer->hangs ? &ok : c->answer;
	struct provider_result r = { .finish_reason = "stop", .input_tokens = 100, .output_tokens = 10, .cost_usd = 0.01 };
	struct provider_events ev = c->ev;
	void *to = c->arg;
	struct error e = { .code = ERR_provider };

	if (a->reasoning != NULL)
		ev.reasoning(to, a->reasoning, strlen(a->reasoning));
	if (a->text != NULL)
		ev.text(to, a->text, strlen(a->text));
	if (a->hangs)
		return;
	call_free_(c);
	if (a->error != NULL) {
		e.code = a->late ? ERR_timeout : ERR_provider;
		snprintf(e.text, sizeof(e.text), "%s", a->error);
		ev.failed(to, &e);
		return;
	}
	r.tool_calls = a->calls == NULL ? json_array() : json_loads(a->calls, 0, NULL);
	assert_non_null(r.tool_calls);
	ev.done(to, &r);
	json_decref(r.tool_calls);
}

static struct event_base *base;

struct provider_call *
provider_start(struct provider *p, const struct provider_request *r, const struct provider_events *ev, void *arg,
    struct error *e)
{
	struct provider_call *c = xcalloc(1, sizeof(*c));
	static const struct answer end;

	json_array_append_new(asked, json_pack("{s:s*, s:o, s:o}", "effort", r->effort, "messages", json_deep_copy(r->messages),
	    "tools", r->tools == NULL ? json_array() : json_deep_copy(r->tools)));
	c->answer = script == NULL ? &end : &script[script_at];
	if (script != NULL && (c->answer->text != NULL || c->answer->calls != NULL || c->answer->error != NULL || c->answer->hangs))
		script_at++;
	c->ev = *ev;
	c->arg = arg;
	c->timer = evtimer_new(base, answer_now, c);
	event_active(c->timer, 0, 0);
	return c;
}

/* No server makes vectors here. */
struct http *
provider_http(struct provider *p)
{
	return NULL;
}

struct embed *
embed_start(struct event_base *b, struct http *http, const struct target *t, json_t *texts, int timeout_ms, embed_done *done,
    void *arg, struct error *e)
{
	json_decref(texts);
	error_set(e, ERR_unavailable, "no embedding server");
	return NULL;
}

void
embed_cancel(struct embed *x)
{
}

int
transcribe_start(struct event_base *b, struct http *http, const struct target *t, const char *language, const char *name,
    const struct buf *sound, transcribe_done *done, void *arg, struct error *e)
{
	return error_set(e, ERR_unavailable, "nobody listens");
}

void
provider_cancel(struct provider_call *c)
{
	if (c != NULL)
		call_free_(c);
}

static int64_t context_window = 200000;

int64_t
provider_window(const struct provider *p, const struct target *t)
{
	return context_window;
}

struct ollama_probe *
provider_probe(struct provider *p, const struct target *t, void (*done)(void *arg), void *arg)
{
	return NULL;
}

void
daemon_exit(struct daemon *d, int status)
{
	fail_msg("the daemon ends with %d", status);
}

static bool no_key;

static bool free_model;				/* it costs nothing */

int
target_resolve(const json_t *config, target_secret *secret, void *secret_arg, const char *model,
    struct target *t, struct error *e)
{
	*t = (struct target){ .model = xstrdup(model == NULL ? "fake/one" : model), .provider = xstrdup("fake"),
	    .name = xstrdup("one"), .free = free_model };
	return no_key ? error_set(e, ERR_denied, "fake: FAKE_API_KEY is not set") : 0;
}

void
target_clear(struct target *t)
{
	free(t->model);
	free(t->provider);
	free(t->name);
	*t = (struct target){ 0 };
}

void
provider_limits(const json_t *config, struct provider_limits *l)
{
	*l = (struct provider_limits){ 0 };
}

char *
provider_body(const struct provider *p, const struct provider_request *r)
{
	return json_text(r->messages);
}

/* The messages of the n-th request to the model, counted from 0. */
static json_t *
messages_of(size_t n)
{
	json_t *m = json_object_get(json_array_get(asked, n), "messages");

	assert_non_null(m);
	return m;
}

/* All contents of the n-th request with this role, joined by newlines; the caller frees. */
static inline char *
contents(size_t n, const char *role)
{
	json_t *m;
	size_t i;
	struct buf b = BUF(0);

	json_array_foreach(messages_of(n), i, m)
		if (strcmp(json_str(m, "role", ""), role) == 0)
			buf_addf(&b, "%s\n", json_str(m, "content", ""));
	return buf_take(&b);
}

/* ---- toolrunner ----------------------------------------------------------------------------------- */

/*
 * Its tools by what they do: "good" answers, "bad" fails with output, "slow" runs until it is cancelled, "careful"
 * asks a person first, "lossy" dies with its result, "writer" changes a file, "maker" makes the one of its arguments. Calls
 * outlive the engine, as in life.
 */
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

static void deliver(evutil_socket_t fd, short what, void *arg);

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

/* ---- asking the engine --------------------------------------------------------------------------------- */

static json_t *answer_json;		/* the last reply, as far as tests look at it */

static json_t *
events_json(const struct turn_next_reply *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_events; i++)
		json_array_append_new(list, json_pack("{s:I, s:s, s:O?}", "seq", (json_int_t)r->events[i].seq,
		    "kind", r->events[i].kind, "data", r->events[i].data));
	return json_pack("{s:o, s:b}", "events", list, "done", (int)r->done);
}

int
call_reply(struct call *c, const void *reply)
{
	json_t *j = json_object();

	if (c->type == MSG_turn_start) {
		const struct turn_start_reply *r = reply;

		json_decref(j);
		j = json_pack("{s:s, s:s, s:b}", "turn", r->turn, "session", r->session, "known", (int)r->known);
	} else if (c->type == MSG_turn_next) {
		json_decref(j);
		j = events_json(reply);
	} else if (c->type == MSG_turn_cancel) {
		json_object_set_new(j, "cancelled", json_boolean(((const struct turn_cancel_reply *)reply)->cancelled));
	} else if (c->type == MSG_approval_answer) {
		json_object_set_new(j, "taken", json_boolean(((const struct approval_answer_reply *)reply)->taken));
	} else if (c->type == MSG_clarification_answer) {
		json_object_set_new(j, "taken", json_boolean(((const struct clarification_answer_reply *)reply)->taken));
	} else if (c->type == MSG_session_read) {
		json_object_set(j, "session", ((const struct session_read_reply *)reply)->session);
	} else if (c->type == MSG_session_list) {
		json_object_set(j, "sessions", ((const struct session_list_reply *)reply)->sessions);
	} else if (c->type == MSG_session_search) {
		json_object_set(j, "sessions", ((const struct session_search_reply *)reply)->sessions);
	} else if (c->type == MSG_session_delete) {
		const struct session_delete_reply *r = reply;

		json_object_set_new(j, "deleted", json_integer((json_int_t)r->n_deleted));
		json_object_set(j, "errors", r->errors);
	} else if (c->type == MSG_session_events) {
		json_object_set(j, "events", ((const struct session_events_reply *)reply)->events);
	}
	json_decref(answer_json);
	answer_json = j;
	free(c);
	return 0;
}

void
call_fail(struct call *c, const struct error *e)
{
	json_decref(answer_json);
	answer_json = json_pack("{s:s}", "error", e->text);
	free(c);
}

static struct daemon daemon_;
static struct engine engine;
static char *home;

/* Send a message to its handler. The error code, 0 when it was answered (or will be). */
static enum error_code
tell(enum msg type, const void *body)
{
	struct call *c = xcalloc(1, sizeof(*c));
	struct error e = { 0 };

	*c = (struct call){ .daemon = &daemon_, .ctx = &engine, .from = "default/hostd", .type = type };
	json_decref(answer_json);
	answer_json = NULL;
	for (const struct handler *h = engine_handlers; h->fn != NULL; h++)
		if (h->type == type) {
			int r = h->fn(c, body, &e);

			if (r != -1)
				return 0;
			free(c);
			answer_json = json_pack("{s:s}", "error", e.text);
			return e.code;
		}
	fail_msg("no handler for message %d", type);
	return ERR_internal;
}

/* ---- life ------------------------------------------------------------------------------------------- */

static void
engine_up(const char *yaml)
{
	cleanup_free char *journal = xasprintf("%s/sessions/_journal.sqlite", home);
	struct error e = { 0 };

	if (yaml != NULL)
		put_file(home, "config.yaml", yaml);
	daemon_.boot.profile = (char *)"default";
	daemon_.boot.unit = (char *)"default/engined";
	engine = (struct engine){ .daemon = &daemon_, .base = base, .home = home, .zone = xstrdup("UTC") };
	engine.config = config_load(home, &e);
	assert_non_null(engine.config);
	engine.journal = journal_open(journal, &e);
	assert_non_null(engine.journal);
	engine.ledger = ledger_open(home);
	engine.catalog = catalog_new(home);
	engine_init(&engine);
	assert_int_equal(engine_resume(&engine, &e), 0);
}

/* As kill -9 leaves it: nothing is written, what is on disk stays. */
static void
engine_down(void)
{
	engine_clear(&engine);
	ledger_close(engine.ledger);
	journal_close(engine.journal);
	catalog_free(engine.catalog);
	json_decref(engine.config);
	while (!LIST_EMPTY(&on_the_way))
		request_free(LIST_FIRST(&on_the_way));
	event_base_free(base);
	held = NULL;
	base = event_base_new();
}

static int
fixture_up(void **state)
{
	static const char *const dirs[] = { "sessions", "logs", "memories", "rag" };

	home = temp_home();
	for (size_t i = 0; i < COUNT(dirs); i++) {
		cleanup_free char *path = xasprintf("%s/%s", home, dirs[i]);

		mkdir(path, 0700);
	}
	base = event_base_new();
	asked = json_array();
	pushed = json_array();
	runner_calls = json_object();
	script = NULL;
	script_at = 0;
	runner_away = runner_silent = runner_files = no_key = false;
	neighbours = NULL;
	runner_output = "did it";
	runner_requests = 0;
	context_window = 200000;
	engine_up(NULL);
	return 0;
}

static int
fixture_down(void **state)
{
	engine_down();
	event_base_free(base);
	json_decref(asked);
	json_decref(pushed);
	json_decref(runner_calls);
	json_decref(steal(answer_json));
	free(home);
	return 0;
}

#define FIXTURE(fn) cmocka_unit_test_setup_teardown(fn, fixture_up, fixture_down)

/* ---- a turn ------------------------------------------------------------------------------------------- */

static char turn_id[64], session_id[80];

/* A turn as the session's file has it; the caller's. */
static inline json_t *
saved_turn(size_t n)
{
	json_t *s = session_load(home, session_id, NULL), *turn;

	assert_non_null(s);
	turn = json_incref(json_array_get(session_turns(s), n));
	assert_non_null(turn);
	json_decref(s);
	return turn;
}

static enum error_code
start_turn(const char *key, const char *session, const char *text)
{
	struct turn_start m = { .key = key, .session = session, .text = text, .surface = "cli", .interactive = true };
	enum error_code code = tell(MSG_turn_start, &m);

	if (code == 0) {
		snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
		snprintf(session_id, sizeof(session_id), "%s", json_str(answer_json, "session", ""));
	}
	return code;
}

static struct turn *
the_turn(void)
{
	return engine_by_id(&engine, turn_id);
}

static void
stop_here(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(base);
}

/* One round: what is due now, not what follows from it. With nothing due, wait. */
static void
step_loop(void)
{
	struct event *last;

	if (event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE) == 0) {
		event_base_loop(base, EVLOOP_ONCE);
		return;
	}
	last = evtimer_new(base, stop_here, NULL);
	event_active(last, 0, 0);
	event_base_loop(base, EVLOOP_ONCE);
	event_free(last);
}

static void
run_until_over(void)
{
	while (the_turn() != NULL && the_turn()->state != TURN_OVER)
		step_loop();
}

/* All events after a number; new reference. */
static json_t *
events_after(int64_t after)
{
	assert_int_equal(tell(MSG_turn_next, &(struct turn_next){ .turn = turn_id, .after = after }), 0);
	return json_incref(json_object_get(answer_json, "events"));
}

/* The kinds of all events joined by blanks; the caller frees. */
static inline char *
kinds_of(json_t *events)
{
	struct buf b = BUF(0);
	json_t *ev;
	size_t i;

	json_array_foreach(events, i, ev)
		buf_addf(&b, "%s%s", i > 0 ? " " : "", json_str(ev, "kind", ""));
	return buf_take(&b);
}

/* The data of the last event of a kind; fails when there is none. */
static json_t *
last_event(json_t *events, const char *kind)
{
	json_t *ev, *found = NULL;
	size_t i;

	json_array_foreach(events, i, ev)
		if (strcmp(json_str(ev, "kind", ""), kind) == 0)
			found = json_object_get(ev, "data");
	if (found == NULL)
		fail_msg("no event %s", kind);
	return found;
}

/* Run a whole turn; its events, new reference. */
static inline json_t *
run_turn(const char *key, const char *session, const char *text)
{
	assert_int_equal(start_turn(key, session, text), 0);
	run_until_over();
	return events_after(0);
}

#endif

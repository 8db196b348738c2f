/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine in one process with a model and a toolrunner that follow a
 * script. The functions of call.h, dispatch.h and provider.h that reach out
 * of the process are defined here and in the two pages it includes;
 * everything else is the daemon's own code.
 */
#ifndef ALPI_ENGINE_FIXTURE_H
#define ALPI_ENGINE_FIXTURE_H

#include "tests/unit/engine_model.h"
#include "tests/unit/engine_runner.h"

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
#include "engined/engine.h"
#include "engined/handlers.h"
#include "engined/journal.h"
#include "engined/ledger.h"
#include "engined/session.h"
#include "engined/turn.h"

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

void
daemon_exit(struct daemon *d, int status)
{
	fail_msg("the daemon ends with %d", status);
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
	runner_forget();
	event_base_free(base);
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
	model_up();
	runner_up();
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

/* Run a turn that has ten seconds, of which eleven are over with the first call of that tool; its events, new reference. */
static inline json_t *
run_too_long(const char *tool)
{
	struct turn_start m = { .key = "k1", .text = "do it", .surface = "cron", .budget_s = 10 };

	clock_fake(1700000000000, 1000000);
	assert_int_equal(tell(MSG_turn_start, &m), 0);
	snprintf(turn_id, sizeof(turn_id), "%s", json_str(answer_json, "turn", ""));
	while (effects(tool) == 0)
		step_loop();
	clock_fake(1700000011000, 1011000);
	run_until_over();
	clock_fake(-1, -1);
	return events_after(0);
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

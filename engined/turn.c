/* SPDX-License-Identifier: Apache-2.0 */
/* See turn.h: how a turn begins, is woken, is stopped. */
#include "engined/turn.h"

#include <stdlib.h>
#include <string.h>

#include "common/atomic.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/attach.h"
#include "engined/context.h"
#include "engined/engine.h"
#include "engined/ledger.h"
#include "engined/memory.h"
#include "engined/neighbour.h"
#include "engined/project.h"
#include "engined/session.h"
#include "engined/talk.h"
#include "engined/thread.h"
#include "engined/vision.h"

#define SAVE_MS		200	/* a turn that lasts longer is saved unfinished */
#define CEILING_FREE	1000	/* steps, for models that cost nothing, when the file names no number */
#define TOOLS_AWAY_MS	12000	/* a dead or overrun toolrunner has told its tools by then; else the turn goes on without them */

const char *
turn_workspace(const struct engine *en, const char *asked)
{
	const char *configured = config_str(en->config, "workspace");

	return configured[0] != '\0' ? configured : asked;
}

/* ---- PREPARE: all that comes before the first step ------------------------------------------- */

/* The record as it stands in the session file while the turn runs. */
static json_t *
new_record(const struct turn *t)
{
	return session_turn((double)t->row.started_ms / 1000, t->text, json_object_get(t->row.request, "attachments"));
}

static int
step_ceiling(const struct turn *t)
{
	if (t->agent != NULL)
		return (int)json_int(t->agent, "steps", 1);
	if (json_at(t->engine->own_config, "tools.max_steps_per_turn") == NULL && t->target.free)
		return CEILING_FREE;
	return (int)config_int(t->engine->config, "tools.max_steps_per_turn", 1);
}

static void
announce(struct turn *t)
{
	if (t->events.told)		/* clients have seen it */
		return;
	t->events.told = true;
	events_add(&t->events, "session_start", json_pack("{s:s, s:s*}", "session_id", t->row.session,
	    "model_used", t->target.model));
}

/* The files that came with the request become part of it. They are the person's, but others may have written them. */
static int
add_files(struct turn *t, struct error *e)
{
	struct attach a = { .home = t->engine->home, .text = t->text, .files = json_object_get(t->row.request, "attachments"),
	    .sees = vision_has(t->engine->config, &t->target), .late = t->resumed };
	json_t *content, *rows = NULL;

	if (json_array_size(a.files) == 0 || t->agent != NULL)
		return 0;
	if ((content = attach_content(&a, &rows, e)) == NULL)
		return -1;
	json_object_set_new(json_array_get(t->messages, json_array_size(t->messages) - 1), "content", content);
	json_object_set_new(t->record, "attachments", rows);
	t->foreign = true;
	return 0;
}

/* What the project's authors wrote comes before the conversation; they are strangers. */
static void
show_project(struct turn *t)
{
	const char *text = project_wanted(t) ?
	    project_text(t->engine, t->row.owner, turn_workspace(t->engine, t->workspace)) : NULL;

	if (text == NULL)
		return;
	context_project(t->messages, text);
	t->foreign = true;
}

bool
turn_foreign_before(const json_t *session, size_t upto)
{
	json_t *record, *tool;
	size_t i, k;

	json_array_foreach(session_turns(session), i, record) {
		if (i >= upto)
			break;
		if (json_array_size(json_object_get(record, "attachments")) > 0)
			return true;
		json_array_foreach(json_object_get(record, "tools"), k, tool)
			if (!calls_ours(json_str(tool, "name", "")))
				return true;
	}
	return false;
}

/* The conversation up to the request. What others said in it is behind all that follows. */
static void
build_messages(struct turn *t)
{
	struct engine *en = t->engine;
	struct context c = { .home = en->home, .zone = en->zone, .workspace = turn_workspace(en, t->workspace),
	    .surface = t->surface, .model = t->target.name, .local = t->target.local };
	cleanup_free char *prompt = NULL, *now = context_now(en->zone, clock_wall_ms()), *skills = NULL, *hint = NULL;
	size_t upto = (size_t)json_int(t->row.base, "index", 0);
	cleanup_json json_t *session = NULL;

	if (t->agent != NULL) {
		t->messages = agent_messages(t);
		return;
	}
	memory_prune(en->home);
	c.skills = skills = skill_turn_index(t, &hint);
	prompt = context_prompt(&c);
	if (t->talk->messages == NULL || t->talk->turns != upto)
		session = session_load(en->home, t->row.session, NULL);
	t->foreign |= session == NULL ? t->talk->foreign : turn_foreign_before(session, upto);
	t->messages = context_messages(prompt, t->talk, session, upto, now, t->text);
	json_object_set_new(json_array_get(t->messages, 0), "content", engine_prompt(en, prompt));
	if (hint != NULL)
		context_hint(t->messages, hint);
	show_project(t);
	if (t->peer != NULL) {
		cleanup_json json_t *before = t->thread == NULL ? NULL : thread_turns(en->home, t->thread);

		thread_show(t->messages, t->peer, before);
	}
}

/*
 * After a power loss a turn may be open again that had ended before the next one of its session began. They are
 * taken up in that order, one after the other: each stands on what the one before leaves in the session.
 */
static bool
must_wait(const struct turn *t)
{
	const struct turn *older;

	for (older = LIST_NEXT(t, link); older != NULL; older = LIST_NEXT(older, link))
		if (older->state != TURN_OVER && strcmp(older->row.session, t->row.session) == 0)
			return true;
	return false;
}

/* From here on the session is this turn's: its sidecar, its talk, its file. */
static void
take_session(struct turn *t)
{
	if (t->resumed)
		events_resume(&t->events, t->row.id, t->row.lives);
	t->talk = talk_take(&t->engine->talks, t->row.session);
	evtimer_add(t->saver, &(struct timeval){ .tv_usec = SAVE_MS * 1000 });
}

static void
prepare(struct turn *t)
{
	struct engine *en = t->engine;
	struct error e = { 0 };
	int resolved;

	if (t->talk == NULL && must_wait(t))
		return;			/* engine_ended wakes us */
	if (t->talk == NULL)
		take_session(t);
	engine_config(en, false);
	engine_tools(en, false);
	resolved = target_resolve(en->config, engine_secret, en, json_str(t->row.request, "model", NULL), &t->target, &e);
	if (resolved == -1 && en->config_error != NULL)
		error_set(&e, ERR_invalid, "%s", en->config_error);	/* that it names no model is not the cause */
	announce(t);
	if ((t->row.cancelled != NULL && !t->resumed) || agent_orphan(t))
		finish_interrupted(t, "");
	else if (resolved == -1 || (!t->resumed && ledger_check(en->ledger, &e) == -1))
		finish_error(t, &e);
	else if (!en->tools.known && en->tools_asked != NULL && clock_mono_ms() - t->began_ms <= TOOLS_AWAY_MS)
		target_clear(&t->target);	/* engine_tools wakes us */
	else if (!project_ready(t))
		target_clear(&t->target);	/* it wakes us */
	else {
		t->ceiling = step_ceiling(t);
		build_messages(t);
		if (add_files(t, &e) == -1)
			finish_error(t, &e);
		else if (t->resumed)
			resume_replay(t);
		else
			turn_go(t, TURN_STEP);
	}
}

/* ---- waking ------------------------------------------------------------------------------------ */

static void
rest(struct turn *t)
{
}

static void (*const act[])(struct turn *) = {
	[TURN_PREPARE] = prepare,
	[TURN_STEP]    = step_begin,
	[TURN_STREAM]  = rest,
	[TURN_TOOLS]   = calls_continue,
	[TURN_OVER]    = rest,
};

/* The journal has it anyway: this is for those who look into the file while it runs. */
static void
on_save(evutil_socket_t fd, short what, void *arg)
{
	struct error e = { 0 };

	if (finish_save(arg, false, &e) == -1)
		log_warn("turn not saved while it runs: %s", e.text);
}

static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct turn *t = arg;

	act[t->state](t);
}

void
turn_kick(struct turn *t)
{
	event_active(t->kick, 0, 0);
}

void
turn_go(struct turn *t, enum turn_state state)
{
	t->state = state;
	turn_kick(t);
}

/* ---- life -------------------------------------------------------------------------------------- */

static void
take_request(struct turn *t)
{
	const json_t *r = t->row.request;
	int64_t budget = json_int(r, "budget_s", 0);

	t->text = json_str(r, "text", "");
	t->surface = json_str(r, "surface", "");
	t->foreign = !turn_of_person(t) && strcmp(t->surface, "cron") != 0;	/* a message behind a banner; a job's words are its owner's */
	t->workspace = json_str(r, "workspace", NULL);
	t->agent = json_object_get(r, "agent");
	t->thread = json_str(r, "thread", NULL);
	t->peer = json_str(r, "peer", NULL);
	t->no_save = json_bool(r, "no_save", false);
	t->interactive = json_bool(r, "interactive", false);
	t->deadline_ms = budget > 0 ? t->row.started_ms + budget * 1000 : json_int(t->agent, "deadline_ms", 0);
}

struct turn *
turn_new(struct engine *en, struct journal_turn *row, bool resumed, struct error *e)
{
	cleanup_free char *sidecar = session_sidecar(en->home, row->session);
	struct turn *t = xcalloc(1, sizeof(*t));

	events_init(&t->events, en->base, sidecar, row->key);
	if (!resumed && events_begin(&t->events, row->id, e) == -1) {
		events_clear(&t->events);
		journal_turn_clear(row);
		free(t);
		return NULL;
	}
	t->events.crowd = &en->open;
	t->engine = en;
	t->row = *row;
	memset(row, 0, sizeof(*row));
	t->resumed = resumed;
	t->began_ms = clock_mono_ms();
	t->step = 1;
	take_request(t);
	t->record = new_record(t);
	t->mutations = json_array();
	t->produced = json_array();
	t->kick = event_new(en->base, -1, 0, on_kick, t);
	t->saver = evtimer_new(en->base, on_save, t);
	LIST_INSERT_HEAD(&en->turns, t, link);
	en->open++;
	turn_go(t, TURN_PREPARE);
	return t;
}

static char *
new_id(void)
{
	char hex[33];

	random_hex(hex, 16);
	return xasprintf("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* It was written down but cannot begin. */
static void
forget(struct engine *en, const char *id)
{
	cleanup_json json_t *outcome = json_pack("{s:s, s:s}", "event", "error", "text", "the turn could not begin");

	journal_finish(en->journal, id, outcome, NULL);
}

struct turn *
turn_begin(struct engine *en, struct journal_turn *row, struct error *e)
{
	cleanup_free char *id = new_id();
	struct turn *t;

	row->id = xstrdup(id);
	row->started_ms = clock_wall_ms();
	if (disk_has(en->home, ENGINE_RESERVE, e) == -1 || journal_begin(en->journal, row, e) == -1) {
		journal_turn_clear(row);
		return NULL;
	}
	if ((t = turn_new(en, row, false, e)) == NULL)
		forget(en, id);
	return t;
}

void
turn_free(struct turn *t)
{
	provider_cancel(t->stream);
	fold_clear(t);
	project_leave(t);
	json_decref(t->folds);
	free(t->fold_note);
	free(t->gone);
	toolcall_clear(t);
	LIST_REMOVE(t, link);
	event_free(t->kick);
	event_free(t->saver);
	events_clear(&t->events);
	target_clear(&t->target);
	journal_turn_clear(&t->row);
	json_decref(t->messages);
	json_decref(t->schema);
	json_decref(t->record);
	json_decref(t->calls);
	json_decref(t->mutations);
	json_decref(t->produced);
	json_decref(t->unclosed);
	buf_clear(&t->said);
	buf_clear(&t->thought);
	buf_clear(&t->reasoning);
	free(t->answer);
	free(t->failure);
	free(t->shown_skills);
	free(t->step_reasoning);
	free(t->last_tool);
	free(t);
}

struct tools_policy
turn_policy(const struct turn *t)
{
	return (struct tools_policy){
		.config = t->engine->config,
		.only = json_object_get(t->row.request, "tools"),
		.peers = engine_has(t->engine, "alpd") && neighbour_grant(t, "alpd") != NULL &&
		    (json_object_get(t->row.request, "mention") == NULL || peer_mentioned(t)),	/* whom a sender names, and no further */
		.jobs = t->peer == NULL && t->thread == NULL && t->agent == NULL && neighbour_grant(t, "scheduled") != NULL,
		.messages = t->peer == NULL && t->thread == NULL && t->agent == NULL && neighbour_grant(t, "gatewayd") != NULL,
		.mail = t->peer == NULL && t->thread == NULL && t->agent == NULL && neighbour_may(t, "gatewayd", CAP_mail),
		.past = t->peer == NULL && t->thread == NULL && t->agent == NULL,
	};
}

static bool
is_one_of(const char *surface, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(surface, list[i]) == 0)
			return true;
	return false;
}

bool
turn_of_gateway(const struct turn *t)
{
	static const char *const gateways[] = { "telegram", "email", "imap", "gmail", "matrix", "webhook" };

	return is_one_of(t->surface, gateways, COUNT(gateways));
}

bool
turn_of_person(const struct turn *t)
{
	static const char *const others[] = { "cron", "peer", "workgroup" };

	return !turn_of_gateway(t) && !is_one_of(t->surface, others, COUNT(others));
}

/* ---- what others do to it ---------------------------------------------------------------------- */

int
turn_cancel(struct turn *t, const char *reason, struct error *e)
{
	if (t->row.cancelled != NULL)
		return 0;
	if (journal_cancel(t->engine->journal, t->row.id, reason, e) == -1)
		return -1;
	t->row.cancelled = xstrdup(reason);
	log_info("turn cancelled turn=%s session=%s reason=%s", t->row.id, t->row.session, reason);
	if (t->state == TURN_STREAM)
		step_cancel(t);
	else if (t->state == TURN_TOOLS)
		calls_cancel(t);
	else
		turn_kick(t);
	return 0;
}

int
turn_grants(struct turn *t, const json_t *grants, struct error *e)
{
	if (journal_grants(t->engine->journal, t->row.id, grants, e) == -1)
		return -1;
	json_decref(t->row.grants);
	t->row.grants = json_deep_copy(grants);
	agent_grants(t);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What engined can be asked. Shape, channel and permission are checked
 * before a handler runs; what a turn may cause is checked by whoever causes
 * it, with the grants the turn carries.
 */
#include "engined/handlers.h"

#include <stdio.h>
#include <string.h>

#include "common/atomic.h"
#include "common/call.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/catalog.h"
#include "engined/choices.h"
#include "engined/context.h"
#include "engined/engine.h"
#include "engined/explain.h"
#include "engined/ledger.h"
#include "engined/memory_asked.h"
#include "engined/outbox.h"
#include "engined/recall.h"
#include "engined/recall_asked.h"
#include "engined/run_asked.h"
#include "engined/session.h"
#include "engined/skill_asked.h"
#include "engined/sidecar.h"
#include "engined/target.h"
#include "engined/turn.h"
#include "engined/upload.h"

#define USAGE_DAYS	14		/* host-plane.md, section 5 */
#define SESSION_BYTES	(7000 * 1024)		/* of a session.read answer */

/* ---- turns ------------------------------------------------------------------------------------------ */

static json_t *
strings_json(const char *const *rows, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(rows[i]));
	return list;
}

/* What is configured for a tier; NULL: nothing. */
static const char *
tier_str(const struct engine *en, const char *tier, const char *name)
{
	const char *value = json_str(json_object_get(json_at(en->config, "tiers"), tier), name, "");

	return value[0] == '\0' ? NULL : value;
}

/* A tier is resolved here, once: a turn that is taken up again goes on with the model that it began with. */
static json_t *
request_json(const struct engine *en, const struct turn_start *m)
{
	bool tier = m->tier != NULL && m->model == NULL;
	json_t *r = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:b, s:b, s:I, s:O*, s:s*, s:s*}", "text", m->text,
	    "surface", m->surface, "model", tier ? tier_str(en, m->tier, "model") : m->model,
	    "effort", tier ? tier_str(en, m->tier, "effort") : NULL, "workspace", m->workspace, "no_save", (int)m->no_save,
	    "interactive", (int)m->interactive, "budget_s", (json_int_t)m->budget_s, "attachments", m->attachments,
	    "thread", m->thread, "peer", m->peer);
	if (m->mention != NULL)
		json_object_set_new(r, "mention", json_string(m->mention));

	if (m->tools != NULL)
		json_object_set_new(r, "tools", strings_json(m->tools, m->n_tools));
	return r;
}

/* Where the turn stands in its session: behind which turn, and the totals before it. NULL: no such session. */
static json_t *
base_of(struct engine *en, const struct turn_start *m, const char *session, struct error *e)
{
	cleanup_json json_t *s = session_load(en->home, session, e);
	struct talk *talk;
	size_t index = 0;

	if (s != NULL)
		index = json_array_size(session_turns(s));
	else if (m->session != NULL && (talk = talk_find(&en->talks, session)) != NULL && e->code == ERR_not_found)
		index = talk->turns;		/* one that is not kept on disk */
	else if (m->session != NULL && !(m->fresh && e->code == ERR_not_found))
		return NULL;
	if (m->rewrite_from > 0 && (size_t)m->rewrite_from - 1 < index)
		index = (size_t)m->rewrite_from - 1;
	return json_pack("{s:I, s:I, s:I, s:f}", "index", (json_int_t)index,
	    "input_tokens", (json_int_t)json_int(s, "input_tokens", 0),
	    "output_tokens", (json_int_t)json_int(s, "output_tokens", 0), "cost_usd", json_num(s, "cost_usd", 0));
}

static int
begin(struct call *c, const struct turn_start *m, struct error *e)
{
	struct engine *en = c->ctx;
	char session[SESSION_ID_MAX + 1];
	struct journal_turn row;
	json_t *base;
	struct turn *t;

	engine_config(en, false);
	if (m->session == NULL)
		session_new_id(session);
	else
		snprintf(session, sizeof(session), "%s", m->session);
	if ((base = base_of(en, m, session, e)) == NULL)
		return -1;
	row = (struct journal_turn){ .owner = xstrdup(c->from), .key = xstrdup(m->key), .session = xstrdup(session),
	    .request = request_json(en, m), .base = base, .grants = strings_json(m->grants, m->n_grants) };
	if ((t = turn_begin(en, &row, e)) == NULL)
		return -1;
	return call_reply(c, &(struct turn_start_reply){ .turn = t->row.id, .session = t->row.session });
}

/* The key was used before: the same turn, with the fresh grants. */
static int
again(struct call *c, const struct turn_start *m, struct turn *t, struct error *e)
{
	json_t *grants = strings_json(m->grants, m->n_grants);
	int r = m->n_grants > 0 && t->state != TURN_OVER ? turn_grants(t, grants, e) : 0;

	json_decref(grants);
	if (r == -1)
		return -1;
	return call_reply(c, &(struct turn_start_reply){ .turn = t->row.id, .session = t->row.session, .known = true });
}

static int
turn_start(struct call *c, const void *in, struct error *e)
{
	const struct turn_start *m = in;
	struct engine *en = c->ctx;
	struct turn *t = engine_by_key(en, c->from, m->key);
	struct journal_turn row;
	int found;

	if (t != NULL)
		return again(c, m, t, e);
	if ((found = journal_by_key(en->journal, c->from, m->key, &row, e)) == -1)
		return -1;
	if (found == 1) {
		call_reply(c, &(struct turn_start_reply){ .turn = row.id, .session = row.session, .known = true });
		journal_turn_clear(&row);
		return 0;
	}
	if (en->draining)
		return error_set(e, ERR_unavailable, "engined is stopping");
	if (m->session != NULL && !session_id_ok(m->session))
		return error_set(e, ERR_invalid, "session \"%.64s\": not a session id", m->session);
	if (m->session != NULL && engine_running(en, m->session) != NULL)
		return error_set(e, ERR_busy, "session %s has a running turn", m->session);
	return begin(c, m, e);
}

/* An ended turn that is no longer in memory: its frames as they are on disk, else how the journal says it ended. */
static int
next_from_disk(struct call *c, const struct turn_next *m, const struct journal_turn *row)
{
	struct engine *en = c->ctx;
	cleanup_free char *path = session_sidecar(en->home, row->session);
	cleanup_json json_t *head = sidecar_head(path), *rows = NULL;
	int64_t own = (row->lives + 1) * EVENTS_LIFE;	/* no life had these numbers */
	json_t *last;

	if (strcmp(json_str(head, "turn", ""), row->id) == 0) {
		rows = sidecar_read(path, m->after, 1024, EVENTS_REPLY);
		last = json_array_get(rows, json_array_size(rows) - 1);
		if (json_array_size(rows) > 0)
			return events_reply_rows(c, rows, strcmp(json_str(json_object_get(last, "frame"), "event", ""), "done") == 0);
	}
	json_decref(rows);
	rows = json_pack("[{s:I, s:O}, {s:I, s:{s:s, s:s}}]", "seq", (json_int_t)own + 1, "frame", row->outcome,
	    "seq", (json_int_t)own + 2, "frame", "event", "done", "session_id", row->session);
	while (json_int(json_array_get(rows, 0), "seq", INT64_MAX) <= m->after)
		json_array_remove(rows, 0);
	return events_reply_rows(c, rows, true);
}

static int
turn_next(struct call *c, const void *in, struct error *e)
{
	const struct turn_next *m = in;
	struct engine *en = c->ctx;
	struct turn *t = engine_by_id(en, m->turn);
	struct journal_turn row;
	int found;

	if (t != NULL)
		return events_next(&t->events, c, m->after, m->wait_ms);
	if ((found = journal_by_id(en->journal, m->turn, &row, e)) == -1)
		return -1;
	if (found == 0 || row.outcome == NULL) {
		if (found == 1)
			journal_turn_clear(&row);
		return error_set(e, ERR_not_found, "turn %s", m->turn);
	}
	next_from_disk(c, m, &row);
	journal_turn_clear(&row);
	return 0;
}

static int
turn_cancel_key(struct call *c, const void *in, struct error *e)
{
	const struct turn_cancel *m = in;
	struct turn *t = engine_by_key(c->ctx, c->from, m->key);
	bool runs = t != NULL && t->state != TURN_OVER;

	if (runs && turn_cancel(t, m->reason == NULL ? "cancelled" : m->reason, e) == -1)
		return -1;
	return call_reply(c, &(struct turn_cancel_reply){ .cancelled = runs });
}

static int
turn_explain(struct call *c, const void *in, struct error *e)
{
	return explain_reply(c, in, e);
}

/* ---- sessions ---------------------------------------------------------------------------------------- */

static int
session_list(struct call *c, const void *in, struct error *e)
{
	const struct session_list *m = in;
	struct engine *en = c->ctx;
	json_t *rows = catalog_list(en->catalog, m->limit > 0 ? (size_t)m->limit : 100);

	call_reply(c, &(struct session_list_reply){ .sessions = rows });
	json_decref(rows);
	return 0;
}

/* The session with only the turns of the window, the oldest of them dropped until it fits. */
static size_t
cut_turns(json_t *session, size_t from, size_t to)
{
	json_t *turns = session_turns(session), *kept = json_array();
	size_t bytes = 0, n;

	while (to > from) {
		json_t *turn = json_array_get(turns, to - 1);

		n = json_dumpb(turn, NULL, 0, JSON_COMPACT);
		if (bytes + n > SESSION_BYTES)
			break;
		bytes += n;
		json_array_insert(kept, 0, turn);
		to--;
	}
	json_object_set_new(session, "turns", kept);
	return to;
}

static int
session_read(struct call *c, const void *in, struct error *e)
{
	const struct session_read *m = in;
	struct engine *en = c->ctx;
	cleanup_json json_t *session = NULL;
	struct session_read_reply reply = { 0 };
	size_t total, from, to;

	if (!session_id_ok(m->id))
		return error_set(e, ERR_invalid, "not a session id");
	if ((session = session_load(en->home, m->id, e)) == NULL)
		return -1;
	total = json_array_size(session_turns(session));
	reply = (struct session_read_reply){ .session = session, .total_turns = (int64_t)total,
	    .in_flight = engine_running(en, m->id) != NULL, .kind = session_kind(session) };
	if (reply.in_flight && total > 0)
		json_object_set_new(json_array_get(session_turns(session), total - 1), "unfinished", json_true());
	catalog_window(m, total, &from, &to);
	reply.turns_offset = (int64_t)cut_turns(session, from, to);
	return call_reply(c, &reply);
}

/* "" when it is deleted, else the code of host-plane.md. */
static const char *
delete_one(struct engine *en, const char *id)
{
	struct error e = { 0 };

	if (!session_id_ok(id))
		return "invalid-id";
	if (engine_running(en, id) != NULL)
		return "session-busy";
	if (recall_remove(en->recall, id, &e) == -1)	/* the next pass does it; without its file it is not shown */
		log_warn("session stays in the index for now session=%s: %s", id, e.text);
	if (session_delete(en->home, id, NULL) == -1)
		return "not-found";
	talk_forget(&en->talks, id);
	return "";
}

static int
session_delete_ids(struct call *c, const void *in, struct error *e)
{
	const struct session_delete *m = in;
	cleanup_free const char **gone = xcalloc(m->n_ids + 1, sizeof(*gone));
	cleanup_json json_t *errors = json_array();
	struct session_delete_reply reply = { .deleted = gone, .errors = errors };

	for (size_t i = 0; i < m->n_ids; i++) {
		const char *code = delete_one(c->ctx, m->ids[i]);

		if (code[0] == '\0')
			gone[reply.n_deleted++] = m->ids[i];
		else
			json_array_append_new(errors, json_pack("{s:s, s:s}", "id", m->ids[i], "code", code));
	}
	return call_reply(c, &reply);
}

static int
session_events(struct call *c, const void *in, struct error *e)
{
	const struct session_events *m = in;
	struct engine *en = c->ctx;
	cleanup_free char *path = NULL;
	cleanup_json json_t *head = NULL, *rows = NULL;
	struct session_events_reply reply;

	if (!session_id_ok(m->session))
		return error_set(e, ERR_invalid, "not a session id");
	path = session_sidecar(en->home, m->session);
	head = sidecar_head(path);
	rows = sidecar_read(path, m->after, m->limit > 0 ? (size_t)m->limit : 1000, 4 * EVENTS_REPLY);
	reply = (struct session_events_reply){ .events = rows, .exists = head != NULL,
	    .next_seq = json_int(json_array_get(rows, json_array_size(rows) - 1), "seq", m->after),
	    .in_flight = engine_running(en, m->session) != NULL };
	return call_reply(c, &reply);
}

static int
usage_today(struct call *c, const void *in, struct error *e)
{
	struct engine *en = c->ctx;

	engine_config(en, false);
	return call_reply(c, &(struct usage_today_reply){ .used_usd = ledger_usd(en->ledger),
	    .used_tokens = ledger_tokens(en->ledger), .cap_usd = ledger_cap_usd(en->ledger) });
}

static int
usage_daily(struct call *c, const void *in, struct error *e)
{
	const struct usage_daily *m = in;
	struct engine *en = c->ctx;
	cleanup_json json_t *days = NULL, *by_peer = NULL;

	engine_config(en, false);
	days = ledger_days(en->ledger, m->days > 0 ? (int)m->days : USAGE_DAYS);
	by_peer = ledger_by_peer(en->ledger);
	return call_reply(c, &(struct usage_daily_reply){ .days = days, .by_peer = by_peer,
	    .cap_usd = ledger_cap_usd(en->ledger), .cap_tokens = ledger_cap_tokens(en->ledger) });
}

/* ---- answers of people --------------------------------------------------------------------------------- */

/* The running turn whose call waits for this answer; sent: toolrunner's question, else the model's. */
static struct turn *
asking(struct engine *en, const char *id, bool sent)
{
	struct turn *t;

	LIST_FOREACH(t, &en->turns, link)
		if (t->state == TURN_TOOLS && t->now.sent == sent && ask_is(t, id))
			return t;
	return NULL;
}

struct approval {
	struct call	*call;
	char		*ticket, *choice;
};

static void
on_approved(void *arg, const void *reply, const struct error *e)
{
	const struct tool_approve_reply *r = reply;
	struct approval *a = arg;
	struct turn *t = asking(a->call->ctx, a->ticket, true);

	if (r != NULL && r->taken && t != NULL)
		ask_approved(t, a->choice, "host");
	if (r == NULL)
		call_fail(a->call, e);
	else
		call_reply(a->call, &(struct approval_answer_reply){ .taken = r->taken });
	free(a->ticket);
	free(a->choice);
	free(a);
}

static int
approval_answer(struct call *c, const void *in, struct error *e)
{
	const struct approval_answer *m = in;
	struct tool_approve approve = { .ticket = m->ticket, .choice = m->choice, .seal = m->seal };
	struct approval *a;

	if (asking(c->ctx, m->ticket, true) == NULL)
		return call_reply(c, &(struct approval_answer_reply){ .taken = false });
	a = xcalloc(1, sizeof(*a));
	*a = (struct approval){ .call = c, .ticket = xstrdup(m->ticket), .choice = xstrdup(m->choice) };
	if (request_send(c->daemon, "toolrunner", MSG_tool_approve, &approve, NULL, 5000, on_approved, a, e) != NULL)
		return CALL_LATER;
	free(a->ticket);
	free(a->choice);
	free(a);
	return -1;
}

static int
clarification_answer(struct call *c, const void *in, struct error *e)
{
	const struct clarification_answer *m = in;
	struct turn *t = asking(c->ctx, m->request, false);

	if (t != NULL && ask_answer(t, m->choice, e) == -1)
		return -1;
	return call_reply(c, &(struct clarification_answer_reply){ .taken = t != NULL });
}

/* ---- status ------------------------------------------------------------------------------------------- */

static void
tell_status(void *arg)
{
	struct call *c = arg;
	struct engine *en = c->ctx;
	size_t n = json_array_size(en->tools.sandbox);
	cleanup_free struct sandbox_layer *layers = xcalloc(n + 1, sizeof(*layers));
	struct target target = { 0 };
	struct engine_status_reply r;
	char **models;

	engine_config(en, false);
	models = choices_list(en->config, engine_secret, en);
	target_resolve(en->config, engine_secret, en, NULL, &target, NULL);
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(en->tools.sandbox, i);

		layers[i] = (struct sandbox_layer){ .name = json_str(row, "name", ""), .held = json_bool(row, "held", false),
		    .detail = json_str(row, "detail", NULL) };
	}
	r = (struct engine_status_reply){ .model = target.model == NULL ? "" : target.model,
	    .provider = target.provider == NULL ? "" : target.provider, .missing_key = target.missing_key,
	    .config_error = en->config_error, .open_turns = (int64_t)en->open, .tools = (int64_t)tools_count(&en->tools),
	    .sandbox = layers, .n_sandbox = n, .sandbox_stop = en->tools.sandbox_stop };
	for (r.models = (const char **)models; models[r.n_models] != NULL; r.n_models++)
		;
	call_reply(c, &r);
	config_list_free(models);
	target_clear(&target);
}

/* Whoever asks right after the start waits for what toolrunner has to say. */
static int
engine_status(struct call *c, const void *in, struct error *e)
{
	return engine_when_tools(c->ctx, tell_status, c) == 1 ? 0 : CALL_LATER;
}

const struct handler engine_handlers[] = {
	/* message                  handler               the grant needs */
	{ MSG_turn_start,           turn_start,           CAP_none },
	{ MSG_turn_next,            turn_next,            CAP_none },
	{ MSG_turn_cancel,          turn_cancel_key,      CAP_none },
	{ MSG_turn_explain,         turn_explain,         CAP_none },
	{ MSG_session_list,         session_list,         CAP_none },
	{ MSG_session_read,         session_read,         CAP_none },
	{ MSG_session_delete,       session_delete_ids,   CAP_none },
	{ MSG_session_search,       recall_asked,         CAP_none },
	{ MSG_session_events,       session_events,       CAP_none },
	{ MSG_memory_call,          memory_asked_call,    CAP_none },
	{ MSG_memory_read,          memory_asked_read,    CAP_none },
	{ MSG_memory_write,         memory_asked_write,   CAP_none },
	{ MSG_memory_usage,         memory_asked_usage,   CAP_none },
	{ MSG_skill_list,           skill_asked_list,     CAP_none },
	{ MSG_skill_call,           skill_asked_call,     CAP_none },
	{ MSG_skill_read,           skill_asked_read,     CAP_none },
	{ MSG_skill_file,           skill_asked_file,     CAP_none },
	{ MSG_skill_import,         skill_asked_import,   CAP_none },
	{ MSG_attachment_stage,     upload_stage,         CAP_none },
	{ MSG_outputs_add,          outbox_add,           CAP_none },
	{ MSG_outputs_list,         outbox_list,          CAP_none },
	{ MSG_outputs_read,         outbox_read,          CAP_none },
	{ MSG_outputs_mark,         outbox_mark,          CAP_none },
	{ MSG_outputs_delete,       outbox_delete,        CAP_none },
	{ MSG_run_add,              run_asked_add,        CAP_none },
	{ MSG_usage_today,          usage_today,          CAP_none },
	{ MSG_usage_daily,          usage_daily,          CAP_none },
	{ MSG_engine_status,        engine_status,        CAP_none },
	{ MSG_approval_answer,      approval_answer,      CAP_none },
	{ MSG_clarification_answer, clarification_answer, CAP_none },
	{ 0 }
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn_asked.h. The row of a turn is on disk before turn.start is
 * answered (turn_begin), and a key that was used before finds the same turn
 * again, in memory or in the journal: whoever lost the answer asks once more.
 */
#include "engined/turn_asked.h"

#include <stdio.h>
#include <string.h>

#include "common/dispatch.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/journal.h"
#include "engined/session.h"
#include "engined/sidecar.h"
#include "engined/turn.h"

/* ---- turn.start ----------------------------------------------------------------------------------- */

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

int
turn_asked_start(struct call *c, const void *in, struct error *e)
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

/* ---- what became of it ----------------------------------------------------------------------------- */

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

int
turn_asked_next(struct call *c, const void *in, struct error *e)
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

int
turn_asked_cancel(struct call *c, const void *in, struct error *e)
{
	const struct turn_cancel *m = in;
	struct turn *t = engine_by_key(c->ctx, c->from, m->key);
	bool runs = t != NULL && t->state != TURN_OVER;

	if (runs && turn_cancel(t, m->reason == NULL ? "cancelled" : m->reason, e) == -1)
		return -1;
	return call_reply(c, &(struct turn_cancel_reply){ .cancelled = runs });
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See session_asked.h. */
#include "engined/session_asked.h"

#include "common/dispatch.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/catalog.h"
#include "engined/engine.h"
#include "engined/events.h"
#include "engined/recall.h"
#include "engined/session.h"
#include "engined/sidecar.h"
#include "engined/talk.h"

#define SESSIONS	100			/* listed unless it is said how many */
#define EVENTS_ROWS	1000
#define SESSION_BYTES	(7000 * 1024)		/* of a session.read answer */

int
session_asked_list(struct call *c, const void *in, struct error *e)
{
	const struct session_list *m = in;
	struct engine *en = c->ctx;
	json_t *rows = catalog_list(en->catalog, m->limit > 0 ? (size_t)m->limit : SESSIONS);

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

int
session_asked_read(struct call *c, const void *in, struct error *e)
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

int
session_asked_delete(struct call *c, const void *in, struct error *e)
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

int
session_asked_events(struct call *c, const void *in, struct error *e)
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
	rows = sidecar_read(path, m->after, m->limit > 0 ? (size_t)m->limit : EVENTS_ROWS, 4 * EVENTS_REPLY);
	reply = (struct session_events_reply){ .events = rows, .exists = head != NULL,
	    .next_seq = json_int(json_array_get(rows, json_array_size(rows) - 1), "seq", m->after),
	    .in_flight = engine_running(en, m->session) != NULL };
	return call_reply(c, &reply);
}

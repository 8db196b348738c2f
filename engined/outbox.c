/* SPDX-License-Identifier: Apache-2.0 */
/* See outbox.h. On disk first, then told: a client that is told of a row finds it. */
#include "engined/outbox.h"

#include <string.h>

#include "common/dispatch.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/notice.h"
#include "engined/outputs.h"
#include "engined/redact.h"

#define LIST_DEFAULT	100

/* ---- file ------------------------------------------------------------------------------------------- */

static void
tell_new(struct engine *en, const struct output *o, const char *id, bool announce)
{
	const char *type = o->type == NULL ? "info" : o->type, *title = o->title == NULL ? "" : o->title;
	cleanup_free char *link = xasprintf("/outputs/%s/%s", o->profile, id);

	engine_push(en, "output.created", json_pack("{s:s, s:s, s:s}", "id", id, "source", o->source, "type", type));
	if (announce)
		engine_push(en, "agent.message", json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "title", title, "body", o->body,
		    "type", type, "output_id", id, "deep_link", link, "session_id", o->session));
}

int
outbox_file(struct engine *en, struct output *o, bool announce, char id[OUTPUT_ID], struct error *e)
{
	int known;

	o->profile = en->daemon->boot.profile;
	if ((known = outputs_add(en->home, o, id, e)) == 0)
		tell_new(en, o, id, announce);
	return known;
}

static json_t *
list_of(const char *const *words, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(words[i]));
	return list;
}

/* "work/alpd" asks: its keys are its own, and it is the source when it names none. */
int
outbox_add(struct call *c, const void *in, struct error *e)
{
	const struct outputs_add *m = in;
	const char *daemon = strchr(c->from, '/') == NULL ? c->from : strchr(c->from, '/') + 1;
	cleanup_free char *key = xasprintf("%s %s", c->from, m->key);
	cleanup_json json_t *delivered = list_of(m->delivered_to, m->n_delivered_to);
	struct output o = { .key = key, .source = m->source == NULL ? daemon : m->source, .source_id = m->source_id,
	    .title = m->title, .body = m->body, .type = m->type, .session = m->session, .delivered_to = delivered };
	char id[OUTPUT_ID];
	const char *channel = m->notify ? notice_channel(c->ctx, m->channel) : NULL;
	int known = outbox_file(c->ctx, &o, m->announce, id, e);
	struct notice *n;

	if (known == -1)
		return -1;
	if (channel == NULL)
		return call_reply(c, &(struct outputs_add_reply){ .id = id, .known = known == 1 });
	n = notice_new(&o, id, channel, m->grant);
	n->known = known == 1;
	return notice_answer(c, n, e);
}

bool
outbox_lost(struct engine *en, struct output *o)
{
	cleanup_free char *body = cut_bytes(o->body, OUTPUT_BODY_MAX);
	cleanup_json json_t *delivered = json_pack("[s]", "alpi");
	char id[OUTPUT_ID];

	o->body = body;
	o->type = "error";
	o->delivered_to = delivered;
	return outbox_file(en, o, true, id, NULL) != -1;
}

/* ---- see and change ----------------------------------------------------------------------------------- */

int
outbox_list(struct call *c, const void *in, struct error *e)
{
	const struct outputs_list *m = in;
	struct engine *en = c->ctx;
	cleanup_json json_t *rows = NULL;

	if (m->status != NULL && strcmp(m->status, "unread") != 0 && strcmp(m->status, "read") != 0)
		return error_set(e, ERR_invalid, "status is unread or read");
	rows = outputs_list(en->home, m->status, m->limit > 0 ? (size_t)m->limit : LIST_DEFAULT, e);
	return rows == NULL ? -1 : call_reply(c, &(struct outputs_list_reply){ .outputs = rows });
}

int
outbox_read(struct call *c, const void *in, struct error *e)
{
	const struct outputs_read *m = in;
	struct engine *en = c->ctx;
	cleanup_json json_t *row = outputs_read(en->home, m->id, e);

	return row == NULL ? -1 : call_reply(c, &(struct outputs_read_reply){ .output = row });
}

static void
tell_marked(struct engine *en, const char *id, int count)
{
	if (count > 0)
		engine_push(en, "output.updated", id != NULL ? json_pack("{s:s, s:s}", "id", id, "status", "read") :
		    json_pack("{s:s, s:i}", "action", "mark_all_read", "count", count));
}

int
outbox_mark(struct call *c, const void *in, struct error *e)
{
	const struct outputs_mark *m = in;
	struct engine *en = c->ctx;
	int count = outputs_mark(en->home, m->id, e);
	cleanup_json json_t *row = NULL;

	if (count == -1 || (m->id != NULL && (row = outputs_read(en->home, m->id, e)) == NULL))
		return -1;
	tell_marked(en, m->id, count);
	return call_reply(c, &(struct outputs_mark_reply){ .output = row, .count = count });
}

int
outbox_delete(struct call *c, const void *in, struct error *e)
{
	const struct outputs_delete *m = in;
	struct engine *en = c->ctx;

	if (outputs_delete(en->home, m->id, e) == -1)
		return -1;
	engine_push(en, "output.updated", json_pack("{s:s, s:s}", "id", m->id, "action", "deleted"));
	return call_reply(c, &(struct outputs_delete_reply){ });
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: asking a peer through alpd. Two ways lead here: the model calls
 * the tool `peer`, or the request itself begins with a mention and goes to
 * that peer without a model (alp-wire.md, 12.1). The second is written down
 * as a step whose only call is the first, so that both are carried out, kept
 * and resumed by the same functions. The peer's reply is the turn's answer.
 */
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/mention.h"
#include "engined/neighbour.h"
#include "engined/turn.h"

#define ROSTER_MS	5000
#define ASK_MS		15000
#define STOP_MS		5000

/* ---- mentions ----------------------------------------------------------------------------------------- */

bool
peer_mentioned(const struct turn *t)
{
	return strcmp(json_str(json_array_get(t->calls, 0), "id", ""), MENTION_CALL) == 0;
}

static void
mention_begin(struct turn *t, const struct mention *m)
{
	cleanup_json json_t *args = json_pack("{s:s, s:s}", "peer_id", m->peer, "prompt", m->prompt);
	struct error e = { 0 };

	if (json_array_size(json_object_get(t->row.request, "attachments")) > 0) {
		error_set(&e, ERR_invalid, "a peer cannot be sent attachments; alpi peers blob-put sends a file");
		finish_error(t, &e);
	} else {
		step_made(t, MENTION_CALL, "peer", args);
	}
}

/* What may name a peer: all of a person's text, and of one that came from outside only what the requester says. */
static const char *
words_of(const struct turn *t)
{
	return json_str(t->row.request, "mention", t->text);
}

static void
on_roster(void *arg, const void *reply, const struct error *e)
{
	const struct link_roster_reply *r = reply;
	struct turn *t = arg;
	struct mention m = { 0 };

	t->now.request = NULL;
	if (r == NULL)
		log_info("the link daemon does not tell who is pinned, so nobody is mentioned: %s", e->text);
	if (t->row.cancelled == NULL && r != NULL && mention_parse(words_of(t), r->ids, r->n_ids, &m))
		mention_begin(t, &m);
	else
		turn_go(t, TURN_STEP);
	mention_clear(&m);
}

bool
peer_route(struct turn *t)
{
	if (t->routed)
		return t->now.request != NULL;
	t->routed = true;
	if (strchr(words_of(t), '@') == NULL || neighbour_grant(t, "alpd") == NULL)
		return false;
	t->now.request = request_send(t->engine->daemon, "alpd", MSG_link_roster, &(struct link_roster){ }, NULL, ROSTER_MS,
	    on_roster, t, NULL);
	return t->now.request != NULL;
}

/* ---- what the peer says ------------------------------------------------------------------------------- */

static void
show(struct turn *t, const struct link_event *ev)
{
	if (strcmp(ev->kind, "text") == 0 && peer_mentioned(t))
		events_delta(&t->events, "assistant_delta", ev->text, strlen(ev->text));
	else if (strcmp(ev->kind, "waiting") == 0)
		events_add(&t->events, "tool_state", json_pack("{s:s, s:s, s:s, s:b}", "tool_id", t->now.id,
		    "name", t->now.name, "text", ev->text == NULL ? "waiting" : ev->text, "ok", 1));
}

static void
answered(struct turn *t, const json_t *result)
{
	const char *text = json_str(result, "text", "");
	struct tool_result r = { .ok = true };

	r.answer = xstrdup(text[0] != '\0' ? text : "(the peer gave no answer)");
	r.output = xasprintf("%s\n\n---\ntokens %lld in, %lld out; cost $%.6f, paid by the peer%s", r.answer,
	    (long long)json_int(result, "tokens_in", 0), (long long)json_int(result, "tokens_out", 0),
	    json_num(result, "cost", 0), json_bool(result, "interrupted", false) ? "; it was interrupted" : "");
	calls_end(t, &r);
}

static void
take(struct turn *t, const void *reply)
{
	const struct link_next_reply *r = reply;

	for (size_t i = 0; i < r->n_events; i++) {
		if (r->events[i].seq <= t->now.seq)
			continue;
		t->now.seq = r->events[i].seq;
		show(t, &r->events[i]);
	}
	if (!r->done)
		neighbour_next(t);
	else if (r->result != NULL)
		answered(t, r->result);
	else
		calls_fail(t, r->failure == NULL ? "the peer did not answer" : r->failure);
}

/* ---- asking alpd ----------------------------------------------------------------------------------------- */

static struct request *
send_ask(struct turn *t, request_done *done, struct error *e)
{
	struct link_ask m = { .key = t->now.key, .peer = json_str(t->now.args, "peer_id", ""),
	    .prompt = json_str(t->now.args, "prompt", ""), .session = t->row.session };

	return request_send(t->engine->daemon, "alpd", MSG_link_ask, &m, neighbour_grant(t, "alpd"), ASK_MS, done, t, e);
}

static struct request *
send_next(struct turn *t, request_done *done, struct error *e)
{
	struct link_next m = { .key = t->now.key, .after = t->now.seq, .wait_ms = NEIGHBOUR_WAIT_MS };

	return request_send(t->engine->daemon, "alpd", MSG_link_next, &m, NULL, NEIGHBOUR_NEXT_MS, done, t, e);
}

static void
send_cancel(struct turn *t, request_done *done)
{
	struct link_cancel m = { .key = t->now.key };

	request_send(t->engine->daemon, "alpd", MSG_link_cancel, &m, NULL, STOP_MS, done, NULL, NULL);
}

static const struct neighbour link_daemon = {
	.order = send_ask,
	.next = send_next,
	.cancel = send_cancel,
	.take = take,
	.stuck = "interrupted by the user; the peer may go on",
};

void
peer_begin(struct turn *t)
{
	if (json_str(t->now.args, "peer_id", "")[0] == '\0' || json_str(t->now.args, "prompt", "")[0] == '\0')
		calls_fail(t, "peer: \"peer_id\" and \"prompt\" must be texts");
	else if (neighbour_begin(t) == 0)
		neighbour_order(t, &link_daemon);
}

void
peer_find(struct turn *t)
{
	neighbour_find(t, &link_daemon);
}

void
peer_cancel(struct turn *t)
{
	neighbour_cancel(t, &link_daemon);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See asks_own.h. An ask is sent once. It is only tried again while it is
 * certain that no turn began for it at the peer: it could not be sent, or the
 * peer said in a signed answer that it is busy. A peer that falls silent
 * within its answer is told to stop, and the ask has failed.
 */
#include "alpd/asks_own.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#define KEEP_S		600		/* an end */
#define BUSY_MS		120000		/* a busy peer is asked again for so long */
#define AWAY_MS		10000		/* one that cannot be reached */
#define PAUSE_MS	200		/* between the first two tries; doubled, and half of it by chance */
#define PAUSE_MAX_MS	8000
#define UNREAD_MAX	(4 * 1024 * 1024)	/* bytes of events that nobody has taken */

/* ---- the end -------------------------------------------------------------------------------------- */

/* Kept for a while, for whoever asks once more how it ended. */
static void
retire(struct ask *k)
{
	k->in->running--;
	free(steal(k->params));
	event_add(k->timer, &(struct timeval){ KEEP_S, 0 });
}

static void
fail(struct ask *k, const char *name, const char *why)
{
	log_info("ask failed key=%s peer=%s reason=%s", k->key, k->peer, name);
	retire(k);
	told_failure(&k->told, name, why);
}

static void
copy_string(json_t *to, const char *name, const struct node *from)
{
	cleanup_free char *text = node_text(node_get(from, name));

	if (text != NULL)
		json_object_set_new(to, name, json_string(text));
}

static void
copy_number(json_t *to, const char *name, const struct node *from)
{
	const struct node *n = node_get(from, name);

	if (node_is(n, NODE_INTEGER) || node_is(n, NODE_REAL))
		json_object_set_new(to, name, node_json(n));
}

static void
copy_bool(json_t *to, const char *name, const struct node *from)
{
	const struct node *n = node_get(from, name);

	if (node_is(n, NODE_TRUE) || node_is(n, NODE_FALSE))
		json_object_set_new(to, name, json_boolean(node_is(n, NODE_TRUE)));
}

/* What the protocol knows of a result (9.2), of the right kinds; nothing else of a peer goes further. */
static json_t *
known_result(const struct node *n)
{
	static const struct {
		const char	*name;
		void		(*copy)(json_t *, const char *, const struct node *);
	} members[] = {
		{ "text", copy_string }, { "session_id", copy_string }, { "history", copy_string },
		{ "tokens_in", copy_number }, { "tokens_out", copy_number }, { "cost", copy_number },
		{ "interrupted", copy_bool }, { "transient", copy_bool },
	};
	json_t *out = json_object();

	for (size_t i = 0; i < COUNT(members); i++)
		members[i].copy(out, members[i].name, n);
	return out;
}

/* ---- stopping the peer ------------------------------------------------------------------------------ */

static void
on_stopped(void *arg, const struct client_end *end)
{
}

/* Another of our asks may run at the same peer: without a name of the session it would be hit. */
static bool
may_hit_another(const struct ask *k)
{
	const struct ask *other;

	TAILQ_FOREACH(other, &k->in->all, link)
		if (other != k && !other->told.done && strcmp(other->peer, k->peer) == 0)
			return true;
	return false;
}

/* Best effort: peers of before 0.14.12 do not see that we left. */
static void
stop_peer(struct ask *k)
{
	struct alpd *a = k->in->alpd;
	const struct peer *p = peers_by_id(a->peers, k->peer);
	struct buf params cleanup_buf = BUF(0);

	if (p == NULL || (k->session == NULL && may_hit_another(k)))
		return;
	buf_puts(&params, "{");
	if (k->session != NULL) {
		buf_puts(&params, "\"session_id\":");
		canonical_string(&params, k->session, strlen(k->session));
	}
	buf_puts(&params, "}");
	client_ask(a->client, p, &(struct client_order){ .lane = LANE_REST, .method = "link.cancel",
	    .params = buf_str(&params), .connect_ms = CLIENT_SHORT_MS, .reply_ms = CLIENT_SHORT_MS,
	    .end = on_stopped });
}

void
ask_cancel(struct ask *k)
{
	if (k->call != NULL) {
		client_cancel(steal(k->call));
		stop_peer(k);
	}
	fail(k, "cancelled", "it was cancelled");
}

/* ---- trying ------------------------------------------------------------------------------------------ */

/* Half of the pause is chance, so that those who wait for the same peer do not come together. */
static void
try_later(struct ask *k)
{
	int pause = k->pause_ms == 0 ? PAUSE_MS : k->pause_ms, ms;
	uint32_t chance;

	random_bytes(&chance, sizeof(chance));
	ms = pause / 2 + (int)(chance % (uint32_t)(pause / 2));
	k->pause_ms = 2 * pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : 2 * pause;
	event_add(k->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

/* Is another try allowed: no turn began there, and it may soon go better? */
static bool
is_worth(const struct ask *k, const struct client_end *end)
{
	bool said = end->how == CLIENT_REFUSED;

	return client_transient(end) && (said || !end->sent) &&
	    clock_mono_ms() - k->since < (said ? BUSY_MS : AWAY_MS);
}

static bool
on_chunk(void *arg, const struct node *result)
{
	struct ask *k = arg;
	const struct node *event = node_get(result, "event");
	cleanup_free char *text = node_text(node_get(result, "text"));

	if (node_equals(event, "started") && k->session == NULL) {
		k->session = node_dup(node_get(result, "session_id"));
		told_add(&k->told, "started", NULL);
	} else if (node_equals(event, "progress")) {
		told_add(&k->told, "progress", NULL);
	}
	if (text != NULL && text[0] != '\0')
		told_add(&k->told, "text", text);
	return k->told.unread <= UNREAD_MAX;
}

static void
on_end(void *arg, const struct client_end *end)
{
	struct ask *k = arg;

	k->call = NULL;
	if (end->how == CLIENT_OK) {
		retire(k);
		told_result(&k->told, known_result(end->result));
	} else if (is_worth(k, end)) {
		try_later(k);
		told_add(&k->told, "waiting", end->why);
	} else if (k->told.unread > UNREAD_MAX) {
		stop_peer(k);
		fail(k, "unread", "its answer was not taken");
	} else {
		if (end->how == CLIENT_TIMEOUT && end->sent)
			stop_peer(k);
		fail(k, client_word(end), end->why);
	}
}

static int
to_int(int64_t ms)
{
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

void
ask_try(struct ask *k)
{
	struct alpd *a = k->in->alpd;
	const struct peer *p = peers_by_id(a->peers, k->peer);

	if (p == NULL) {
		fail(k, "unknown-peer", "it is not pinned any more");
		return;
	}
	k->call = client_ask(a->client, p, &(struct client_order){ .lane = LANE_ASK, .method = "link.ask",
	    .params = k->params, .connect_ms = CLIENT_SHORT_MS, .reply_ms = to_int(a->settings.idle_ms),
	    .whole_ms = to_int(a->settings.whole_ms), .chunk = on_chunk, .end = on_end, .arg = k });
}

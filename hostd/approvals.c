/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See approvals.h. An approval is sealed over what the person was shown:
 * ticket, choice, command, pattern and directory. So engined, which carries
 * both the question and the answer, can change neither. The profile of a
 * question is the one of the unit that asked, never one from its data.
 */
#include "hostd/approvals.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "hostd/client.h"
#include "hostd/host.h"
#include "hostd/settings.h"
#include "hostd/stream.h"

#define PENDING_MAX	256		/* per machine; more than people can read */
#define RETRY_MS	500
#define ANSWER_MS	5000
#define CANCELLED	"User cancelled clarification."	/* what clients send, word for word */

struct question;

/* What the two kinds do differently. */
struct kind {
	const char	*name, *request, *resolved;
	int		 timeout_s;
	const char	*silence;	/* the choice that no answer amounts to */
	/* Check the client's choice and take it into q->choice. 0 or -1. */
	int		(*take)(struct question *q, const char *choice, struct error *e);
	/* Hand q->choice to engined. NULL with the error. */
	struct request	*(*forward)(struct question *q, request_done *done, struct error *e);
};

struct question {
	TAILQ_ENTRY(question)	 link;
	struct approvals	*in;
	const struct kind	*kind;
	char			*id, *profile;
	json_t			*data;		/* as the client sees it, cwd as toolrunner knows it */
	int64_t			 deadline;	/* Unix ms */
	struct event		*timer;		/* at the deadline; after an answer, to try again */
	char			*choice;	/* the answer; NULL while it is open */
	struct ask		*ask;		/* who answered and waits for "ok" */
	struct request		*request;
};

struct approvals {
	struct host		*host;
	TAILQ_HEAD(, question)	 open;
	size_t			 count;
};

/* ---- ends ---------------------------------------------------------------------------------- */

static void
free_question(struct question *q)
{
	TAILQ_REMOVE(&q->in->open, q, link);
	q->in->count--;
	if (q->request != NULL)
		q->in->host->cancel(q->request);
	event_free(q->timer);
	json_decref(q->data);
	free(q->choice);
	free(q->id);
	free(q->profile);
	free(q);
}

static void
tell_asker(struct question *q, const char *reason)
{
	if (q->ask == NULL)
		return;
	ask_result(q->ask, reason == NULL ? json_pack("{s:b}", "ok", 1) :
	    json_pack("{s:b, s:s}", "ok", 0, "reason", reason));
	q->ask = NULL;
}

/* Tell every client how it ended, and forget it. The event's number. */
static int64_t
settle(struct question *q, const char *choice, const char *responder)
{
	struct host *h = q->in->host;
	const json_t *session = json_object_get(q->data, "session_id");
	bool silent = strcmp(responder, "timeout") == 0;
	json_t *data = json_pack("{s:s, s:s, s:s, s:f, s:s, s:b}", "request_id", q->id, "profile", q->profile,
	    "choice", choice, "ts", (double)clock_wall_ms() / 1000.0, "responder", responder, "timed_out", silent);
	int64_t seq;

	if (session != NULL)
		json_object_set(data, "session_id", (json_t *)session);
	json_object_set(data, "pattern", json_object_get(q->data, "pattern"));
	json_object_set(data, "severity", json_object_get(q->data, "severity"));
	if (db_run(h->db, NULL, "DELETE FROM questions WHERE request_id = ?", "s", q->id) == -1)
		log_warn("question request=%s is not removed from disk", q->id);
	seq = stream_emit(h->stream, q->kind->resolved, data);
	stream_activity(h->stream, q->profile);
	free_question(q);
	return seq;
}

/* ---- the answer's way to engined ----------------------------------------------------------- */

static void forward(struct question *q);

static void
on_forwarded(void *arg, const void *reply, const struct error *e)
{
	struct question *q = arg;
	const struct approval_answer_reply *r = reply;	/* clarification.answer's is alike */

	q->request = NULL;
	if (r == NULL && (e->code == ERR_unavailable || e->code == ERR_gone || e->code == ERR_timeout) &&
	    clock_wall_ms() < q->deadline) {
		event_add(q->timer, &(struct timeval){ .tv_usec = RETRY_MS * 1000 });
		return;
	}
	if (r == NULL)
		log_warn("answer not delivered request=%s: %s", q->id, e->text);
	if (r != NULL && r->taken) {
		tell_asker(q, NULL);
		settle(q, q->choice, "host");
	} else {
		tell_asker(q, r == NULL ? "unreachable" : "settled");
		settle(q, q->kind->silence, "timeout");
	}
}

/* Asked again under the same ticket when engined was away: it takes an answer once. */
static void
forward(struct question *q)
{
	struct error e = { 0 };

	if ((q->request = q->kind->forward(q, on_forwarded, &e)) == NULL)
		on_forwarded(q, NULL, &e);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct question *q = arg;

	if (q->choice != NULL)
		forward(q);
	else
		settle(q, q->kind->silence, "timeout");
}

/* A command is toolrunner's, a mail gatewayd's; each unseals with a key of its own what it asks itself. */
static bool
is_command(const struct question *q)
{
	return strcmp(json_str(q->data, "verifier", "toolrunner"), "gatewayd") != 0;
}

static struct request *
forward_approval(struct question *q, request_done *sent, struct error *e)
{
	struct host *h = q->in->host;
	cleanup_free char *unit = xasprintf("%s/engined", q->profile);
	cleanup_free char *verifier = xasprintf("%s/%s", q->profile, is_command(q) ? "toolrunner" : "gatewayd");
	const char *parts[] = { "approval", q->id, q->choice, json_str(q->data, "command", ""),
		json_str(q->data, "pattern", ""), json_str(q->data, "cwd", ""), NULL };
	char seal[65];

	if (grant_seal(&h->daemon->boot, verifier, parts, seal, e) == -1)
		return NULL;
	return h->send(h->daemon, unit, MSG_approval_answer,
	    &(struct approval_answer){ .ticket = q->id, .choice = q->choice, .seal = seal }, NULL, ANSWER_MS, sent, q, e);
}

static struct request *
forward_clarification(struct question *q, request_done *sent, struct error *e)
{
	struct host *h = q->in->host;
	cleanup_free char *unit = xasprintf("%s/engined", q->profile);

	return h->send(h->daemon, unit, MSG_clarification_answer,
	    &(struct clarification_answer){ .request = q->id, .choice = q->choice }, NULL, ANSWER_MS, sent, q, e);
}

/* "always" counts only once it is saved: an answer that could not be kept is a refusal (tools.md, 3.3). */
static void
on_saved(void *arg, const json_t *result, const struct error *e)
{
	struct question *q = arg;

	if (result == NULL) {
		log_warn("allow list not saved request=%s: %s", q->id, e->text);
		free(q->choice);
		q->choice = xstrdup("deny");
	} else {
		stream_emit(q->in->host->stream, "config_changed", json_pack("{s:s, s:s}", "profile", q->profile,
		    "scope", "approval"));
	}
	forward(q);
}

static int
take_approval(struct question *q, const char *choice, struct error *e)
{
	static const char *const choices[] = { "once", "session", "always", "deny" };

	for (size_t i = 0; i < COUNT(choices); i++)
		if (strcmp(choice, choices[i]) == 0) {
			/* No mail is like another: whoever allows one allows that one. */
			q->choice = xstrdup(is_command(q) || strcmp(choice, "deny") == 0 ? choice : "once");
			return 0;
		}
	return error_set(e, ERR_invalid, "choice is once, session, always or deny");
}

static bool
is_label(const json_t *choices, const char *text)
{
	const json_t *row;
	size_t i;

	json_array_foreach(choices, i, row)
		if (strcmp(json_str(row, "label", ""), text) == 0)
			return true;
	return false;
}

/* Several labels come as a JSON array in a string and go on joined with ", ". */
static int
join_labels(struct question *q, const json_t *list, bool other, struct error *e)
{
	struct buf b cleanup_buf = BUF(8192);
	const json_t *row;
	size_t i;

	json_array_foreach(list, i, row) {
		const char *label = json_string_value(row);

		if (label == NULL || (!other && !is_label(json_object_get(q->data, "choices"), label)))
			return error_set(e, ERR_invalid, "choice holds what was not offered");
		if ((i > 0 && buf_puts(&b, ", ") == -1) || buf_puts(&b, label) == -1)
			return error_set(e, ERR_too_large, "choice is too long");
	}
	q->choice = buf_take(&b);
	return 0;
}

static int
take_clarification(struct question *q, const char *choice, struct error *e)
{
	bool other = json_bool(q->data, "allow_other", false);
	cleanup_json json_t *list = NULL;

	if (json_bool(q->data, "multi", false))
		list = json_parse(choice, strlen(choice), 2, NULL);
	if (json_is_array(list))
		return join_labels(q, list, other, e);
	if (!other && strcmp(choice, CANCELLED) != 0 && !is_label(json_object_get(q->data, "choices"), choice))
		return error_set(e, ERR_invalid, "choice was not offered");
	q->choice = xstrdup(choice);
	return 0;
}

static const struct kind kinds[] = {
	{ "approval", "approval.request", "approval.resolved", 60, "deny", take_approval, forward_approval },
	{ "clarification", "clarification.request", "clarification.resolved", 300, "", take_clarification,
	    forward_clarification },
};

/* ---- from engined -------------------------------------------------------------------------- */

static struct question *
find(const struct approvals *p, const char *id)
{
	struct question *q;

	TAILQ_FOREACH(q, &p->open, link)
		if (strcmp(q->id, id) == 0)
			return q;
	return NULL;
}

static struct question *
add(struct approvals *p, const struct kind *k, const char *profile, json_t *take_data, int64_t deadline)
{
	struct question *q = xcalloc(1, sizeof(*q));
	int64_t left = deadline - clock_wall_ms();

	q->in = p;
	q->kind = k;
	q->id = xstrdup(json_str(take_data, "request_id", ""));
	q->profile = xstrdup(profile);
	q->data = take_data;
	q->deadline = deadline;
	q->timer = event_new(p->host->daemon->base, -1, 0, on_timer, q);
	if (left < 0)
		left = 0;
	event_add(q->timer, &(struct timeval){ left / 1000, (suseconds_t)(left % 1000 * 1000) });
	TAILQ_INSERT_TAIL(&p->open, q, link);
	p->count++;
	return q;
}

/* What clients are shown: the person's home as "~". The seal is over the directory itself. */
static json_t *
shown(const struct question *q)
{
	const char *cwd = json_str(q->data, "cwd", NULL), *home = q->in->host->person;
	json_t *o = json_copy(q->data);
	size_t n = home == NULL ? 0 : strlen(home);
	cleanup_free char *text = NULL;

	if (cwd != NULL && n > 1 && strncmp(cwd, home, n) == 0 && (cwd[n] == '/' || cwd[n] == '\0')) {
		text = xasprintf("~%s", cwd + n);
		json_object_set_new(o, "cwd", json_string(text));
	}
	return o;
}

static int
check_question(const struct approvals *p, const struct kind *k, const json_t *data, struct error *e)
{
	const char *id = json_str(data, "request_id", "");
	const json_t *choices = json_object_get(data, "choices");

	if (*id == '\0' || strlen(id) > 64)
		return error_set(e, ERR_invalid, "request_id");
	if (strcmp(k->name, "approval") == 0 && *json_str(data, "command", "") == '\0')
		return error_set(e, ERR_invalid, "command");
	if (choices != NULL && !json_is_array(choices))
		return error_set(e, ERR_invalid, "choices");
	if (p->count >= PENDING_MAX)
		return error_set(e, ERR_busy, "too many questions wait");
	return 0;
}

static int
store(struct approvals *p, const struct question *q, struct error *e)
{
	cleanup_free char *text = json_text(q->data);

	return db_run(p->host->db, e, "INSERT INTO questions (request_id, kind, profile, data, deadline) "
	    "VALUES (?, ?, ?, ?, ?)", "ssssi", q->id, q->kind->name, q->profile, text, q->deadline);
}

int64_t
approvals_request(struct approvals *p, const char *profile, const char *kind, const json_t *data, struct error *e)
{
	const struct kind *k = strcmp(kind, kinds[0].request) == 0 ? &kinds[0] : &kinds[1];
	int64_t timeout_s = json_int(data, "timeout_s", k->timeout_s);
	struct question *q;
	json_t *copy;
	int64_t seq;

	if (check_question(p, k, data, e) == -1)
		return -1;
	if (find(p, json_str(data, "request_id", "")) != NULL)
		return stream_last(p->host->stream);	/* said again after a lost answer */
	if (timeout_s < 1 || timeout_s > 3600)
		timeout_s = k->timeout_s;
	copy = json_deep_copy(data);
	json_object_set_new(copy, "profile", json_string(profile));
	json_object_set_new(copy, "timeout_s", json_integer(timeout_s));
	if (json_object_get(copy, "ts") == NULL)
		json_object_set_new(copy, "ts", json_real((double)clock_wall_ms() / 1000.0));
	q = add(p, k, profile, copy, clock_wall_ms() + timeout_s * 1000);
	if (store(p, q, e) == -1) {
		free_question(q);
		return -1;
	}
	seq = stream_emit(p->host->stream, k->request, shown(q));
	stream_activity(p->host->stream, profile);
	return seq;
}

int64_t
approvals_resolved(struct approvals *p, const char *profile, const json_t *data)
{
	struct question *q = find(p, json_str(data, "request_id", ""));
	const char *otherwise = json_bool(data, "timed_out", false) ? "timeout" : "engine";

	/* One that is being answered is told of when the answer is delivered. */
	if (q == NULL || strcmp(q->profile, profile) != 0 || q->choice != NULL)
		return stream_last(p->host->stream);
	return settle(q, json_str(data, "choice", q->kind->silence), json_str(data, "responder", otherwise));
}

void
approvals_drop_session(struct approvals *p, const char *profile, const char *session)
{
	struct question *q, *next;

	for (q = TAILQ_FIRST(&p->open); q != NULL; q = next) {
		next = TAILQ_NEXT(q, link);
		if (q->choice == NULL && strcmp(q->profile, profile) == 0 &&
		    strcmp(json_str(q->data, "session_id", ""), session) == 0)
			settle(q, q->kind->silence, "turn-ended");
	}
}

/* ---- from clients -------------------------------------------------------------------------- */

json_t *
approvals_pending(const struct approvals *p, const char *kind)
{
	json_t *rows = json_array();
	const struct question *q;

	TAILQ_FOREACH(q, &p->open, link)
		if (q->choice == NULL && strcmp(q->kind->name, kind) == 0)
			json_array_append_new(rows, shown(q));
	return rows;
}

int
approvals_respond(struct approvals *p, const char *kind, struct ask *a, struct error *e)
{
	struct question *q = find(p, ask_str(a, "request_id"));

	if (q == NULL || q->choice != NULL || strcmp(q->kind->name, kind) != 0) {
		ask_result(a, json_pack("{s:b, s:s}", "ok", 0, "reason", q == NULL ? "unknown" : "settled"));
		return 0;
	}
	if (q->kind->take(q, ask_str(a, "choice"), e) == -1)
		return -1;
	q->ask = a;
	event_del(q->timer);	/* answered in time: what is left is to deliver it */
	if (q->kind == &kinds[0] && strcmp(q->choice, "always") == 0)
		settings_order(p->host->settings, "allow", json_pack("{s:s, s:s}", "profile", q->profile, "label",
		    json_str(q->data, "pattern", "")), on_saved, q);
	else
		forward(q);
	return 0;
}

/* ---- start and end ------------------------------------------------------------------------- */

static int
load(struct approvals *p, struct error *e)
{
	sqlite3_stmt *s = db_query(p->host->db, e, "SELECT kind, profile, data, deadline FROM questions", "");
	int more;

	if (s == NULL)
		return -1;
	while ((more = db_step(p->host->db, s, e)) == 1) {
		const char *text = (const char *)sqlite3_column_text(s, 2);
		const char *kind = (const char *)sqlite3_column_text(s, 0);
		json_t *data = json_parse(text, strlen(text), PROTO_DEPTH_MAX, NULL);

		if (data != NULL)
			add(p, &kinds[strcmp(kind, kinds[0].name) != 0],
			    (const char *)sqlite3_column_text(s, 1), data, sqlite3_column_int64(s, 3));
	}
	db_done(s);
	return more;
}

struct approvals *
approvals_open(struct host *h, struct error *e)
{
	struct approvals *p = xcalloc(1, sizeof(*p));

	p->host = h;
	TAILQ_INIT(&p->open);
	if (load(p, e) == 0)
		return p;
	approvals_close(p);
	return NULL;
}

void
approvals_close(struct approvals *p)
{
	if (p == NULL)
		return;
	while (!TAILQ_EMPTY(&p->open))
		free_question(TAILQ_FIRST(&p->open));
	free(p);
}

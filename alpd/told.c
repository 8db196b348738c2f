/* SPDX-License-Identifier: Apache-2.0 */
/* See told.h. */
#include "alpd/told.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/dispatch.h"
#include "common/json.h"
#include "common/mem.h"

#define MERGE_MAX	65536		/* bytes of an event that grows while it was not shown */
#define REPLY_EVENTS	1024		/* of one link.next */
#define REPLY_BYTES	1048576
#define FAILURE_MAX	511		/* bytes of the sentence */

struct piece {				/* an event, until it was taken */
	TAILQ_ENTRY(piece)	 link;
	int64_t			 seq;
	const char		*kind;
	struct buf		 text;		/* empty: none */
};

/* ---- to whoever pulls ----------------------------------------------------------------------------- */

/* The rows of one answer: what came after `after`, as far as it fits. False: there is more. */
static bool
collect(struct told *t, int64_t after, struct link_event *rows, size_t *n)
{
	const struct piece *p;
	size_t bytes = 0;

	*n = 0;
	TAILQ_FOREACH(p, &t->pieces, link) {
		if (p->seq <= after)
			continue;
		bytes += p->text.len;
		if (*n == REPLY_EVENTS || (*n > 0 && bytes > REPLY_BYTES))
			return false;
		rows[(*n)++] = (struct link_event){ .seq = p->seq, .kind = p->kind,
		    .text = p->text.len == 0 ? NULL : buf_str(&p->text) };
	}
	return true;
}

static int
reply(struct told *t, struct call *c, int64_t after)
{
	cleanup_free struct link_event *rows = xcalloc(REPLY_EVENTS, sizeof(*rows));
	struct link_next_reply r = { .events = rows };
	bool all = collect(t, after, rows, &r.n_events);

	if (r.n_events > 0 && rows[r.n_events - 1].seq > t->shown)
		t->shown = rows[r.n_events - 1].seq;
	if (t->done && all) {
		r.done = true;
		r.result = t->result;
		r.failure = t->failure;
		r.failure_name = t->failure_name;
	}
	return call_reply(c, &r);
}

static void
answer_waiter(struct told *t)
{
	if (t->waiter == NULL)
		return;
	event_del(t->patience);
	reply(t, steal(t->waiter), t->after);
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	answer_waiter(arg);
}

static void
piece_free(struct told *t, struct piece *p)
{
	TAILQ_REMOVE(&t->pieces, p, link);
	t->unread -= sizeof(*p) + p->text.len;
	buf_clear(&p->text);
	free(p);
}

int
told_next(struct told *t, struct call *c, int64_t after, int64_t wait_ms)
{
	struct piece *p;

	answer_waiter(t);		/* whoever asked before has given up */
	while ((p = TAILQ_FIRST(&t->pieces)) != NULL && p->seq <= after)
		piece_free(t, p);
	if (t->done || !TAILQ_EMPTY(&t->pieces) || wait_ms <= 0)
		return reply(t, c, after);
	t->waiter = c;
	t->after = after;
	event_add(t->patience, &(struct timeval){ wait_ms / 1000, wait_ms % 1000 * 1000 });
	return CALL_LATER;
}

void
told_leave(struct told *t, const struct error *e)
{
	if (t->waiter != NULL)
		call_fail(steal(t->waiter), e);
}

/* ---- what there is to tell ------------------------------------------------------------------------ */

static bool
joins(const struct told *t, const struct piece *last, const char *kind, const char *text)
{
	if (last == NULL || last->seq <= t->shown || strcmp(last->kind, kind) != 0)
		return false;
	return strcmp(kind, "text") != 0 || last->text.len + strlen(text) <= MERGE_MAX;
}

void
told_add(struct told *t, const char *kind, const char *text)
{
	struct piece *p = TAILQ_LAST(&t->pieces, pieces);
	bool joined = joins(t, p, kind, text);

	if (!joined) {
		p = xcalloc(1, sizeof(*p));
		p->seq = ++t->seq;
		p->kind = kind;
		TAILQ_INSERT_TAIL(&t->pieces, p, link);
		t->unread += sizeof(*p);
	}
	if (text != NULL && (!joined || strcmp(kind, "text") == 0)) {
		buf_puts(&p->text, text);
		t->unread += strlen(text);
	}
	answer_waiter(t);
}

void
told_result(struct told *t, json_t *take_result)
{
	t->done = true;
	t->result = take_result;
	answer_waiter(t);
}

void
told_failure(struct told *t, const char *name, const char *why)
{
	t->done = true;
	t->failure = xstrndup(why, utf8_cut(why, strlen(why), FAILURE_MAX));
	t->failure_name = xstrdup(name);
	answer_waiter(t);
}

/* ---- start and end -------------------------------------------------------------------------------- */

void
told_init(struct told *t, struct event_base *base)
{
	*t = (struct told){ .patience = evtimer_new(base, on_patience, t) };
	TAILQ_INIT(&t->pieces);
}

void
told_clear(struct told *t)
{
	while (!TAILQ_EMPTY(&t->pieces))
		piece_free(t, TAILQ_FIRST(&t->pieces));
	event_free(t->patience);
	json_decref(t->result);
	free(t->failure);
	free(t->failure_name);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See mailcalls.h: the calls that are known, those who wait for them, and what engined asks. */
#include "gatewayd/mailcalls.h"

#include <stdlib.h>
#include <string.h>

#include "common/audit.h"
#include "common/db.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/mailbook.h"
#include "gatewayd/mailcalls_own.h"

#define TOOL		"email"
#define PEOPLE		"default/hostd"		/* the unit through which people answer, whoever began the turn */
#define OPEN_MAX	32			/* calls that are not done */
#define DONE_MAX	64			/* results kept */
#define WAITERS_MAX	16			/* of one call */
#define WANTED_MS	60000			/* nobody asks for a call for so long: it does not begin */

struct mailcall_waiter {
	LIST_ENTRY(mailcall_waiter)	 link;
	struct mailcall			*call;
	int64_t				 after;
	struct event			*patience;
	mailcalls_told			*fn;
	void				*arg;
};

/* ---- the calls ------------------------------------------------------------------------------------------- */

static struct mailcall *
find(const struct mailcalls *all, const char *key)
{
	struct mailcall *x;

	LIST_FOREACH(x, &all->all, link)
		if (strcmp(x->key, key) == 0)
			return x;
	return NULL;
}

static void
waiter_free(struct mailcall_waiter *w)
{
	LIST_REMOVE(w, link);
	event_free(w->patience);
	free(w);
}

static void
call_free(struct mailcall *x)
{
	LIST_REMOVE(x, link);
	if (x->work != NULL)
		x->line->platform->mail->end(x->work);
	while (!LIST_EMPTY(&x->waiters))
		waiter_free(LIST_FIRST(&x->waiters));
	event_free(x->timer);
	email_letter_clear(&x->letter);
	email_clear(&x->ask);
	free(x->address);
	free(x->key);
	free(x->turn);
	free(x->who);
	free(x->shown);
	free(x->text);
	free(x);
}

/* Nobody wanted it, or answered, or its result was there for long enough. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct mailcall *x = arg;

	if (x->state == MAILCALL_asking)
		mailcall_decide(x, false, "nobody answered");
	else if (x->state == MAILCALL_taken)
		mailcall_fail(x, ERR_cancelled, "nobody waited for it");
	else
		call_free(x);
}

struct mailcalls *
mailcalls_new(struct gateway *g, struct db *db, struct audit *audit)
{
	struct mailcalls *all = xcalloc(1, sizeof(*all));

	all->gateway = g;
	all->db = db;
	all->audit = audit;
	LIST_INIT(&all->all);
	return all;
}

void
mailcalls_free(struct mailcalls *all)
{
	if (all == NULL)
		return;
	while (!LIST_EMPTY(&all->all))
		call_free(LIST_FIRST(&all->all));
	mailcalls_let_go(all);
	free(all);
}

bool
mailcalls_acting(const struct mailcalls *all)
{
	const struct mailcall *x;

	LIST_FOREACH(x, &all->all, link)
		if (x->state == MAILCALL_acting)
			return true;
	return false;
}

size_t
mailcalls_letters(const struct mailcalls *all)
{
	const struct mailcall *x;
	size_t sum = 0;

	LIST_FOREACH(x, &all->all, link)
		sum += x->letter.len;
	return sum;
}

bool
mailcalls_has_file(const struct mailcalls *all, const char *key)
{
	const char *slash = strrchr(key, '/');
	cleanup_free char *call = slash == NULL ? xstrdup(key) : xstrndup(key, (size_t)(slash - key));

	return find(all, call) != NULL;
}

/* ---- how one stands --------------------------------------------------------------------------------------- */

static void
tell(const struct mailcall *x, mailcalls_told *fn, void *arg)
{
	struct tool_next_reply r = { .state = "running", .seq = x->seq };

	if (x->state == MAILCALL_asking) {
		r.state = "asking";
		r.ticket = x->ticket;
		r.command = x->shown;
		r.severity = "caution";
		r.pattern = x->ask.kind->label;
		r.timeout_s = MAILCALLS_ASK_S;
	} else if (x->state == MAILCALL_done) {
		r.state = "done";
		r.ok = x->ok;
		r.output = x->ok ? x->text : NULL;
		r.error = x->ok ? NULL : x->text;
		r.code = x->code;
	}
	fn(arg, &r);
}

static void
tell_waiter(struct mailcall_waiter *w)
{
	mailcalls_told *fn = w->fn;
	struct mailcall *x = w->call;
	void *arg = w->arg;

	waiter_free(w);
	tell(x, fn, arg);
}

void
mailcalls_changed(struct mailcall *x)
{
	struct mailcall_waiter *w, *next;

	x->seq++;
	for (w = LIST_FIRST(&x->waiters); w != NULL; w = next) {
		next = LIST_NEXT(w, link);
		if (x->seq > w->after)
			tell_waiter(w);
	}
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	tell_waiter(arg);
}

static void
wait_for(struct mailcall *x, int64_t after, int64_t ms, mailcalls_told *fn, void *arg)
{
	struct mailcall_waiter *w = xcalloc(1, sizeof(*w));

	*w = (struct mailcall_waiter){ .call = x, .after = after, .fn = fn, .arg = arg };
	w->patience = evtimer_new(x->in->gateway->daemon->base, on_patience, w);
	event_add(w->patience, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
	LIST_INSERT_HEAD(&x->waiters, w, link);
}

/* One of before our last start: how it ended, if that is known. */
static void
tell_remembered(struct mailcalls *all, const char *key, mailcalls_told *fn, void *arg)
{
	struct tool_next_reply r = { .state = "unknown" };
	struct mailbook_row row = { 0 };

	if (mailbook_find(all->db, key, &row, NULL) == 1 && row.ended) {
		r.state = "done";
		r.seq = INT64_MAX;
		r.ok = row.ok;
		r.output = row.ok ? row.text : NULL;
		r.error = row.ok ? NULL : row.text;
	}
	fn(arg, &r);
	mailbook_row_clear(&row);
}

void
mailcalls_next(struct mailcalls *all, const char *key, int64_t after, int64_t wait_ms, mailcalls_told *fn, void *arg)
{
	struct mailcall *x = find(all, key);
	struct mailcall_waiter *w;
	size_t n = 0;

	if (x == NULL) {
		tell_remembered(all, key, fn, arg);
		return;
	}
	if (x->state == MAILCALL_taken)
		mailcall_go(x);
	LIST_FOREACH(w, &x->waiters, link)
		n++;
	if (x->state == MAILCALL_done || x->seq > after || wait_ms <= 0 || n >= WAITERS_MAX)
		tell(x, fn, arg);
	else
		wait_for(x, after, wait_ms, fn, arg);
}

/* ---- orders ------------------------------------------------------------------------------------------------ */

/* Room for one more; the oldest result goes when there are too many. */
static int
make_room(struct mailcalls *all, struct error *e)
{
	struct mailcall *x, *oldest = NULL;
	size_t open = 0, done = 0;

	LIST_FOREACH(x, &all->all, link)
		if (x->state == MAILCALL_done) {
			oldest = x;		/* new ones are put in front */
			done++;
		} else {
			open++;
		}
	if (open >= OPEN_MAX)
		return error_set(e, ERR_busy, "%d calls of email are open already", OPEN_MAX);
	if (done >= DONE_MAX)
		call_free(oldest);
	return 0;
}

/* 1, 0, or -1: the key is another turn's. */
static int
known(struct mailcalls *all, const struct mailcall_order *o, struct error *e)
{
	const struct mailcall *x = find(all, o->key);
	struct mailbook_row row = { 0 };
	int found = 1;
	bool same;

	if (x == NULL && (found = mailbook_find(all->db, o->key, &row, e)) != 1)
		return found;
	same = strcmp(x != NULL ? x->turn : row.turn, o->turn) == 0;
	mailbook_row_clear(&row);
	return same ? 1 : error_set(e, ERR_conflict, "key %.64s belongs to another call", o->key);
}

static int
audit_call(const struct mailcall *x, struct error *e)
{
	cleanup_free char *text = json_text_sorted(x->ask.args);
	cleanup_json json_t *detail = NULL;
	char hash[65];

	audit_hash(text, strlen(text), hash);
	detail = json_pack("{s:s, s:s, s:s, s:s, s:s}", "call", x->key, "turn", x->turn, "tool", TOOL, "action", x->ask.kind->name,
	    "args", hash);
	return audit_add(x->in->audit, "tool.exec", x->who, "begin", detail, e);
}

int
mailcalls_take(struct mailcalls *all, const struct mailcall_order *o, struct error *e)
{
	int found = known(all, o, e);
	struct mailcall *x;

	if (found != 0)
		return found;
	if (all->gateway->draining)
		return error_set(e, ERR_unavailable, "gatewayd is stopping");
	if (make_room(all, e) == -1)
		return -1;
	x = xcalloc(1, sizeof(*x));
	*x = (struct mailcall){ .in = all, .key = xstrdup(o->key), .turn = xstrdup(o->turn), .who = xstrdup(o->who),
	    .approver = o->approver };
	x->timer = evtimer_new(all->gateway->daemon->base, on_timer, x);
	LIST_INIT(&x->waiters);
	LIST_INSERT_HEAD(&all->all, x, link);
	if (email_read(&x->ask, o->args, e) == -1 || mailcall_choose(x, e) == -1 || audit_call(x, e) == -1) {
		call_free(x);
		return error_add(e, TOOL);
	}
	mailcall_arm(x, WANTED_MS);
	return 0;
}

bool
mailcalls_cancel(struct mailcalls *all, const char *key)
{
	struct mailcall *x = find(all, key);

	if (x == NULL || x->state == MAILCALL_acting || x->state == MAILCALL_done)
		return false;
	mailcall_fail(x, ERR_cancelled, "cancelled before anything was done");
	return true;
}

int
mailcalls_answer(struct mailcalls *all, const char *ticket, const char *choice, const char *seal, struct error *e)
{
	struct mailcall *x;

	LIST_FOREACH(x, &all->all, link)
		if (x->state == MAILCALL_asking && strcmp(x->ticket, ticket) == 0)
			break;
	if (x == NULL)
		return 0;
	const char *parts[] = { "approval", ticket, choice, x->shown, x->ask.kind->label, "", NULL };
	if (grant_unseal(&all->gateway->daemon->boot, PEOPLE, parts, seal, e) == -1)
		return error_add(e, "answer to call %.64s", x->key);
	mailcall_decide(x, strcmp(choice, "once") == 0, strcmp(choice, "once") == 0 ? "approved once" : "denied by the user");
	return 1;
}

/* ---- what engined asks ---------------------------------------------------------------------------------------- */

int
mailcalls_exec_asked(struct call *c, const void *in, struct error *e)
{
	const struct tool_exec *m = in;
	struct gateway *g = c->ctx;
	cleanup_free char *who = xasprintf("%s/%s", c->grant->surface, c->grant->who);
	struct mailcall_order o = { .key = m->key, .turn = m->turn, .who = who, .approver = grant_has(c->grant, CAP_approve),
	    .args = m->args };
	int found;

	if (strcmp(m->tool, TOOL) != 0)
		return error_set(e, ERR_not_found, "there is no tool %.64s here", m->tool);
	if (!grant_allows_tool(c->grant, TOOL, json_str(m->args, "action", NULL)))
		return error_set(e, ERR_denied, "the grant does not allow " TOOL);
	if ((found = mailcalls_take(g->mailcalls, &o, e)) == -1)
		return -1;
	return call_reply(c, &(struct tool_exec_reply){ .known = found == 1 });
}

static void
on_told(void *arg, const struct tool_next_reply *r)
{
	call_reply(arg, r);
}

int
mailcalls_next_asked(struct call *c, const void *in, struct error *e)
{
	const struct tool_next *m = in;
	struct gateway *g = c->ctx;

	mailcalls_next(g->mailcalls, m->key, m->after, m->wait_ms, on_told, c);
	return CALL_LATER;
}

int
mailcalls_cancel_asked(struct call *c, const void *in, struct error *e)
{
	const struct tool_cancel *m = in;
	struct gateway *g = c->ctx;

	return call_reply(c, &(struct tool_cancel_reply){ .cancelled = mailcalls_cancel(g->mailcalls, m->key) });
}

int
mailcalls_approve_asked(struct call *c, const void *in, struct error *e)
{
	const struct tool_approve *m = in;
	struct gateway *g = c->ctx;
	int taken = mailcalls_answer(g->mailcalls, m->ticket, m->choice, m->seal, e);

	return taken == -1 ? -1 : call_reply(c, &(struct tool_approve_reply){ .taken = taken == 1 });
}

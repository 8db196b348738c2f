/* SPDX-License-Identifier: Apache-2.0 */
/* See fetch.h. */
#include "engined/fetch.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/neighbour.h"
#include "engined/turn.h"

#define ANSWER_MS	60000		/* of one request */
#define WAIT_MS		20000		/* toolrunner holds a tool.next that long */
#define AGAIN_MS	200		/* between attempts while it is away */
#define ATTEMPTS	20		/* a dead one is back long before */
#define STOP_MS		5000

static const char *const daemons[] = { [FETCH_toolrunner] = "toolrunner", [FETCH_gatewayd] = "gatewayd" };

struct fetch {
	struct engine	*engine;
	struct turn	*turn;		/* NULL: it has ended */
	char		*id, *grant;	/* then: its own, and what allows the call */
	const char	*from, *tool;	/* from: the daemon */
	json_t		*args;
	char		 key[160];
	struct request	*request;
	struct event	*timer;
	int64_t		 seq;
	int		 attempts;
	fetch_done	*done;
	void		*arg;
};

static void
fetch_free(struct fetch *f)
{
	if (f->request != NULL)
		request_cancel(f->request);
	event_free(f->timer);
	json_decref(f->args);
	free(f->id);
	free(f->grant);
	free(f);
}

static void
end(struct fetch *f, const char *output, const struct error *e)
{
	f->done(f->arg, output, e);
	fetch_free(f);
}

static void
in(struct fetch *f, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(f->timer, &tv);
}

/* It did not come to an end: once more from the beginning, unless toolrunner refused or was away for too long. */
static void
again(struct fetch *f, const struct error *e)
{
	bool away = e->code == ERR_gone || e->code == ERR_unavailable || e->code == ERR_timeout || e->code == ERR_busy;

	if (away && ++f->attempts < ATTEMPTS)
		in(f, AGAIN_MS);
	else
		end(f, NULL, e);
}

static void
lost(struct fetch *f, const char *why)
{
	struct error e = { 0 };

	error_set(&e, ERR_gone, "%s", why);
	again(f, &e);
}

/* ---- how it stands ----------------------------------------------------------------------------------- */

static void ask_next(struct fetch *f);

static void
finished(struct fetch *f, const struct tool_next_reply *r)
{
	struct error e = { 0 };

	if (r->ok) {
		end(f, r->output == NULL ? "" : r->output, NULL);
		return;
	}
	error_set(&e, ERR_invalid, "%s", r->error == NULL ? "failed" : r->error);	/* it ran: no later try fares better */
	end(f, NULL, &e);
}

static void
on_next(void *arg, const void *reply, const struct error *e)
{
	const struct tool_next_reply *r = reply;
	struct fetch *f = arg;

	f->request = NULL;
	if (r == NULL) {
		again(f, e);
	} else if (strcmp(r->state, "done") == 0) {
		finished(f, r);
	} else if (strcmp(r->state, "running") == 0) {
		f->seq = r->seq;
		ask_next(f);
	} else {
		lost(f, "the call is not known any more");
	}
}

static void
ask_next(struct fetch *f)
{
	struct tool_next m = { .key = f->key, .after = f->seq, .wait_ms = WAIT_MS };
	struct error e = { 0 };

	f->request = request_send(f->engine->daemon, f->from, MSG_tool_next, &m, NULL, ANSWER_MS, on_next, f, &e);
	if (f->request == NULL)
		again(f, &e);
}

/* ---- begin and end -------------------------------------------------------------------------------------- */

static void
on_exec(void *arg, const void *reply, const struct error *e)
{
	struct fetch *f = arg;

	f->request = NULL;
	if (reply == NULL)
		again(f, e);
	else
		ask_next(f);
}

static void
on_begin(evutil_socket_t fd, short what, void *arg)
{
	struct fetch *f = arg;
	struct turn *t = f->turn;
	const char *turn = t == NULL ? f->id : t->row.id;
	struct tool_exec m = { .key = f->key, .turn = turn, .tool = f->tool, .args = f->args };
	struct error e = { 0 };
	char id[17];

	random_hex(id, 8);
	snprintf(f->key, sizeof(f->key), "%s/%s", t != NULL && t->now.key != NULL ? t->now.key : turn, id);
	f->seq = 0;
	f->request = request_send(f->engine->daemon, f->from, MSG_tool_exec, &m, t == NULL ? f->grant :
	    neighbour_grant(t, f->from), ANSWER_MS, on_exec, f, &e);
	if (f->request == NULL)
		again(f, &e);
}

static struct fetch *
begin(const struct fetch *like)
{
	struct fetch *f = xcalloc(1, sizeof(*f));

	*f = *like;
	f->timer = evtimer_new(f->engine->base, on_begin, f);
	in(f, 0);
	return f;
}

struct fetch *
fetch_begin_at(struct turn *t, enum fetch_from from, const char *tool, json_t *args, fetch_done *done, void *arg)
{
	return begin(&(struct fetch){ .engine = t->engine, .turn = t, .from = daemons[from], .tool = tool, .args = args, .done = done,
	    .arg = arg });
}

struct fetch *
fetch_begin(struct turn *t, const char *tool, json_t *args, fetch_done *done, void *arg)
{
	return fetch_begin_at(t, FETCH_toolrunner, tool, args, done, arg);
}

struct fetch *
fetch_after(struct engine *en, const char *turn, const char *grant, const char *tool, json_t *args, fetch_done *done, void *arg)
{
	return begin(&(struct fetch){ .engine = en, .id = xstrdup(turn), .grant = xstrdup(grant), .from = daemons[FETCH_toolrunner],
	    .tool = tool, .args = args, .done = done, .arg = arg });
}

static void
on_cancelled(void *arg, const void *reply, const struct error *e)
{
}

void
fetch_cancel(struct fetch *f)
{
	struct tool_cancel m;

	if (f == NULL)
		return;
	m = (struct tool_cancel){ .key = f->key };
	if (f->request != NULL)
		request_send(f->engine->daemon, f->from, MSG_tool_cancel, &m, NULL, STOP_MS, on_cancelled, NULL, NULL);
	fetch_free(f);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See follow.h. One request at a time: whatever the turn needs next (`step`). */
#include "common/follow.h"

#include <string.h>

#include "common/clock.h"
#include "common/mem.h"

#define WAIT_MS		25000		/* one turn.next */
#define ANSWER_MS	8000		/* beyond its wait, and any other request */
#define RETRY_MS	250
#define AWAY_RETRY_MS	60000

struct follow {
	struct daemon		*daemon;
	follow_send		*send;
	void			(*cancel)(struct request *);
	char			*unit, *key;
	const struct follow_owner *owner;
	void			*arg;
	char			*turn;		/* engined's name of it; NULL: turn.start was never answered */
	bool			 there;		/* and was answered since engined was last away */
	bool			 asked;		/* engined may have begun it */
	int64_t			 last;		/* the newest event that was told */
	int64_t			 away;		/* monotonic ms since when engined does not answer; 0: it does */
	bool			 going;
	char			*reason;	/* not NULL: it shall end */
	bool			 told;		/* and engined knows */
	bool			 only_end;	/* and nothing else is wanted of it */
	struct request		*request;
	bool			 pulling;	/* it is a turn.next */
	struct event		*timer;		/* to try again, to end */
	struct error		 why;		/* why it ends; ERR_none: it does not */
};

static void step(struct follow *f);

/* ---- the end ------------------------------------------------------------------------------- */

void
follow_free(struct follow *f)
{
	if (f == NULL)
		return;
	if (f->request != NULL)
		f->cancel(f->request);
	event_free(f->timer);
	free(f->unit);
	free(f->key);
	free(f->turn);
	free(f->reason);
	free(f);
}

static void
end(struct follow *f, const struct error *why)
{
	struct error copy = why == NULL ? (struct error){ 0 } : *why;
	const struct follow_owner *owner = f->owner;
	void *arg = f->arg;

	follow_free(f);
	owner->ended(arg, why == NULL ? NULL : &copy);
}

/* ---- engined is away ------------------------------------------------------------------------- */

static bool
is_away(const struct error *e)
{
	return e->code == ERR_unavailable || e->code == ERR_gone || e->code == ERR_timeout;
}

/* Often while it restarts, ever more rarely while it stays away: each look keeps the machine awake for seconds. */
static int
pause_ms(int64_t away)
{
	if (away < FOLLOW_START_S * 1000)
		return RETRY_MS;
	return away / 2 < AWAY_RETRY_MS ? (int)(away / 2) : AWAY_RETRY_MS;
}

static void
later(struct follow *f, int ms)
{
	event_add(f->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct follow *f = arg;

	if (f->why.code != ERR_none)
		end(f, &f->why);
	else
		step(f);
}

/* True: it is over. */
static bool
wait_for_engine(struct follow *f, const struct error *e)
{
	int64_t now = clock_mono_ms(), away;

	f->there = f->told = false;
	f->asked |= e->code != ERR_unavailable;
	if (f->away == 0)
		f->away = now;
	away = now - f->away;
	if (!f->asked && (away >= (f->owner->start_s > 0 ? f->owner->start_s : FOLLOW_START_S) * 1000 || f->reason != NULL)) {
		end(f, e);
		return true;
	}
	later(f, pause_ms(away));
	if (f->asked && f->owner->away != NULL)
		f->owner->away(f->arg, away);
	return false;
}

/* An answer came in: engined's refusal ends the follow, its absence does not. True: there is nothing more to do here. */
static bool
failed(struct follow *f, const void *reply, const struct error *e)
{
	f->request = NULL;
	f->pulling = false;
	if (reply != NULL) {
		f->away = 0;
		return false;
	}
	if (is_away(e))
		wait_for_engine(f, e);
	else
		end(f, e);
	return true;
}

/* ---- what it needs next ------------------------------------------------------------------------ */

static void
on_next(void *arg, const void *reply, const struct error *e)
{
	const struct turn_next_reply *r = reply;
	struct follow *f = arg;

	if (failed(f, r, e))
		return;
	for (size_t i = 0; i < r->n_events; i++)
		if (r->events[i].seq > f->last) {
			f->last = r->events[i].seq;
			f->owner->event(f->arg, &r->events[i]);
		}
	if (r->done)
		end(f, NULL);
	else
		step(f);
}

static void
on_started(void *arg, const void *reply, const struct error *e)
{
	const struct turn_start_reply *r = reply;
	struct follow *f = arg;

	if (failed(f, r, e))
		return;
	if (f->turn == NULL || strcmp(f->turn, r->turn) != 0)
		f->last = 0;
	free(f->turn);
	f->turn = xstrdup(r->turn);
	f->there = f->asked = true;
	f->owner->started(f->arg, r);
	step(f);
}

static void
on_told(void *arg, const void *reply, const struct error *e)
{
	struct error over = { .code = ERR_cancelled, .text = "it was ended" };
	struct follow *f = arg;

	if (failed(f, reply, e))
		return;
	f->told = true;
	if (f->only_end)
		end(f, &over);
	else
		step(f);
}

static struct request *
ask(struct follow *f, struct error *e)
{
	if (f->only_end || (f->reason != NULL && f->there && !f->told))
		return f->send(f->daemon, f->unit, MSG_turn_cancel, &(struct turn_cancel){ .key = f->key,
		    .reason = f->reason }, NULL, ANSWER_MS, on_told, f, e);
	if (!f->there)
		return f->owner->start(f->arg, on_started, f, e);
	f->pulling = true;
	return f->send(f->daemon, f->unit, MSG_turn_next, &(struct turn_next){ .turn = f->turn, .after = f->last,
	    .wait_ms = WAIT_MS }, NULL, WAIT_MS + ANSWER_MS, on_next, f, e);
}

static void
step(struct follow *f)
{
	struct error e = { 0 };
	bool wanted = f->going || (f->reason != NULL && !f->told);

	if (f->request != NULL || event_pending(f->timer, EV_TIMEOUT, NULL) || !wanted)
		return;
	if ((f->request = ask(f, &e)) == NULL && !is_away(&e))
		end(f, &e);
	else if (f->request == NULL)
		wait_for_engine(f, &e);
}

/* ---- from the owner ------------------------------------------------------------------------------ */

struct follow *
follow_new(struct daemon *d, follow_send *send, void (*cancel)(struct request *), const char *unit, const char *key,
    const struct follow_owner *owner, void *arg)
{
	struct follow *f = xcalloc(1, sizeof(*f));

	f->daemon = d;
	f->send = send;
	f->cancel = cancel;
	f->unit = xstrdup(unit);
	f->key = xstrdup(key);
	f->owner = owner;
	f->arg = arg;
	f->timer = event_new(d->base, -1, 0, on_timer, f);
	return f;
}

/* From the loop, so that no callback comes out of a call of the owner's. */
static void
step_soon(struct follow *f)
{
	if (f->request == NULL && !event_pending(f->timer, EV_TIMEOUT, NULL))
		event_active(f->timer, EV_TIMEOUT, 0);
}

void
follow_go(struct follow *f)
{
	f->going = true;
	step_soon(f);
}

void
follow_hold(struct follow *f)
{
	f->going = false;
}

void
follow_cancel(struct follow *f, const char *reason)
{
	if (f->reason != NULL)
		return;
	f->reason = xstrdup(reason);
	f->going = true;
	if (!f->asked && f->request == NULL)
		error_set(&f->why, ERR_cancelled, "%s", reason);
	if (f->pulling) {		/* a long wait; what it brings is asked for again */
		f->cancel(steal(f->request));
		f->pulling = false;
	}
	step_soon(f);
}

void
follow_end(struct follow *f, const char *reason)
{
	f->asked = f->only_end = true;
	follow_cancel(f, reason);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that look on at a turn. Whoever keeps up is shown what the turn's
 * own pull brings. A follower that came later, or takes its frames slowly,
 * pulls for itself from where it stands until it has caught up: so nothing is
 * stored here, and a slow reader costs a bounded queue. Nothing in this file
 * looks into a frame but at its kind.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "hostd/client.h"
#include "hostd/host.h"
#include "hostd/turn.h"
#include "hostd/turns.h"

#define QUEUE_BYTES	(1024u * 1024)	/* a follower with more than this waiting pulls for itself */

struct follower {
	LIST_ENTRY(follower)	 link;
	struct turn		*turn;
	struct ask		*ask;
	int64_t			 after;		/* the newest event it was shown */
	bool			 live;		/* shown what the turn's own pull brings */
	struct request		*request;	/* its own pull */
	int64_t			 seen;		/* where the turn stood when that was sent */
	struct event		*beat;
};

static const struct error no_end = { .code = ERR_gone, .text = "the end of this turn is no longer known" };

static void catch_up(struct follower *f);

/* The client is shown no more; the turn goes on. The turn may be freed by this. */
static void
leave(struct follower *f)
{
	struct turn *t = f->turn;
	struct ask *a = f->ask;

	LIST_REMOVE(f, link);
	if (f->request != NULL)
		t->in->host->cancel(f->request);
	event_free(f->beat);
	free(f);
	ask_end(a);
	turn_forget(t);
}

static void
on_gone(void *arg)
{
	leave(arg);
}

static void
on_drained(void *arg)
{
	struct follower *f = arg;

	if (!f->live && f->request == NULL)
		catch_up(f);
}

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct follower *f = arg;

	if (ask_queued_messages(f->ask) == 0)
		ask_frame_text(f->ask, "heartbeat", NULL, NULL);
}

/* ---- frames -------------------------------------------------------------------------------------- */

/* {"event": kind, and the members of data */
static char *
frame_of(const struct turn_event *ev)
{
	json_t *o = json_pack("{s:s}", "event", ev->kind);
	char *text;

	if (json_is_object(ev->data))
		json_object_update_missing(o, ev->data);
	text = json_text(o);
	json_decref(o);
	return text;
}

/* 1 shown and more may come, 0 it was the last frame or the client went away: f is freed. */
static int
show(struct follower *f, const char *frame, int64_t seq, bool last)
{
	f->after = seq;
	if (ask_frame(f->ask, frame) == -1)
		return 0;
	if (!last)
		return 1;
	leave(f);
	return 0;
}

static bool
is_last(const struct turn_event *ev)
{
	return strcmp(ev->kind, "done") == 0;
}

/* Error, done: for a turn that ends without engined saying so. f is freed. */
static void
show_failure(struct follower *f, const struct error *e)
{
	json_t *o = json_pack("{s:s, s:s*}", "event", "done", "session_id", f->turn->session);
	cleanup_free char *last = json_text(o), *words = error_words(e);

	json_decref(o);
	if (ask_frame_text(f->ask, "error", words, error_name(e->code)) == 0)
		show(f, last, f->after, true);
}

static bool
has_room(const struct follower *f)
{
	return ask_queued_bytes(f->ask) < QUEUE_BYTES;
}

/* ---- catching up --------------------------------------------------------------------------------- */

/*
 * A turn whose row is closed is open at engined: a power loss took its end there and left it here. It is ours again,
 * and followed from where this follower stands.
 */
static void
reopen(struct turn *t, int64_t after)
{
	log_info("turn key=%s is open again", t->key);
	t->done = false;
	t->last = after;
	row_reopen(t);
	turn_step(t);
}

/*
 * engined has no more than this follower was shown, though the turn stood further: frames of before engined's death
 * may be lost. What comes next is for all followers.
 */
static void
caught_up(struct follower *f, bool ended)
{
	struct turn *t = f->turn;

	if (ended) {
		show_failure(f, &no_end);
		return;
	}
	if (t->last != f->seen) {	/* the turn's own pull was faster, and this one was not shown what it brought */
		catch_up(f);
		return;
	}
	f->live = true;
	if (t->done)
		reopen(t, f->after);
}

static void
on_caught(void *arg, const void *reply, const struct error *e)
{
	const struct turn_next_reply *r = reply;
	struct follower *f = arg;

	f->request = NULL;
	if (r == NULL) {
		show_failure(f, e);
		return;
	}
	if (r->n_events == 0) {
		caught_up(f, r->done);
		return;
	}
	for (size_t i = 0; i < r->n_events && has_room(f); i++) {
		cleanup_free char *frame = frame_of(&r->events[i]);

		if (show(f, frame, r->events[i].seq, is_last(&r->events[i])) == 0)
			return;
	}
	if (has_room(f))
		catch_up(f);
}

/* Pull for one follower until it stands where the turn stands. */
static void
catch_up(struct follower *f)
{
	struct turn *t = f->turn;
	struct host *h = t->in->host;
	cleanup_free char *unit = xasprintf("%s/engined", t->profile);
	struct error e = { 0 };

	if (!t->done && f->after >= t->last) {
		f->live = true;
		return;
	}
	f->live = false;
	if (t->id == NULL) {
		show_failure(f, &no_end);
		return;
	}
	f->seen = t->last;
	f->request = h->send(h->daemon, unit, MSG_turn_next, &(struct turn_next){ .turn = t->id, .after = f->after },
	    NULL, TURN_ANSWER_MS, on_caught, f, &e);
	if (f->request == NULL)
		show_failure(f, &e);
}

void
follow_catch_up(struct turn *t)
{
	struct follower *f, *next;

	for (f = LIST_FIRST(&t->followers); f != NULL; f = next) {
		next = LIST_NEXT(f, link);
		catch_up(f);
	}
}

void
follow_begin(struct turn *t, struct ask *a)
{
	struct follower *f = xcalloc(1, sizeof(*f));

	f->turn = t;
	f->ask = a;
	f->beat = event_new(t->in->host->daemon->base, -1, EV_PERSIST, on_beat, f);
	event_add(f->beat, &(struct timeval){ TURNS_HEARTBEAT_S, 0 });
	a->arg = f;
	a->gone = on_gone;
	a->drained = on_drained;
	LIST_INSERT_HEAD(&t->followers, f, link);
	catch_up(f);
}

/* ---- all of a turn ------------------------------------------------------------------------------- */

void
follow_show(struct turn *t, const struct turn_next_reply *r)
{
	struct follower *f, *next;

	for (size_t i = 0; i < r->n_events; i++) {
		const struct turn_event *ev = &r->events[i];
		cleanup_free char *frame = NULL;

		if (ev->seq <= t->last)
			continue;
		t->last = ev->seq;
		for (f = LIST_FIRST(&t->followers); f != NULL; f = next) {
			next = LIST_NEXT(f, link);
			if (!f->live)
				continue;
			if (!has_room(f)) {
				f->live = false;	/* goes on by itself when its queue is taken */
				continue;
			}
			if (frame == NULL)
				frame = frame_of(ev);
			show(f, frame, ev->seq, is_last(ev));
		}
	}
}

void
follow_end(struct turn *t)
{
	struct follower *f, *next;

	for (f = LIST_FIRST(&t->followers); f != NULL; f = next) {
		next = LIST_NEXT(f, link);
		if (f->live)
			show_failure(f, &no_end);
	}
}

void
follow_fail(struct turn *t, const struct error *e)
{
	struct follower *f, *next;

	for (f = LIST_FIRST(&t->followers); f != NULL; f = next) {
		next = LIST_NEXT(f, link);
		show_failure(f, e);
	}
}

void
follow_leave(struct turn *t)
{
	while (!LIST_EMPTY(&t->followers))
		leave(LIST_FIRST(&t->followers));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turns.h. One pull (turn.next) per turn keeps it owned; what it brings
 * is shown to every follower that keeps up. A follower that came later, or
 * takes its frames slowly, pulls for itself from where it stands until it has
 * caught up: so nothing is stored here, and a slow reader costs a bounded
 * queue. Nothing in this file looks into a frame but at its kind.
 */
#include "hostd/turns.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/db.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "hostd/approvals.h"
#include "hostd/client.h"
#include "hostd/host.h"
#include "hostd/settings.h"
#include "hostd/stream.h"

#define KEY_MAX		128		/* of turn.start */
#define GRANT_S		86400
#define WAIT_MS		25000		/* one turn.next */
#define ANSWER_MS	8000		/* beyond its wait, and any other request */
#define RETRY_MS	250
#define AWAY_S		60		/* an engined that stays away: followers are told */
#define AWAY_RETRY_MS	60000
#define QUEUE_BYTES	(1024u * 1024)	/* a follower with more than this waiting pulls for itself */

struct turn;

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

struct turn {
	TAILQ_ENTRY(turn)	 link;
	struct turns		*in;
	char			*key, *profile, *request_id, *session, *surface, *who;
	char			*id;		/* engined's name of it; NULL before turn.start was answered */
	uint32_t		 caps;
	json_t			*body;		/* what was asked: members of turn.start */
	int64_t			 last;		/* the newest event that was pulled */
	int64_t			 began;		/* Unix ms */
	int64_t			 away;		/* monotonic ms since when engined does not answer; 0: it does */
	bool			 adopted;	/* of before our restart: waited for without limit */
	bool			 asked;		/* engined may have begun it */
	bool			 done;		/* its row is closed */
	bool			 dropped;	/* given up by us: cancel it when engined is back */
	bool			 cancelled;	/* a client cancelled it before it was begun */
	struct request		*request;
	struct event		*timer;		/* to try again */
	LIST_HEAD(, follower)	 followers;
};

struct turns {
	struct host		*host;
	TAILQ_HEAD(, turn)	 all;
};

/* ---- rows ---------------------------------------------------------------------------------- */

static int
insert_row(struct turn *t, struct error *e)
{
	cleanup_json json_t *kept = json_copy(t->body);
	cleanup_free char *body = NULL;

	if (json_bool(kept, "no_save", false))
		json_object_set_new(kept, "text", json_string(""));	/* then nothing of it is kept here either */
	body = json_text(kept);
	return db_run(t->in->host->db, e, "INSERT INTO turns (key, profile, request_id, session, surface, who, caps, body) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", "ssssssis", t->key, t->profile, t->request_id, t->session, t->surface,
	    t->who, (int64_t)t->caps, body);
}

/*
 * A closed row only remembers that its key was used, and what for. A turn
 * that engined never began leaves no row: its key may be tried again.
 */
static void
close_row(struct turn *t)
{
	struct db *db = t->in->host->db;
	int64_t now = clock_wall_ms() / 1000;
	struct error e = { 0 };
	int closed;

	if (t->id == NULL && !t->dropped)
		closed = db_run(db, &e, "DELETE FROM turns WHERE key = ?", "s", t->key);
	else
		closed = db_run(db, &e, "UPDATE turns SET turn = ?, session = ?, body = NULL, ended = ? WHERE key = ?",
		    "ssis", t->id, t->session, now, t->key);
	if (closed == -1 || db_run(db, &e, "DELETE FROM turns WHERE ended < ?", "i", now - TURNS_KEEP_S) == -1)
		log_warn("turn key=%s is not closed on disk: %s", t->key, e.text);
}

static struct turn *
new_turn(struct turns *s, const char *profile, const char *request_id)
{
	struct turn *t = xcalloc(1, sizeof(*t));

	t->in = s;
	t->key = xasprintf("host:%s:%s", profile, request_id);
	t->profile = xstrdup(profile);
	t->request_id = xstrdup(request_id);
	t->began = clock_wall_ms();
	LIST_INIT(&t->followers);
	TAILQ_INSERT_TAIL(&s->all, t, link);
	return t;
}

static void
free_turn(struct turn *t)
{
	struct host *h = t->in->host;

	TAILQ_REMOVE(&t->in->all, t, link);
	if (t->request != NULL)
		h->cancel(t->request);
	if (t->timer != NULL)
		event_free(t->timer);
	json_decref(t->body);
	free(t->key);
	free(t->profile);
	free(t->request_id);
	free(t->session);
	free(t->surface);
	free(t->who);
	free(t->id);
	free(t);
}

static const char *
column(sqlite3_stmt *s, int i)
{
	return (const char *)sqlite3_column_text(s, i);
}

#define ROW "SELECT profile, request_id, session, surface, who, caps, turn, body FROM turns "

/* The turn of a ROW. */
static struct turn *
turn_of_row(struct turns *s, sqlite3_stmt *row)
{
	struct turn *t = new_turn(s, column(row, 0), column(row, 1));
	const char *body = column(row, 7);

	t->session = xstrdup0(column(row, 2));
	t->surface = xstrdup(column(row, 3));
	t->who = xstrdup(column(row, 4));
	t->caps = (uint32_t)sqlite3_column_int64(row, 5);
	t->id = xstrdup0(column(row, 6));
	t->body = body == NULL ? NULL : json_parse(body, strlen(body), PROTO_DEPTH_MAX, NULL);
	return t;
}

/* ---- followers ----------------------------------------------------------------------------- */

static void catch_up(struct follower *f);
static void step(struct turn *t);

static void
forget_when_idle(struct turn *t)
{
	if (t->done && LIST_EMPTY(&t->followers) && t->request == NULL)
		free_turn(t);
}

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
	forget_when_idle(t);
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
	cleanup_free char *last = json_text(o);

	json_decref(o);
	if (ask_frame_text(f->ask, "error", e->text, error_name(e->code)) == 0)
		show(f, last, f->after, true);
}

static bool
has_room(const struct follower *f)
{
	return ask_queued_bytes(f->ask) < QUEUE_BYTES;
}

static const struct error no_end = { .code = ERR_gone, .text = "the end of this turn is no longer known" };

/*
 * A turn whose row is closed is open at engined: a power loss took its end there and left it here. It is ours again,
 * and followed from where this follower stands.
 */
static void
reopen(struct turn *t, int64_t after)
{
	struct error e = { 0 };

	t->done = false;
	t->last = after;
	if (db_run(t->in->host->db, &e, "UPDATE turns SET ended = NULL WHERE key = ?", "s", t->key) == -1)
		log_warn("turn key=%s is not open again on disk: %s", t->key, e.text);
	log_info("turn key=%s is open again", t->key);
	step(t);
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
	    NULL, ANSWER_MS, on_caught, f, &e);
	if (f->request == NULL)
		show_failure(f, &e);
}

static void
follow(struct turn *t, struct ask *a)
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

/* ---- the turn's end ------------------------------------------------------------------------ */

static void
close_turn(struct turn *t)
{
	t->done = true;
	close_row(t);
	if (t->session != NULL)
		approvals_drop_session(t->in->host->approvals, t->profile, t->session);
	stream_activity(t->in->host->stream, t->profile);
}

/* Tell everyone who looks on, whatever they were shown so far. */
static void
tell_failure(struct turn *t, const struct error *e)
{
	struct follower *f, *next;

	for (f = LIST_FIRST(&t->followers); f != NULL; f = next) {
		next = LIST_NEXT(f, link);
		show_failure(f, e);
	}
}

/* The turn ends here, without engined's word. t is freed. */
static void
fail_turn(struct turn *t, const struct error *e)
{
	log_info("turn key=%s failed: %s", t->key, e->text);
	close_turn(t);
	t->done = false;		/* keeps t until everyone is told */
	tell_failure(t, e);
	free_turn(t);
}

/* ---- asking engined ------------------------------------------------------------------------ */

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	step(arg);
}

static void
retry_in(struct turn *t, int ms)
{
	if (t->timer == NULL)
		t->timer = event_new(t->in->host->daemon->base, -1, 0, on_retry, t);
	event_add(t->timer, &(struct timeval){ ms / 1000, (suseconds_t)(ms % 1000) * 1000 });
}

static bool
is_away(const struct error *e)
{
	return e->code == ERR_unavailable || e->code == ERR_gone || e->code == ERR_timeout;
}

/* A turn that engined has begun ends by its word alone, or when it knows nothing of it: until then it is ours. */
static bool
goes_on(const struct turn *t, const struct error *e)
{
	return is_away(e) || (t->id != NULL && e->code != ERR_not_found);
}

/* Often while it restarts, ever more rarely while it stays away: each look keeps the machine awake for seconds. */
static int
pause_ms(int64_t away)
{
	if (away < TURNS_START_S * 1000)
		return RETRY_MS;
	return away / 2 < AWAY_RETRY_MS ? (int)(away / 2) : AWAY_RETRY_MS;
}

/*
 * engined cannot be reached. A turn it never saw is failed after a while; one
 * it may have begun is cancelled when it is back, so that no turn runs whose
 * client was told of a failure; one it runs goes on and is waited for.
 */
static void
wait_for_engine(struct turn *t, const struct error *e)
{
	int64_t now = clock_mono_ms(), away;

	if (e->code != ERR_unavailable)
		t->asked = true;
	if (t->away == 0)
		t->away = now;
	away = now - t->away;
	if (t->id == NULL && !t->adopted && !t->asked && away >= TURNS_START_S * 1000) {
		fail_turn(t, e);
		return;
	}
	if (t->id == NULL && !t->adopted && !t->dropped && away >= TURNS_START_S * 1000) {
		t->dropped = true;
		tell_failure(t, e);
	}
	if (t->id != NULL && away >= AWAY_S * 1000)
		tell_failure(t, e);
	retry_in(t, pause_ms(away));
}

static struct request *
ask_engine(struct turn *t, enum msg type, const void *body, int timeout_ms, request_done *done, struct error *e)
{
	struct host *h = t->in->host;
	cleanup_free char *unit = host_engine(h, t->profile, e);

	return unit == NULL ? NULL : h->send(h->daemon, unit, type, body, NULL, timeout_ms, done, t, e);
}

/* A profile that was just made has no units yet: that is engined being away. */
static void
not_asked(struct turn *t, struct error *e)
{
	if (e->code == ERR_not_found && t->id == NULL) {
		t->adopted = false;
		e->code = ERR_unavailable;
	}
	if (goes_on(t, e))
		wait_for_engine(t, e);
	else
		fail_turn(t, e);
}

/* ---- following ----------------------------------------------------------------------------- */

/* Show what came to the followers that keep up, as far as each has room. */
static void
show_all(struct turn *t, const struct turn_next_reply *r)
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

/* Whoever saw all there was and no "done" is told by us. */
static void
end_followers(struct turn *t)
{
	struct follower *f, *next;

	for (f = LIST_FIRST(&t->followers); f != NULL; f = next) {
		next = LIST_NEXT(f, link);
		if (f->live)
			show_failure(f, &no_end);
	}
}

static void
on_next(void *arg, const void *reply, const struct error *e)
{
	const struct turn_next_reply *r = reply;
	struct turn *t = arg;

	t->request = NULL;
	if (r == NULL) {
		(goes_on(t, e) ? wait_for_engine : fail_turn)(t, e);
		return;
	}
	t->away = 0;
	show_all(t, r);
	if (!r->done) {
		step(t);
		return;
	}
	end_followers(t);
	close_turn(t);
	forget_when_idle(t);
}

static int
pull(struct turn *t, struct error *e)
{
	t->request = ask_engine(t, MSG_turn_next, &(struct turn_next){ .turn = t->id, .after = t->last,
	    .wait_ms = WAIT_MS }, WAIT_MS + ANSWER_MS, on_next, e);
	return t->request == NULL ? -1 : 0;
}

/* ---- beginning ----------------------------------------------------------------------------- */

/* What the one on whose behalf this runs may cause through a unit. */
static char *
mint(struct turn *t, char *verifier, struct error *e)
{
	struct host *h = t->in->host;
	struct grant g = {
		.origin = h->daemon->boot.unit,
		.audience = verifier,
		.who = t->who,
		.surface = t->surface,
		.session = t->session,
		.workspace = (char *)json_str(t->body, "workspace", NULL),
		.caps = t->caps,
		.until = clock_wall_ms() / 1000 + GRANT_S,
	};

	return grant_mint(&h->daemon->boot, &g, e);
}

static struct request *
send_start(struct turn *t, request_done *done, void *arg, struct error *e)
{
	struct host *h = t->in->host;
	cleanup_free char *unit = host_engine(h, t->profile, e), *runner = xasprintf("%s/toolrunner", t->profile);
	cleanup_free char *link = host_unit(h, t->profile, "alpd", NULL), *tools = NULL, *peers = NULL;
	const json_t *b = t->body;

	if (unit == NULL || (tools = mint(t, runner, e)) == NULL)
		return NULL;
	if (link != NULL && (t->caps & 1u << CAP_peer) != 0)
		peers = mint(t, link, NULL);
	return h->send(h->daemon, unit, MSG_turn_start, &(struct turn_start){
		.key = t->key,
		.session = t->session,
		.fresh = json_bool(b, "fresh", false),
		.text = json_str(b, "text", ""),
		.surface = t->surface,
		.model = json_str(b, "model", NULL),
		.workspace = json_str(b, "workspace", NULL),
		.no_save = json_bool(b, "no_save", false),
		.interactive = json_bool(b, "interactive", false),
		.rewrite_from = json_int(b, "rewrite_from", 0),
		.attachments = json_object_get(b, "attachments"),
		.grants = (const char *[]){ tools, peers },
		.n_grants = peers == NULL ? 1 : 2,
	}, NULL, ANSWER_MS, done, arg, e);
}

static void
on_nothing(void *arg, const void *reply, const struct error *e)
{
}

static void
send_cancel(struct turn *t)
{
	struct host *h = t->in->host;
	cleanup_free char *unit = host_engine(h, t->profile, NULL);

	if (unit != NULL)
		h->send(h->daemon, unit, MSG_turn_cancel, &(struct turn_cancel){ .key = t->key }, NULL, ANSWER_MS,
		    on_nothing, NULL, NULL);
}

static void
on_started(void *arg, const void *reply, const struct error *e)
{
	const struct turn_start_reply *r = reply;
	struct turn *t = arg;
	struct follower *f, *next;

	t->request = NULL;
	if (r == NULL) {
		if (is_away(e))
			wait_for_engine(t, e);
		else
			fail_turn(t, e);
		return;
	}
	t->away = 0;
	t->id = xstrdup(r->turn);
	if (t->cancelled)
		send_cancel(t);
	for (f = LIST_FIRST(&t->followers); f != NULL; f = next) {
		next = LIST_NEXT(f, link);
		catch_up(f);
	}
	step(t);
}

static int
start(struct turn *t, struct error *e)
{
	t->request = send_start(t, on_started, t, e);
	return t->request == NULL ? -1 : 0;
}

static void
on_dropped(void *arg, const void *reply, const struct error *e)
{
	struct turn *t = arg;

	t->request = NULL;
	if (reply == NULL && is_away(e))
		wait_for_engine(t, e);
	else
		fail_turn(t, &(struct error){ .code = ERR_cancelled, .text = "given up" });
}

static int
cancel_dropped(struct turn *t, struct error *e)
{
	t->request = ask_engine(t, MSG_turn_cancel, &(struct turn_cancel){ .key = t->key,
	    .reason = "the client was told that it failed" }, ANSWER_MS, on_dropped, e);
	return t->request == NULL ? -1 : 0;
}

/* Whatever this turn needs next. */
static void
step(struct turn *t)
{
	struct error e = { 0 };
	int asked;

	if (t->dropped)
		asked = cancel_dropped(t, &e);
	else
		asked = t->id == NULL ? start(t, &e) : pull(t, &e);
	if (asked == -1)
		not_asked(t, &e);
}

/* ---- from clients -------------------------------------------------------------------------- */

static struct turn *
find_key(struct turns *s, const char *profile, const char *request_id)
{
	struct turn *t;

	TAILQ_FOREACH(t, &s->all, link)
		if (strcmp(t->request_id, request_id) == 0 && (profile == NULL || strcmp(t->profile, profile) == 0))
			return t;
	return NULL;
}

/* A turn that ended a while ago and is asked for again: 1 and *out, 0 there is none, -1. */
static int
find_closed(struct turns *s, const char *profile, const char *request_id, struct turn **out, struct error *e)
{
	cleanup_free char *key = xasprintf("host:%s:%s", profile, request_id);
	sqlite3_stmt *row = db_query(s->host->db, e, ROW "WHERE key = ?", "s", key);
	int found;

	if (row == NULL)
		return -1;
	if ((found = db_step(s->host->db, row, e)) == 1) {
		*out = turn_of_row(s, row);
		(*out)->done = true;
	}
	db_done(row);
	return found;
}

static bool
is_below(const char *path, const char *dir)
{
	size_t n = dir == NULL ? 0 : strlen(dir);

	return n > 0 && strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

const char *
turns_workspace(const struct host *h, const char *cwd)
{
	size_t n = cwd == NULL ? 0 : strlen(cwd);

	if (n < 2 || cwd[0] != '/' || cwd[n - 1] == '/' || strstr(cwd, "//") != NULL || strstr(cwd, "/./") != NULL ||
	    strstr(cwd, "/../") != NULL || strcmp(cwd + n - 2, "/.") == 0 || (n > 2 && strcmp(cwd + n - 3, "/..") == 0))
		return NULL;
	if (h->person != NULL && strcmp(cwd, h->person) == 0)
		return NULL;
	if (is_below(cwd, h->daemon->boot.root) || is_below(cwd, h->root_real))
		return NULL;
	return cwd;
}

/* What engined will be asked for, from what the client said. */
static json_t *
body_of(const struct ask *a)
{
	bool interactive = json_bool(a->params, "interactive", true);
	bool fresh = ask_str0(a, "session_id") == NULL;
	json_t *b = json_pack("{s:s, s:b, s:s*, s:s*, s:b, s:b, s:I}", "text", ask_str(a, "text"), "fresh", fresh,
	    "model", ask_str0(a, "model"), "workspace", turns_workspace(a->host, ask_str0(a, "cwd")),
	    "no_save", json_bool(a->params, "no_save", false), "interactive", interactive,
	    "rewrite_from", (json_int_t)json_int(a->params, "rewrite_from_turn", 0));
	json_t *attachments = json_object_get(a->params, "attachments");

	if (json_array_size(attachments) > 0)
		json_object_set(b, "attachments", attachments);
	return b;
}

static uint32_t
caps_of(const struct ask *a)
{
	uint32_t caps = cap_ceiling("hostd");

	if (!json_bool(a->params, "interactive", true))
		caps &= ~(1u << CAP_approve);
	return caps;
}

static const char *
surface_of(const struct ask *a)
{
	const char *surface = ask_str0(a, "surface");

	return surface == NULL ? "host" : surface;
}

static int
check_surface(const char *surface, struct error *e)
{
	static const char *const surfaces[] = { "host", "cli", "tui", "web" };

	for (size_t i = 0; i < COUNT(surfaces); i++)
		if (strcmp(surface, surfaces[i]) == 0)
			return 0;
	return error_set(e, ERR_invalid, "surface is host, cli, tui or web");
}

/* A new session gets its name here: the grant is for it, and so are approvals "for this session". */
static char *
session_name(const char *asked)
{
	char fresh[13];

	if (asked != NULL)
		return xstrdup(asked);
	random_hex(fresh, 6);
	return xstrdup(fresh);
}

static void
begin(struct turns *s, struct ask *a)
{
	struct turn *t = new_turn(s, ask_str(a, "profile"), ask_str(a, "request_id"));
	struct error e = { 0 };

	t->session = session_name(ask_str0(a, "session_id"));
	t->surface = xstrdup(surface_of(a));
	t->who = xstrdup("local");
	t->caps = caps_of(a);
	t->body = body_of(a);
	follow(t, a);
	if (insert_row(t, &e) == -1) {
		fail_turn(t, &e);
		return;
	}
	stream_activity(s->host->stream, t->profile);
	step(t);
}

/* One error frame is the whole answer to a request that lacks what every chat needs. */
static int
refuse(struct ask *a, const char *missing)
{
	cleanup_free char *text = xasprintf("%s is missing", missing);

	ask_frame_text(a, "error", text, NULL);
	ask_end(a);
	return 0;
}

/* A profile without units is one that was just made, or none at all. */
static void
on_profiles(void *arg, const json_t *rows, const struct error *e)
{
	struct error none = { .code = ERR_not_found };
	struct ask *a = arg;
	const json_t *row;
	size_t i;

	if (a->client == NULL) {
		ask_end(a);	/* left before anything began */
		return;
	}
	json_array_foreach(rows, i, row)
		if (strcmp(json_str(row, "name", ""), ask_str(a, "profile")) == 0) {
			begin(a->host->turns, a);
			return;
		}
	error_set(&none, ERR_not_found, "no profile %s", ask_str(a, "profile"));
	ask_error(a, rows == NULL ? e : &none);
}

static int
check_new(const struct ask *a, struct error *e)
{
	size_t n = strlen("host::") + strlen(ask_str(a, "profile")) + strlen(ask_str(a, "request_id"));

	if (n > KEY_MAX)
		return error_set(e, ERR_invalid, "request_id is too long");
	return check_surface(surface_of(a), e);
}

int
turns_send(struct turns *s, struct ask *a, struct error *e)
{
	const char *profile = ask_str0(a, "profile"), *id = ask_str0(a, "request_id");
	cleanup_free char *unit = NULL;
	struct turn *t;
	int closed;

	if (profile == NULL || id == NULL)
		return refuse(a, profile == NULL ? "profile" : "request_id");
	if ((t = find_key(s, profile, id)) != NULL) {
		follow(t, a);
		return 0;
	}
	if ((closed = find_closed(s, profile, id, &t, e)) == -1)
		return -1;
	if (closed == 1) {
		follow(t, a);
		return 0;
	}
	if (ask_str0(a, "text") == NULL && json_array_size(json_object_get(a->params, "attachments")) == 0)
		return refuse(a, "text");
	if (check_new(a, e) == -1)
		return -1;
	if ((unit = host_engine(s->host, profile, e)) == NULL)
		settings_order(s->host->settings, "profiles", json_object(), on_profiles, a);
	else
		begin(s, a);
	return 0;
}

static void
on_cancelled(void *arg, const void *reply, const struct error *e)
{
	const struct turn_cancel_reply *r = reply;

	if (r == NULL)
		ask_error(arg, e);
	else
		ask_result(arg, json_pack("{s:b}", "cancelled", r->cancelled));
}

int
turns_cancel(struct turns *s, struct ask *a, struct error *e)
{
	struct turn *t = find_key(s, ask_str0(a, "profile"), ask_str(a, "request_id"));
	struct host *h = s->host;
	cleanup_free char *unit = NULL;

	if (t == NULL || t->done || t->dropped) {
		ask_result(a, json_pack("{s:b}", "cancelled", 0));
		return 0;
	}
	if (t->id == NULL) {
		t->cancelled = true;
		ask_result(a, json_pack("{s:b}", "cancelled", 1));
		return 0;
	}
	if ((unit = host_engine(h, t->profile, e)) == NULL)
		return -1;
	return h->send(h->daemon, unit, MSG_turn_cancel, &(struct turn_cancel){ .key = t->key,
	    .reason = "a client asked for it" }, NULL, ANSWER_MS, on_cancelled, a, e) == NULL ? -1 : 0;
}

json_t *
turns_running(const struct turns *s)
{
	json_t *rows = json_array();
	const struct turn *t;

	TAILQ_FOREACH(t, &s->all, link)
		if (!t->done && !t->dropped)
			json_array_append_new(rows, json_pack("{s:s, s:s, s:s*, s:s, s:f}", "profile", t->profile,
			    "request_id", t->request_id, "session_id", t->session, "surface", t->surface,
			    "started_at", (double)t->began / 1000.0));
	return rows;
}

size_t
turns_open_in(const struct turns *s, const char *profile)
{
	const struct turn *t;
	size_t n = 0;

	TAILQ_FOREACH(t, &s->all, link)
		n += !t->done && strcmp(t->profile, profile) == 0;
	return n;
}

/* ---- start and end ------------------------------------------------------------------------- */

static int
adopt(struct turns *s, struct error *e)
{
	sqlite3_stmt *row = db_query(s->host->db, e, ROW "WHERE ended IS NULL", "");
	int more;

	if (row == NULL)
		return -1;
	while ((more = db_step(s->host->db, row, e)) == 1)
		turn_of_row(s, row)->adopted = true;
	db_done(row);
	return more;
}

struct turns *
turns_open(struct host *h, struct error *e)
{
	struct turns *s = xcalloc(1, sizeof(*s));

	s->host = h;
	TAILQ_INIT(&s->all);
	if (adopt(s, e) == 0)
		return s;
	turns_close(s);
	return NULL;
}

void
turns_serve(struct turns *s)
{
	struct turn *t, *next;

	for (t = TAILQ_FIRST(&s->all); t != NULL; t = next) {
		next = TAILQ_NEXT(t, link);
		log_info("turn key=%s taken up again", t->key);
		step(t);
	}
}

void
turns_close(struct turns *s)
{
	struct turn *t;

	if (s == NULL)
		return;
	while ((t = TAILQ_FIRST(&s->all)) != NULL) {
		t->done = false;	/* followers leave, and the turn is freed here */
		while (!LIST_EMPTY(&t->followers))
			leave(LIST_FIRST(&t->followers));
		free_turn(t);
	}
	free(s);
}

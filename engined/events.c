/* SPDX-License-Identifier: Apache-2.0 */
/* See events.h. */
#include "engined/events.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/sidecar.h"

#define MERGE_MAX	8192		/* bytes of one delta frame */
#define ROWS_MAX	1024		/* frames of one answer (proto/turn.def) */
#define OVERHEAD	128		/* of a frame beyond its text, about */
#define CROWD		8		/* so many turns are shown as they come */
#define CROWD_RATE	500		/* answers per second with nothing but deltas, of all turns together, in a larger crowd; */
#define PACE_MAX_MS	250		/* but each turn is shown at least this often */

struct frame {
	TAILQ_ENTRY(frame)	 link;
	int64_t			 seq;
	const char		*kind;
	json_t			*data;		/* NULL: none, or a delta that still grows */
	struct buf		 text;		/* of such a delta */
	size_t			 bytes;		/* counted in events.bytes */
};

struct waiter {
	LIST_ENTRY(waiter)	 link;
	struct events		*events;
	struct call		*call;
	int64_t			 after, deadline;
	struct event		*timer;
	bool			 held;		/* there is something, and the timer stands for when it is shown */
};

static void answer_waiters(struct events *ev);

/* ---- frames ---------------------------------------------------------------------------------- */

static void
frame_drop(struct events *ev, struct frame *f)
{
	TAILQ_REMOVE(&ev->frames, f, link);
	ev->bytes -= f->bytes;
	json_decref(f->data);
	buf_clear(&f->text);
	free(f);
}

static void
count_bytes(struct events *ev, struct frame *f, size_t n)
{
	f->bytes += n;
	ev->bytes += n;
}

static struct frame *
frame_add(struct events *ev, const char *kind)
{
	struct frame *f = xcalloc(1, sizeof(*f));

	if (ev->last < ev->floor)
		ev->last = ev->floor;
	f->seq = ++ev->last;
	f->kind = kind;
	TAILQ_INSERT_TAIL(&ev->frames, f, link);
	count_bytes(ev, f, OVERHEAD);
	return f;
}

/* A delta stops growing: from here on it has data. */
static void
settle(struct frame *f)
{
	if (f->data == NULL && f->text.len > 0)
		f->data = json_pack("{s:s}", "text", buf_str(&f->text));
	buf_clear(&f->text);
}

static json_t *
frame_json(const struct frame *f)
{
	json_t *j = json_pack("{s:s}", "event", f->kind);

	if (f->data != NULL)
		json_object_update(j, f->data);
	return j;
}

/* Bring the sidecar up to the newest frame. */
static void
write_out(struct events *ev)
{
	cleanup_buf struct buf rows = BUF(0);
	struct error e = { 0 };
	struct frame *f;

	TAILQ_FOREACH(f, &ev->frames, link) {
		if (f->seq <= ev->written)
			continue;
		settle(f);
		if (ev->sidecar != NULL && !ev->broken) {
			json_t *frame = frame_json(f);

			sidecar_row(&rows, f->seq, ev->request_id, frame);
			json_decref(frame);
		}
	}
	ev->written = ev->last;
	if (rows.len > 0 && sidecar_append(ev->sidecar, &rows, &e) == -1) {
		log_warn("events request=%s: %s", ev->request_id, e.text);
		ev->broken = true;
	}
}

/* Frames up to `seq` may leave memory, if the sidecar has them. */
static void
drop_until(struct events *ev, int64_t seq)
{
	struct frame *f;

	if (ev->sidecar == NULL || ev->broken)
		return;
	while ((f = TAILQ_FIRST(&ev->frames)) != NULL && f->seq <= seq && f->seq <= ev->written)
		frame_drop(ev, f);
}

static void
bound_memory(struct events *ev)
{
	struct frame *f;

	if (ev->bytes <= EVENTS_MEMORY)
		return;
	write_out(ev);
	while (ev->bytes > EVENTS_MEMORY / 2 && (f = TAILQ_FIRST(&ev->frames)) != TAILQ_LAST(&ev->frames, frames_head))
		frame_drop(ev, f);
}

void
events_add(struct events *ev, const char *kind, json_t *data)
{
	struct frame *f = frame_add(ev, kind);
	cleanup_free char *text = data == NULL ? NULL : json_text(data);

	f->data = data;
	ev->urgent = f->seq;
	count_bytes(ev, f, text == NULL ? 0 : strlen(text));
	bound_memory(ev);
	answer_waiters(ev);
}

void
events_delta(struct events *ev, const char *kind, const char *text, size_t len)
{
	struct frame *f = TAILQ_LAST(&ev->frames, frames_head);

	if (len == 0)
		return;
	if (f == NULL || f->seq <= ev->written || f->data != NULL || f->text.len + len > MERGE_MAX ||
	    f->text.len == 0 || strcmp(f->kind, kind) != 0) {
		if (f != NULL && f->seq > ev->written)
			settle(f);
		f = frame_add(ev, kind);
	}
	buf_add(&f->text, text, len);
	count_bytes(ev, f, len);
	bound_memory(ev);
	answer_waiters(ev);
}

void
events_end(struct events *ev)
{
	ev->ended = true;
	write_out(ev);
	answer_waiters(ev);
}

/* ---- life ------------------------------------------------------------------------------------ */

void
events_init(struct events *ev, struct event_base *base, const char *sidecar, const char *request_id)
{
	*ev = (struct events){ .base = base, .sidecar = xstrdup(sidecar), .request_id = xstrdup(request_id) };
	TAILQ_INIT(&ev->frames);
	LIST_INIT(&ev->waiters);
}

int
events_begin(struct events *ev, const char *turn, struct error *e)
{
	return sidecar_begin(ev->sidecar, turn, ev->request_id, e);
}

/* The turn goes on even if its frames cannot be stored: then they are kept in memory. */
void
events_resume(struct events *ev, const char *turn, int64_t life)
{
	cleanup_json json_t *head = sidecar_head(ev->sidecar), *rows = NULL;
	struct error e = { 0 };
	int stored;

	if (strcmp(json_str(head, "turn", ""), turn) == 0) {
		rows = sidecar_tail(ev->sidecar, 1);
		stored = sidecar_end_line(ev->sidecar, &e);
	} else
		stored = sidecar_begin(ev->sidecar, turn, ev->request_id, &e);
	if (stored == -1)
		log_warn("events request=%s: %s", ev->request_id, e.text);
	ev->broken = stored == -1;
	ev->told = json_array_size(rows) > 0;
	ev->last = ev->written = ev->urgent = json_int(json_array_get(rows, 0), "seq", 0);
	ev->floor = life * EVENTS_LIFE;
	answer_waiters(ev);
}

static void
waiter_drop(struct waiter *w)
{
	LIST_REMOVE(w, link);
	event_free(w->timer);
	free(w);
}

void
events_clear(struct events *ev)
{
	const struct turn_next_reply nothing = { .n_events = 0 };
	struct waiter *w;
	struct frame *f;

	while ((w = LIST_FIRST(&ev->waiters)) != NULL) {
		call_reply(w->call, &nothing);
		waiter_drop(w);
	}
	while ((f = TAILQ_FIRST(&ev->frames)) != NULL)
		frame_drop(ev, f);
	free(ev->sidecar);
	free(ev->request_id);
	ev->sidecar = ev->request_id = NULL;
}

int
events_forget(struct events *ev)
{
	struct frame *first = TAILQ_FIRST(&ev->frames);

	if (ev->sidecar == NULL)
		return 1;
	if (first != NULL && first->seq > 1 && ev->bytes > EVENTS_MEMORY / 4)
		return 0;
	unlink(ev->sidecar);
	free(steal(ev->sidecar));
	return 1;
}

/* ---- answers --------------------------------------------------------------------------------- */

int
events_reply_rows(struct call *c, const json_t *rows, bool done)
{
	size_t n = json_array_size(rows), i;
	cleanup_free struct turn_event *list = xcalloc(n + 1, sizeof(*list));
	struct turn_next_reply reply = { .events = list, .n_events = n, .done = done };
	json_t *frames = json_array(), *row;

	json_array_foreach(rows, i, row) {
		json_t *data = json_copy(json_object_get(row, "frame"));

		list[i].seq = json_int(row, "seq", 0);
		list[i].kind = json_str(json_object_get(row, "frame"), "event", "");
		json_object_del(data, "event");
		list[i].data = data;
		json_array_append_new(frames, data);
	}
	call_reply(c, &reply);
	json_decref(frames);
	return 0;
}

/* Answer from memory: the frames after `after`, as many as fit. */
static void
reply_memory(struct events *ev, struct call *c, int64_t after)
{
	struct turn_event *list = xcalloc(ROWS_MAX, sizeof(*list));
	struct turn_next_reply reply = { .events = list };
	size_t bytes = 0;
	struct frame *f;

	TAILQ_FOREACH(f, &ev->frames, link) {
		if (f->seq <= after)
			continue;
		if (reply.n_events == ROWS_MAX || bytes > EVENTS_REPLY)
			break;
		list[reply.n_events++] = (struct turn_event){ .seq = f->seq, .kind = f->kind, .data = f->data };
		bytes += f->bytes;
		after = f->seq;
	}
	reply.done = ev->ended && after >= ev->last;
	call_reply(c, &reply);
	free(list);
}

static void
reply_now(struct events *ev, struct call *c, int64_t after)
{
	struct frame *first;
	json_t *rows;

	write_out(ev);
	drop_until(ev, after);
	if (ev->last > ev->urgent && ev->last > after)
		ev->shown_ms = clock_mono_ms();
	first = TAILQ_FIRST(&ev->frames);
	if (ev->sidecar == NULL || after >= ev->last || (first != NULL && first->seq <= after + 1)) {
		reply_memory(ev, c, after);
		return;
	}
	rows = sidecar_read(ev->sidecar, after, ROWS_MAX, EVENTS_REPLY);
	if (json_array_size(rows) == 0)
		reply_memory(ev, c, after);	/* somebody removed the file: what we have is better than waiting for ever */
	else
		events_reply_rows(c, rows, ev->ended &&
		    json_int(json_array_get(rows, json_array_size(rows) - 1), "seq", 0) >= ev->last);
	json_decref(rows);
}

/* How long deltas still wait in the crowd before they are shown; nothing else waits. */
static int64_t
pace_ms(const struct events *ev, int64_t after)
{
	int64_t turns = ev->crowd == NULL ? 1 : (int64_t)*ev->crowd, pace = turns * 1000 / CROWD_RATE;

	if (turns <= CROWD || ev->urgent > after || ev->ended)
		return 0;
	return ev->shown_ms + (pace < PACE_MAX_MS ? pace : PACE_MAX_MS) - clock_mono_ms();
}

static void
arm(struct waiter *w, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(w->timer, &tv);
}

/* Is what this one waits for there, but not to be shown yet? Then its timer will show it. */
static bool
hold(struct waiter *w)
{
	int64_t pace = pace_ms(w->events, w->after), left = w->deadline - clock_mono_ms();

	if (pace <= 0 || left <= 0)
		return false;
	if (!w->held)
		arm(w, pace < left ? pace : left);
	w->held = true;
	return true;
}

static void
answer_waiters(struct events *ev)
{
	struct waiter *w, *next;

	for (w = LIST_FIRST(&ev->waiters); w != NULL; w = next) {
		next = LIST_NEXT(w, link);
		if ((ev->last <= w->after && !ev->ended) || hold(w))
			continue;
		reply_now(ev, w->call, w->after);
		waiter_drop(w);
	}
}

/* The time is over, or what was held is shown. */
static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct waiter *w = arg;

	reply_now(w->events, w->call, w->after);
	waiter_drop(w);
}

int
events_next(struct events *ev, struct call *c, int64_t after, int64_t wait_ms)
{
	struct waiter *w;

	drop_until(ev, after);
	if (ev->ended || wait_ms <= 0 || (ev->last > after && pace_ms(ev, after) <= 0)) {
		reply_now(ev, c, after);
		return 0;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct waiter){ .events = ev, .call = c, .after = after, .deadline = clock_mono_ms() + wait_ms };
	w->timer = evtimer_new(ev->base, on_timeout, w);
	if (ev->last <= after || !hold(w))
		arm(w, wait_ms);
	LIST_INSERT_HEAD(&ev->waiters, w, link);
	return CALL_LATER;
}

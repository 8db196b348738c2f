/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See stream.h. A row is written before it is sent. The file is a mirror:
 * when it cannot be written the event is sent all the same, and only the
 * log tells.
 */
#include "hostd/stream.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/client.h"
#include "proto/proto.h"

#define FILE_MAX	(64u * 1024 * 1024)
#define QUEUE_BYTES	(4u * 1024 * 1024)	/* of frames that wait for one subscriber */
#define ACTIVITY_MS	1000

struct row {
	int64_t	 seq;
	char	*kind;
	char	*text;		/* {event, data, at, seq} */
	size_t	 len;
};

struct subscriber {
	LIST_ENTRY(subscriber)	 link;
	struct ask		*ask;
	json_t			*kinds;		/* NULL: all */
	struct event		*ping;
};

struct activity {
	LIST_ENTRY(activity)	 link;
	char			*profile;
	struct stream		*stream;
	int64_t			 last;		/* monotonic ms of the newest that was sent */
	struct event		*later;
};

struct stream {
	struct event_base	*base;
	char			*path;
	struct row		 ring[STREAM_RING];
	size_t			 first, count, bytes;
	size_t			 appended;	/* since the file was rewritten */
	int64_t			 last;
	bool			 failing;	/* the file could not be written: told once */
	LIST_HEAD(, subscriber)	 subscribers;
	LIST_HEAD(, activity)	 activities;
};

static struct row *
row_at(const struct stream *s, size_t i)
{
	return (struct row *)&s->ring[(s->first + i) % STREAM_RING];
}

static void
drop_oldest(struct stream *s)
{
	struct row *r = row_at(s, 0);

	s->bytes -= r->len;
	free(r->kind);
	free(r->text);
	s->first = (s->first + 1) % STREAM_RING;
	s->count--;
}

static struct row *
keep(struct stream *s, int64_t seq, const char *kind, char *take_text)
{
	struct row *r;
	size_t len = strlen(take_text);

	while (s->count == STREAM_RING || (s->count > 0 && s->bytes + len > STREAM_RING_BYTES))
		drop_oldest(s);
	r = row_at(s, s->count++);
	*r = (struct row){ .seq = seq, .kind = xstrdup(kind), .text = take_text, .len = len };
	s->bytes += len;
	s->last = seq;
	return r;
}

static bool
wanted(const json_t *kinds, const char *kind)
{
	const json_t *row;
	size_t i;

	if (kinds == NULL)
		return true;
	json_array_foreach(kinds, i, row)
		if (strcmp(json_string_value(row), kind) == 0)
			return true;
	return false;
}

/* ---- the file ------------------------------------------------------------------------------ */

static int
rewrite(struct stream *s, struct error *e)
{
	struct buf b cleanup_buf = BUF(0);

	for (size_t i = 0; i < s->count; i++) {
		buf_add(&b, row_at(s, i)->text, row_at(s, i)->len);
		buf_addc(&b, '\n');
	}
	s->appended = 0;
	return atomic_write(s->path, buf_str(&b), b.len, 0600, e);
}

static int
append(struct stream *s, const struct row *r, struct error *e)
{
	struct buf b cleanup_buf = BUF(0);

	if (++s->appended >= STREAM_REWRITE)
		return rewrite(s, e);
	buf_add(&b, r->text, r->len);
	buf_addc(&b, '\n');
	return atomic_append(s->path, b.data, b.len, 0600, 0, e);
}

static void
mirror(struct stream *s, const struct row *r)
{
	struct error e = { 0 };
	bool failed = append(s, r, &e) == -1;

	if (failed && !s->failing)
		log_warn("events are not stored: %s", e.text);
	if (failed)
		s->appended = STREAM_REWRITE;	/* a torn line may stand at its end: write it anew next time */
	s->failing = failed;
}

/* One stored line; those that are torn or foreign are passed over, those without a number get the next. */
static void
load_row(struct stream *s, const char *line, size_t len)
{
	cleanup_json json_t *o = json_parse(line, len, PROTO_DEPTH_MAX + 2, NULL);
	const char *kind = json_str(o, "event", NULL);
	int64_t seq = json_int(o, "seq", s->last + 1);

	if (!json_is_object(o) || kind == NULL)
		return;
	if (seq <= s->last)
		seq = s->last + 1;
	json_object_set_new(o, "seq", json_integer(seq));
	keep(s, seq, kind, json_text(o));
}

static void
load_rows(struct stream *s, const struct buf *b)
{
	const char *at = buf_str(b), *end = at + b->len, *nl;

	for (; at < end; at = nl + 1) {
		if ((nl = memchr(at, '\n', (size_t)(end - at))) == NULL)
			return;		/* torn: it was never sent */
		load_row(s, at, (size_t)(nl - at));
	}
}

/*
 * A file that cannot be read is kept for people; numbers go on from the
 * clock, which is above every number that counting could have reached.
 */
static int
put_aside(struct stream *s, struct error *e)
{
	cleanup_free char *aside = xasprintf("%s.unreadable", s->path);

	log_warn("%s", e->text);
	s->last = clock_wall_ms();
	if (rename(s->path, aside) == -1)
		return error_errno(e, "%s", s->path);
	return 0;
}

static int
load(struct stream *s, struct error *e)
{
	struct buf b cleanup_buf = BUF(0);

	if (file_read(s->path, FILE_MAX, &b, e) == 0) {
		load_rows(s, &b);
		return rewrite(s, e);
	}
	return e->code == ERR_not_found ? 0 : put_aside(s, e);
}

struct stream *
stream_open(const char *root, struct event_base *base, struct error *e)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->base = base;
	s->path = path_join(root, "host/events.jsonl");
	LIST_INIT(&s->subscribers);
	LIST_INIT(&s->activities);
	if (load(s, e) == 0)
		return s;
	stream_close(s);
	return NULL;
}

/* ---- subscribers --------------------------------------------------------------------------- */

static void
unsubscribe(struct subscriber *u)
{
	LIST_REMOVE(u, link);
	event_free(u->ping);
	json_decref(u->kinds);
	free(u);
}

static void
on_gone(void *arg)
{
	struct subscriber *u = arg;
	struct ask *a = u->ask;

	unsubscribe(u);
	ask_end(a);
}

/* A slow subscriber misses frames rather than holding memory: it can ask for the history. */
static void
tell(struct subscriber *u, const char *text)
{
	event_add(u->ping, &(struct timeval){ STREAM_PING_S, 0 });
	if (ask_queued_messages(u->ask) >= STREAM_QUEUE || ask_queued_bytes(u->ask) >= QUEUE_BYTES)
		return;
	ask_frame(u->ask, text);	/* the subscriber may be gone after this */
}

static void
on_ping(evutil_socket_t fd, short what, void *arg)
{
	tell(arg, "{\"event\":\"ping\"}");
}

static void
tell_all(struct stream *s, const char *kind, const char *text)
{
	struct subscriber *u, *next;

	for (u = LIST_FIRST(&s->subscribers); u != NULL; u = next) {
		next = LIST_NEXT(u, link);
		if (wanted(u->kinds, kind))
			tell(u, text);
	}
}

void
stream_subscribe(struct stream *s, struct ask *a, const json_t *kinds)
{
	struct subscriber *u = xcalloc(1, sizeof(*u));
	char first[80];

	u->ask = a;
	u->kinds = json_deep_copy(kinds);
	u->ping = event_new(s->base, -1, 0, on_ping, u);
	a->arg = u;
	a->gone = on_gone;
	LIST_INSERT_HEAD(&s->subscribers, u, link);
	snprintf(first, sizeof(first), "{\"event\":\"subscribed\",\"next_seq\":%lld}", (long long)s->last + 1);
	tell(u, first);
}

/* ---- events -------------------------------------------------------------------------------- */

static double
now(void)
{
	return (double)clock_wall_ms() / 1000.0;
}

int64_t
stream_emit(struct stream *s, const char *kind, json_t *data)
{
	int64_t seq = s->last + 1;
	json_t *o = json_pack("{s:s, s:o, s:f, s:I}", "event", kind, "data", data, "at", now(), "seq", (json_int_t)seq);
	const struct row *r = keep(s, seq, kind, json_text(o));

	json_decref(o);
	mirror(s, r);
	tell_all(s, kind, r->text);
	return seq;
}

int64_t
stream_last(const struct stream *s)
{
	return s->last;
}

char *
stream_history(const struct stream *s, int64_t after, size_t limit, const json_t *kinds)
{
	struct buf b = BUF(0);
	size_t matching = 0, i;

	for (i = 0; i < s->count; i++)
		matching += row_at(s, i)->seq > after && wanted(kinds, row_at(s, i)->kind);
	buf_puts(&b, "{\"events\":[");
	for (i = 0; i < s->count; i++) {
		const struct row *r = row_at(s, i);

		if (r->seq <= after || !wanted(kinds, r->kind) || matching-- > limit)
			continue;
		if (b.data[b.len - 1] != '[')
			buf_addc(&b, ',');
		buf_add(&b, r->text, r->len);
	}
	buf_addf(&b, "],\"next_seq\":%lld}", (long long)s->last + 1);
	return buf_take(&b);
}

/* ---- activity ------------------------------------------------------------------------------ */

static void
tell_activity(struct activity *y)
{
	json_t *o = json_pack("{s:s, s:{s:s}, s:f}", "event", "activity.changed", "data", "profile", y->profile,
	    "at", now());
	cleanup_free char *text = json_text(o);

	json_decref(o);
	y->last = clock_mono_ms();
	tell_all(y->stream, "activity.changed", text);
}

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	tell_activity(arg);
}

static struct activity *
activity_of(struct stream *s, const char *profile)
{
	struct activity *y;

	LIST_FOREACH(y, &s->activities, link)
		if (strcmp(y->profile, profile) == 0)
			return y;
	y = xcalloc(1, sizeof(*y));
	y->profile = xstrdup(profile);
	y->stream = s;
	y->last = clock_mono_ms() - ACTIVITY_MS;
	y->later = event_new(s->base, -1, 0, on_later, y);
	LIST_INSERT_HEAD(&s->activities, y, link);
	return y;
}

void
stream_activity(struct stream *s, const char *profile)
{
	struct activity *y;
	int64_t wait;

	if (LIST_EMPTY(&s->subscribers))
		return;
	y = activity_of(s, profile);
	wait = y->last + ACTIVITY_MS - clock_mono_ms();
	if (wait <= 0)
		tell_activity(y);
	else if (!event_pending(y->later, EV_TIMEOUT, NULL))
		event_add(y->later, &(struct timeval){ .tv_usec = (suseconds_t)(wait * 1000 % 1000000),
		    .tv_sec = wait / 1000 });
}

void
stream_close(struct stream *s)
{
	struct activity *y;

	if (s == NULL)
		return;
	while (!LIST_EMPTY(&s->subscribers))
		on_gone(LIST_FIRST(&s->subscribers));
	while ((y = LIST_FIRST(&s->activities)) != NULL) {
		LIST_REMOVE(y, link);
		event_free(y->later);
		free(y->profile);
		free(y);
	}
	while (s->count > 0)
		drop_oldest(s);
	free(s->path);
	free(s);
}

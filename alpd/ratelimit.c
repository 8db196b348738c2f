/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See ratelimit.h. A window counts admitted requests per millisecond, so it
 * never needs more than RATE_WINDOW_MS + 1 marks however high the cap is.
 * Whoever was not heard of for a whole window is forgotten: what is held is
 * bounded by what was admitted in the last minute.
 */
#include "alpd/ratelimit.h"

#include <sodium.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/mem.h"

#define SENDERS_MAX	4096
#define BUCKETS		4096		/* a power of two */
#define MARKS_MIN	8

struct mark {
	int64_t	ms;
	int64_t	count;			/* admitted in this millisecond */
};

struct sender {
	TAILQ_ENTRY(sender)	 heard;
	LIST_ENTRY(sender)	 bucket;
	char			*name;
	struct mark		*ring;	/* from the oldest on, `used` of `room` */
	size_t			 first, used, room;
	int64_t			 total;	/* of all marks */
	int64_t			 last_ms;	/* heard of, admitted or not */
};

TAILQ_HEAD(heard, sender);
LIST_HEAD(bucket, sender);

struct ratelimit {
	struct heard	 heard;		/* the latest comes first */
	struct bucket	 buckets[BUCKETS];
	unsigned char	 key[crypto_shorthash_KEYBYTES];
	size_t		 n;
};

struct ratelimit *
ratelimit_new(void)
{
	struct ratelimit *r = xcalloc(1, sizeof(*r));

	TAILQ_INIT(&r->heard);
	random_bytes(r->key, sizeof(r->key));
	return r;
}

/* ---- senders ------------------------------------------------------------------------------------- */

/* Keyed, so that nobody chooses identities that share a bucket. */
static struct bucket *
bucket_of(struct ratelimit *r, const char *name)
{
	uint64_t hash;

	crypto_shorthash((unsigned char *)&hash, (const unsigned char *)name, strlen(name), r->key);
	return &r->buckets[hash & (BUCKETS - 1)];
}

static void
forget(struct ratelimit *r, struct sender *s)
{
	TAILQ_REMOVE(&r->heard, s, heard);
	LIST_REMOVE(s, bucket);
	r->n--;
	free(s->name);
	free(s->ring);
	free(s);
}

/* Those without a mark left, and one who has to make room. */
static void
make_room(struct ratelimit *r, int64_t now)
{
	struct sender *s;

	while ((s = TAILQ_LAST(&r->heard, heard)) != NULL && now - s->last_ms > RATE_WINDOW_MS)
		forget(r, s);
	if (r->n >= SENDERS_MAX)
		forget(r, s);
}

static struct sender *
sender_of(struct ratelimit *r, const char *name, int64_t now)
{
	struct bucket *b = bucket_of(r, name);
	struct sender *s;

	LIST_FOREACH(s, b, bucket)
		if (strcmp(s->name, name) == 0)
			break;
	if (s == NULL) {
		make_room(r, now);
		s = xcalloc(1, sizeof(*s));
		s->name = xstrdup(name);
		LIST_INSERT_HEAD(b, s, bucket);
		r->n++;
	} else {
		TAILQ_REMOVE(&r->heard, s, heard);
	}
	TAILQ_INSERT_HEAD(&r->heard, s, heard);
	s->last_ms = now;
	return s;
}

/* ---- windows ------------------------------------------------------------------------------------- */

static struct mark *
mark_at(struct sender *s, size_t i)
{
	return &s->ring[(s->first + i) % s->room];
}

/* A mark that is exactly a window old still counts (alp-wire.md, 8.3). */
static void
drop_old(struct sender *s, int64_t now)
{
	while (s->used > 0 && now - mark_at(s, 0)->ms > RATE_WINDOW_MS) {
		s->total -= mark_at(s, 0)->count;
		s->first = (s->first + 1) % s->room;
		s->used--;
	}
}

static void
resize(struct sender *s, size_t room)
{
	struct mark *ring = xreallocarray(NULL, room, sizeof(*ring));

	for (size_t i = 0; i < s->used; i++)
		ring[i] = *mark_at(s, i);
	free(s->ring);
	s->ring = ring;
	s->first = 0;
	s->room = room;
}

static void
add(struct sender *s, int64_t now)
{
	s->total++;
	if (s->used > 0 && mark_at(s, s->used - 1)->ms == now) {
		mark_at(s, s->used - 1)->count++;
		return;
	}
	if (s->used == s->room)
		resize(s, s->room == 0 ? MARKS_MIN : 2 * s->room);
	else if (s->room > MARKS_MIN && s->used < s->room / 8)
		resize(s, s->room / 2);
	*mark_at(s, s->used++) = (struct mark){ .ms = now, .count = 1 };
}

bool
ratelimit_admit(struct ratelimit *r, const char *sender, int cap, int64_t now_ms)
{
	struct sender *s = sender_of(r, sender, now_ms);

	drop_old(s, now_ms);
	if (s->total >= cap)
		return false;
	add(s, now_ms);
	return true;
}

size_t
ratelimit_senders(const struct ratelimit *r)
{
	return r->n;
}

void
ratelimit_free(struct ratelimit *r)
{
	struct sender *s;

	if (r == NULL)
		return;
	while ((s = TAILQ_FIRST(&r->heard)) != NULL)
		forget(r, s);
	free(r);
}

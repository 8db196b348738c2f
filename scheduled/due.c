/* SPDX-License-Identifier: Apache-2.0 */
/* See due.h. */
#include "scheduled/due.h"

#include <stdlib.h>

#include "common/mem.h"

/* ---- when ----------------------------------------------------------------------------------- */

/*
 * A clock that was put back leaves runs in the future: jobs go on by what it
 * says now, and what has its run already is known by its due time (skip).
 */
static int64_t
anchor_of(const struct job *j, int64_t now)
{
	int64_t anchor = j->last_run < now ? j->last_run : now;

	return anchor > j->skip ? anchor : j->skip;
}

static int64_t
seconds(int64_t ms)
{
	return ms / 1000 - (ms % 1000 < 0);
}

static int64_t
due_cron(const struct job *j, int64_t now)
{
	int64_t next;

	if (!j->ran && j->skip == 0)
		return now;
	if (!cron_next(&j->cron, j->zone, seconds(j->ran ? anchor_of(j, now) : j->skip), &next))
		return NEVER;
	return next * 1000;
}

static int64_t
due_once(const struct job *j, int64_t now)
{
	return j->ran || (j->skip != 0 && j->skip >= j->at) ? NEVER : j->at;
}

/* Whether the person was idle for so long is asked when this comes; `seen` is what is known by now. */
static int64_t
due_inactive(const struct job *j, int64_t now)
{
	int64_t since = j->ran ? anchor_of(j, now) : j->skip;

	if (j->seen > since)
		since = j->seen;
	return since == 0 ? now : since + j->at;
}

int64_t
due_of(const struct job *j, int64_t now)
{
	static int64_t (*const kinds[])(const struct job *, int64_t) = {
		[JOB_CRON] = due_cron, [JOB_ONCE] = due_once, [JOB_INACTIVITY] = due_inactive
	};

	if (j->paused || j->broken != NULL || j->running)
		return NEVER;
	return kinds[j->kind](j, now);
}

/* ---- heaps ---------------------------------------------------------------------------------- */

static bool
is_before(const struct heap *h, const struct job *a, const struct job *b)
{
	if (!h->by_order && a->due != b->due)
		return a->due < b->due;
	return a->order < b->order;
}

static void
put(struct heap *h, size_t place, struct job *j)
{
	h->jobs[place] = j;
	j->place = place;
	j->in = h;
}

/* Move the job that belongs at or near `place` to where it does. */
static void
settle(struct heap *h, size_t place, struct job *j)
{
	size_t child;

	while (place > 0 && is_before(h, j, h->jobs[(place - 1) / 2])) {
		put(h, place, h->jobs[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	while ((child = 2 * place + 1) < h->n) {
		if (child + 1 < h->n && is_before(h, h->jobs[child + 1], h->jobs[child]))
			child++;
		if (!is_before(h, h->jobs[child], j))
			break;
		put(h, place, h->jobs[child]);
		place = child;
	}
	put(h, place, j);
}

static void
add(struct heap *h, struct job *j)
{
	if (h->n == h->room) {
		h->room = h->room == 0 ? 16 : h->room * 2;
		h->jobs = xreallocarray(h->jobs, h->room, sizeof(*h->jobs));
	}
	h->n++;
	settle(h, h->n - 1, j);
}

void
due_drop(struct due *d, struct job *j)
{
	struct heap *h = j->in;
	struct job *last;

	if (h == NULL)
		return;
	last = h->jobs[--h->n];
	j->in = NULL;
	if (last != j)
		settle(h, j->place, last);
}

void
due_arm(struct due *d, struct job *j, int64_t now)
{
	due_drop(d, j);
	if ((j->due = due_of(j, now)) != NEVER)
		add(&d->waiting, j);
}

void
due_later(struct due *d, struct job *j, int64_t at)
{
	due_drop(d, j);
	j->due = at;
	add(&d->waiting, j);
}

struct job *
due_take(struct due *d, int64_t now)
{
	struct job *j;

	while (d->waiting.n > 0 && (j = d->waiting.jobs[0])->due <= now) {
		due_drop(d, j);
		add(&d->ready, j);
	}
	if (d->ready.n == 0)
		return NULL;
	j = d->ready.jobs[0];
	due_drop(d, j);
	return j;
}

int64_t
due_next(const struct due *d)
{
	if (d->ready.n > 0)
		return d->ready.jobs[0]->due;
	return d->waiting.n > 0 ? d->waiting.jobs[0]->due : NEVER;
}

void
due_init(struct due *d)
{
	*d = (struct due){ .ready.by_order = true };
}

void
due_forget(struct due *d)
{
	d->waiting.n = d->ready.n = 0;
}

void
due_clear(struct due *d)
{
	free(d->waiting.jobs);
	free(d->ready.jobs);
	due_init(d);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a turn after its end, for engine.h. Its client has the
 * answer already: first whoever waits comes to its turn, then a timer makes
 * the ended turns' files safe and closes them in the journal, a slice at a
 * time; a second one lets their memory go when they are old or too many. A
 * turn that is not closed yet is never let go: its journal row is still an
 * obligation.
 */
#include <string.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "common/clock.h"
#include "common/log.h"
#include "engined/engine_own.h"
#include "engined/journal.h"
#include "engined/turn.h"

#define TIDY_MS		1000
#define CLOSE_MS	200		/* after the end of a turn: whoever waits comes first */
#define CLOSE_SLICE_MS	10		/* of syncing at a time */
#define CLOSE_AGAIN_MS	5000

static void
arm(struct event *timer, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(timer, &tv);
}

/*
 * Ended turns leave when they are old, too many, or when nothing runs: they would pin what busy turns leave behind.
 * Milliseconds until the next look, 0: none.
 */
static int64_t
release_ended(struct engine *en)
{
	int64_t now = clock_mono_ms(), next = 0, left;
	struct turn *t, *older;
	size_t kept = 0;

	for (t = LIST_FIRST(&en->turns); t != NULL; t = older) {
		older = LIST_NEXT(t, link);
		if (t->state != TURN_OVER || t->unclosed != NULL)
			continue;
		left = t->ended_ms + ENGINE_KEEP_MS - now;
		if (left <= 0 || en->open == 0 || ++kept > ENGINE_KEEP_TURNS) {
			if (t->no_save)
				unlink(t->events.sidecar == NULL ? "" : t->events.sidecar);
			turn_free(t);
		} else if (next == 0 || left < next) {
			next = left;
		}
	}
	return next;
}

static void
on_tidy(evutil_socket_t fd, short what, void *arg)
{
	struct engine *en = arg;
	int64_t next = release_ended(en);
	struct error e = { 0 };

	en->tidy_soon = false;
	if (next > 0)
		arm(en->tidy, next);
	if (journal_prune(en->journal, &e) == -1)
		log_warn("journal not pruned: %s", e.text);
#ifdef __GLIBC__
	if (en->open == 0)
		malloc_trim(0);
#endif
}

/* Close ended turns for a slice of time. Milliseconds until the next one, 0: all are closed. */
static int64_t
close_ended(struct engine *en)
{
	int64_t until = clock_mono_ms() + CLOSE_SLICE_MS;
	struct turn *t;

	LIST_FOREACH(t, &en->turns, link) {
		if (t->state != TURN_OVER || t->unclosed == NULL)
			continue;
		if (clock_mono_ms() >= until)
			return CLOSE_SLICE_MS;
		finish_close(t);
		if (t->unclosed != NULL)
			return CLOSE_AGAIN_MS;
	}
	return 0;
}

void
engine_close(struct engine *en)
{
	struct turn *t;

	LIST_FOREACH(t, &en->turns, link)
		if (t->state == TURN_OVER && t->unclosed != NULL)
			finish_close(t);
}

static void
on_close(evutil_socket_t fd, short what, void *arg)
{
	struct engine *en = arg;
	int64_t next = close_ended(en);

	if (next > 0)
		arm(en->closer, next);
	if (!en->tidy_soon)		/* not put off by every turn that ends meanwhile */
		arm(en->tidy, TIDY_MS);
	en->tidy_soon = true;
}

void
engine_ended(struct engine *en, struct turn *t)
{
	struct turn *next;

	en->open--;
	LIST_FOREACH(next, &en->turns, link)
		if (next->state == TURN_PREPARE && strcmp(next->row.session, t->row.session) == 0)
			turn_kick(next);
	if (!evtimer_pending(en->closer, NULL))
		arm(en->closer, CLOSE_MS);
}

void
engine_ended_begin(struct engine *en)
{
	en->tidy = evtimer_new(en->base, on_tidy, en);
	en->closer = evtimer_new(en->base, on_close, en);
}

void
engine_ended_end(struct engine *en)
{
	event_free(en->tidy);
	event_free(en->closer);
}

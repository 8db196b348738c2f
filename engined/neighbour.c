/* SPDX-License-Identifier: Apache-2.0 */
/* See neighbour.h. */
#include "engined/neighbour.h"

#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "engined/engine.h"

#define AGAIN_MS	200		/* between attempts while it is away */
#define AWAY_MS		15000		/* a dead one is back by then */
#define STUCK_MS	600000		/* one that lives and says nothing */
#define STOP_MS		5000		/* a cancelled call has ended by then */

const char *
neighbour_grant(const struct turn *t, const char *daemon)
{
	cleanup_free char *line = xasprintf("\nfor %s/%s\n", t->engine->daemon->boot.profile, daemon);
	json_t *text;
	size_t i;

	json_array_foreach(t->row.grants, i, text)
		if (strstr(json_string_value(text), line) != NULL)
			return json_string_value(text);
	return NULL;
}

/* Is the word in the rest of the line, with blanks around it? */
static bool
has_word(const char *line, const char *word)
{
	size_t end = strcspn(line, "\n"), len = strlen(word);

	for (size_t at = 0; at < end; at += strcspn(line + at, " \n")) {
		at += strspn(line + at, " ");
		if (strncmp(line + at, word, len) == 0 && strcspn(line + at, " \n") == len)
			return true;
	}
	return false;
}

bool
neighbour_may(const struct turn *t, const char *daemon, enum cap cap)
{
	const char *text = neighbour_grant(t, daemon), *line;
	static const char stated[] = "\ncaps ", left[] = "\nonly caps ";

	if (text == NULL || (line = strstr(text, stated)) == NULL || !has_word(line + strlen(stated), cap_name(cap)))
		return false;
	for (line = strstr(text, left); line != NULL; line = strstr(line + 1, left))
		if (!has_word(line + strlen(left), cap_name(cap)))
			return false;
	return true;
}

void
neighbour_arm(struct turn *t, event_callback_fn fn, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (t->now.timer != NULL)
		event_free(t->now.timer);
	t->now.timer = evtimer_new(t->engine->base, fn, t);
	evtimer_add(t->now.timer, &tv);
}

/* How long it has been silent; the silence begins with the first call. */
static int64_t
silent_ms(struct turn *t)
{
	int64_t now = clock_mono_ms();

	if (t->now.lost_ms == 0)
		t->now.lost_ms = now;
	return now - t->now.lost_ms;
}

/* Is it away or overrun, or did it answer and refuse? */
static bool
is_away(const struct error *e)
{
	return e->code == ERR_gone || e->code == ERR_unavailable || e->code == ERR_timeout || e->code == ERR_busy;
}

void
neighbour_not_begun(struct turn *t, const struct error *e, event_callback_fn again, void (*ask_next)(struct turn *t))
{
	bool later = e->code == ERR_unavailable || (e->code == ERR_unproven && t->resumed);

	if (later && silent_ms(t) <= AWAY_MS) {
		t->now.sent = false;
		neighbour_arm(t, again, AGAIN_MS);
	} else if (e->code == ERR_gone || e->code == ERR_timeout) {
		ask_next(t);
	} else {
		calls_fail(t, e->text);
	}
}

int
neighbour_begin(struct turn *t)
{
	struct error e = { 0 };

	if (journal_call(t->engine->journal, t->row.id, t->step, t->call, &e) == 0)
		return 0;
	toolcall_clear(t);
	finish_error(t, &e);
	return -1;
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	neighbour_next(arg);
}

/* It was asked in vain: once more in a while, until it was silent for too long. */
static void
not_told(struct turn *t, const struct error *e)
{
	if (e->code == ERR_not_found)
		calls_fail(t, OUTCOME_UNKNOWN);
	else if (!is_away(e))
		calls_fail(t, e->text);
	else if (silent_ms(t) > (e->code == ERR_timeout ? STUCK_MS : AWAY_MS))
		calls_fail(t, OUTCOME_UNKNOWN);
	else if (!t->now.cancelled)		/* else its own timer runs, and is not to be replaced */
		neighbour_arm(t, on_again, AGAIN_MS);
}

static void
on_next(void *arg, const void *reply, const struct error *e)
{
	struct turn *t = arg;

	t->now.request = NULL;
	if (reply == NULL) {
		not_told(t, e);
		return;
	}
	t->now.lost_ms = 0;
	t->now.neighbour->take(t, reply);
}

void
neighbour_next(struct turn *t)
{
	struct error e = { 0 };

	t->now.request = t->now.neighbour->next(t, on_next, &e);
	if (t->now.request == NULL)
		not_told(t, &e);
}

void
neighbour_find(struct turn *t, const struct neighbour *n)
{
	t->now.neighbour = n;
	t->now.sent = true;
	neighbour_next(t);
}

static void
on_order_again(evutil_socket_t fd, short what, void *arg)
{
	struct turn *t = arg;

	neighbour_order(t, t->now.neighbour);
}

static void
on_ordered(void *arg, const void *reply, const struct error *e)
{
	struct turn *t = arg;

	t->now.request = NULL;
	if (reply == NULL) {
		neighbour_not_begun(t, e, on_order_again, neighbour_next);
		return;
	}
	t->now.lost_ms = 0;
	neighbour_next(t);
}

void
neighbour_order(struct turn *t, const struct neighbour *n)
{
	struct error e = { 0 };

	t->now.neighbour = n;
	t->now.sent = true;
	t->now.request = n->order(t, on_ordered, &e);
	if (t->now.request == NULL)
		calls_fail(t, e.text);
}

static void
on_cancelled(void *arg, const void *reply, const struct error *e)
{
}

static void
on_stuck(evutil_socket_t fd, short what, void *arg)
{
	struct turn *t = arg;

	calls_fail(t, t->now.neighbour->stuck);
}

void
neighbour_cancel(struct turn *t, const struct neighbour *n)
{
	if (t->now.cancelled)
		return;
	if (!t->now.sent) {
		calls_fail(t, "interrupted by the user before it began");
		return;
	}
	t->now.cancelled = true;
	n->cancel(t, on_cancelled);
	neighbour_arm(t, on_stuck, STOP_MS);
	if (t->now.request == NULL)
		neighbour_next(t);
}

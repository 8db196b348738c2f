/* SPDX-License-Identifier: Apache-2.0 */
/* See neighbour.h. */
#include "engined/neighbour.h"

#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "engined/engine.h"

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

void
neighbour_arm(struct turn *t, event_callback_fn fn, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (t->now.timer != NULL)
		event_free(t->now.timer);
	t->now.timer = evtimer_new(t->engine->base, fn, t);
	evtimer_add(t->now.timer, &tv);
}

int64_t
neighbour_silent_ms(struct turn *t)
{
	int64_t now = clock_mono_ms();

	if (t->now.lost_ms == 0)
		t->now.lost_ms = now;
	return now - t->now.lost_ms;
}

bool
neighbour_away(const struct error *e)
{
	return e->code == ERR_gone || e->code == ERR_unavailable || e->code == ERR_timeout || e->code == ERR_busy;
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

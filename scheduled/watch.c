/* SPDX-License-Identifier: Apache-2.0 */
/* Callers that wait for runs (job.wait): answered when one has ended, at the latest after their time. */
#include <stdlib.h>

#include "common/json.h"
#include "common/mem.h"
#include "scheduled/schedule.h"

#define ROWS	100

struct watch {
	TAILQ_ENTRY(watch) link;
	struct schedule	*in;
	struct call	*call;
	int64_t		 run, after;	/* run 0: all after */
	struct event	*timer;
};

/* The ended ones that it waits for, oldest first. NULL with the error. */
static json_t *
ended(const struct watch *w, struct error *e)
{
	cleanup_json json_t *rows = runs_history(w->in->runs, NULL, ROWS, e);
	json_t *out = json_array();

	for (size_t i = json_array_size(rows); i-- > 0;) {
		json_t *row = json_array_get(rows, i);
		int64_t id = json_int(row, "run", 0);

		if (json_object_get(row, "ended_at") != NULL && !json_is_null(json_object_get(row, "ended_at")) &&
		    (w->run != 0 ? id == w->run : id > w->after && run_of_id(w->in, id) == NULL))
			json_array_append(out, row);
	}
	return out;
}

static bool
is_done(const struct watch *w)
{
	return w->run != 0 ? run_of_id(w->in, w->run) == NULL : !tick_is_busy(w->in);
}

static void
answer(struct watch *w, json_t *rows)
{
	struct job_wait_reply r = { .runs = rows, .done = is_done(w) };

	TAILQ_REMOVE(&w->in->watches, w, link);
	call_reply(w->call, &r);
	event_free(w->timer);
	free(w);
}

/* With `late`: in any case. */
static void
look(struct watch *w, bool late)
{
	struct error e = { 0 };
	cleanup_json json_t *rows = ended(w, &e);

	if (late || json_array_size(rows) > 0 || is_done(w))
		answer(w, rows);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	look(arg, true);
}

int
watch_begin(struct schedule *s, struct call *c, const struct job_wait *m, struct error *e)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	*w = (struct watch){ .in = s, .call = c, .run = m->run, .after = m->after };
	w->timer = evtimer_new(s->daemon->base, on_late, w);
	event_add(w->timer, &(struct timeval){ m->wait_ms / 1000, (suseconds_t)(m->wait_ms % 1000) * 1000 });
	TAILQ_INSERT_TAIL(&s->watches, w, link);
	look(w, false);
	return CALL_LATER;
}

void
watch_tell(struct schedule *s)
{
	struct watch *w, *next;

	for (w = TAILQ_FIRST(&s->watches); w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		look(w, false);
	}
}

void
watch_end_all(struct schedule *s)
{
	struct error e = { .code = ERR_unavailable, .text = "the scheduler is stopping" };
	struct watch *w;

	while ((w = TAILQ_FIRST(&s->watches)) != NULL) {
		TAILQ_REMOVE(&s->watches, w, link);
		call_fail(w->call, &e);
		event_free(w->timer);
		free(w);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See budget.h. One question to engined at a time, whoever waits for its answer. */
#include "alpd/budget.h"

#include <sys/queue.h>

#include "alpd/alpd.h"
#include "common/clock.h"
#include "common/mem.h"

#define BELIEVE_MS	1000
#define ANSWER_MS	2000
#define DAY_MS		86400000

struct waiter {
	STAILQ_ENTRY(waiter)	 link;
	void			(*fn)(void *arg, bool spent, double cap, double used);
	void			*arg;
};

struct budget {
	struct alpd	*alpd;
	STAILQ_HEAD(, waiter) waiting;
	struct request	*request;
	bool		 asked;		/* engined was asked at `when`, whatever came of it */
	int64_t		 when;		/* monotonic ms */
	int64_t		 day;		/* of cap and used, since 1970 */
	double		 cap, used;	/* cap 0: none */
};

static int64_t
today(void)
{
	return clock_wall_ms() / DAY_MS;
}

static bool
is_spent(const struct budget *b)
{
	return b->day == today() && b->cap > 0 && b->used >= b->cap;
}

static void
on_usage(void *arg, const void *reply, const struct error *e)
{
	const struct usage_today_reply *r = reply;
	struct budget *b = arg;
	struct waiter *w;

	b->request = NULL;
	b->asked = true;
	b->when = clock_mono_ms();
	if (r != NULL) {
		b->day = today();
		b->cap = r->cap_usd;
		b->used = r->used_usd;
	}
	while ((w = STAILQ_FIRST(&b->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&b->waiting, link);
		w->fn(w->arg, is_spent(b), b->cap, b->used);
		free(w);
	}
}

struct budget *
budget_new(struct alpd *a)
{
	struct budget *b = xcalloc(1, sizeof(*b));

	b->alpd = a;
	STAILQ_INIT(&b->waiting);
	return b;
}

void
budget_free(struct budget *b)
{
	struct waiter *w;

	if (b == NULL)
		return;
	if (b->request != NULL)
		b->alpd->cancel(b->request);
	while ((w = STAILQ_FIRST(&b->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&b->waiting, link);
		free(w);
	}
	free(b);
}

int
budget_ask(struct budget *b, void (*fn)(void *arg, bool spent, double cap, double used), void *arg)
{
	struct alpd *a = b->alpd;
	struct waiter *w;

	if (b->asked && clock_mono_ms() - b->when < BELIEVE_MS) {
		fn(arg, is_spent(b), b->cap, b->used);
		return 1;
	}
	if (b->request == NULL)
		b->request = a->send(a->daemon, "engined", MSG_usage_today, &(struct usage_today){ }, NULL, ANSWER_MS,
		    on_usage, b, NULL);
	if (b->request == NULL) {		/* it cannot be asked at all: as when it does not answer */
		on_usage(b, NULL, NULL);
		fn(arg, is_spent(b), b->cap, b->used);
		return 1;
	}
	w = xcalloc(1, sizeof(*w));
	w->fn = fn;
	w->arg = arg;
	STAILQ_INSERT_TAIL(&b->waiting, w, link);
	return 0;
}

void
budget_forget(struct budget *b, void *arg)
{
	struct waiter *w;

	STAILQ_FOREACH(w, &b->waiting, link)
		if (w->arg == arg)
			break;
	if (w == NULL)
		return;
	STAILQ_REMOVE(&b->waiting, w, waiter, link);
	free(w);
}

void
budget_stale(struct budget *b)
{
	b->asked = false;
}

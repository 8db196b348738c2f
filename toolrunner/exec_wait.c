/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for news of a call, and what time ends (exec.h): waits,
 * questions, results, and calls that nobody came for. One timer serves all
 * of them.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "toolrunner/exec_own.h"

#define WAITERS_MAX	16		/* tool.next held for one call */

static const char *const state_names[] = { "running", "asking", "done" };

/* ---- answering ------------------------------------------------------------------------------ */

static void
answer(const struct exec *x, exec_answer_fn *fn, void *arg)
{
	struct tool_next_reply m = { .state = state_names[x->state], .seq = x->seq, .progress = x->progress };

	if (x->state == ASKING) {
		m.ticket = x->gate.ticket;
		m.command = x->gate.command;
		m.severity = tier_name(x->gate.tier);
		m.pattern = x->gate.label;
		m.cwd = x->gate.cwd;
		m.timeout_s = EXEC_ASK_S;
	}
	if (x->state == DONE) {
		m.ok = x->ok;
		m.output = x->output;
		m.error = x->error;
		m.code = x->code;
		m.mutations = x->mutations;
		m.produced = x->produced;
	}
	fn(arg, &m);
}

/* A result that can be had again is not kept for those who ask twice. */
static void
fetched(struct exec *x)
{
	if (x->state == DONE && x->tool->bulk)
		x->deadline = clock_mono_ms();
}

/* Answer every waiter that what stands now is news to, or whose time is over. */
static void
wake(struct exec *x)
{
	struct waiter **at = &x->waiters, *w;
	int64_t now = clock_mono_ms();

	while ((w = *at) != NULL) {
		if (x->state != DONE && x->seq <= w->after && now < w->deadline) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		answer(x, w->fn, w->arg);
		fetched(x);
		free(w);
	}
}

void
exec_changed(struct exec *x)
{
	x->seq++;
	wake(x);
}

void
exec_next(struct runner *r, const char *key, int64_t after, int64_t wait_ms, exec_answer_fn *fn, void *arg)
{
	struct exec *x = exec_find(r, key);
	struct waiter **end, *w;
	size_t n = 0;

	if (x == NULL) {
		fn(arg, &(struct tool_next_reply){ .state = "unknown" });
		return;
	}
	x->wanted = true;
	exec_go(x);
	for (end = &x->waiters; *end != NULL; end = &(*end)->next)
		n++;
	if (x->state == DONE || x->seq > after || wait_ms <= 0 || n >= WAITERS_MAX) {
		answer(x, fn, arg);
		fetched(x);
		exec_rearm(r);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct waiter){ .after = after, .deadline = clock_mono_ms() + wait_ms, .fn = fn, .arg = arg };
	*end = w;
	exec_rearm(r);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void
expire_one(struct exec *x, int64_t now)
{
	wake(x);
	if (x->state == DONE && now >= x->deadline)
		exec_free(x);
	else if (x->state == ASKING && now >= x->deadline)
		exec_unanswered(x);
	else if (x->state == RUNNING && !x->wanted && now >= x->deadline)
		exec_cancel(x->runner, x->key);
}

void
exec_expire(struct runner *r)
{
	int64_t now = clock_mono_ms();
	struct exec *x, *next;

	for (x = r->calls; x != NULL; x = next) {
		next = x->next;
		expire_one(x, now);
	}
	exec_rearm(r);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	exec_expire(arg);
}

void
exec_rearm(struct runner *r)
{
	int64_t first = INT64_MAX, wait;
	struct timeval tv;

	for (const struct exec *x = r->calls; x != NULL; x = x->next) {
		if ((x->state != RUNNING || (!x->wanted && !x->cancelled)) && x->deadline < first)
			first = x->deadline;
		for (const struct waiter *w = x->waiters; w != NULL; w = w->next)
			if (w->deadline < first)
				first = w->deadline;
	}
	if (r->base == NULL)		/* tests move the clock themselves */
		return;
	if (r->timer == NULL)
		r->timer = evtimer_new(r->base, on_timer, r);
	if (first == INT64_MAX) {
		evtimer_del(r->timer);
		return;
	}
	wait = first - clock_mono_ms();
	wait = wait < 0 ? 0 : wait + 1;
	tv = (struct timeval){ .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
	evtimer_add(r->timer, &tv);
}

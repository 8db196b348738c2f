/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that are known, by key (exec.h): those that are open, and the
 * results that are kept. What is said of them borrows from them and ends
 * with them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/exec_own.h"

struct exec *
exec_find(const struct runner *r, const char *key)
{
	struct exec *x;

	for (x = r->calls; x != NULL && strcmp(x->key, key) != 0; x = x->next)
		;
	return x;
}

struct exec *
exec_new(struct runner *r, const struct exec_order *o)
{
	struct exec *x = xcalloc(1, sizeof(*x)), **end;

	x->runner = r;
	x->key = xstrdup(o->key);
	x->turn = xstrdup(o->turn);
	x->workspace = xstrdup(o->workspace);
	x->origin = xstrdup(o->origin);
	x->session = xstrdup(o->session);
	x->who = xstrdup(o->who);
	x->tool = o->tool;
	x->args = json_incref(o->args);
	x->env = json_incref(o->env);
	x->skill = xstrdup0(o->skill);
	x->net = o->net;
	x->job = o->job;
	x->deadline = clock_mono_ms() + EXEC_WANTED_MS;
	x->gate = (struct gate){ .runner = r, .key = x->key, .who = x->who, .origin = x->origin, .session = x->session,
	    .workspace = x->workspace, .given = json_str(x->args, "cwd", ""), .net = x->net, .approver = o->approver,
	    .command = x->tool->command == NULL ? NULL : x->tool->command(x->args) };
	for (end = &r->calls; *end != NULL; end = &(*end)->next)
		;
	*end = x;
	r->ncalls++;
	return x;
}

void
exec_free(struct exec *x)
{
	struct waiter *w;
	struct exec **at;

	for (at = &x->runner->calls; *at != x; at = &(*at)->next)
		;
	*at = x->next;
	x->runner->ncalls--;
	while ((w = x->waiters) != NULL) {
		x->waiters = w->next;
		free(w);
	}
	free(x->key);
	free(x->turn);
	free(x->workspace);
	free(x->origin);
	free(x->session);
	free(x->who);
	json_decref(x->args);
	json_decref(x->env);
	free(x->skill);
	free(x->progress);
	gate_clear(&x->gate);
	free(x->output);
	free(x->error);
	free(x->code);
	json_decref(x->mutations);
	json_decref(x->produced);
	free(x);
}

size_t
exec_open(const struct runner *r)
{
	size_t n = 0;

	for (struct exec *x = r->calls; x != NULL; x = x->next)
		n += x->state != DONE;
	return n;
}

int
exec_known(const struct runner *r, const char *key, const char *turn, const char *tool, struct error *e)
{
	const struct exec *x = exec_find(r, key);

	if (x == NULL)
		return 0;
	if (strcmp(x->turn, turn) != 0 || strcmp(x->tool->name, tool) != 0)
		return error_set(e, ERR_conflict, "key %.64s belongs to another call", key);
	return 1;
}

/* Those that ended first go first. */
void
exec_prune(struct runner *r)
{
	while (r->ncalls - exec_open(r) > EXEC_DONE_MAX) {
		struct exec *oldest = NULL;

		for (struct exec *x = r->calls; x != NULL; x = x->next)
			if (x->state == DONE && (oldest == NULL || x->deadline < oldest->deadline))
				oldest = x;
		exec_free(oldest);
	}
}

void
exec_clear(struct runner *r)
{
	while (r->calls != NULL)
		exec_free(r->calls);
	if (r->timer != NULL)
		event_free(r->timer);
	r->timer = NULL;
}

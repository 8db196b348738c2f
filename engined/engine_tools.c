/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What toolrunner says it can do, for engine.h: asked for at the start and
 * again with a turn when the answer is a minute old, so that a tool that
 * came or went is known without a restart. A toolrunner that does not answer
 * costs a turn its tools, never its start. Nothing here decides what a turn
 * may use (tools_policy), nor checks a call: toolrunner does that itself.
 */
#include <stdlib.h>

#include "common/call.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/engine_own.h"
#include "engined/turn.h"

#define TOOLS_FRESH_MS	60000
#define TOOLS_WAIT_MS	3000

struct engine_waiter {
	LIST_ENTRY(engine_waiter) link;
	void	(*fn)(void *arg);
	void	*arg;
};

void
engine_forget_schema(struct engine *en)
{
	for (size_t i = 0; i < COUNT(en->schema); i++)
		json_decref(steal(en->schema[i]));
}

int
engine_when_tools(struct engine *en, void (*fn)(void *arg), void *arg)
{
	struct engine_waiter *w;

	if (en->tools.known || en->tools_asked == NULL) {
		fn(arg);
		return 1;
	}
	w = xcalloc(1, sizeof(*w));
	w->fn = fn;
	w->arg = arg;
	LIST_INSERT_HEAD(&en->waiters, w, link);
	return 0;
}

static void
run_waiters(struct engine *en)
{
	struct engine_waiter *w;

	while ((w = LIST_FIRST(&en->waiters)) != NULL) {
		LIST_REMOVE(w, link);
		w->fn(w->arg);
		free(w);
	}
}

static void
on_tools(void *arg, const void *reply, const struct error *e)
{
	struct engine *en = arg;
	struct turn *t;

	en->tools_asked = NULL;
	if (reply == NULL) {
		log_warn("toolrunner does not tell its tools: %s", e->text);
		en->tools_ms = 0;		/* ask again with the next turn */
	} else {
		tools_take(&en->tools, reply);
		engine_forget_schema(en);
	}
	LIST_FOREACH(t, &en->turns, link)
		if (t->state == TURN_PREPARE)
			turn_kick(t);
	run_waiters(en);
}

void
engine_tools(struct engine *en, bool force)
{
	int64_t now = clock_mono_ms();
	struct error e = { 0 };

	if (en->tools_asked != NULL || (!force && en->tools_ms != 0 && now - en->tools_ms < TOOLS_FRESH_MS))
		return;
	en->tools_ms = now;
	en->tools_asked = request_send(en->daemon, "toolrunner", MSG_tool_list, &(struct tool_list){ }, NULL, TOOLS_WAIT_MS,
	    on_tools, en, &e);
	if (en->tools_asked == NULL)
		log_warn("toolrunner cannot be asked: %s", e.text);
}

json_t *
engine_schema(struct engine *en, const struct tools_policy *p, const json_t *loaded)
{
	json_t **kept = &en->schema[p->peers + 2 * p->past + 4 * p->jobs + 8 * p->messages + 16 * p->mail];

	if (p->only != NULL || json_object_size(loaded) > 0)
		return tools_schema(&en->tools, p, loaded);
	if (*kept == NULL)
		*kept = tools_schema(&en->tools, p, NULL);
	return json_incref(*kept);
}

void
engine_tools_clear(struct engine *en)
{
	struct engine_waiter *w;

	if (en->tools_asked != NULL)
		request_cancel(en->tools_asked);
	while ((w = LIST_FIRST(&en->waiters)) != NULL) {	/* their callers are told by the end of the bus */
		LIST_REMOVE(w, link);
		free(w);
	}
	tools_clear(&en->tools);
	engine_forget_schema(en);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See turn.h: where each call begins, and those of engined's own tools that are answered at once. */
#include <stdlib.h>

#include "common/mem.h"
#include "engined/engine.h"
#include "engined/knowledge.h"
#include "engined/talk.h"
#include "engined/turn.h"

static void
end_with(struct turn *t, char *output, const struct error *e)
{
	struct tool_result r = { .ok = output != NULL, .output = output, .error = output == NULL ? xstrdup(e->text) : NULL };

	calls_end(t, &r);
}

static void
run_todo(struct turn *t)
{
	struct error e = { 0 };

	end_with(t, todo_call(&t->talk->todo, t->now.args, &e), &e);
}

static void
run_knowledge(struct turn *t)
{
	struct error e = { 0 };

	end_with(t, knowledge_call(t->now.args, &e), &e);
}

static void
run_load(struct turn *t)
{
	struct tools_policy p = turn_policy(t);
	struct error e = { 0 };
	char *output = tools_load(&t->engine->tools, &p, t->now.args, t->talk->loaded, &e);

	json_decref(steal(t->schema));
	end_with(t, output, &e);
}

static void
run_refused(struct turn *t)
{
	struct tools_policy p = turn_policy(t);
	struct error e = { 0 };

	tools_where(&t->engine->tools, &p, t->now.name, t->now.args, &e);
	end_with(t, NULL, &e);
}

static void (*const places[])(struct turn *) = {
	[TOOL_REFUSED] = run_refused,
	[TOOL_TODO]    = run_todo,
	[TOOL_MEMORY]  = memory_begin,
	[TOOL_NOTIFY]  = notify_begin,
	[TOOL_SKILL]   = skill_begin,
	[TOOL_KNOWLEDGE] = run_knowledge,
	[TOOL_LOAD]    = run_load,
	[TOOL_ASK]     = ask_begin,
	[TOOL_PEER]    = peer_begin,
	[TOOL_SCHEDULE] = schedule_begin,
	[TOOL_MESSAGE] = message_begin,
	[TOOL_EMAIL]   = email_begin,
	[TOOL_AGENT]   = agent_begin,
	[TOOL_PAST]    = past_begin,
	[TOOL_INDEX]   = indexing_begin,
	[TOOL_IMAGE]   = looking_begin,
	[TOOL_RUNNER]  = runner_begin,
};

void
place_begin(struct turn *t, enum tool_place place)
{
	places[place](t);
}

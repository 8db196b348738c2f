/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: the tool memory in a turn. What the turn wants to change after
 * text of others came into its conversation is asked about where a person is
 * present; where nobody is, it waits for one (remember.c).
 */
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/remember.h"
#include "engined/turn.h"

static void
carry_out(struct turn *t, bool foreign)
{
	struct remember who = { .home = t->engine->home, .session = t->row.session,
	    .model = t->target.model == NULL ? "" : t->target.model, .foreign = foreign };
	struct tool_result r = { 0 };
	struct error e = { 0 };

	r.output = remember_call(&who, t->now.args, &e);
	r.ok = r.output != NULL;
	r.error = r.ok ? NULL : xstrdup(e.text);
	calls_end(t, &r);
}

static void
on_decision(struct turn *t, bool yes)
{
	if (yes)
		carry_out(t, false);
	else
		calls_fail(t, "the user does not want this change of notes, because text of others is in this conversation");
}

/* A peer's turn neither reads nor changes what is known of the owner. */
void
memory_begin(struct turn *t)
{
	if (t->peer != NULL)
		calls_fail(t, "memory: not in a turn of a peer");
	else if (t->foreign && t->interactive && strcmp(json_str(t->now.args, "action", ""), "read") != 0)
		lasting_change(t, "the notes", on_decision);
	else
		carry_out(t, t->foreign);
}

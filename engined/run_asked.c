/* SPDX-License-Identifier: Apache-2.0 */
/* See run_asked.h. What a run said is as little trusted as what a turn said: no secret of it is kept. */
#include "engined/run_asked.h"

#include <unistd.h>

#include "common/dispatch.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/redact.h"
#include "engined/runlog.h"

static json_t *
row_of(const struct engine *en, const struct run_add *m)
{
	cleanup_free char *clean = redact(m->output == NULL ? "" : m->output), *tail = last_chars(clean, RUNLOG_TAIL);

	return json_pack("{s:s, s:f, s:f, s:s, s:s*, s:s*, s:s, s:s, s:i, s:s*, s:s, s:I, s:s}", "key", m->key, "at", m->at,
	    "elapsed_s", m->elapsed_s, "profile", en->daemon->boot.profile, "session_id", m->session, "job_id", m->job,
	    "kind", m->kind, "outcome", m->outcome, "pid", (int)getpid(), "timeout_reason", m->timeout_reason,
	    "last_tool", m->last_tool == NULL ? "" : m->last_tool, "tool_count", (json_int_t)m->tool_count, "output_tail", tail);
}

int
run_asked_add(struct call *c, const void *in, struct error *e)
{
	const struct run_add *m = in;
	struct engine *en = c->ctx;
	bool known = runlog_has(en->home, "runs.jsonl", m->key);

	if (!known)
		runlog_row(en->home, "runs.jsonl", row_of(en, m));
	return call_reply(c, &(struct run_add_reply){ .known = known });
}

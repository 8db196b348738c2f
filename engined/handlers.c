/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What engined can be asked. Shape, channel and permission are checked
 * before a handler runs; what a turn may cause is checked by whoever causes
 * it, with the grants the turn carries. What is asked of one of engined's
 * stores stands beside that store, in its *_asked.c; here is the table, the
 * answers of people that turns wait for, and what the engine tells of itself.
 */
#include "engined/handlers.h"

#include <stdlib.h>

#include "common/call.h"
#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/choices.h"
#include "engined/engine.h"
#include "engined/explain.h"
#include "engined/ledger.h"
#include "engined/memory_asked.h"
#include "engined/outbox.h"
#include "engined/produced.h"
#include "engined/recall_asked.h"
#include "engined/run_asked.h"
#include "engined/session_asked.h"
#include "engined/skill_asked.h"
#include "engined/speech.h"
#include "engined/target.h"
#include "engined/turn.h"
#include "engined/turn_asked.h"
#include "engined/upload.h"

#define USAGE_DAYS	14		/* host-plane.md, section 5 */
#define APPROVE_MS	5000

/* ---- answers of people --------------------------------------------------------------------------------- */

/* The running turn whose call waits for this answer; sent: toolrunner's question, else the model's. */
static struct turn *
asking(struct engine *en, const char *id, bool sent)
{
	struct turn *t;

	LIST_FOREACH(t, &en->turns, link)
		if (t->state == TURN_TOOLS && t->now.sent == sent && ask_is(t, id))
			return t;
	return NULL;
}

struct approval {
	struct call	*call;
	char		*ticket, *choice;
};

static void
approval_free(struct approval *a)
{
	free(a->ticket);
	free(a->choice);
	free(a);
}

static void
on_approved(void *arg, const void *reply, const struct error *e)
{
	const struct tool_approve_reply *r = reply;
	struct approval *a = arg;
	struct turn *t = asking(a->call->ctx, a->ticket, true);

	if (r != NULL && r->taken && t != NULL)
		ask_approved(t, a->choice, "host");
	if (r == NULL)
		call_fail(a->call, e);
	else
		call_reply(a->call, &(struct approval_answer_reply){ .taken = r->taken });
	approval_free(a);
}

static int
approval_answer(struct call *c, const void *in, struct error *e)
{
	const struct approval_answer *m = in;
	struct tool_approve approve = { .ticket = m->ticket, .choice = m->choice, .seal = m->seal };
	struct turn *t = asking(c->ctx, m->ticket, true);
	struct approval *a;

	if (t == NULL)
		return call_reply(c, &(struct approval_answer_reply){ .taken = false });
	a = xcalloc(1, sizeof(*a));
	*a = (struct approval){ .call = c, .ticket = xstrdup(m->ticket), .choice = xstrdup(m->choice) };
	if (request_send(c->daemon, runner_of(t), MSG_tool_approve, &approve, NULL, APPROVE_MS, on_approved, a, e) != NULL)
		return CALL_LATER;
	approval_free(a);
	return -1;
}

static int
clarification_answer(struct call *c, const void *in, struct error *e)
{
	const struct clarification_answer *m = in;
	struct turn *t = asking(c->ctx, m->request, false);

	if (t != NULL && ask_answer(t, m->choice, e) == -1)
		return -1;
	return call_reply(c, &(struct clarification_answer_reply){ .taken = t != NULL });
}

/* ---- what was used ------------------------------------------------------------------------------------- */

static int
usage_today(struct call *c, const void *in, struct error *e)
{
	struct engine *en = c->ctx;

	engine_config(en, false);
	return call_reply(c, &(struct usage_today_reply){ .used_usd = ledger_usd(en->ledger),
	    .used_tokens = ledger_tokens(en->ledger), .cap_usd = ledger_cap_usd(en->ledger) });
}

static int
usage_daily(struct call *c, const void *in, struct error *e)
{
	const struct usage_daily *m = in;
	struct engine *en = c->ctx;
	cleanup_json json_t *days = NULL, *by_peer = NULL;
	struct usage_daily_reply r;
	struct target target = { 0 };

	engine_config(en, false);
	target_resolve(en->config, engine_secret, en, NULL, &target, NULL);
	days = ledger_days(en->ledger, m->days > 0 ? (int)m->days : USAGE_DAYS);
	by_peer = ledger_by_peer(en->ledger);
	r = (struct usage_daily_reply){ .days = days, .by_peer = by_peer, .price_out = target.price_out,
	    .cap_usd = ledger_cap_usd(en->ledger), .cap_tokens = ledger_cap_tokens(en->ledger) };
	target_clear(&target);
	return call_reply(c, &r);
}

/* ---- status ------------------------------------------------------------------------------------------- */

static void
tell_status(void *arg)
{
	struct call *c = arg;
	struct engine *en = c->ctx;
	size_t n = json_array_size(en->tools.sandbox);
	cleanup_free struct sandbox_layer *layers = xcalloc(n + 1, sizeof(*layers));
	struct target target = { 0 };
	struct error deaf = { 0 };
	const char *hears;
	struct engine_status_reply r;
	char **models;

	engine_config(en, false);
	models = choices_list(en->config, engine_secret, en);
	target_resolve(en->config, engine_secret, en, NULL, &target, NULL);
	hears = speech_model(en, &deaf);
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(en->tools.sandbox, i);

		layers[i] = (struct sandbox_layer){ .name = json_str(row, "name", ""), .held = json_bool(row, "held", false),
		    .detail = json_str(row, "detail", NULL) };
	}
	r = (struct engine_status_reply){ .model = target.model == NULL ? "" : target.model,
	    .provider = target.provider == NULL ? "" : target.provider, .missing_key = target.missing_key,
	    .config_error = en->config_error, .open_turns = (int64_t)en->open, .tools = (int64_t)tools_count(&en->tools),
	    .sandbox = layers, .n_sandbox = n, .sandbox_stop = en->tools.sandbox_stop,
	    .speech = hears, .speech_stop = hears == NULL ? deaf.text : NULL };
	for (r.models = (const char **)models; models[r.n_models] != NULL; r.n_models++)
		;
	call_reply(c, &r);
	config_list_free(models);
	target_clear(&target);
}

/* Whoever asks right after the start waits for what toolrunner has to say. */
static int
engine_status(struct call *c, const void *in, struct error *e)
{
	return engine_when_tools(c->ctx, tell_status, c) == 1 ? 0 : CALL_LATER;
}

const struct handler engine_handlers[] = {
	/* message                  handler               the grant needs */
	{ MSG_turn_start,           turn_asked_start,     CAP_none },
	{ MSG_turn_next,            turn_asked_next,      CAP_none },
	{ MSG_turn_cancel,          turn_asked_cancel,    CAP_none },
	{ MSG_turn_file,            produced_asked,       CAP_none },
	{ MSG_turn_explain,         explain_reply,        CAP_none },
	{ MSG_session_list,         session_asked_list,   CAP_none },
	{ MSG_session_read,         session_asked_read,   CAP_none },
	{ MSG_session_delete,       session_asked_delete, CAP_none },
	{ MSG_session_search,       recall_asked,         CAP_none },
	{ MSG_session_events,       session_asked_events, CAP_none },
	{ MSG_memory_call,          memory_asked_call,    CAP_none },
	{ MSG_memory_read,          memory_asked_read,    CAP_none },
	{ MSG_memory_write,         memory_asked_write,   CAP_none },
	{ MSG_memory_usage,         memory_asked_usage,   CAP_none },
	{ MSG_skill_list,           skill_asked_list,     CAP_none },
	{ MSG_skill_call,           skill_asked_call,     CAP_none },
	{ MSG_skill_read,           skill_asked_read,     CAP_none },
	{ MSG_skill_file,           skill_asked_file,     CAP_none },
	{ MSG_skill_import,         skill_asked_import,   CAP_none },
	{ MSG_attachment_stage,     upload_stage,         CAP_none },
	{ MSG_speech_take,          speech_asked,         CAP_none },
	{ MSG_outputs_add,          outbox_add,           CAP_none },
	{ MSG_outputs_list,         outbox_list,          CAP_none },
	{ MSG_outputs_read,         outbox_read,          CAP_none },
	{ MSG_outputs_mark,         outbox_mark,          CAP_none },
	{ MSG_outputs_delete,       outbox_delete,        CAP_none },
	{ MSG_run_add,              run_asked_add,        CAP_none },
	{ MSG_usage_today,          usage_today,          CAP_none },
	{ MSG_usage_daily,          usage_daily,          CAP_none },
	{ MSG_engine_status,        engine_status,        CAP_none },
	{ MSG_approval_answer,      approval_answer,      CAP_none },
	{ MSG_clarification_answer, clarification_answer, CAP_none },
	{ 0 }
};

/* SPDX-License-Identifier: Apache-2.0 */
/* See explain.h. */
#include "engined/explain.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/context.h"
#include "engined/engine.h"
#include "engined/project.h"
#include "engined/redact.h"
#include "engined/session.h"
#include "engined/skill_cache.h"
#include "engined/skill_index.h"
#include "engined/target.h"
#include "engined/turn.h"

#define PARTS_MAX	64
#define PART_BYTES	(1000 * 1024)

struct explanation {
	struct prompt_part	 parts[PARTS_MAX];
	char			*texts[PARTS_MAX];	/* what the parts' texts point to */
	size_t			 n;
};

/* One more part; the text is taken, NULL and "" are none. */
static void
add(struct explanation *x, const char *name, char *text)
{
	size_t bytes = text == NULL ? 0 : strlen(text);

	if (bytes == 0 || x->n == PARTS_MAX) {
		free(text);
		return;
	}
	if (bytes > PART_BYTES) {
		char *cut = cut_bytes(text, PART_BYTES);

		free(text);
		text = cut;
	}
	x->texts[x->n] = text;
	x->parts[x->n++] = (struct prompt_part){ .name = name, .text = text, .bytes = (int64_t)bytes,
	    .tokens = context_tokens(bytes) };
}

static void
add_history(struct explanation *x, const json_t *messages)
{
	cleanup_json json_t *history = context_history(messages);

	json_array_remove(history, json_array_size(history) - 1);	/* the request itself */
	if (json_array_size(history) > 0)
		add(x, "history", json_text(history));
}

/* The size of the body; without a usable provider that of what it would carry. */
static int64_t
body_bytes(struct engine *en, const struct target *target, json_t *messages, json_t *tools)
{
	struct provider_request r = { .target = target, .messages = messages, .tools = tools };
	cleanup_free char *body = NULL, *carried = NULL;

	if (target->dialect != NULL)
		body = provider_body(en->provider, &r);
	if (body != NULL)
		return (int64_t)strlen(body);
	body = json_text(messages);
	carried = json_text(tools);
	return (int64_t)(strlen(body) + strlen(carried));
}

/* A question that waits for the tools. */
struct question {
	struct call	*call;
	char		*text, *session, *surface, *model, *workspace;
};

static json_t *
load_session(struct engine *en, const struct question *m)
{
	return m->session == NULL || !session_id_ok(m->session) ? NULL : session_load(en->home, m->session, NULL);
}

static void
explain(struct call *c, const struct question *m)
{
	struct engine *en = c->ctx;
	struct target target = { 0 };
	struct explanation x = { .n = 0 };
	struct context_part parts[CONTEXT_PARTS];
	bool gateway = engine_has(en, "gatewayd");
	struct tools_policy policy = { .peers = engine_has(en, "alpd"), .jobs = engine_has(en, "scheduled"), .messages = gateway,
	    .mail = gateway, .past = true };
	struct context ctx = { .home = en->home, .zone = en->zone, .surface = m->surface };
	cleanup_json json_t *session = load_session(en, m), *messages = NULL, *tools = NULL;
	cleanup_free char *prompt = NULL, *now = context_now(en->zone, clock_wall_ms()), *skills = NULL, *hint = NULL;
	const char *project;
	struct eligible el;
	struct turn_explain_reply reply = { .n_parts = 0 };

	engine_config(en, false);
	policy.config = en->config;
	ctx.workspace = turn_workspace(en, m->workspace);
	project = project_text(en, c->from, ctx.workspace);
	target_resolve(en->config, engine_secret, en, m->model, &target, NULL);
	ctx.model = target.name == NULL ? "" : target.name;
	ctx.local = target.local;
	el = engine_eligible(en);
	ctx.skills = skills = skill_index(skill_cache_look(en->skills), &el, m->text, &hint);
	context_parts(&ctx, parts);
	for (size_t i = 0; i < CONTEXT_PARTS; i++)
		add(&x, parts[i].name, steal(parts[i].text));
	prompt = context_prompt(&ctx);
	messages = context_messages(prompt, m->session == NULL ? NULL : talk_find(&en->talks, m->session), session,
	    session == NULL ? 0 : json_array_size(session_turns(session)), now, m->text);
	if (hint != NULL)
		context_hint(messages, hint);
	if (project != NULL)
		context_project(messages, project);
	tools = engine_schema(en, &policy, NULL);
	add(&x, "project text", xstrdup0(project));
	add_history(&x, messages);
	add(&x, "now", xstrdup(now));
	add(&x, "skill hint", steal(hint));
	add(&x, "request", xstrdup(m->text));
	add(&x, "tools", json_text(tools));
	reply = (struct turn_explain_reply){ .parts = x.parts, .n_parts = x.n, .model = target.model == NULL ? "" : target.model,
	    .request_bytes = body_bytes(en, &target, messages, tools) };
	reply.request_tokens = context_tokens((size_t)reply.request_bytes);
	call_reply(c, &reply);
	for (size_t i = 0; i < x.n; i++)
		free(x.texts[i]);
	target_clear(&target);
}

static void
on_known(void *arg)
{
	struct question *q = arg;

	explain(q->call, q);
	free(q->text);
	free(q->session);
	free(q->surface);
	free(q->model);
	free(q->workspace);
	free(q);
}

int
explain_reply(struct call *c, const void *in, struct error *e)
{
	const struct turn_explain *m = in;
	struct question *q = xcalloc(1, sizeof(*q));

	*q = (struct question){ .call = c, .text = xstrdup(m->text), .session = xstrdup0(m->session),
	    .surface = xstrdup(m->surface), .model = xstrdup0(m->model), .workspace = xstrdup0(m->workspace) };
	return engine_when_tools(c->ctx, on_known, q) == 1 ? 0 : CALL_LATER;
}

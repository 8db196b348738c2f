/* SPDX-License-Identifier: Apache-2.0 */
/* See turn.h: one step, that is one answer of the model (spec/engine.md, section 6). */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/context.h"
#include "engined/engine.h"
#include "engined/ledger.h"
#include "engined/prompt.h"
#include "engined/spend.h"
#include "engined/turn.h"

#define NUDGES_MAX 3		/* in a row; a model that insists on being finished is believed then */

/* ---- what was said ------------------------------------------------------------------------------ */

/* Lines that are only the path of a cached sound file are for players, not for readers. */
static bool
is_cache_line(const char *home, const char *line, size_t len)
{
	static const char *const places[] = { "/cache/tts/", "/cache/stt/" };
	size_t n = strlen(home);

	for (size_t i = 0; i < COUNT(places); i++)
		if (len > n + strlen(places[i]) && strncmp(line, home, n) == 0 &&
		    strncmp(line + n, places[i], strlen(places[i])) == 0)
			return true;
	return false;
}

static char *
visible(const char *home, const char *text)
{
	struct buf b = BUF(0);
	const char *s = text;

	while (*s != '\0') {
		size_t len = strcspn(s, "\n"), whole = len + (s[len] == '\n');
		size_t lead = strspn(s, " \t");

		if (lead > len || !is_cache_line(home, s + lead, len - lead))
			buf_add(&b, s, whole);
		s += whole;
	}
	return buf_take(&b);
}

/* An argument text that is no JSON object is none: servers refuse to hear it again. */
static const char *
sound_arguments(const char *text)
{
	json_t *args = json_parse(text, strlen(text), PROTO_DEPTH_MAX - 4, NULL);
	bool good = json_is_object(args);

	json_decref(args);
	return good ? text : "{}";
}

static json_t *
tool_call_json(const struct turn *t, const json_t *call, size_t index)
{
	const char *id = json_str(call, "id", "");
	cleanup_free char *own = xasprintf("call_%d_%zu", t->step, index);
	json_t *j = json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", id[0] != '\0' ? id : own, "type", "function", "function",
	    "name", json_str(call, "name", ""), "arguments", sound_arguments(json_str(call, "arguments", "")));

	return j;
}

/* The row of a step in the journal: the message as the model will see it again, and what is known besides. */
static json_t *
step_row(const struct turn *t, const struct provider_result *r, const char *text)
{
	json_t *message = json_pack("{s:s, s:s}", "role", "assistant", "content", text), *calls = json_array(), *call;
	json_t *refused = json_object();
	size_t i;

	json_array_foreach(r->tool_calls, i, call) {
		const char *why = json_str(call, "error", NULL);

		json_array_append_new(calls, tool_call_json(t, call, i));
		if (why != NULL) {
			cleanup_free char *index = xasprintf("%zu", i);

			json_object_set_new(refused, index, json_string(why));
		}
	}
	if (json_array_size(calls) > 0)
		json_object_set(message, "tool_calls", calls);
	json_decref(calls);
	if (r->extra != NULL)
		json_object_update_missing(message, r->extra);
	return json_pack("{s:o, s:o, s:s, s:I, s:I, s:f}", "message", message, "refused", refused,
	    "reasoning", buf_str(&t->thought), "tokens_in", (json_int_t)r->input_tokens,
	    "tokens_out", (json_int_t)r->output_tokens, "cost", r->cost_usd);
}

void
step_apply(struct turn *t, const json_t *row)
{
	json_t *message = json_object_get(row, "message"), *calls = json_object_get(message, "tool_calls");
	const char *reasoning = json_str(row, "reasoning", "");

	t->tokens_in += json_int(row, "tokens_in", 0);
	t->tokens_out += json_int(row, "tokens_out", 0);
	t->context_tokens = json_int(row, "tokens_in", 0);
	t->cost += json_num(row, "cost", 0);
	if (reasoning[0] != '\0')
		buf_addf(&t->reasoning, "%s%s", t->reasoning.len > 0 ? "\n\n" : "", reasoning);
	free(t->step_reasoning);
	t->step_reasoning = reasoning[0] != '\0' ? xstrdup(reasoning) : NULL;
	json_array_append(t->messages, message);
	json_decref(t->calls);
	t->calls = calls == NULL ? json_array() : json_deep_copy(calls);
	for (size_t i = 0; i < json_array_size(t->calls); i++) {	/* what must not run says so where calls.c looks */
		cleanup_free char *index = xasprintf("%zu", i);
		json_t *why = json_object_get(json_object_get(row, "refused"), index);

		if (why != NULL)
			json_object_set(json_array_get(t->calls, i), "error", why);
	}
	t->call = 0;
}

void
step_usage(struct turn *t, int64_t tokens_in, int64_t tokens_out, double cost)
{
	events_add(&t->events, "usage", json_pack("{s:I, s:I, s:f, s:I, s:s}", "tokens_in", (json_int_t)tokens_in,
	    "tokens_out", (json_int_t)tokens_out, "cost", cost, "context_tokens", (json_int_t)t->context_tokens,
	    "model", t->target.model));
}

/* ---- what follows --------------------------------------------------------------------------------- */

void
step_nudge(struct turn *t)
{
	cleanup_free char *lines = NULL, *text = NULL;

	todo_open(&t->talk->todo, &lines);
	text = xasprintf(prompt_nudge, lines, t->ceiling - t->step);
	message_add(t->messages, "user", text);
	t->nudges++;
}

void
step_next(struct turn *t)
{
	json_t *last = json_array_get(t->messages, json_array_size(t->messages) - 1);

	if (json_array_size(t->calls) > 0) {
		t->nudges = 0;
		turn_go(t, TURN_TOOLS);
	} else if (todo_open(&t->talk->todo, NULL) > 0 && t->nudges < NUDGES_MAX && t->row.cancelled == NULL) {
		step_nudge(t);
		t->step++;
		turn_go(t, TURN_STEP);
	} else {
		finish_reply(t, json_str(last, "content", ""));
	}
}

/* ---- the stream ------------------------------------------------------------------------------------ */

static void
note_thinking_time(struct turn *t)
{
	double seconds = (double)((clock_mono_ms() - t->began_ms) / 100) / 10;

	if (t->reasoning.len + t->thought.len > 0 && json_object_get(t->record, "reasoned_s") == NULL)
		json_object_set_new(t->record, "reasoned_s", json_real(seconds));
}

static void
on_text(void *arg, const char *text, size_t len)
{
	struct turn *t = arg;

	if (t->said.len == 0)
		note_thinking_time(t);
	buf_add(&t->said, text, len);
	events_delta(&t->events, "assistant_delta", text, len);
}

static void
on_reasoning(void *arg, const char *text, size_t len)
{
	struct turn *t = arg;

	buf_add(&t->thought, text, len);
	events_delta(&t->events, "reasoning_delta", text, len);
}

static void
on_retrying(void *arg, int attempt, int wait_ms, const struct error *why)
{
	struct turn *t = arg;

	log_info("provider retried turn=%s attempt=%d wait_ms=%d: %s", t->row.id, attempt, wait_ms, why->text);
}

static void
wrapped_up(struct turn *t, const char *text)
{
	struct error e = { 0 };

	if (text[strspn(text, " \t\r\n")] != '\0') {
		message_add(t->messages, "assistant", text);
		finish_reply(t, text);
		return;
	}
	error_set(&e, ERR_provider, "%s reached, and the model gave no summary",
	    strcmp(t->wrapping, "time limit") == 0 ? "time limit" : "max steps");
	finish_error(t, &e);
}

void
step_count(struct turn *t, const struct provider_result *r)
{
	t->tokens_in += r->input_tokens;
	t->tokens_out += r->output_tokens;
	t->cost += r->cost_usd;
}

/* An answer that breaks off is paid for as far as it came; servers say nothing of it. */
static void
charge_unfinished(struct turn *t)
{
	struct provider_result r;

	if (!provider_unfinished(t->stream, &r))
		return;
	spend(t->engine, t->peer, r.input_tokens, r.output_tokens, r.cost_usd);
	step_count(t, &r);
}

static void
on_done(void *arg, const struct provider_result *r)
{
	struct turn *t = arg;
	cleanup_free char *text = visible(t->engine->home, buf_str(&t->said));
	cleanup_json json_t *row = step_row(t, r, text);
	struct error e = { 0 };

	t->stream = NULL;
	note_thinking_time(t);
	spend(t->engine, t->peer, r->input_tokens, r->output_tokens, r->cost_usd);
	if (t->wrapping == NULL) {
		if (journal_step(t->engine->journal, t->row.id, t->step, row, json_array_size(r->tool_calls) == 0, &e) == -1) {
			finish_error(t, &e);
			return;
		}
		step_apply(t, row);
	} else {
		step_count(t, r);
	}
	step_usage(t, r->input_tokens, r->output_tokens, r->cost_usd);
	if (t->wrapping != NULL)
		wrapped_up(t, text);
	else
		step_next(t);
}

static void
on_failed(void *arg, const struct error *e)
{
	struct turn *t = arg;
	struct error limit = { 0 };

	charge_unfinished(t);
	t->stream = NULL;
	if (t->wrapping != NULL && t->said.len == 0) {
		error_set(&limit, e->code, "%s reached, and the summary failed: %s",
		    strcmp(t->wrapping, "time limit") == 0 ? "time limit" : "max steps", e->text);
		e = &limit;
	}
	finish_error(t, e);
}

void
step_made(struct turn *t, const char *id, const char *tool, const json_t *args)
{
	cleanup_free char *text = json_text(args);
	cleanup_json json_t *row = json_pack("{s:{s:s, s:s, s:[{s:s, s:s, s:{s:s, s:s}}]}, s:{}}", "message", "role", "assistant",
	    "content", "", "tool_calls", "id", id, "type", "function", "function", "name", tool, "arguments", text, "refused");
	struct error e = { 0 };

	if (journal_step(t->engine->journal, t->row.id, t->step, row, false, &e) == -1) {
		finish_error(t, &e);
		return;
	}
	step_apply(t, row);
	step_next(t);
}

/* ---- STEP -------------------------------------------------------------------------------------------- */

static const struct provider_events stream_events = {
	.text = on_text, .reasoning = on_reasoning, .retrying = on_retrying, .done = on_done, .failed = on_failed,
};

static void
ask(struct turn *t, json_t *messages, json_t *tools)
{
	struct engine *en = t->engine;
	struct provider_request r = { .target = &t->target, .messages = messages, .tools = tools };
	bool own = json_str(t->row.request, "model", NULL) == NULL;	/* the configured effort belongs to the configured model */
	struct error e = { 0 };

	r.effort = json_str(t->row.request, "effort", own ? config_str(en->config, "model_reasoning.effort") : NULL);
	if (r.effort != NULL && strcmp(r.effort, "off") == 0)
		r.effort = NULL;
	provider_limits(en->config, &r.limits);
	buf_clear(&t->said);
	buf_clear(&t->thought);
	if ((t->stream = provider_start(en->provider, &r, &stream_events, t, &e)) == NULL)
		finish_error(t, &e);
	else
		t->state = TURN_STREAM;
}

/* One more answer without tools: what was done, and what is missing. The question is not kept. */
static void
wrap_up(struct turn *t, const char *limit)
{
	cleanup_free char *text = xasprintf(prompt_wrapup, limit);
	cleanup_json json_t *messages = json_copy(t->messages);

	t->wrapping = limit;
	message_add(messages, "user", text);
	ask(t, messages, NULL);
}

void
step_begin(struct turn *t)
{
	struct tools_policy p = turn_policy(t);
	struct error e = { 0 };

	if (t->row.cancelled != NULL)
		finish_interrupted(t, "");
	else if (t->step == 1 && (skill_order(t) || peer_route(t)))
		return;
	else if (t->deadline_ms != 0 && clock_wall_ms() >= t->deadline_ms)
		wrap_up(t, "time limit");
	else if (t->step > t->ceiling)
		wrap_up(t, "limit of steps");
	else if (t->step > 1 && ledger_check(t->engine->ledger, &e) == -1)
		finish_error(t, &e);
	else if (!fold_begin(t)) {
		if (t->agent != NULL)
			agent_step(t);
		if (t->schema == NULL)
			t->schema = engine_schema(t->engine, &p, t->talk->loaded);
		ask(t, t->messages, t->schema);
	}
}

void
step_cancel(struct turn *t)
{
	cleanup_free char *text = visible(t->engine->home, buf_str(&t->said));

	charge_unfinished(t);
	provider_cancel(steal(t->stream));
	if (t->thought.len > 0)
		buf_addf(&t->reasoning, "%s%s", t->reasoning.len > 0 ? "\n\n" : "", buf_str(&t->thought));
	finish_interrupted(t, text);
}

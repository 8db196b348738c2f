/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: the tool calls of one answer, one after the other
 * (spec/engine.md, section 6). runner.c speaks with toolrunner, ask.c with
 * people, agent.c with turns; here stands what is the same for every call: announce, find where
 * it runs, write down what came back, show it to the model as data.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/budget.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/context.h"
#include "engined/engine.h"
#include "engined/meaning.h"
#include "engined/notice.h"
#include "engined/recall.h"
#include "engined/redact.h"
#include "engined/session.h"
#include "engined/talk.h"
#include "engined/turn.h"

#define SHOWN_CHARS	4000		/* of an output in tool_end (host-plane.md, 7) */
#define PREVIEW_CHARS	80
#define ARGS_SHOWN	16384		/* bytes of arguments in tool_start; larger ones are previewed */
#define PRODUCED_MAX	10		/* files that go with an answer */
#define SKIPPED		"[skipped \xe2\x80\x94 user interrupted]"

/* ---- the running call ------------------------------------------------------------------------------ */

void
toolcall_clear(struct turn *t)
{
	struct toolcall *c = &t->now;

	if (c->request != NULL)
		request_cancel(c->request);
	if (c->timer != NULL)
		event_free(c->timer);
	if (c->wait != NULL)
		recall_forget(t->engine->recall, c->wait);
	recollect_cancel(c->question);
	indexing_free(c->indexing);
	looking_free(c->looking);
	posting_free(c->posting);
	notice_free(c->notice);
	mailing_free(c->mailing);
	scouting_free(c->scouting);
	free(c->key);
	json_decref(c->args);
	json_decref(c->asking);
	memset(c, 0, sizeof(*c));
}

/* Arguments that are not an object count as none (spec/engine.md, section 6). */
static json_t *
parse_args(const json_t *call)
{
	const char *text = json_str(json_object_get(call, "function"), "arguments", "");
	json_t *args = json_parse(text, strlen(text), PROTO_DEPTH_MAX - 4, NULL);

	if (json_is_object(args))
		return args;
	json_decref(args);
	return json_object();
}

static const char *
call_name(const json_t *call)
{
	return json_str(json_object_get(call, "function"), "name", "");
}

void
toolcall_name(const struct turn *t, char *out, size_t size)
{
	cleanup_json json_t *args = NULL;

	if (!peer_mentioned(t)) {
		snprintf(out, size, "%d.%zu", t->step, t->call);
		return;
	}
	args = parse_args(json_array_get(t->calls, t->call));
	snprintf(out, size, "mention-%.128s-%s", json_str(args, "peer_id", ""), t->row.id);
}

static void
toolcall_set(struct turn *t)
{
	const json_t *call = json_array_get(t->calls, t->call);
	struct toolcall *c = &t->now;

	toolcall_clear(t);
	toolcall_name(t, c->id, sizeof(c->id));
	c->key = xasprintf("%s/%d/%zu", t->row.id, t->step, t->call);
	c->name = call_name(call);
	c->args = parse_args(call);
	c->began_ms = clock_mono_ms();
	c->at = (double)clock_wall_ms() / 1000;
}

/* ---- what clients see --------------------------------------------------------------------------------- */

/* The argument that says most: the first text, else nothing. */
static char *
args_preview(const json_t *args)
{
	static const char *const telling[] = { "command", "path", "pattern", "url", "query", "question", "content" };
	const char *key, *text = NULL;
	json_t *value;

	for (size_t i = 0; i < COUNT(telling) && text == NULL; i++)
		text = json_str(args, telling[i], NULL);
	json_object_foreach((json_t *)args, key, value)
		if (text == NULL && json_is_string(value))
			text = json_string_value(value);
	return text == NULL ? xstrdup("") : cut_chars(text, PREVIEW_CHARS);
}

void
calls_tool_start(struct turn *t)
{
	cleanup_free char *short_args = args_preview(t->now.args), *text = json_text(t->now.args);
	json_t *args = strlen(text) > ARGS_SHOWN ? preview(text, ARGS_SHOWN / 2) : json_incref(t->now.args);

	events_add(&t->events, "tool_start", json_pack("{s:s, s:s, s:s, s:o}", "tool_id", t->now.id,
	    "name", t->now.name, "preview", short_args, "args", args));
}

void
calls_tool_state(struct turn *t, const char *text)
{
	events_add(&t->events, "tool_state", json_pack("{s:s, s:s, s:s, s:b}", "tool_id", t->now.id, "name", t->now.name,
	    "text", text, "ok", 1));
}

void
calls_tool_end(struct turn *t, bool ok, const char *output)
{
	cleanup_free char *cut = cut_chars(output, SHOWN_CHARS);

	events_add(&t->events, "tool_end", json_pack("{s:s, s:s, s:b, s:s}", "tool_id", t->now.id,
	    "name", t->now.name, "ok", (int)ok, "output", cut));
}

/* ---- a result --------------------------------------------------------------------------------------- */

static void
add_tool_message(struct turn *t, const char *content)
{
	const json_t *call = json_array_get(t->calls, t->call);

	json_array_append_new(t->messages, json_pack("{s:s, s:s, s:s}", "role", "tool",
	    "tool_call_id", json_str(call, "id", ""), "content", content));
}

/* The text a screen shows: the output, or why there is none. */
static char *
shown(const struct tool_result *r)
{
	const char *output = r->output == NULL ? "" : r->output;

	if (r->ok)
		return xstrdup(output);
	return xasprintf("%s%s%s", r->error == NULL ? "failed" : r->error, output[0] != '\0' ? "\n" : "", output);
}

/* The row of a call in the journal: what the model reads, and the entry of the session file. */
static json_t *
result_row(struct turn *t, const struct tool_result *r, const char *screen)
{
	cleanup_free char *content = r->plain ? xstrdup(r->output) : tools_wrap(t->now.name, r);
	json_t *entry = session_tool(t->now.at, t->now.name, r->ok,
	    (double)(clock_mono_ms() - t->now.began_ms) / 1000, t->now.args, r->answer != NULL ? r->answer : screen);

	if (t->step_reasoning != NULL) {
		json_object_set_new(entry, "reasoning", preview(t->step_reasoning, SESSION_STEP_REASONING));
		free(steal(t->step_reasoning));
	}
	return json_pack("{s:s, s:o, s:O?, s:O*, s:b, s:b, s:s, s:s*, s:I, s:I, s:f}", "content", content, "entry", entry,
	    "mutations", r->mutations, "produced", r->produced, "ok", (int)r->ok, "ours", (int)r->ours, "shown", screen, "answer", r->answer,
	    "tokens_in", (json_int_t)r->tokens_in, "tokens_out", (json_int_t)r->tokens_out, "cost", r->cost);
}

bool
calls_ours(const char *name)
{
	static const char *const ours[] = { "todo", "memory", "load_tools", "ask_user", "notify", "send_message", "alpi_knowledge", "schedule",
		"write_file", "edit_file" };

	for (size_t i = 0; i < COUNT(ours); i++)
		if (strcmp(ours[i], name) == 0)
			return true;
	return false;
}

/* A file that a call made goes with the answer, the same file once: as it was when it was made last. */
static void
calls_produced(struct turn *t, const json_t *file)
{
	cleanup_json json_t *row = file == NULL ? NULL : json_copy((json_t *)file);
	json_t *other;
	size_t i;

	if (row == NULL)
		return;
	json_object_set_new(row, "source", json_string("tool"));
	json_object_set_new(row, "producer", json_string(call_name(json_array_get(t->calls, t->call))));
	json_array_foreach(t->produced, i, other)
		if (strcmp(json_str(other, "path", ""), json_str(row, "path", "")) == 0) {
			json_array_set(t->produced, i, row);
			return;
		}
	if (json_array_size(t->produced) < PRODUCED_MAX)
		json_array_append(t->produced, row);
}

/* What a skill's script has put out is not the skill. */
static void
note_skill(struct turn *t, const json_t *row)
{
	const json_t *call = json_array_get(t->calls, t->call);
	bool shown = strcmp(call_name(call), "skill") == 0 && json_bool(row, "ours", false);
	cleanup_json json_t *args = shown ? parse_args(call) : NULL;

	if (args != NULL)
		skill_note(t, args);
}

void
calls_apply(struct turn *t, const json_t *row)
{
	json_t *tools = json_object_get(t->record, "tools"), *mutations = json_object_get(row, "mutations");

	t->foreign |= !json_bool(row, "ours", false) && !calls_ours(call_name(json_array_get(t->calls, t->call)));

	add_tool_message(t, json_str(row, "content", ""));
	json_array_append(tools, json_object_get(row, "entry"));
	if (json_is_array(mutations))
		json_array_extend(t->mutations, mutations);
	calls_produced(t, json_object_get(row, "produced"));
	if (json_bool(row, "ok", false)) {
		free(t->answer);
		t->answer = xstrdup0(json_str(row, "answer", NULL));
		note_skill(t, row);
	} else {
		free(t->failure);
		t->failure = xstrdup(json_str(row, "shown", ""));
	}
	t->tokens_in += json_int(row, "tokens_in", 0);
	t->tokens_out += json_int(row, "tokens_out", 0);
	t->cost += json_num(row, "cost", 0);
	t->tool_count++;
	free(t->last_tool);
	t->last_tool = xstrdup(call_name(json_array_get(t->calls, t->call)));
	t->call++;
}

static void
cut_to_budget(struct turn *t, struct tool_result *r)
{
	char *cut;

	if (r->output == NULL || r->cut)
		return;
	cut = budget_cut(r->output, budget_of(t->engine->config, t->now.name));
	free(r->output);
	r->output = cut;
}

void
calls_end(struct turn *t, struct tool_result *r)
{
	cleanup_free char *screen = shown(r), *cut = cut_bytes(screen, 64 * 1024);	/* whole: the budget is the model's */
	cleanup_json json_t *row = NULL;
	struct error e = { 0 };

	cut_to_budget(t, r);
	if (t->agent != NULL)
		agent_payload(t, r);
	skill_answer(t, r);
	row = result_row(t, r, cut);
	tool_result_clear(r);
	if (journal_result(t->engine->journal, t->row.id, t->step, t->call, row, &e) == -1) {
		toolcall_clear(t);
		finish_error(t, &e);
		return;
	}
	calls_tool_end(t, json_bool(row, "ok", false), cut);
	if (json_int(row, "tokens_in", 0) > 0)
		step_usage(t, json_int(row, "tokens_in", 0), json_int(row, "tokens_out", 0), json_num(row, "cost", 0));
	calls_apply(t, row);
	toolcall_clear(t);
	turn_kick(t);
}

void
calls_fail(struct turn *t, const char *why)
{
	struct tool_result r = { .error = xstrdup(why) };

	if (skill_validates(t))		/* most of the findings are ours and known all the same */
		skill_validated(t, &r);
	else
		calls_end(t, &r);
}

/* ---- the batch ------------------------------------------------------------------------------------------ */

static void
call_begin(struct turn *t)
{
	const char *why = json_str(json_array_get(t->calls, t->call), "error", NULL);
	struct tools_policy p = turn_policy(t);

	toolcall_set(t);
	calls_tool_start(t);
	if (why != NULL)
		calls_fail(t, why);
	else
		place_begin(t, tools_where(&t->engine->tools, &p, t->now.name, t->now.args, NULL));
}

/* The user has interrupted: a call that did not begin is answered without being run. */
static void
call_skip(struct turn *t)
{
	toolcall_set(t);
	json_array_append_new(json_object_get(t->record, "tools"),
	    session_tool(t->now.at, t->now.name, false, 0, t->now.args, SKIPPED));
	add_tool_message(t, SKIPPED);
	calls_tool_end(t, false, SKIPPED);
	t->call++;
	toolcall_clear(t);
}

/* A path is whatever somebody called a file: as JSON it is one line and cannot speak for the system. */
static void
add_mutation(struct buf *b, const json_t *m)
{
	cleanup_free char *path = json_text(json_object_get(m, "path"));

	buf_addf(b, "\n%s %s (%lld -> %lld lines)", json_str(m, "op", "?"), path,
	    (long long)json_int(m, "lines_before", 0), (long long)json_int(m, "lines_after", 0));
}

void
calls_batch_done(struct turn *t)
{
	struct buf b = BUF(0);
	json_t *m;
	size_t i;

	if (json_array_size(t->mutations) == 0)
		return;
	buf_puts(&b, "[file_mutations] Changed on disk:");
	json_array_foreach(t->mutations, i, m)
		add_mutation(&b, m);
	message_add(t->messages, "system", buf_str(&b));
	buf_clear(&b);
	json_array_clear(t->mutations);
}

void
calls_continue(struct turn *t)
{
	struct error e = { 0 };

	if (t->now.key != NULL)		/* one is running */
		return;
	while (t->row.cancelled != NULL && t->call < json_array_size(t->calls))
		call_skip(t);
	if (t->call < json_array_size(t->calls)) {
		call_begin(t);
		return;
	}
	if (json_array_size(t->mutations) > 0)
		engine_push(t->engine, "file_mutations", json_pack("{s:s, s:O}", "session_id", t->row.session,
		    "mutations", t->mutations));
	calls_batch_done(t);
	if (t->row.cancelled != NULL)
		finish_interrupted(t, "");
	else if (t->answer != NULL)
		finish_reply(t, t->answer);
	else if (peer_mentioned(t) || skill_ordered(t)) {
		error_set(&e, ERR_unavailable, "%s", t->failure);
		finish_error(t, &e);
	} else {
		t->step++;
		turn_go(t, TURN_STEP);
	}
}

void
calls_find(struct turn *t, const json_t *shown)
{
	struct tools_policy p = turn_policy(t);
	enum tool_place place;

	toolcall_set(t);
	if (json_object_get(shown, t->now.id) == NULL)
		calls_tool_start(t);
	place = tools_where(&t->engine->tools, &p, t->now.name, t->now.args, NULL);
	if (place == TOOL_ASK)
		ask_begin(t);		/* a question has no effect: it is asked again */
	else if (strcmp(t->now.name, "peer") == 0)
		peer_find(t);
	else if (strcmp(t->now.name, "schedule") == 0)
		schedule_find(t);
	else if (strcmp(t->now.name, "send_message") == 0)
		message_find(t);
	else if (email_is(t->now.name))
		email_find(t);
	else if (skill_repeats(t))
		skill_begin(t);
	else if (agent_is(t->now.name))
		agent_find(t);
	else
		runner_find(t);
}

void
calls_cancel(struct turn *t)
{
	if (t->now.key == NULL)
		turn_kick(t);
	else if (t->now.wait != NULL || t->now.question != NULL)
		calls_fail(t, "interrupted");
	else if (t->now.indexing != NULL)
		indexing_cancel(t);
	else if (t->now.looking != NULL)
		looking_cancel(t);
	else if (t->now.scouting != NULL)
		scouting_cancel(t);
	else if (t->now.asking != NULL && !t->now.sent)
		ask_cancel(t);
	else if (strcmp(t->now.name, "peer") == 0)
		peer_cancel(t);
	else if (strcmp(t->now.name, "schedule") == 0)
		schedule_cancel(t);
	else if (strcmp(t->now.name, "send_message") == 0)
		message_cancel(t);
	else if (t->now.notice != NULL)
		notify_cancel(t);
	else if (email_is(t->now.name))
		email_cancel(t);
	else if (agent_is(t->now.name))
		agent_cancel(t);
	else
		runner_cancel(t);
}

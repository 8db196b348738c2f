/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anthropic messages (spec/engine.md, 4.1). The conversation is kept in
 * OpenAI form and translated here, each time, both ways. With thinking on,
 * the server wants its signed thinking blocks back for the rest of the turn:
 * they travel in the assistant message as "thinking_blocks".
 */
#include "engined/dialect.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/translate.h"

#define BLOCKS_MAX	64		/* of thinking, kept of one answer */

/* ---- the request --------------------------------------------------------------------------- */

#define OUTPUT_UNLISTED	4096

/*
 * The output limit is mandatory here: the model's own where it is known (spec/engine.md, 4.1). Each row is the
 * least of its family: to ask for less than a model has only cuts a very long answer, to ask for more is refused.
 */
static const struct limit {
	const char	*model;
	int		 tokens;
} limits[] = {
	{ "claude-opus-4*", 32000 }, { "claude-sonnet-4*", 64000 }, { "claude-haiku-4*", 64000 },
	{ "claude-3-7-*", 64000 }, { "claude-3-5-*", 8192 },
};

static char *
url(const struct provider_request *r)
{
	return xasprintf("%s/messages", r->target->url);
}

/* Thinking counts as output, and a budget that is not below the limit is refused: what is not listed gets both. */
static int
output_limit(const char *model, int budget)
{
	for (size_t i = 0; i < COUNT(limits); i++)
		if (fnmatch(limits[i].model, model, 0) == 0)
			return limits[i].tokens;
	return OUTPUT_UNLISTED + budget;
}

static json_t *
text_part(const char *text)
{
	return json_pack("{s:s, s:s}", "type", "text", "text", text);
}

static json_t *
image_part(const char *type, const char *base64)
{
	return json_pack("{s:s, s:{s:s, s:s, s:s}}", "type", "image", "source",
	    "type", "base64", "media_type", type, "data", base64);
}

static const struct form form = { "content", text_part, image_part };

static void
add_calls(json_t *list, const json_t *calls)
{
	const json_t *call;
	size_t i;

	json_array_foreach(calls, i, call) {
		const char *name = json_str(json_object_get(call, "function"), "name", "");

		add_part(list, &form, "assistant", json_pack("{s:s, s:s, s:s, s:o}", "type", "tool_use",
		    "id", json_str(call, "id", ""), "name", name, "input", call_arguments(call)));
	}
}

static void
add_thinking(json_t *list, const json_t *blocks)
{
	json_t *block;
	size_t i;

	json_array_foreach(blocks, i, block)
		add_part(list, &form, "assistant", json_incref(block));
}

static void
add_message(json_t *list, const json_t *m, bool thinking)
{
	const char *role = json_str(m, "role", "");
	const json_t *content = json_object_get(m, "content");

	if (strcmp(role, "tool") == 0) {
		cleanup_free char *text = content_text(content);

		add_part(list, &form, "user", json_pack("{s:s, s:s, s:s}", "type", "tool_result",
		    "tool_use_id", json_str(m, "tool_call_id", ""), "content", text));
	} else if (strcmp(role, "assistant") == 0) {
		add_beginning(list, &form);
		if (thinking)
			add_thinking(list, json_object_get(m, "thinking_blocks"));
		add_content(list, &form, role, content);
		add_calls(list, json_object_get(m, "tool_calls"));
	} else if (strcmp(role, "user") == 0) {
		add_content(list, &form, role, content);
	}
}

static json_t *
translated(const struct provider_request *r, bool thinking)
{
	json_t *list = json_array();
	const json_t *m;
	size_t i;

	json_array_foreach(r->messages, i, m)
		add_message(list, m, thinking);
	return list;
}

static json_t *
tools_of(const json_t *tools)
{
	json_t *list = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach(tools, i, row) {
		const json_t *fn = json_object_get(row, "function");
		json_t *schema = json_object_get(fn, "parameters"), *tool = json_object();

		json_object_set_new(tool, "name", json_string(json_str(fn, "name", "")));
		json_object_set_new(tool, "description", json_string(json_str(fn, "description", "")));
		json_object_set_new(tool, "input_schema", schema != NULL ? json_incref(schema) : json_pack("{s:s}", "type", "object"));
		json_array_append_new(list, tool);
	}
	return list;
}

static json_t *
body(const struct provider_request *r)
{
	cleanup_free char *system = system_text(r->messages);
	int budget = dialect_thinking_budget(r);
	json_t *b = json_object();

	json_object_set_new(b, "model", json_string(r->target->name));
	json_object_set_new(b, "max_tokens", json_integer(r->most > 0 ? r->most + budget : output_limit(r->target->name, budget)));
	if (system[0] != '\0')
		json_object_set_new(b, "system", json_pack("[{s:s, s:s, s:{s:s}}]", "type", "text", "text", system,
		    "cache_control", "type", "ephemeral"));
	json_object_set_new(b, "messages", translated(r, budget > 0));
	if (json_array_size(r->tools) > 0) {
		json_object_set_new(b, "tools", tools_of(r->tools));
		json_object_set_new(b, "tool_choice", json_pack("{s:s}", "type", "auto"));
	}
	if (budget > 0)
		json_object_set_new(b, "thinking", json_pack("{s:s, s:i}", "type", "enabled", "budget_tokens", budget));
	if (!r->whole)
		json_object_set_new(b, "stream", json_true());
	return b;
}

/* ---- the answer ---------------------------------------------------------------------------- */

static const struct reason {
	const char	*theirs, *ours;
} reasons[] = {
	{ "end_turn", "stop" }, { "stop_sequence", "stop" }, { "tool_use", "tool_calls" }, { "max_tokens", "length" },
};

static void
take_reason(struct answer *a, const char *theirs)
{
	for (size_t i = 0; theirs != NULL && i < COUNT(reasons); i++)
		if (strcmp(reasons[i].theirs, theirs) == 0)
			theirs = reasons[i].ours;
	answer_finish(a, theirs);
}

/* What came from the cache and what went into it was read as well. */
static void
take_usage(struct answer *a, const json_t *usage)
{
	int64_t in = json_int(usage, "input_tokens", -1);

	if (in >= 0)
		a->input_tokens = in + json_int(usage, "cache_creation_input_tokens", 0) +
		    json_int(usage, "cache_read_input_tokens", 0);
	a->output_tokens = json_int(usage, "output_tokens", a->output_tokens);
}

static json_t *
kept_blocks(struct answer *a)
{
	if (a->extra == NULL)
		a->extra = json_pack("{s:[]}", "thinking_blocks");
	return json_object_get(a->extra, "thinking_blocks");
}

/* A thinking block (whole, or still empty) to give back with the next request of the turn. */
static void
keep_block(struct answer *a, const json_t *block)
{
	json_t *list = kept_blocks(a);

	if (json_array_size(list) < BLOCKS_MAX)
		json_array_append_new(list, json_copy((json_t *)block));
	json_decref(a->work);
	a->work = json_array();			/* its text comes in pieces */
}

static int
begin_block(struct answer *a, int64_t index, const json_t *block, struct error *e)
{
	const char *type = json_str(block, "type", ""), *text = json_str(block, "text", "");

	if (strcmp(type, "thinking") == 0 || strcmp(type, "redacted_thinking") == 0)
		keep_block(a, block);
	if (strcmp(type, "tool_use") == 0)
		return answer_call(a, &(struct answer_delta){
			.index = index, .id = json_str(block, "id", NULL), .name = json_str(block, "name", NULL) }, e);
	return strcmp(type, "text") == 0 ? answer_text(a, text, strlen(text), e) : 0;
}

static int
take_delta(struct answer *a, int64_t index, const json_t *delta, struct error *e)
{
	const char *type = json_str(delta, "type", ""), *text;
	json_t *blocks = json_object_get(a->extra, "thinking_blocks");

	if (strcmp(type, "text_delta") == 0) {
		text = json_str(delta, "text", "");
		return answer_text(a, text, strlen(text), e);
	}
	if (strcmp(type, "thinking_delta") == 0) {
		text = json_str(delta, "thinking", "");
		json_array_append(a->work, json_object_get(delta, "thinking"));
		return answer_reasoning(a, text, strlen(text), e);
	}
	if (strcmp(type, "input_json_delta") == 0) {
		text = json_str(delta, "partial_json", "");
		return answer_call(a, &(struct answer_delta){ .index = index, .arguments = text, .len = strlen(text) }, e);
	}
	if (strcmp(type, "signature_delta") == 0)
		json_object_set(json_array_get(blocks, json_array_size(blocks) - 1), "signature",
		    json_object_get(delta, "signature"));
	return 0;
}

/* The pieces of a thinking block become its text. */
static void
end_block(struct answer *a)
{
	json_t *blocks = json_object_get(a->extra, "thinking_blocks"), *piece;
	json_t *block = json_array_get(blocks, json_array_size(blocks) - 1);
	cleanup_buf struct buf text = BUF(0);
	size_t i;

	json_array_foreach(a->work, i, piece)
		(void)buf_add(&text, json_string_value(piece), json_string_length(piece));
	if (text.len > 0)
		json_object_set_new(block, "thinking", json_stringn(text.data, text.len));
	json_decref(a->work);
	a->work = NULL;
}

static int
event(struct answer *a, const struct sse_event *ev, struct error *e)
{
	cleanup_json json_t *j = answer_parse(a, ev->data, ev->len, e);
	const char *type = json_str(j, "type", "");
	int64_t index = json_int(j, "index", 0);

	if (j == NULL || answer_refused(a, j, e) == -1)
		return -1;
	if (strcmp(type, "content_block_delta") == 0)
		return take_delta(a, index, json_object_get(j, "delta"), e);
	if (strcmp(type, "content_block_start") == 0)
		return begin_block(a, index, json_object_get(j, "content_block"), e);
	if (strcmp(type, "content_block_stop") == 0) {
		end_block(a);
	} else if (strcmp(type, "message_start") == 0) {
		take_usage(a, json_at(j, "message.usage"));
	} else if (strcmp(type, "message_delta") == 0) {
		take_usage(a, json_object_get(j, "usage"));
		take_reason(a, json_str(json_object_get(j, "delta"), "stop_reason", NULL));
	} else if (strcmp(type, "message_stop") == 0) {
		a->complete = a->closed = true;
	}
	return 0;
}

static int
whole_block(struct answer *a, int64_t index, const json_t *block, struct error *e)
{
	const char *thought = json_str(block, "thinking", "");
	cleanup_free char *input = NULL;

	if (begin_block(a, index, block, e) == -1 || answer_reasoning(a, thought, strlen(thought), e) == -1)
		return -1;
	if (json_object_get(block, "input") == NULL)
		return 0;
	input = json_text(json_object_get(block, "input"));
	return answer_call(a, &(struct answer_delta){ .index = index, .arguments = input, .len = strlen(input) }, e);
}

static int
whole(struct answer *a, const json_t *j, struct error *e)
{
	const json_t *block;
	size_t i;

	if (answer_refused(a, j, e) == -1)
		return -1;
	json_array_foreach(json_object_get(j, "content"), i, block)
		if (whole_block(a, (int64_t)i, block, e) == -1)
			return -1;
	take_usage(a, json_object_get(j, "usage"));
	take_reason(a, json_str(j, "stop_reason", NULL));
	return 0;
}

const struct dialect anthropic_dialect = {
	.name = "anthropic",
	.auth = "x-api-key: %s",
	.header = "anthropic-version: 2023-06-01",
	.url = url,
	.body = body,
	.event = event,
	.whole = whole,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI chat completions, as OpenAI, Groq, OpenRouter, Ollama and most
 * local servers speak it (spec/engine.md, 4.1 and 4.2). The servers differ
 * in what they leave out; this file is where that is met.
 */
#include "engined/dialect.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/translate.h"

/* ---- the request --------------------------------------------------------------------------- */

static char *
url(const struct provider_request *r)
{
	return xasprintf("%s/chat/completions", r->target->url);
}

static bool
is_openrouter(const struct provider_request *r)
{
	return strcmp(r->target->provider, "openrouter") == 0;
}

/* What we keep beside a message (another dialect's notes, our own marks) is refused by strict servers. */
static json_t *
plain_message(const json_t *m)
{
	static const char *const members[] = { "role", "content", "name", "tool_calls", "tool_call_id" };
	json_t *out = json_object();

	for (size_t i = 0; i < COUNT(members); i++)
		if (json_object_get(m, members[i]) != NULL)
			json_object_set(out, members[i], json_object_get(m, members[i]));
	return out;
}

/* The cache mark needs the form of a list of parts. */
static void
mark_for_cache(json_t *message)
{
	json_t *content = json_object_get(message, "content");

	if (json_is_string(content))
		json_object_set_new(message, "content", json_pack("[{s:s, s:O, s:{s:s}}]",
		    "type", "text", "text", content, "cache_control", "type", "ephemeral"));
}

static json_t *
plain_messages(const struct provider_request *r)
{
	bool mark = is_openrouter(r) && strncmp(r->target->name, "anthropic/", 10) == 0;
	json_t *list = json_array();
	const json_t *m;
	size_t i;

	json_array_foreach(r->messages, i, m) {
		json_t *plain = plain_message(m);

		if (mark && strcmp(json_str(m, "role", ""), "system") == 0) {
			mark_for_cache(plain);
			mark = false;
		}
		json_array_append_new(list, plain);
	}
	return list;
}

static json_t *
body(const struct provider_request *r)
{
	const char *effort = dialect_effort(r);
	json_t *b = json_object();

	json_object_set_new(b, "model", json_string(r->target->name));
	json_object_set_new(b, "messages", plain_messages(r));
	if (json_array_size(r->tools) > 0) {
		json_object_set(b, "tools", r->tools);
		json_object_set_new(b, "tool_choice", json_string("auto"));
	}
	if (r->most > 0)	/* its own reasoning models refuse the older name, other servers do not know the newer one */
		json_object_set_new(b, strcmp(r->target->provider, "openai") == 0 ? "max_completion_tokens" : "max_tokens",
		    json_integer(r->most + dialect_thinking_budget(r)));
	if (!r->whole) {
		json_object_set_new(b, "stream", json_true());
		json_object_set_new(b, "stream_options", json_pack("{s:b}", "include_usage", 1));
	}
	if (effort != NULL && is_openrouter(r))
		json_object_set_new(b, "reasoning", json_pack("{s:s}", "effort", effort));
	else if (effort != NULL)
		json_object_set_new(b, "reasoning_effort", json_string(effort));
	if (is_openrouter(r))
		json_object_set_new(b, "usage", json_pack("{s:b}", "include", 1));
	return b;
}

/* ---- the answer ---------------------------------------------------------------------------- */

/* Content is a string, or with some servers a list of parts. */
static int
take_content(struct answer *a, const json_t *content, struct error *e)
{
	cleanup_free char *joined = NULL;

	if (json_is_string(content))
		return answer_text(a, json_string_value(content), json_string_length(content), e);
	if (!json_is_array(content))
		return 0;
	joined = content_text(content);
	return answer_text(a, joined, strlen(joined), e);
}

static int
take_call(struct answer *a, const json_t *call, struct error *e)
{
	const json_t *fn = json_object_get(call, "function");
	const json_t *args = json_object_get(fn, "arguments");
	cleanup_free char *text = NULL;
	struct answer_delta d = {
		.index = json_int(call, "index", -1),
		.id = json_str(call, "id", NULL),
		.name = json_str(fn, "name", NULL),
	};

	if (json_is_object(args)) {		/* some send the object itself */
		text = json_text(args);
		d.arguments = text;
		d.len = strlen(text);
	} else if (json_is_string(args)) {
		d.arguments = json_string_value(args);
		d.len = json_string_length(args);
	}
	return answer_call(a, &d, e);
}

/* A delta of the stream, or the message of a whole answer. */
static int
take_message(struct answer *a, const json_t *m, struct error *e)
{
	const json_t *thought = json_object_get(m, "reasoning_content"), *call;
	size_t i;

	if (!json_is_string(thought))
		thought = json_object_get(m, "reasoning");
	if (json_is_string(thought) &&
	    answer_reasoning(a, json_string_value(thought), json_string_length(thought), e) == -1)
		return -1;
	if (take_content(a, json_object_get(m, "content"), e) == -1)
		return -1;
	json_array_foreach(json_object_get(m, "tool_calls"), i, call)
		if (json_is_object(call) && take_call(a, call, e) == -1)
			return -1;
	return 0;
}

static void
take_usage(struct answer *a, const json_t *j)
{
	const json_t *usage = json_object_get(j, "usage");

	if (!json_is_object(usage))
		usage = json_at(j, "x_groq.usage");
	if (!json_is_object(usage))
		return;
	a->input_tokens = json_int(usage, "prompt_tokens", a->input_tokens);
	a->output_tokens = json_int(usage, "completion_tokens", a->output_tokens);
	a->cost_usd = json_num(usage, "cost", a->cost_usd);
}

static int
whole(struct answer *a, const json_t *j, struct error *e)
{
	const json_t *choice, *message;

	if (answer_refused(a, j, e) == -1)
		return -1;
	take_usage(a, j);
	choice = json_array_get(json_object_get(j, "choices"), 0);
	if (choice == NULL)
		return 0;			/* the chunk that carries the usage has none */
	if (answer_refused(a, choice, e) == -1)	/* OpenRouter tells a failure of its upstream here */
		return -1;
	message = json_object_get(choice, "delta");
	if (!json_is_object(message))
		message = json_object_get(choice, "message");
	if (take_message(a, message, e) == -1)
		return -1;
	answer_finish(a, json_str(choice, "finish_reason", NULL));
	return 0;
}

static int
event(struct answer *a, const struct sse_event *ev, struct error *e)
{
	cleanup_json json_t *j = NULL;

	if (strncmp(ev->data, "[DONE]", 6) == 0) {
		a->complete = a->closed = true;
		return 0;
	}
	if ((j = answer_parse(a, ev->data, ev->len, e)) == NULL)
		return -1;
	return whole(a, j, e);
}

const struct dialect openai_dialect = {
	.name = "openai",
	.auth = "Authorization: Bearer %s",
	.url = url,
	.body = body,
	.event = event,
	.whole = whole,
};

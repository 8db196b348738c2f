/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gemini generateContent (spec/engine.md, 4.1). The conversation is kept in
 * OpenAI form and translated here. Calls have no ids: the answer's get ours,
 * results go back by the tool's name. A call's thought signature travels in
 * the assistant message as "thought_signatures", one row per call.
 */
#include "engined/dialect.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/translate.h"

#define DEPTH_MAX 32		/* of a tool's schema */

/* ---- the request --------------------------------------------------------------------------- */

/* "gemini/2.5-pro" is the same as "gemini/gemini-2.5-pro". */
static char *
url(const struct provider_request *r)
{
	const char *name = r->target->name;

	return xasprintf("%s/models/%s%s:%s", r->target->url, isdigit((unsigned char)name[0]) ? "gemini-" : "", name,
	    r->whole ? "generateContent" : "streamGenerateContent?alt=sse");
}

static json_t *
text_part(const char *text)
{
	return json_pack("{s:s}", "text", text);
}

static json_t *
image_part(const char *type, const char *base64)
{
	return json_pack("{s:{s:s, s:s}}", "inlineData", "mimeType", type, "data", base64);
}

static const struct form form = { "parts", text_part, image_part };

static void
add_calls(json_t *list, const json_t *m)
{
	const json_t *signatures = json_object_get(m, "thought_signatures"), *call;
	size_t i;

	json_array_foreach(json_object_get(m, "tool_calls"), i, call) {
		const char *name = json_str(json_object_get(call, "function"), "name", "");
		json_t *signature = json_array_get(signatures, i), *part;

		part = json_pack("{s:{s:s, s:o}}", "functionCall", "name", name, "args", call_arguments(call));
		if (json_is_string(signature))
			json_object_set(part, "thoughtSignature", signature);
		add_part(list, &form, "model", part);
	}
}

static const char *
name_of_call(const json_t *messages, const char *id)
{
	const json_t *call = find_call(messages, id);

	return call != NULL ? json_str(json_object_get(call, "function"), "name", "") : "unknown";
}

static void
add_message(json_t *list, const json_t *messages, const json_t *m)
{
	const char *role = json_str(m, "role", "");
	const json_t *content = json_object_get(m, "content");

	if (strcmp(role, "tool") == 0) {
		cleanup_free char *text = content_text(content);

		add_part(list, &form, "user", json_pack("{s:{s:s, s:{s:s}}}", "functionResponse",
		    "name", name_of_call(messages, json_str(m, "tool_call_id", "")), "response", "result", text));
	} else if (strcmp(role, "assistant") == 0) {
		add_beginning(list, &form);
		add_content(list, &form, "model", content);
		add_calls(list, m);
	} else if (strcmp(role, "user") == 0) {
		add_content(list, &form, role, content);
	}
}

/* JSON Schema as far as this API knows it; it refuses other words. */
static json_t *
known_schema(json_t *schema, int depth)
{
	static const char *const words[] = {
		"type", "format", "description", "nullable", "enum", "required", "minItems", "maxItems", "minimum", "maximum",
	};
	json_t *out = json_object(), *value, *properties;
	const char *name;

	for (size_t i = 0; i < COUNT(words); i++)
		if ((value = json_object_get(schema, words[i])) != NULL)
			json_object_set(out, words[i], json_is_array(value) && strcmp(words[i], "type") == 0 ?
			    json_array_get(value, 0) : value);
	if (depth < DEPTH_MAX && json_is_object(value = json_object_get(schema, "items")))
		json_object_set_new(out, "items", known_schema(value, depth + 1));
	if (depth < DEPTH_MAX && json_object_size(json_object_get(schema, "properties")) > 0) {
		json_object_set_new(out, "properties", properties = json_object());
		json_object_foreach(json_object_get(schema, "properties"), name, value)
			json_object_set_new(properties, name, known_schema(value, depth + 1));
	}
	return out;
}

static json_t *
declarations(const json_t *tools)
{
	json_t *list = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach(tools, i, row) {
		const json_t *fn = json_object_get(row, "function");
		json_t *schema = json_object_get(fn, "parameters");
		json_t *tool = json_pack("{s:s, s:s}", "name", json_str(fn, "name", ""), "description", json_str(fn, "description", ""));

		if (json_object_size(json_object_get(schema, "properties")) > 0)	/* none at all is refused when empty */
			json_object_set_new(tool, "parameters", known_schema(schema, 0));
		json_array_append_new(list, tool);
	}
	return json_pack("[{s:o}]", "functionDeclarations", list);
}

static json_t *
body(const struct provider_request *r)
{
	cleanup_free char *system = system_text(r->messages);
	int budget = dialect_thinking_budget(r);
	cleanup_json json_t *generation = json_object();
	json_t *b = json_object(), *contents = json_array();
	const json_t *m;
	size_t i;

	json_array_foreach(r->messages, i, m)
		add_message(contents, r->messages, m);
	if (system[0] != '\0')
		json_object_set_new(b, "systemInstruction", json_pack("{s:[{s:s}]}", "parts", "text", system));
	json_object_set_new(b, "contents", contents);
	if (json_array_size(r->tools) > 0)
		json_object_set_new(b, "tools", declarations(r->tools));
	if (budget > 0)
		json_object_set_new(generation, "thinkingConfig", json_pack("{s:b, s:i}", "includeThoughts", 1,
		    "thinkingBudget", budget));
	if (r->most > 0)
		json_object_set_new(generation, "maxOutputTokens", json_integer(r->most + budget));
	if (json_object_size(generation) > 0)
		json_object_set(b, "generationConfig", generation);
	return b;
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void
keep_signature(struct answer *a, json_t *signature)
{
	if (a->extra == NULL)
		a->extra = json_pack("{s:[]}", "thought_signatures");
	if (json_is_string(signature))
		json_array_append(json_object_get(a->extra, "thought_signatures"), signature);
	else
		json_array_append_new(json_object_get(a->extra, "thought_signatures"), json_null());
}

static int
take_part(struct answer *a, const json_t *part, struct error *e)
{
	const json_t *call = json_object_get(part, "functionCall"), *args;
	const char *text = json_str(part, "text", "");
	cleanup_free char *arguments = NULL;

	if (json_is_object(call)) {
		args = json_object_get(call, "args");
		arguments = json_is_object(args) ? json_text(args) : xstrdup("{}");
		keep_signature(a, json_object_get(part, "thoughtSignature"));
		return answer_call(a, &(struct answer_delta){
			.index = (int64_t)a->ncalls, .id = json_str(call, "id", NULL), .name = json_str(call, "name", NULL),
			.arguments = arguments, .len = strlen(arguments) }, e);
	}
	return json_bool(part, "thought", false) ? answer_reasoning(a, text, strlen(text), e) :
	    answer_text(a, text, strlen(text), e);
}

static void
take_usage(struct answer *a, const json_t *usage)
{
	a->input_tokens = json_int(usage, "promptTokenCount", a->input_tokens);
	if (json_object_get(usage, "candidatesTokenCount") != NULL || json_object_get(usage, "thoughtsTokenCount") != NULL)
		a->output_tokens = json_int(usage, "candidatesTokenCount", 0) + json_int(usage, "thoughtsTokenCount", 0);
}

/* STOP -> stop, MAX_TOKENS -> length, others as they are but small. */
static void
take_reason(struct answer *a, const char *theirs)
{
	char ours[32] = "";

	if (theirs == NULL)
		return;
	for (size_t i = 0; theirs[i] != '\0' && i < sizeof(ours) - 1; i++)
		ours[i] = (char)tolower((unsigned char)theirs[i]);
	answer_finish(a, strcmp(ours, "max_tokens") == 0 ? "length" : ours);
}

static int
whole(struct answer *a, const json_t *j, struct error *e)
{
	const json_t *candidate = json_array_get(json_object_get(j, "candidates"), 0), *part;
	const json_t *blocked = json_at(j, "promptFeedback.blockReason");
	size_t i;

	if (answer_refused(a, j, e) == -1)
		return -1;
	if (json_is_string(blocked) && candidate == NULL) {
		a->status = 400;		/* asking again would not help */
		return error_set(e, ERR_provider, "the prompt was blocked: %s", json_string_value(blocked));
	}
	json_array_foreach(json_at(candidate, "content.parts"), i, part)
		if (take_part(a, part, e) == -1)
			return -1;
	take_usage(a, json_object_get(j, "usageMetadata"));
	take_reason(a, json_str(candidate, "finishReason", NULL));
	return 0;
}

static int
event(struct answer *a, const struct sse_event *ev, struct error *e)
{
	cleanup_json json_t *j = answer_parse(a, ev->data, ev->len, e);

	return j == NULL ? -1 : whole(a, j, e);
}

const struct dialect gemini_dialect = {
	.name = "gemini",
	.auth = "x-goog-api-key: %s",
	.url = url,
	.body = body,
	.event = event,
	.whole = whole,
};

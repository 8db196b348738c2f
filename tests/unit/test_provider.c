/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the providers' side does without a network: how each dialect writes a
 * request and reads an answer, what is made of errors and of text that was cut
 * inside a character.
 */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/answer.h"
#include "engined/dialect.h"
#include "engined/mend.h"
#include "engined/ollama.h"
#include "engined/refusal.h"

static json_t *
from(const char *text)
{
	struct error e = { 0 };
	json_t *j = json_parse(text, strlen(text), 32, &e);

	if (j == NULL)
		fail_msg("%s: %s", text, e.text);
	return j;
}

/* ---- patience ------------------------------------------------------------------------------- */

static void
test_limits_are_the_configured_ones_or_the_defaults(void **state)
{
	cleanup_json json_t *none = from("{}"), *some = from("{\"runtime\":{\"first_byte_timeout_s\":1.5,\"stream_idle_timeout_s\":0,"
	    "\"max_retries\":-1,\"retry_backoff_s\":\"x\"}}");
	struct provider_limits l;

	provider_limits(none, &l);
	assert_int_equal(l.first_byte_ms, 300000);
	assert_int_equal(l.idle_ms, 120000);
	assert_int_equal(l.max_retries, 2);
	assert_int_equal(l.backoff_ms, 1500);
	provider_limits(some, &l);
	assert_int_equal(l.first_byte_ms, 1500);
	assert_int_equal(l.idle_ms, 0);
	assert_int_equal(l.max_retries, 2);
	assert_int_equal(l.backoff_ms, 1500);
}

/* ---- how a request is written -------------------------------------------------------------- */

#define TALK "[{\"role\":\"system\",\"content\":\"one\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"look\"}," \
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}]}," \
	"{\"role\":\"assistant\",\"content\":\"\",\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"}]," \
	"\"thought_signatures\":[\"sig\",null],\"tool_calls\":[" \
	"{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"a\",\"arguments\":\"{\\\"x\\\":1}\"}}," \
	"{\"id\":\"2\",\"type\":\"function\",\"function\":{\"name\":\"b\",\"arguments\":\"not json\"}}]}," \
	"{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"r1\"},{\"role\":\"tool\",\"tool_call_id\":\"2\",\"content\":\"r2\"}," \
	"{\"role\":\"system\",\"content\":\"two\"},{\"role\":\"user\",\"content\":\"go on\"}]"
#define TOOLS "[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"description\":\"d\",\"parameters\":{\"type\":\"object\"," \
	"\"additionalProperties\":false,\"properties\":{\"x\":{\"type\":[\"integer\",\"null\"],\"default\":1}},\"required\":[\"x\"]}}}]"

/* A request's body is as written here. */
static void
expect_body(const struct dialect *d, const char *provider, const char *name, const char *messages, const char *tools,
    const char *effort, const char *url, const char *body)
{
	cleanup_json json_t *m = from(messages), *t = from(tools), *want = from(body), *got = NULL;
	struct target target = { .provider = (char *)provider, .name = (char *)name, .url = (char *)"U", .dialect = d };
	struct provider_request r = { .target = &target, .messages = m, .tools = t, .effort = effort };
	cleanup_free char *where = d->url(&r), *text = NULL;

	got = d->body(&r);
	text = json_text(got);
	if (!json_equal(got, want))
		fail_msg("%s", text);
	assert_string_equal(where, url);
}

static void
test_openai_requests_hold_what_strict_servers_know(void **state)
{
	expect_body(&openai_dialect, "openai", "o3", "[{\"role\":\"user\",\"content\":\"a\",\"ours\":1}]", "[]", "high", "U/chat/completions",
	    "{\"model\":\"o3\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"stream\":true,"
	    "\"stream_options\":{\"include_usage\":true},\"reasoning_effort\":\"high\"}");
	expect_body(&openai_dialect, "openai", "gpt-4o", "[]", "[]", "high", "U/chat/completions",
	    "{\"model\":\"gpt-4o\",\"messages\":[],\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
}

static void
test_openrouter_requests_ask_for_cost_and_mark_the_cache(void **state)
{
	expect_body(&openai_dialect, "openrouter", "anthropic/claude-x",
	    "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"system\",\"content\":\"t\"}]", "[]", "low", "U/chat/completions",
	    "{\"model\":\"anthropic/claude-x\",\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"s\","
	    "\"cache_control\":{\"type\":\"ephemeral\"}}]},{\"role\":\"system\",\"content\":\"t\"}],\"stream\":true,"
	    "\"stream_options\":{\"include_usage\":true},\"reasoning\":{\"effort\":\"low\"},\"usage\":{\"include\":true}}");
}

static void
test_anthropic_requests_are_translated(void **state)
{
	expect_body(&anthropic_dialect, "anthropic", "claude-sonnet-4-6", TALK, TOOLS, "medium", "U/messages",
	    "{\"model\":\"claude-sonnet-4-6\",\"max_tokens\":64000,\"system\":[{\"type\":\"text\",\"text\":\"one\\n\\ntwo\","
	    "\"cache_control\":{\"type\":\"ephemeral\"}}],\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"look\"},"
	    "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AAAA\"}}]},"
	    "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"},"
	    "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"a\",\"input\":{\"x\":1}},{\"type\":\"tool_use\",\"id\":\"2\",\"name\":\"b\",\"input\":{}}]},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":\"r1\"},"
	    "{\"type\":\"tool_result\",\"tool_use_id\":\"2\",\"content\":\"r2\"},{\"type\":\"text\",\"text\":\"go on\"}]}],"
	    "\"tools\":[{\"name\":\"a\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\",\"additionalProperties\":false,"
	    "\"properties\":{\"x\":{\"type\":[\"integer\",\"null\"],\"default\":1}},\"required\":[\"x\"]}}],\"tool_choice\":{\"type\":\"auto\"},"
	    "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048},\"stream\":true}");
	expect_body(&anthropic_dialect, "anthropic", "x", "[{\"role\":\"assistant\",\"content\":\"a\"}]", "[]", NULL, "U/messages",
	    "{\"model\":\"x\",\"max_tokens\":4096,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"(continued)\"}]},"
	    "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}],\"stream\":true}");
}

static void
test_anthropic_output_has_room_behind_the_thinking(void **state)
{
	static const struct { const char *model, *effort; int limit, budget; } rows[] = {
		{ "claude-later-9", "high", 8192, 4096 }, { "claude-later-9", NULL, 4096, 0 },
		{ "claude-opus-4-1", "high", 32000, 4096 }, { "claude-3-opus", "high", 4096, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct target t = { .provider = (char *)"anthropic", .name = (char *)rows[i].model };
		struct provider_request r = { .target = &t, .effort = rows[i].effort };
		cleanup_json json_t *b = anthropic_dialect.body(&r);
		const json_t *thinking = json_object_get(b, "thinking");

		assert_int_equal(json_int(b, "max_tokens", -1), rows[i].limit);
		assert_int_equal(json_int(thinking, "budget_tokens", 0), rows[i].budget);
	}
}

static void
test_a_limit_of_the_answer_is_told_in_each_dialects_words(void **state)
{
	static const struct { const struct dialect *d; const char *provider, *model, *key; int limit; } rows[] = {
		{ &openai_dialect, "openai", "gpt-4o", "max_completion_tokens", 800 },
		{ &openai_dialect, "openai", "o3", "max_completion_tokens", 800 + 1024 },
		{ &openai_dialect, "groq", "llama", "max_tokens", 800 },
		{ &anthropic_dialect, "anthropic", "x", "max_tokens", 800 },
		{ &anthropic_dialect, "anthropic", "claude-opus-4-1", "max_tokens", 800 + 1024 },
		{ &gemini_dialect, "gemini", "gemini-2.5-flash", "generationConfig.maxOutputTokens", 800 + 1024 },
		{ &gemini_dialect, "gemini", "gemini-1.5-flash", "generationConfig.maxOutputTokens", 800 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct target t = { .provider = (char *)rows[i].provider, .name = (char *)rows[i].model, .dialect = rows[i].d };
		struct provider_request r = { .target = &t, .effort = "low", .most = 800, .whole = true };
		cleanup_json json_t *b = rows[i].d->body(&r);

		assert_int_equal(json_integer_value(json_at(b, rows[i].key)), rows[i].limit);
	}
}

static void
test_gemini_requests_are_translated(void **state)
{
	expect_body(&gemini_dialect, "gemini", "2.5-pro", TALK, TOOLS, "low", "U/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
	    "{\"systemInstruction\":{\"parts\":[{\"text\":\"one\\n\\ntwo\"}]},\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"look\"},"
	    "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}]},{\"role\":\"model\",\"parts\":["
	    "{\"functionCall\":{\"name\":\"a\",\"args\":{\"x\":1}},\"thoughtSignature\":\"sig\"},{\"functionCall\":{\"name\":\"b\",\"args\":{}}}]},"
	    "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"a\",\"response\":{\"result\":\"r1\"}}},"
	    "{\"functionResponse\":{\"name\":\"b\",\"response\":{\"result\":\"r2\"}}},{\"text\":\"go on\"}]}],"
	    "\"tools\":[{\"functionDeclarations\":[{\"name\":\"a\",\"description\":\"d\",\"parameters\":{\"type\":\"object\","
	    "\"properties\":{\"x\":{\"type\":\"integer\"}},\"required\":[\"x\"]}}]}]}");
	expect_body(&gemini_dialect, "gemini", "gemini-2.5-flash", "[]", "[]", "high",
	    "U/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
	    "{\"contents\":[],\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingBudget\":4096}}}");
}

/* ---- how an answer is read ----------------------------------------------------------------- */

struct told {
	struct buf	text, reasoning;
};

static void
tell_text(void *arg, const char *text, size_t len)
{
	(void)buf_add(&((struct told *)arg)->text, text, len);
}

static void
tell_reasoning(void *arg, const char *text, size_t len)
{
	(void)buf_add(&((struct told *)arg)->reasoning, text, len);
}

static const struct answer_sink sink = { tell_text, tell_reasoning };

/* Feed a dialect events, one a row, NULL at the end; returns what the last one returned. */
static int
feed(const struct dialect *d, struct answer *a, const char *const *events, struct error *e)
{
	int result = 0;

	for (; *events != NULL && result == 0; events++)
		result = d->event(a, &(struct sse_event){ .name = "message", .data = *events, .len = strlen(*events), .id = "" }, e);
	return result;
}

static void
clear(struct answer *a, struct told *t)
{
	answer_clear(a);
	buf_clear(&t->text);
	buf_clear(&t->reasoning);
}

static void
test_anthropic_streams_are_read(void **state)
{
	static const char *const events[] = {
		"{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":3,\"cache_read_input_tokens\":4,\"output_tokens\":1}}}",
		"{\"type\":\"ping\"}",
		"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}",
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"let \"}}",
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"me\"}}",
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"SIG\"}}",
		"{\"type\":\"content_block_stop\",\"index\":0}",
		"{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
		"{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}",
		"{\"type\":\"content_block_stop\",\"index\":1}",
		"{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"tu\",\"name\":\"a\",\"input\":{}}}",
		"{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"x\\\":\"}}",
		"{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"1}\"}}",
		"{\"type\":\"content_block_stop\",\"index\":2}",
		"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":20}}",
		"{\"type\":\"message_stop\"}", NULL,
	};
	cleanup_json json_t *calls = NULL, *want = from("[{\"id\":\"tu\",\"name\":\"a\",\"arguments\":\"{\\\"x\\\":1}\"}]");
	cleanup_json json_t *extra = from("{\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"let me\",\"signature\":\"SIG\"}]}");
	struct told t = { 0 };
	struct answer a;

	answer_init(&a, &sink, &t);
	assert_int_equal(feed(&anthropic_dialect, &a, events, NULL), 0);
	assert_true(a.complete && a.closed);
	assert_string_equal(buf_str(&t.text), "Hi");
	assert_string_equal(buf_str(&t.reasoning), "let me");
	assert_int_equal(a.input_tokens, 17);
	assert_int_equal(a.output_tokens, 20);
	calls = answer_calls(&a);
	assert_true(json_equal(calls, want));
	assert_true(json_equal(a.extra, extra));
	assert_string_equal(answer_reason(&a), "tool_calls");
	clear(&a, &t);
}

static void
test_gemini_streams_are_read(void **state)
{
	static const char *const events[] = {
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true},{\"text\":\"Hi\"}],\"role\":\"model\"}}]}",
		"{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"a\",\"args\":{\"x\":1}},\"thoughtSignature\":\"S\"},"
		"{\"functionCall\":{\"name\":\"a\",\"args\":{\"x\":2}}}]},\"finishReason\":\"STOP\"}],"
		"\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":5,\"thoughtsTokenCount\":2}}", NULL,
	};
	cleanup_json json_t *calls = NULL, *extra = from("{\"thought_signatures\":[\"S\",null]}");
	struct told t = { 0 };
	struct answer a;

	answer_init(&a, &sink, &t);
	assert_int_equal(feed(&gemini_dialect, &a, events, NULL), 0);
	assert_true(a.complete);
	assert_string_equal(buf_str(&t.text), "Hi");
	assert_string_equal(buf_str(&t.reasoning), "hm");
	assert_int_equal(a.input_tokens, 9);
	assert_int_equal(a.output_tokens, 7);
	calls = answer_calls(&a);
	assert_int_equal(json_array_size(calls), 2);
	assert_string_equal(json_str(json_array_get(calls, 1), "arguments", ""), "{\"x\":2}");
	assert_memory_equal(json_str(json_array_get(calls, 1), "id", ""), "call_", 5);
	assert_true(json_equal(a.extra, extra));
	clear(&a, &t);
}

static void
test_errors_in_a_stream_are_errors_in_every_dialect(void **state)
{
	static const struct { const struct dialect *d; const char *event, *words; int status; } rows[] = {
		{ &openai_dialect, "{\"error\":{\"message\":\"m\",\"code\":402}}", "m", 402 },
		{ &openai_dialect, "{\"choices\":[{\"error\":{\"message\":\"up\",\"code\":502},\"delta\":{}}]}", "up", 502 },
		{ &openai_dialect, "{\"error\":\"m\"}", "m", 0 },
		{ &openai_dialect, "{\"error\":{}}", "an error without words", 0 },
		{ &openai_dialect, "not json", "not JSON", 0 },
		{ &anthropic_dialect, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}", "Overloaded", 0 },
		{ &gemini_dialect, "[{\"error\":{\"code\":429,\"message\":\"quota\",\"status\":\"RESOURCE_EXHAUSTED\"}}]", "quota", 429 },
		{ &gemini_dialect, "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}", "SAFETY", 400 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *const events[] = { rows[i].event, NULL };
		struct told t = { 0 };
		struct error e = { 0 };
		struct answer a;

		answer_init(&a, &sink, &t);
		assert_int_equal(feed(rows[i].d, &a, events, &e), -1);
		assert_int_equal(e.code, ERR_provider);
		assert_non_null(strstr(e.text, rows[i].words));
		assert_int_equal(a.status, rows[i].status);
		assert_false(a.yielded);
		clear(&a, &t);
	}
}

static void
test_null_members_and_unknown_shapes_are_nothing(void **state)
{
	static const char *const events[] = {
		"{\"error\":null,\"choices\":[{\"delta\":{\"content\":null,\"tool_calls\":null,\"reasoning\":null}}]}",
		"{\"choices\":[{\"delta\":null,\"finish_reason\":null}]}", "{\"choices\":[null]}", "{\"choices\":{}}", "[]", "3",
		"{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"},\"b\"],\"tool_calls\":[1,{}]}}]}", NULL,
	};
	struct told t = { 0 };
	struct answer a;

	answer_init(&a, &sink, &t);
	assert_int_equal(feed(&openai_dialect, &a, events, NULL), 0);
	assert_string_equal(buf_str(&t.text), "ab");
	assert_false(a.complete);
	clear(&a, &t);
}

static void
test_calls_have_their_limits(void **state)
{
	struct told t = { 0 };
	struct error e = { 0 };
	struct answer a;
	cleanup_json json_t *calls = NULL;

	answer_init(&a, &sink, &t);
	for (int i = 0; i < PROVIDER_CALLS_MAX; i++)
		assert_int_equal(answer_call(&a, &(struct answer_delta){ .index = i, .name = i ? "n" : NULL }, &e), 0);
	assert_int_equal(answer_call(&a, &(struct answer_delta){ .index = 1000, .name = "n" }, &e), -1);
	assert_int_equal(e.code, ERR_too_large);
	answer_call(&a, &(struct answer_delta){ .index = 1, .arguments = "{\"x", .len = 3 }, &e);
	answer_finish(&a, "length");
	calls = answer_calls(&a);
	assert_non_null(strstr(json_str(json_array_get(calls, 0), "error", ""), "names no tool"));
	assert_non_null(strstr(json_str(json_array_get(calls, 1), "error", ""), "output limit"));
	assert_string_equal(answer_reason(&a), "length");
	clear(&a, &t);
}

static void
test_names_come_in_pieces_or_are_repeated(void **state)
{
	struct told t = { 0 };
	struct answer a;
	cleanup_json json_t *calls = NULL;

	answer_init(&a, &sink, &t);
	answer_call(&a, &(struct answer_delta){ .index = 0, .id = "1", .name = "read_" }, NULL);
	answer_call(&a, &(struct answer_delta){ .index = 0, .name = "file" }, NULL);
	answer_call(&a, &(struct answer_delta){ .index = 1, .id = "2", .name = "todo" }, NULL);
	answer_call(&a, &(struct answer_delta){ .index = 1, .id = "2", .name = "todo", .arguments = "{}", .len = 2 }, NULL);
	calls = answer_calls(&a);
	assert_int_equal(json_array_size(calls), 2);
	assert_string_equal(json_str(json_array_get(calls, 0), "name", ""), "read_file");
	assert_string_equal(json_str(json_array_get(calls, 1), "name", ""), "todo");
	clear(&a, &t);
}

/* ---- words, halves, windows ---------------------------------------------------------------- */

static void
expect_line(const char *body, const char *line)
{
	cleanup_free char *got = refusal_line(body, strlen(body));

	assert_string_equal(got, line);
}

static void
test_a_refusal_is_one_readable_line(void **state)
{
	cleanup_free char *longer = xmalloc(1000), *got = NULL;

	expect_line("", "");
	expect_line(" a \n\tb\x01" "c ", "a b c");
	expect_line("{\"error\":{\"message\":\"m\"}}", "m");
	expect_line("{\"error\":{\"type\":\"t\"}}", "t");
	expect_line("{\"error\":{\"error\":{\"message\":\"deep\"}}}", "deep");
	expect_line("{\"detail\":\"d\"}", "d");
	expect_line("\"just text\"", "just text");
	expect_line("{\"other\":1}", "{\"other\":1}");
	expect_line("<!doctype html><HTML><TITLE lang=en>Not &amp; Found</TITLE><p>x", "Not &amp; Found");
	expect_line("<p>no</p> <b>title</b>", "no title");
	expect_line("bad \xff byte", "bad \xef\xbf\xbd byte");
	memset(longer, 'x', 999);
	longer[999] = '\0';
	got = refusal_line(longer, 999);
	assert_int_equal(strlen(got), REFUSAL_MAX);
}

static void
test_halves_of_characters_are_joined_and_orphans_replaced(void **state)
{
	static const struct { const char *parts[4], *want; } rows[] = {
		{ { "\"a\xc3\"", "\"\xa9" "b\"" }, "a\xc3\xa9" "b" },
		{ { "\"\xf0\"", "\"\x9f\x99\"", "\"\x82\"" }, "\xf0\x9f\x99\x82" },
		{ { "\"\\ud83d\"", "\"\\ude80\"" }, "\xf0\x9f\x9a\x80" },
		{ { "\"\\ud83d\\ude80 \\ud83d\"", "\"x\"" }, "\xf0\x9f\x9a\x80 \xef\xbf\xbdx" },
		{ { "\"\\ude80\"" }, "\xef\xbf\xbd" },
		{ { "\"\\ud83d\\ud83d\\ude80\"" }, "\xef\xbf\xbd\xf0\x9f\x9a\x80" },
		{ { "\"\xed\xa0\xbd\xed\xba\x80\"" }, "\xf0\x9f\x9a\x80" },
		{ { "\"a\xc3\"" }, "a\xef\xbf\xbd" },
		{ { "\"\xc3\"", "\"(\"" }, "\xef\xbf\xbd(" },
		{ { "\"\\\\ud83d \\\\\\u0000\"" }, "\\ud83d \\\xef\xbf\xbd" },
		{ { "\"\xc0\x80\xf8\"" }, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mend m = { .on = true };
		struct buf out = BUF(0);

		for (size_t k = 0; k < 4 && rows[i].parts[k] != NULL; k++) {
			size_t n;
			cleanup_free char *marked = mend_json(rows[i].parts[k], strlen(rows[i].parts[k]), &n);
			cleanup_json json_t *s = json_parse(marked, n, 2, NULL);

			assert_non_null(s);
			mend_text(&m, json_string_value(s), json_string_length(s), false, &out);
		}
		mend_text(&m, "", 0, true, &out);
		assert_string_equal(buf_str(&out), rows[i].want);
		mend_clear(&m);
		buf_clear(&out);
	}
}

static void
test_an_ollama_models_window_is_what_its_server_says(void **state)
{
	static const struct { const char *show; int64_t n; } rows[] = {
		{ "{\"parameters\":\"temperature 1\\nnum_ctx   8192\\n\",\"model_info\":{\"a.context_length\":4096}}", 8192 },
		{ "{\"parameters\":\"num_ctxx 5\",\"model_info\":{\"llama.context_length\":131072}}", 131072 },
		{ "{\"parameters\":\"num_ctx\"}", OLLAMA_WINDOW },
		{ "{\"parameters\":\"num_ctx -5\",\"model_info\":{\"context_length\":1}}", OLLAMA_WINDOW },
		{ "{}", OLLAMA_WINDOW },
		{ "[]", OLLAMA_WINDOW },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_json json_t *j = from(rows[i].show);
		assert_int_equal(ollama_show_window(j), rows[i].n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_limits_are_the_configured_ones_or_the_defaults),
		TEST(test_openai_requests_hold_what_strict_servers_know),
		TEST(test_openrouter_requests_ask_for_cost_and_mark_the_cache),
		TEST(test_anthropic_requests_are_translated),
		TEST(test_anthropic_output_has_room_behind_the_thinking),
		TEST(test_a_limit_of_the_answer_is_told_in_each_dialects_words),
		TEST(test_gemini_requests_are_translated),
		TEST(test_anthropic_streams_are_read),
		TEST(test_gemini_streams_are_read),
		TEST(test_errors_in_a_stream_are_errors_in_every_dialect),
		TEST(test_null_members_and_unknown_shapes_are_nothing),
		TEST(test_calls_have_their_limits),
		TEST(test_names_come_in_pieces_or_are_repeated),
		TEST(test_a_refusal_is_one_readable_line),
		TEST(test_halves_of_characters_are_joined_and_orphans_replaced),
		TEST(test_an_ollama_models_window_is_what_its_server_says),
	};

	return RUN(tests);
}

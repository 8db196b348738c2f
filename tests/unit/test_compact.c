/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/compact.h"
#include "engined/context.h"

static char *
letters(char c, size_t n)
{
	char *s = xmalloc(n + 1);

	memset(s, c, n);
	s[n] = '\0';
	return s;
}

static void
say(json_t *messages, const char *role, char c, size_t n)
{
	cleanup_free char *text = letters(c, n);

	message_add(messages, role, text);
}

static void
call(json_t *messages, const char *id, const char *name)
{
	json_array_append_new(messages, json_pack("{s:s, s:s, s:[{s:s, s:s, s:{s:s, s:s}}]}", "role", "assistant", "content", "",
	    "tool_calls", "id", id, "type", "function", "function", "name", name, "arguments", "{\"a\":1}"));
}

static void
result(json_t *messages, const char *id, const char *text)
{
	json_array_append_new(messages, json_pack("{s:s, s:s, s:s}", "role", "tool", "tool_call_id", id, "content", text));
}

/* Two leading system messages, then so many of 400 characters: users at even places, the assistant at odd ones. */
static json_t *
talk_of(size_t n)
{
	json_t *messages = json_array();

	message_add(messages, "system", "prompt");
	message_add(messages, "system", "resumed");
	for (size_t i = 0; i < n; i++)
		say(messages, i % 2 == 0 ? "user" : "assistant", (char)('a' + i % 26), 400);
	return messages;
}

static const char *
text_at(const json_t *messages, size_t i)
{
	return json_str(json_array_get(messages, i), "content", "");
}

static void
test_a_token_is_four_characters_and_calls_count(void **state)
{
	cleanup_json json_t *m = json_array(), *parts = NULL;

	message_add(m, "user", "abc");
	assert_int_equal(compact_tokens(m), 1);
	message_add(m, "user", "12345678");
	assert_int_equal(compact_tokens(m), 3);
	message_add(m, "user", "äöüäöüäö");			/* characters, not bytes */
	assert_int_equal(compact_tokens(m), 5);
	call(m, "1", "terminal");				/* "" 1, terminal 2, {"a":1} 1 */
	assert_int_equal(compact_tokens(m), 9);
	parts = json_pack("[{s:s, s:[{s:s, s:s}, {s:s}]}]", "role", "user", "content", "type", "text", "text", "12345678",
	    "url", "data:image/png;base64,AAAA");
	assert_int_equal(compact_tokens(parts), 1 + 2 + 1000);	/* a picture is not its base64 */
}

static void
test_trigger_is_three_quarters_of_the_window(void **state)
{
	cleanup_json json_t *m = json_array();

	say(m, "user", 'x', 4 * 750);
	assert_false(compact_due(m, 1000));
	say(m, "user", 'x', 4);
	assert_true(compact_due(m, 1000));
}

static void
test_a_tool_result_of_32000_characters_keeps_8000_and_4000(void **state)
{
	cleanup_json json_t *m = json_array();
	cleanup_free char *text = letters('m', 32000), *below = letters('m', 31999);
	struct compact c;
	const char *s;

	memset(text, 'h', 8000);
	memset(text + 28000, 't', 4000);
	result(m, "1", text);
	result(m, "2", below);
	c = compact_plan(m, 1000000, false);
	s = text_at(c.messages, 0);
	assert_int_equal(c.truncated, 1);
	assert_int_equal(strspn(s, "h"), 8000);
	assert_non_null(strstr(s, "h\n[20000 characters removed]\nt"));
	assert_int_equal(strlen(strrchr(s, '\n') + 1), 4000);
	assert_string_equal(text_at(c.messages, 1), below);
	assert_string_equal(text_at(m, 0), text);		/* the given ones stay */
	assert_int_equal(c.from, c.to);
	compact_clear(&c);
}

static void
test_the_first_two_and_the_last_eight_stay(void **state)
{
	cleanup_json json_t *m = talk_of(30), *out = NULL;
	struct compact c = compact_plan(m, 3000, false);

	assert_int_equal(c.from, 4);
	assert_int_equal(c.to, 24);
	assert_int_equal(c.before, 3002);		/* prompt and resumed are a token each */
	assert_int_equal(c.room, 800);
	out = compact_apply(&c, "they spoke");
	assert_int_equal(json_array_size(out), 4 + 1 + 8);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(text_at(out, i), text_at(m, i));
	for (size_t i = 0; i < 8; i++)
		assert_string_equal(text_at(out, 5 + i), text_at(m, 24 + i));
	assert_string_equal(json_str(json_array_get(out, 4), "role", ""), "system");
	assert_int_equal(strncmp(text_at(out, 4), COMPACT_MARK, strlen(COMPACT_MARK)), 0);
	assert_non_null(strstr(text_at(out, 4), "they spoke"));
	compact_clear(&c);
}

static void
test_the_summary_has_what_is_left_of_the_target(void **state)
{
	cleanup_json json_t *m = talk_of(100), *out = NULL;
	cleanup_free char *endless = letters('s', 100000);
	struct compact c = compact_plan(m, 10000, false);

	assert_int_equal(c.room, 4000 - 1002);
	out = compact_apply(&c, endless);
	assert_true(compact_tokens(out) <= 4000 + 40);	/* the line of introduction */
	compact_clear(&c);
}

static void
test_no_summary_when_shorter_results_are_enough(void **state)
{
	cleanup_json json_t *m = talk_of(20);
	cleanup_free char *huge = letters('x', 40000);
	struct compact c;

	call(m, "1", "read_file");
	result(m, "1", huge);
	c = compact_plan(m, 14000, false);		/* 12000 before, 5000 after, the target is 5600 */
	assert_int_equal(c.truncated, 1);
	assert_int_equal(c.from, c.to);
	compact_clear(&c);
	c = compact_plan(m, 12000, false);		/* here it is 4800 */
	assert_true(c.from < c.to);
	compact_clear(&c);
}

static void
test_a_person_gets_a_summary_below_the_trigger_too(void **state)
{
	cleanup_json json_t *m = talk_of(11);
	struct compact c = compact_plan(m, 200000, false);

	assert_int_equal(c.from, c.to);
	compact_clear(&c);
	c = compact_plan(m, 200000, true);
	assert_int_equal(c.to - c.from, 1);
	compact_clear(&c);
}

static void
test_a_tail_that_alone_is_too_long_is_not_folded_for_ever(void **state)
{
	cleanup_json json_t *m = talk_of(2), *few = talk_of(2);
	struct compact c;

	say(m, "user", 'q', 400);
	for (int i = 0; i < 8; i++)
		say(m, "assistant", 'x', 20000);
	c = compact_plan(m, 10000, false);
	assert_int_equal(c.from, c.to);			/* the middle is 100 tokens: no summary would be shorter */
	compact_clear(&c);
	say(few, "user", 'x', 400000);
	c = compact_plan(few, 10000, true);
	assert_int_equal(c.from, c.to);			/* there is no middle */
	compact_clear(&c);
}

static void
test_every_orphan_of_the_tail_gets_its_call_back(void **state)
{
	cleanup_json json_t *m = talk_of(20), *out = NULL;
	json_t *batch, *stub;
	struct compact c;

	json_array_append_new(m, batch = json_pack("{s:s, s:s, s:[{s:s, s:s, s:{s:s, s:s}}, {s:s, s:s, s:{s:s, s:s}}]}",
	    "role", "assistant", "content", "", "tool_calls",
	    "id", "a", "type", "function", "function", "name", "read_file", "arguments", "{}",
	    "id", "b", "type", "function", "function", "name", "terminal", "arguments", "{}"));
	result(m, "a", "A");
	result(m, "b", "B");
	for (int i = 0; i < 6; i++)
		say(m, i % 2 == 0 ? "assistant" : "user", 'z', 400);
	c = compact_plan(m, 3000, false);
	assert_string_equal(json_str(json_array_get(m, c.to), "tool_call_id", ""), "a");
	out = compact_apply(&c, "s");
	stub = json_array_get(out, 5);
	assert_string_equal(json_str(stub, "role", ""), "assistant");
	assert_int_equal(json_array_size(json_object_get(stub, "tool_calls")), 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(json_str(json_array_get(json_object_get(stub, "tool_calls"), i), "id", ""), i == 0 ? "a" : "b");
	assert_string_equal(json_str(json_object_get(json_array_get(json_object_get(stub, "tool_calls"), 1), "function"),
	    "name", ""), "terminal");
	assert_string_equal(text_at(out, 6), "A");
	compact_clear(&c);
}

static void
test_a_call_of_the_head_whose_result_went_is_answered(void **state)
{
	cleanup_json json_t *m = json_array(), *out = NULL;
	struct compact c;

	message_add(m, "system", "prompt");
	message_add(m, "user", "do it");
	call(m, "1", "terminal");
	result(m, "1", "done");
	for (int i = 0; i < 20; i++)
		say(m, i % 2 == 0 ? "assistant" : "user", 'z', 400);
	c = compact_plan(m, 2000, false);
	out = compact_apply(&c, "s");
	assert_string_equal(json_str(json_array_get(out, 3), "role", ""), "tool");
	assert_string_equal(json_str(json_array_get(out, 3), "tool_call_id", ""), "1");
	assert_string_equal(json_str(json_array_get(out, 4), "role", ""), "system");
	compact_clear(&c);
}

static void
test_the_transcript_has_a_line_per_message_and_fits(void **state)
{
	cleanup_json json_t *m = talk_of(2), *request = NULL, *small = NULL;
	struct compact c;

	message_add(m, "user", "list them");
	call(m, "1", "terminal");
	result(m, "1", "a.txt");
	json_array_append_new(m, json_pack("{s:s, s:[{s:s, s:s}, {s:s}]}", "role", "user", "content",
	    "type", "text", "text", "and this", "type", "image_url"));
	for (int i = 0; i < 8; i++)
		say(m, "assistant", 'z', 4);
	c = compact_plan(m, 200000, true);
	request = compact_request(&c, 200000);
	assert_int_equal(json_array_size(request), 2);
	assert_string_equal(text_at(request, 1), "[user] list them\n[assistant calls: terminal]\n[tool:terminal] a.txt\n"
	    "[user] and this [image]\n");
	compact_clear(&c);
	for (int i = 0; i < 30; i++)
		say(m, "user", 'y', 9000);
	c = compact_plan(m, 4000, false);
	small = compact_request(&c, 4000);
	assert_true(strlen(text_at(small, 1)) <= 3000 * 4 + 4);
	compact_clear(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_token_is_four_characters_and_calls_count),
		cmocka_unit_test(test_trigger_is_three_quarters_of_the_window),
		cmocka_unit_test(test_a_tool_result_of_32000_characters_keeps_8000_and_4000),
		cmocka_unit_test(test_the_first_two_and_the_last_eight_stay),
		cmocka_unit_test(test_the_summary_has_what_is_left_of_the_target),
		cmocka_unit_test(test_no_summary_when_shorter_results_are_enough),
		cmocka_unit_test(test_a_person_gets_a_summary_below_the_trigger_too),
		cmocka_unit_test(test_a_tail_that_alone_is_too_long_is_not_folded_for_ever),
		cmocka_unit_test(test_every_orphan_of_the_tail_gets_its_call_back),
		cmocka_unit_test(test_a_call_of_the_head_whose_result_went_is_answered),
		cmocka_unit_test(test_the_transcript_has_a_line_per_message_and_fits),
	};

	return RUN(tests);
}

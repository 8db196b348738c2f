/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/json.h"
#include "common/mem.h"
#include "engined/candidates.h"

#define ROW(text)	"{\"target\":\"USER.md\",\"text\":\"" text "\"}"

static size_t
count(const char *text)
{
	cleanup_json json_t *rows = candidates_parse(text);

	assert_true(json_is_array(rows));
	return json_array_size(rows);
}

static void
test_a_fence_and_words_around_it_are_no_matter(void **state)
{
	assert_int_equal(count("{\"candidates\":[" ROW("a") "]}"), 1);
	assert_int_equal(count("```json\n{\"candidates\":[" ROW("a") "]}\n```\n"), 1);
	assert_int_equal(count("Here you are: {\"candidates\":[" ROW("a") "," ROW("b") "]} Good luck!"), 2);
}

static void
test_an_answer_that_was_cut_off_gives_what_stood_before_the_cut(void **state)
{
	assert_int_equal(count("{\"candidates\":[" ROW("a") "," ROW("b") ",{\"target\":\"USER.md\",\"te"), 2);
	assert_int_equal(count("```json\n{\"candidates\":[" ROW("a") "]"), 1);
	assert_int_equal(count("{\"candidates\":[{\"target\":\"USER.md\",\"text\":\"a"), 0);
}

static void
test_there_are_at_most_five(void **state)
{
	assert_int_equal(count("{\"candidates\":[" ROW("a") "," ROW("b") "," ROW("c") "," ROW("d") "," ROW("e") "," ROW("f") "]}"), 5);
}

static void
test_what_has_another_shape_is_left_out(void **state)
{
	assert_int_equal(count(""), 0);
	assert_int_equal(count("}{"), 0);
	assert_int_equal(count("none"), 0);
	assert_int_equal(count("{\"candidates\":{}}"), 0);
	assert_int_equal(count("{\"candidates\":[7,null,[],{}," ROW("") "," ROW(" \\n") "]}"), 0);
	assert_int_equal(count("{\"candidates\":[{\"target\":\"../USER.md\",\"text\":\"a\"},{\"target\":1,\"text\":\"a\"}]}"), 0);
}

static void
test_how_sure_it_is_may_be_a_word_or_a_number(void **state)
{
	static const struct { const char *said, *word; } rows[] = {
		{ "\"low\"", "low" }, { "\"high\"", "high" }, { "\"certain\"", "normal" }, { "0.95", "high" }, { "0.5", "normal" },
		{ "0", "low" }, { "null", "normal" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *text = xasprintf("{\"candidates\":[{\"target\":\"AGENT.md\",\"text\":\"a\",\"confidence\":%s}]}", rows[i].said);
		cleanup_json json_t *list = candidates_parse(text);

		assert_string_equal(json_str(json_array_get(list, 0), "confidence", ""), rows[i].word);
		assert_string_equal(json_str(json_array_get(list, 0), "target", ""), "AGENT.md");
	}
}

static bool
adds(const char *call)
{
	cleanup_json json_t *c = json_loads(call, 0, NULL), *args = candidates_add(c);

	assert_non_null(c);
	return args != NULL;
}

static void
test_only_a_call_of_memory_that_adds_is_one(void **state)
{
	assert_true(adds("{\"name\":\"memory\",\"arguments\":\"{\\\"action\\\":\\\"add\\\"}\"}"));
	assert_false(adds("{\"name\":\"memory\",\"arguments\":\"{\\\"action\\\":\\\"remove\\\"}\"}"));
	assert_false(adds("{\"name\":\"memory\",\"arguments\":\"{\\\"action\\\":\\\"add\\\"}\",\"error\":\"cut off\"}"));
	assert_false(adds("{\"name\":\"todo\",\"arguments\":\"{\\\"action\\\":\\\"add\\\"}\"}"));
	assert_false(adds("{\"name\":\"memory\",\"arguments\":\"[\\\"add\\\"]\"}"));
	assert_false(adds("{\"name\":\"memory\",\"arguments\":\"\"}"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_fence_and_words_around_it_are_no_matter),
		cmocka_unit_test(test_an_answer_that_was_cut_off_gives_what_stood_before_the_cut),
		cmocka_unit_test(test_there_are_at_most_five),
		cmocka_unit_test(test_what_has_another_shape_is_left_out),
		cmocka_unit_test(test_how_sure_it_is_may_be_a_word_or_a_number),
		cmocka_unit_test(test_only_a_call_of_memory_that_adds_is_one),
	};

	return RUN(tests);
}

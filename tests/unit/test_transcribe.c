/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include <string.h>

#include "common/mem.h"
#include "engined/transcribe.h"

static int
read_answer(const char *body, struct transcript *t)
{
	struct error e = { 0 };

	return transcript_read(body, strlen(body), t, &e);
}

static void
test_the_words_are_without_white_space_around_them(void **state)
{
	struct transcript t;

	assert_int_equal(read_answer("{\"text\": \" \\n hello there \\t\"}", &t), 0);
	assert_string_equal(t.text, "hello there");
	assert_int_equal(t.tokens_in + t.tokens_out, 0);
	transcript_clear(&t);
	assert_int_equal(read_answer("{\"text\": \"  \"}", &t), 0);
	assert_string_equal(t.text, "");
	transcript_clear(&t);
}

static void
test_what_is_no_answer_is_refused(void **state)
{
	static const char *const bodies[] = { "", "{}", "[]", "{\"text\": 5}", "{\"text\": null}", "hello", "{\"text\": \"a\"" };
	struct transcript t;

	for (size_t i = 0; i < COUNT(bodies); i++)
		assert_int_equal(read_answer(bodies[i], &t), -1);
}

static void
test_a_price_is_believed_within_bounds(void **state)
{
	struct transcript t;

	assert_int_equal(read_answer("{\"text\": \"a\", \"usage\": {\"input_tokens\": 12, \"output_tokens\": 3, \"cost\": 0.5}}", &t), 0);
	assert_int_equal(t.tokens_in, 12);
	assert_int_equal(t.tokens_out, 3);
	assert_true(t.cost == 0.5);
	transcript_clear(&t);
	assert_int_equal(read_answer("{\"text\": \"a\", \"usage\": {\"input_tokens\": -12, \"prompt_tokens\": 3, \"cost\": -1}}", &t), 0);
	assert_int_equal(t.tokens_in, 0);
	assert_true(t.cost == 0);
	transcript_clear(&t);
	assert_int_equal(read_answer("{\"text\": \"a\", \"usage\": {\"cost\": 1e9}}", &t), 0);
	assert_true(t.cost == 0);
	transcript_clear(&t);
}

static void
test_a_long_text_is_cut_between_characters(void **state)
{
	cleanup_buf struct buf b = BUF(0);
	struct transcript t;

	buf_puts(&b, "{\"text\": \"a");
	for (int i = 0; i < TRANSCRIPT_MAX; i++)
		buf_puts(&b, "\xc3\xa9");
	buf_puts(&b, "\"}");
	assert_int_equal(read_answer(buf_str(&b), &t), 0);
	assert_int_equal(strlen(t.text), TRANSCRIPT_MAX - 1);
	transcript_clear(&t);
}

static void
test_the_form_holds_the_recording_as_it_is(void **state)
{
	cleanup_buf struct buf form = BUF(0), sound = BUF(0);
	cleanup_free char *type = NULL, *whole = NULL;
	const char *mark;

	buf_add(&sound, "Og\0gS\r\n--", 9);
	type = transcribe_form(&form, "whisper-1", "", "a.oga", &sound);
	assert_int_equal(strncmp(type, "multipart/form-data; boundary=", 30), 0);
	mark = type + 30;
	assert_int_equal(strlen(mark), 32);
	assert_null(strstr(buf_str(&form), "language"));
	assert_non_null(strstr(buf_str(&form), "name=\"model\"\r\n\r\nwhisper-1\r\n"));
	assert_non_null(strstr(buf_str(&form), "name=\"file\"; filename=\"a.oga\"\r\n"));
	assert_non_null(memmem(form.data, form.len, "\r\n\r\nOg\0gS\r\n--\r\n--", 17));
	whole = xasprintf("--%s--\r\n", mark);
	assert_memory_equal(form.data + form.len - strlen(whole), whole, strlen(whole));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_words_are_without_white_space_around_them),
		cmocka_unit_test(test_what_is_no_answer_is_refused),
		cmocka_unit_test(test_a_price_is_believed_within_bounds),
		cmocka_unit_test(test_a_long_text_is_cut_between_characters),
		cmocka_unit_test(test_the_form_holds_the_recording_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

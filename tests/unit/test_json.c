/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/json_foreign.h"
#include "common/mem.h"

static int
parses(const char *text)
{
	struct error e = { 0 };
	cleanup_json json_t *j = json_parse(text, strlen(text), 8, &e);

	return j != NULL;
}

static void
test_json_takes_any_value_and_refuses_what_is_none(void **state)
{
	assert_true(parses("{\"a\":[1,2.5,true,null,\"x\"]}"));
	assert_true(parses("42"));
	assert_false(parses(""));
	assert_false(parses("{\"a\":1"));
	assert_false(parses("{\"a\":1} x"));
	assert_false(parses("{\"a\":1,\"a\":2}"));
	assert_false(parses("\"a\\u0000b\""));
	assert_false(parses("\"\xff\""));
	assert_null(json_parse("[1\0]", 4, 8, NULL));
}

static void
test_json_depth_is_counted_outside_strings_only(void **state)
{
	assert_true(parses("[[[[[[[[1]]]]]]]]"));
	assert_false(parses("[[[[[[[[[1]]]]]]]]]"));
	assert_true(parses("\"[[[[[[[[[[[[\\\"[[[[\""));
}

static void
test_json_a_million_brackets_do_not_overflow(void **state)
{
	size_t n = 1000000;
	char *text = xmalloc(n);
	struct error e = { 0 };

	memset(text, '[', n);
	assert_null(json_parse(text, n, 32, &e));
	assert_int_equal(e.code, ERR_invalid);
	free(text);
}

static void
test_json_members_have_defaults(void **state)
{
	cleanup_json json_t *j = json_pack("{s:s,s:i,s:f,s:b,s:{s:{s:i}}}", "s", "v", "i", 7, "f", 2.9, "b", 1,
	    "x", "y", "z", 5);

	assert_string_equal(json_str(j, "s", "d"), "v");
	assert_string_equal(json_str(j, "i", "d"), "d");
	assert_int_equal(json_int(j, "f", 0), 2);
	assert_int_equal(json_int(j, "none", -3), -3);
	assert_true(json_bool(j, "b", false));
	assert_int_equal(json_integer_value(json_at(j, "x.y.z")), 5);
	assert_null(json_at(j, "x.q.z"));
	assert_null(json_at(NULL, "x"));
}

static void
test_utf8_clean_replaces_every_ill_formed_byte(void **state)
{
	static const struct {
		const char	*in;
		size_t		 len;
		const char	*out;
	} rows[] = {
		{ "plain", 5, "plain" },
		{ "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", 11, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80" },
		{ "a\xff""b", 3, "a\xef\xbf\xbd""b" },
		{ "a\0b", 3, "a\xef\xbf\xbd""b" },
		{ "\xc3", 1, "\xef\xbf\xbd" },
		{ "\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },	/* a surrogate */
		{ "\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd" },			/* an overlong slash */
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *out = utf8_clean(rows[i].in, rows[i].len);

		assert_string_equal(out, rows[i].out);
	}
}

static void
test_utf8_cut_never_splits_a_character(void **state)
{
	const char *text = "a\xc3\xbc\xe2\x82\xac";

	assert_int_equal(utf8_cut(text, 6, 2), 1);
	assert_int_equal(utf8_cut(text, 6, 3), 3);
	assert_int_equal(utf8_cut(text, 6, 5), 3);
	assert_int_equal(utf8_cut(text, 6, 100), 6);
	assert_int_equal(utf8_count(text, 6), 3);
	assert_int_equal(utf8_offset(text, 6, 2), 3);
	assert_int_equal(utf8_offset(text, 6, 9), 6);
}

/* For each of them the text was looked through to its end, for an exponent: half a megabyte took five seconds. */
static void
test_json_of_strangers_may_be_a_million_numbers(void **state)
{
	cleanup_buf struct buf b = BUF(0);
	cleanup_json json_t *j = NULL;

	buf_addc(&b, '[');
	for (int i = 0; i < 1000000; i++)
		buf_puts(&b, "1,");
	buf_puts(&b, "1e999, 12e5, 1.5]");
	assert_non_null(j = json_foreign(buf_str(&b), b.len, 8, NULL));
	assert_int_equal(json_array_size(j), 1000003);
	assert_int_equal(json_number_value(json_array_get(j, 1000000)), 0);
	assert_true(json_number_value(json_array_get(j, 1000001)) == 12e5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_json_takes_any_value_and_refuses_what_is_none),
		TEST(test_json_depth_is_counted_outside_strings_only),
		TEST(test_json_a_million_brackets_do_not_overflow),
		TEST(test_json_of_strangers_may_be_a_million_numbers),
		TEST(test_json_members_have_defaults),
		TEST(test_utf8_clean_replaces_every_ill_formed_byte),
		TEST(test_utf8_cut_never_splits_a_character),
	};

	return RUN(tests);
}

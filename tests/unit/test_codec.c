/* SPDX-License-Identifier: Apache-2.0 */
/* The codec, on shapes of its own so that every kind meets its limit, and on the real messages. */
#include "tests/check.h"

#include <math.h>
#include <string.h>

#include "common/codec.h"
#include "common/json.h"
#include "common/mem.h"

struct row {
	const char	*name;
	int64_t		 size;
};

struct all {
	const char	 *text;
	int64_t		  count;
	double		  ratio;
	bool		  flag;
	json_t		 *value;
	const char	**words;
	size_t		  n_words;
	const struct row *rows;
	size_t		  n_rows;
};

static const struct field row_fields[] = {
	{ "name", STRING, true, 4, offsetof(struct row, name), NULL },
	{ "size", INTEGER, false, 100, offsetof(struct row, size), NULL },
	{ 0 }
};
static const struct shape row_shape = { "row", sizeof(struct row), row_fields, 2 };

#define ALL_FIELDS(required) {						\
	{ "text", STRING, required, 8, offsetof(struct all, text), NULL },	\
	{ "count", INTEGER, required, 10, offsetof(struct all, count), NULL },	\
	{ "ratio", NUMBER, required, 0, offsetof(struct all, ratio), NULL },	\
	{ "flag", BOOL, required, 0, offsetof(struct all, flag), NULL },	\
	{ "value", JSON, required, 20, offsetof(struct all, value), NULL },	\
	{ "words", STRINGS, required, 3, offsetof(struct all, words), NULL },	\
	{ "rows", LIST, required, 2, offsetof(struct all, rows), &row_shape },	\
	{ 0 } }

static const struct field may_fields[] = ALL_FIELDS(false), must_fields[] = ALL_FIELDS(true);
static const struct shape may = { "may", sizeof(struct all), may_fields, 7 };
static const struct shape must = { "must", sizeof(struct all), must_fields, 7 };

static const char whole[] = "{\"text\":\"ab\",\"count\":-3,\"ratio\":0.5,\"flag\":true,\"value\":{\"a\":[1]},"
    "\"words\":[\"x\",\"\"],\"rows\":[{\"name\":\"n\",\"size\":7},{\"name\":\"m\"}]}";

static struct decoded *
decode(const struct shape *s, const char *text, struct error *e)
{
	json_t *tree cleanup_json = json_loads(text, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);

	assert_non_null(tree);
	return codec_decode(s, tree, e);
}

static void
accepts(const char *text)
{
	struct error e = { 0 };
	struct decoded *d = decode(&may, text, &e);

	if (d == NULL)
		fail_msg("%s: %s", text, e.text);
	decoded_free(d);
}

static void
refuses(const struct shape *s, const char *text, enum error_code code, const char *why)
{
	struct error e = { 0 };

	assert_null(decode(s, text, &e));
	assert_string_equal(e.text, why);
	assert_int_equal(e.code, code);
}

static void
test_every_kind_decodes(void **state)
{
	struct error e = { 0 };
	struct decoded *d = decode(&must, whole, &e);
	const struct all *m;

	assert_non_null(d);
	m = decoded_struct(d);
	assert_string_equal(m->text, "ab");
	assert_int_equal(m->count, -3);
	assert_true(m->ratio == 0.5 && m->flag);
	assert_int_equal(json_array_size(json_object_get(m->value, "a")), 1);
	assert_int_equal(m->n_words, 2);
	assert_string_equal(m->words[0], "x");
	assert_null(m->words[2]);
	assert_int_equal(m->n_rows, 2);
	assert_string_equal(m->rows[1].name, "m");
	assert_int_equal(m->rows[0].size, 7);
	assert_int_equal(m->rows[1].size, 0);
	decoded_free(d);
}

static void
test_what_decodes_encodes_to_the_same(void **state)
{
	json_t *want cleanup_json = json_loads(whole, 0, NULL), *got cleanup_json = NULL;
	struct error e = { 0 };
	struct decoded *d = decode(&must, whole, &e);

	got = codec_encode(&must, decoded_struct(d), &e);
	assert_true(json_equal(want, got));
	decoded_free(d);
}

static void
test_absent_fields_are_empty_and_stay_away(void **state)
{
	struct error e = { 0 };
	struct decoded *d = decode(&may, "{}", &e);
	const struct all *m = decoded_struct(d);
	json_t *back cleanup_json = codec_encode(&may, m, &e);

	assert_true(m->text == NULL && m->value == NULL && m->words == NULL && m->rows == NULL);
	assert_true(m->count == 0 && m->ratio == 0 && !m->flag);
	assert_int_equal(json_object_size(back), 0);
	decoded_free(d);
}

static void
test_an_empty_list_is_not_an_absent_one(void **state)
{
	struct error e = { 0 };
	struct decoded *d = decode(&may, "{\"words\":[],\"rows\":[]}", &e);
	const struct all *m = decoded_struct(d);
	json_t *back cleanup_json = codec_encode(&may, m, &e);

	assert_true(m->words != NULL && m->rows != NULL && m->n_words == 0 && m->n_rows == 0);
	assert_int_equal(json_object_size(back), 2);
	decoded_free(d);
}

static void
test_limits_hold_on_the_way_in(void **state)
{
	accepts("{\"text\":\"12345678\"}");
	refuses(&may, "{\"text\":\"123456789\"}", ERR_too_large, "body.text: text is too long");
	refuses(&may, "{\"text\":\"1234567\\u00e9\"}", ERR_too_large, "body.text: text is too long");
	refuses(&may, "{\"text\":\"a\\u0000b\"}", ERR_invalid, "body.text: text holds a NUL");
	accepts("{\"count\":10}");
	accepts("{\"count\":-10}");
	refuses(&may, "{\"count\":11}", ERR_invalid, "body.count: number is out of range");
	refuses(&may, "{\"count\":-11}", ERR_invalid, "body.count: number is out of range");
	accepts("{\"value\":\"123456789012345678\"}");
	refuses(&may, "{\"value\":\"1234567890123456789\"}", ERR_too_large, "body.value: value is too large");
	accepts("{\"value\":null}");
	refuses(&may, "{\"words\":[\"\",\"\",\"\",\"\"]}", ERR_too_large, "body.words: list has too many rows");
	refuses(&may, "{\"rows\":[{},{},{}]}", ERR_too_large, "body.rows: list has too many rows");
	refuses(&may, "{\"rows\":[{\"name\":\"n\"},{\"name\":\"12345\"}]}", ERR_too_large, "body.rows[1].name: text is too long");
}

static void
test_wrong_kinds_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "{\"text\":1}", "body.text: must be text" },
		{ "{\"text\":null}", "body.text: must be text" },
		{ "{\"count\":\"1\"}", "body.count: must be an integer" },
		{ "{\"count\":1.0}", "body.count: must be an integer" },
		{ "{\"ratio\":\"1\"}", "body.ratio: must be a number" },
		{ "{\"flag\":1}", "body.flag: must be true or false" },
		{ "{\"words\":{}}", "body.words: must be a list" },
		{ "{\"words\":[\"a\",2]}", "body.words[1]: must be text" },
		{ "{\"rows\":\"\"}", "body.rows: must be a list" },
		{ "{\"rows\":[[]]}", "body.rows[0]: must be an object" },
		{ "[]", "body: must be an object" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		refuses(&may, cases[i].text, ERR_invalid, cases[i].why);
	accepts("{\"ratio\":3}");
}

static void
test_missing_and_unknown_fields_are_refused(void **state)
{
	refuses(&must, "{}", ERR_invalid, "body.text: is missing");
	refuses(&may, "{\"rows\":[{\"size\":1}]}", ERR_invalid, "body.rows[0].name: is missing");
	refuses(&may, "{\"text\":\"a\",\"other\":1}", ERR_invalid, "body.other: no such field");
	refuses(&may, "{\"rows\":[{\"name\":\"n\",\"x\":1}]}", ERR_invalid, "body.rows[0].x: no such field");
	refuses(&may, "{\"<script>\":1}", ERR_invalid, "body.(unnamed): no such field");
}

/* An array that nests so deep. */
static json_t *
nested(int levels)
{
	json_t *v = json_array(), *outer;

	while (--levels > 0) {
		outer = json_array();
		json_array_append_new(outer, v);
		v = outer;
	}
	return v;
}

static void
test_values_nest_up_to_the_limit(void **state)
{
	struct event_push m = { .kind = "k" };
	json_t *deep cleanup_json = nested(PROTO_DEPTH_MAX), *deeper cleanup_json = nested(PROTO_DEPTH_MAX + 1);
	struct error e = { 0 };
	json_t *out;

	m.data = deep;
	assert_non_null(out = codec_encode(&proto_message(MSG_event_push)->request, &m, &e));
	json_decref(out);
	m.data = deeper;
	assert_null(codec_encode(&proto_message(MSG_event_push)->request, &m, &e));
	assert_string_equal(e.text, "body.data: value nests too deep");
}

static void
encode_refuses(const struct shape *s, const struct all *m, const char *why)
{
	struct error e = { 0 };

	assert_null(codec_encode(s, m, &e));
	assert_string_equal(e.text, why);
}

static void
test_limits_hold_on_the_way_out(void **state)
{
	static const char *words[] = { "a", "b", "c", "d" }, *holes[] = { "a", NULL };
	static const struct row rows[] = { { "a", 0 }, { "b", 101 }, { NULL, 0 } };
	static char long_row[PROTO_STRING_ROW_MAX + 2];
	const char *long_rows[] = { long_row };
	json_t *big cleanup_json = json_string("1234567890123456789"), *nul cleanup_json = json_stringn("a\0b", 3);

	memset(long_row, 'x', sizeof(long_row) - 1);
	encode_refuses(&may, &(struct all){ .text = "123456789" }, "body.text: text is too long");
	encode_refuses(&may, &(struct all){ .text = "\xff" }, "body.text: text is not UTF-8");
	encode_refuses(&may, &(struct all){ .count = 11 }, "body.count: number is out of range");
	encode_refuses(&may, &(struct all){ .count = INT64_MIN }, "body.count: number is out of range");
	encode_refuses(&may, &(struct all){ .ratio = INFINITY }, "body.ratio: number is not finite");
	encode_refuses(&may, &(struct all){ .ratio = NAN }, "body.ratio: number is not finite");
	encode_refuses(&may, &(struct all){ .value = big }, "body.value: value is too large");
	encode_refuses(&may, &(struct all){ .value = nul }, "body.value: text holds a NUL");
	encode_refuses(&may, &(struct all){ .words = words, .n_words = 4 }, "body.words: list has too many rows");
	encode_refuses(&may, &(struct all){ .words = holes, .n_words = 2 }, "body.words[1]: is missing");
	encode_refuses(&may, &(struct all){ .words = long_rows, .n_words = 1 }, "body.words[0]: text is too long");
	encode_refuses(&may, &(struct all){ .n_words = 1 }, "body.words: list has too many rows");
	encode_refuses(&may, &(struct all){ .rows = rows, .n_rows = 3 }, "body.rows: list has too many rows");
	encode_refuses(&may, &(struct all){ .rows = rows, .n_rows = 2 }, "body.rows[1].size: number is out of range");
	encode_refuses(&may, &(struct all){ .rows = rows + 2, .n_rows = 1 }, "body.rows[0].name: is missing");
	encode_refuses(&must, &(struct all){ 0 }, "body.text: is missing");
	encode_refuses(&must, &(struct all){ .text = "" }, "body.value: is missing");
}

static void
test_required_fields_are_written_even_when_empty(void **state)
{
	json_t *nothing cleanup_json = json_null(), *out cleanup_json = NULL;
	struct error e = { 0 };

	out = codec_encode(&must, &(struct all){ .text = "", .value = nothing }, &e);
	assert_non_null(out);
	assert_int_equal(json_object_size(out), 7);
	assert_true(json_is_array(json_object_get(out, "words")));
}

static void
test_a_message_without_fields_is_an_empty_object(void **state)
{
	json_t *out cleanup_json = NULL;
	struct error e = { 0 };
	struct decoded *d;

	out = codec_encode(&proto_message(MSG_tool_list)->request, NULL, &e);
	assert_int_equal(json_object_size(out), 0);
	assert_non_null(d = codec_decode(&proto_message(MSG_tool_list)->request, out, &e));
	decoded_free(d);
	json_object_set_new(out, "x", json_true());
	assert_null(codec_decode(&proto_message(MSG_tool_list)->request, out, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_kind_decodes),
		TEST(test_what_decodes_encodes_to_the_same),
		TEST(test_absent_fields_are_empty_and_stay_away),
		TEST(test_an_empty_list_is_not_an_absent_one),
		TEST(test_limits_hold_on_the_way_in),
		TEST(test_wrong_kinds_are_refused),
		TEST(test_missing_and_unknown_fields_are_refused),
		TEST(test_values_nest_up_to_the_limit),
		TEST(test_limits_hold_on_the_way_out),
		TEST(test_required_fields_are_written_even_when_empty),
		TEST(test_a_message_without_fields_is_an_empty_object),
	};

	return RUN(tests);
}

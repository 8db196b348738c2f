/* SPDX-License-Identifier: Apache-2.0 */
/* What is signed: the published vectors, then what the grammar allows and what it does not. */
#include "tests/check.h"

#include <float.h>
#ifdef __linux__
#include <malloc.h>
#endif
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alpd/canonical.h"
#include "common/clock.h"
#include "common/mem.h"

/* The canonical form of a text, or "refused: why". Its bytes lie in memory of their exact size, for a sanitizer to see one too far. */
static char *
canonical(const char *text, size_t len)
{
	char *copy = xmalloc(len);
	struct buf b = BUF(0);
	struct error e = { 0 };
	struct doc *d;

	memcpy(copy, text, len);
	if ((d = doc_parse(copy, len, &e)) == NULL) {
		assert_int_equal(e.code, ERR_invalid);
		buf_addf(&b, "refused: %s", e.text);
	} else {
		canonical_node(&b, doc_root(d), NULL);
	}
	doc_free(d);
	free(copy);
	return buf_take(&b);
}

static void
assert_prints(const char *text, const char *expected)
{
	cleanup_free char *got = canonical(text, strlen(text));

	assert_string_equal(got, expected);
}

static void
assert_refused(const char *text, size_t len)
{
	cleanup_free char *got = canonical(text, len);

	if (strncmp(got, "refused: ", 9) != 0)
		fail_msg("accepted: %.60s as %.60s", text, got);
}

static void
assert_refused_for(const char *text, const char *why)
{
	cleanup_free char *got = canonical(text, strlen(text));

	if (strncmp(got, "refused: ", 9) != 0 || strstr(got, why) == NULL)
		fail_msg("%.60s: %s, not: %s", text, got, why);
}

/* N times a piece between two ends. */
static char *
repeated(const char *head, const char *piece, size_t n, const char *tail)
{
	struct buf b = BUF(0);

	buf_puts(&b, head);
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, piece);
	buf_puts(&b, tail);
	return buf_take(&b);
}

/* ---- vectors --------------------------------------------------------------------------------- */

static void
test_published_texts_have_the_published_form(void **state)
{
	json_t *all = vectors("canonical.json"), *row;
	size_t i;

	json_array_foreach(json_object_get(all, "accept"), i, row) {
		const json_t *wire = json_object_get(row, "wire"), *form = json_object_get(row, "canonical");
		cleanup_free char *got = canonical(json_string_value(wire), json_string_length(wire));

		if (strncmp(got, "refused", 7) == 0)
			fail_msg("%s: %s", json_string_value(json_object_get(row, "note")), got);
		assert_string_equal(got, json_string_value(form));
	}
	assert_true(i >= 20);
	json_decref(all);
}

static void
test_published_texts_are_dropped(void **state)
{
	json_t *all = vectors("canonical.json"), *row;
	size_t i;

	json_array_foreach(json_object_get(all, "drop"), i, row) {
		const json_t *wire = json_object_get(row, "wire");

		assert_refused(json_string_value(wire), json_string_length(wire));
	}
	assert_true(i >= 10);
	json_decref(all);
}

static void
test_published_doubles_print_as_published(void **state)
{
	json_t *all = vectors("canonical.json"), *row;
	size_t i;

	json_array_foreach(json_object_get(all, "floats"), i, row) {
		uint64_t bits = strtoull(json_string_value(json_object_get(row, "ieee754_be")), NULL, 16);
		cleanup_buf struct buf b = BUF(0);
		double value;

		memcpy(&value, &bits, sizeof(value));
		canonical_real(&b, value);
		assert_string_equal(buf_str(&b), json_string_value(json_object_get(row, "canonical")));
	}
	assert_true(i >= 20);
	json_decref(all);
}

/* ---- reals ----------------------------------------------------------------------------------- */

static void
test_every_power_of_two_reads_back_from_at_most_17_digits(void **state)
{
	for (int power = -1074; power <= 1023; power++) {
		cleanup_buf struct buf b = BUF(0);
		double value = ldexp(1, power);
		size_t digits = 0;

		canonical_real(&b, value);
		assert_true(strtod(b.data, NULL) == value);
		for (const char *p = b.data + strspn(b.data, "0."); *p != '\0' && *p != 'e'; p++)
			digits += *p != '.';
		assert_true(digits <= 18);	/* with the zero of "x.0" */
	}
}

static void
test_a_real_changes_its_form_at_1e16_and_1e_4(void **state)
{
	static const struct { double value; const char *text; } rows[] = {
		{ 1e15, "1000000000000000.0" }, { 9999999999999998.0, "9999999999999998.0" }, { 1e16, "1e+16" },
		{ 1.5e16, "1.5e+16" }, { 0.0001, "0.0001" }, { 0.00012345, "0.00012345" }, { 0.00001, "1e-05" },
		{ 0.000015, "1.5e-05" }, { -2.5, "-2.5" }, { 0.5, "0.5" }, { 10.25, "10.25" }, { 9.5, "9.5" },
		{ 1e100, "1e+100" }, { -1e-100, "-1e-100" }, { DBL_MAX, "1.7976931348623157e+308" }, { 0.0, "0.0" },
		{ -0.0, "-0.0" }, { 0.30000000000000004, "0.30000000000000004" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_buf struct buf b = BUF(0);

		canonical_real(&b, rows[i].value);
		assert_string_equal(buf_str(&b), rows[i].text);
	}
}

/* ---- numbers in a text ----------------------------------------------------------------------- */

static void
test_integers_stay_as_they_were_written(void **state)
{
	static const char *const same[] = {
		"0", "-1", "123456789012345678901234567890123456789012345678901234567890",
	};
	cleanup_free char *digits = repeated("[", "7", 300000, "]");

	for (size_t i = 0; i < COUNT(same); i++)
		assert_prints(same[i], same[i]);
	assert_prints("-0", "0");
	assert_prints("[-0,-0,0]", "[0,0,0]");
	assert_prints(digits, digits);
}

static void
test_a_real_has_one_form_however_it_was_written(void **state)
{
	static const struct { const char *text, *form; } rows[] = {
		{ "1e2", "100.0" }, { "1E+2", "100.0" }, { "0.10", "0.1" }, { "-0.0", "-0.0" }, { "-0e0", "-0.0" }, { "0.00", "0.0" },
		{ "1.0e0", "1.0" }, { "10.50", "10.5" }, { "0.00001", "1e-05" }, { "0.0001", "0.0001" }, { "0.00012", "0.00012" },
		{ "0.000099", "9.9e-05" }, { "1.5e-7", "1.5e-07" }, { "1.5e-007", "1.5e-07" }, { "15e-8", "1.5e-07" },
		{ "1.50e-07", "1.5e-07" }, { "1.5E-07", "1.5e-07" }, { "1e-04", "0.0001" }, { "1e+15", "1000000000000000.0" },
		{ "1e+16", "1e+16" }, { "1e16", "1e+16" }, { "1e+016", "1e+16" }, { "0e+16", "0.0" }, { "1.0e+16", "1e+16" },
		{ "1e+290", "1e+290" }, { "1e+300", "1e+300" }, { "1e-300", "1e-300" }, { "5e-324", "5e-324" }, { "1e-999", "0.0" },
		{ "3e-324", "5e-324" }, { "1.7976931348623157e308", "1.7976931348623157e+308" }, { "0.1e1", "1.0" },
		{ "100000000000000000000.5", "1e+20" }, { "0.1234567890123456", "0.1234567890123456" },
		{ "0.30000000000000004", "0.30000000000000004" }, { "0.30000000000000001", "0.3" },
		{ "9007199254740993.0", "9007199254740992.0" }, { "123456789012345.0", "123456789012345.0" },
		{ "7.120236347223045e-307", "7.120236347223045e-307" }, { "7.1202363472230444e-307", "7.120236347223045e-307" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_prints(rows[i].text, rows[i].form);
}

/* What is kept because of its form alone is what a double would print. */
static void
test_a_real_of_15_digits_is_kept_only_in_its_form(void **state)
{
	random_fake(7);
	for (int i = 0; i < 20000; i++) {
		cleanup_buf struct buf b = BUF(0);
		char text[64];
		uint64_t bits;
		int form;

		random_bytes(&bits, sizeof(bits));
		random_bytes(&form, sizeof(form));
		if (form & 1)
			snprintf(text, sizeof(text), "%.*f", 1 + (form >> 1 & 15), (double)(int64_t)bits / pow(10, 4 + (form >> 8 & 15)));
		else
			snprintf(text, sizeof(text), "%.*e", form >> 1 & 15, ldexp((double)bits, (form >> 8 & 1023) - 540));
		canonical_real(&b, strtod(text, NULL));
		if (strpbrk(text, ".e") != NULL)
			assert_prints(text, b.data);
	}
	random_fake(0);
}

static void
test_reals_in_odd_forms_are_few_or_refused(void **state)
{
	cleanup_free char *few = repeated("[", "1e2,", 4095, "1e2]"), *many = repeated("[", "1e2,", 4096, "1e2]");
	cleanup_free char *same = repeated("[", "100.0,", 100000, "1e+16]"), *expected = repeated("[", "100.0,", 4095, "100.0]");

	assert_prints(few, expected);
	assert_refused_for(many, "unusual form");
	assert_prints(same, same);
}

static void
test_what_is_no_number_is_refused(void **state)
{
	static const char *const bad[] = {
		"-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1e", "1e+", "1.e1", "1.5.5", "1e5e5", "0x10", "1_000", "--1", "1-",
		"NaN", "nan", "Infinity", "-Infinity", "inf", "1e309", "-1e309", "1.7976931348623159e308", "1e99999999999999999999",
	};
	cleanup_free char *digits = repeated("0.", "1", 600, "");

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_refused(bad[i], strlen(bad[i]));
	assert_refused_for(digits, "too many digits");
}

static void
test_a_real_below_the_ceiling_of_a_double_passes(void **state)
{
	cleanup_free char *large = repeated("", "9", 307, ".5"), *larger = repeated("", "9", 310, ".5");

	assert_prints(large, "1e+307");
	assert_refused_for(larger, "no double");
}

/* ---- strings --------------------------------------------------------------------------------- */

static void
test_utf8_is_checked_to_the_letter(void **state)
{
	static const char *const good[] = {
		"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf", "abcdefgh\xc3\xa9", "abcdefg\xe4\xb8\xadghijklmno\xf0\x9f\x98\x80",
	};
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xc2\xc2", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe1\x80",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xf8\x88\x80\x80\x80", "\xfe", "\xff", "abcdefgh\xc3", "abcdefghijklmno\xff",
	};

	for (size_t i = 0; i < COUNT(good); i++) {
		cleanup_free char *text = repeated("\"", good[i], 1, "\""), *name = repeated("{\"", good[i], 1, "\":1}");

		assert_prints(text, text);
		assert_prints(name, name);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		cleanup_free char *text = repeated("\"", bad[i], 1, "\""), *name = repeated("{\"", bad[i], 1, "\":1}");

		assert_refused_for(text, "UTF-8");
		assert_refused_for(name, "UTF-8");
		assert_refused(bad[i], strlen(bad[i]));
	}
	assert_refused("\xef\xbb\xbf{}", 5);		/* a mark of byte order */
	for (size_t cut = 1; cut < 5; cut++)		/* the text ends inside a character */
		assert_refused("\"\xf0\x9f\x98\x80", cut);
}

static void
test_escapes_and_their_surrogates(void **state)
{
	static const char *const bad[] = {
		"\"\\ud800\"", "\"\\udbff\"", "\"\\udc00\"", "\"\\udfff\"", "\"\\ud800\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"",
		"\"\\ud800\\u0041\"", "\"\\ud83d", "\"\\ud83d\\", "\"\\ud83d\\u", "\"\\ud83d\\ude0", "\"\\u12\"", "\"\\u12g4\"",
		"\"\\u 123\"", "\"\\u+123\"", "\"\\x41\"", "\"\\'\"", "\"\\\"", "\"\\", "\"\\U0041\"", "{\"\\ud800\":1}",
	};

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_refused(bad[i], strlen(bad[i]));
	assert_refused("\"\\\0\"", 4);
	assert_prints("\"\\uD83D\\uDE00\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"");
	assert_prints("\"\\ud800\\udc00\\udbff\\udfff\"", "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
	assert_prints("\"\\u0000\\u001F\\u0008\\/\\u0022\\u005c\\u0041\"", "\"\\u0000\\u001f\\b/\\\"\\\\A\"");
	assert_prints("[\"a\\n\",\"b\",\"\\tc\",\"\"]", "[\"a\\n\",\"b\",\"\\tc\",\"\"]");
}

static void
test_no_control_character_stands_bare_at_any_place(void **state)
{
	char text[40];

	for (int c = 0; c < 0x20; c++)
		for (size_t at = 1; at < 34; at++) {
			memset(text, 'a', sizeof(text));
			text[0] = text[34] = '"';
			text[at] = (char)c;
			assert_refused(text, 35);
		}
}

/* ---- objects --------------------------------------------------------------------------------- */

static void
test_members_come_in_the_order_of_their_code_points(void **state)
{
	struct buf in = BUF(0), out = BUF(0);
	unsigned state_of_lcg = 1;

	assert_prints("{\"b\":{\"d\":1,\"c\":[{\"z\":0,\"y\":0}]},\"a\":2,\"\":3,\"ab\":4,\"a\\u0000\":5}",
	    "{\"\":3,\"a\":2,\"a\\u0000\":5,\"ab\":4,\"b\":{\"c\":[{\"y\":0,\"z\":0}],\"d\":1}}");
	for (int i = 0; i < 4096; i++) {		/* each of 4096 names once, in disorder */
		state_of_lcg = (state_of_lcg * 1229 + 1) % 4096;
		buf_addf(&in, "%s\"n%04x\":%u", i == 0 ? "{" : ",", state_of_lcg, state_of_lcg);
		buf_addf(&out, "%s\"n%04x\":%u", i == 0 ? "{" : ",", i, i);
	}
	buf_addc(&in, '}');
	buf_addc(&out, '}');
	assert_prints(in.data, out.data);
	assert_prints(out.data, out.data);
	buf_clear(&in);
	buf_clear(&out);
}

static void
test_a_repeated_name_is_refused_however_it_is_spelled(void **state)
{
	assert_refused_for("{\"a\":1,\"a\":1}", "repeated");
	assert_refused_for("{\"a\":1,\"\\u0061\":1}", "repeated");
	assert_refused_for("{\"\":1,\"\":1}", "repeated");
	assert_refused_for("{\"x\":{\"b\":1,\"a\":1,\"c\":2,\"a\":3}}", "repeated");
	assert_refused_for("{\"e\":1,\"d\":1,\"c\":1,\"b\":1,\"a\":1,\"e\":1}", "repeated");
	assert_refused_for("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"a\":1}", "repeated");
	assert_prints("[{\"a\":1},{\"a\":1}]", "[{\"a\":1},{\"a\":1}]");
	for (int n = 2; n <= 41; n++)			/* wherever the first of the two stands */
		for (int twin = 0; twin < n - 1; twin++) {
			cleanup_buf struct buf b = BUF(0);

			for (int i = 0; i < n; i++)
				buf_addf(&b, "%s\"%d\":0", i == 0 ? "{" : ",", (i == n - 1 ? twin : i) * 7 % 41);
			buf_addc(&b, '}');
			assert_refused_for(b.data, "repeated");
		}
}

static void
test_the_signature_alone_is_left_out(void **state)
{
	static const struct { const char *text, *without; } rows[] = {
		{ "{\"alp\":{\"v\":1,\"sig\":\"x\",\"to\":2},\"sig\":3}", "{\"alp\":{\"to\":2,\"v\":1},\"sig\":3}" },
		{ "{\"alp\":{\"sig\":{\"deep\":[1]}}}", "{\"alp\":{}}" },
		{ "{\"alp\":{\"a\":1,\"sig\":[]}}", "{\"alp\":{\"a\":1}}" },
		{ "{\"a\":{\"alp\":{\"sig\":1}}}", "{\"a\":{\"alp\":{\"sig\":1}}}" },
		{ "{\"alp\":[{\"sig\":1}],\"alp.sig\":2}", "{\"alp\":[{\"sig\":1}],\"alp.sig\":2}" },
		{ "{\"alp\":{\"s\\u0069g\":1,\"z\":{\"sig\":1}}}", "{\"alp\":{\"z\":{\"sig\":1}}}" },
		{ "[]", "[]" }, { "7", "7" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_doc struct doc *d = doc_parse(rows[i].text, strlen(rows[i].text), NULL);
		cleanup_buf struct buf b = BUF(0);

		canonical_node(&b, doc_root(d), "alp.sig");
		assert_string_equal(buf_str(&b), rows[i].without);
	}
}

/* ---- the grammar ----------------------------------------------------------------------------- */

static void
test_what_is_no_json_is_refused(void **state)
{
	static const char *const bad[] = {
		"", " ", "{", "[", "}", "]", "[}", "{]", "[1}", "{\"a\":1]", "[,]", "[1,]", "[,1]", "[1 2]", "[1,,2]", "{,}",
		"{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{:1}", "{1:1}", "{\"a\"::1}", "{a:1}", "{'a':1}",
		"{} {}", "{}x", "1 1", "nul", "nulll", "True", "truefalse", "tru", "\"", "\"a", "// x\n1", "[1]/**/", "\f1", "\v1",
		"\xc2\xa0[]", "[\"a\"", "{\"a\":1", "[[]", "{\"a\"", "{\"a\":", "[1,", "{\"a\":1,", "undefined", "#",
	};

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_refused(bad[i], strlen(bad[i]));
	assert_refused("1\0", 2);
	assert_refused("\0", 1);
	assert_refused("[1\0]", 4);
}

static void
test_any_value_may_stand_alone_with_blanks_around(void **state)
{
	assert_prints(" \t\r\n null \n", "null");
	assert_prints(" [ true , false ] ", "[true,false]");
	assert_prints(" { \"a\" : { } , \"b\" : [ ] } ", "{\"a\":{},\"b\":[]}");
	assert_prints("\"x\"", "\"x\"");
	assert_prints("[[],[[]],{}]", "[[],[[]],{}]");
}

static void
test_sixty_four_levels_pass_and_one_more_does_not(void **state)
{
	cleanup_free char *in = repeated("", "[", 64, ""), *out = repeated("", "]", 64, "");
	cleanup_free char *full = xasprintf("%s%s", in, out), *over = xasprintf("[%s]", full);
	cleanup_free char *objects = repeated("", "{\"a\":", 64, "1"), *over_objects = repeated("", "{\"a\":", 65, "1");
	cleanup_free char *endless = repeated("", "[", 10000, ""), *mixed = repeated("", "[{\"a\":", 5000, "");
	cleanup_free char *braces = repeated("", "}", 64, ""), *full_objects = xasprintf("%s%s", objects, braces);

	assert_prints(full, full);
	assert_prints(full_objects, full_objects);
	assert_refused_for(over, "nested too deeply");
	assert_refused_for(over_objects, "nested too deeply");
	assert_refused_for(endless, "byte 64: nested too deeply");	/* at once, not after all of them */
	assert_refused_for(mixed, "nested too deeply");
}

static size_t
allocated(void)
{
#ifdef __GLIBC__
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
#else
	return 0;
#endif
}

static void
test_memory_is_bounded_by_the_text(void **state)
{
	static const char *const pieces[] = { "[],", "0,", "\"\",", "{},", "[[]],", "\"\\n\"," };

	for (size_t i = 0; i < COUNT(pieces); i++) {
		cleanup_free char *text = repeated("[", pieces[i], (1 << 20) / strlen(pieces[i]), "0]");
		size_t before = allocated();
		struct doc *d = doc_parse(text, strlen(text), NULL);
		size_t used = allocated() - before;

		assert_non_null(d);
		assert_true(used <= 18 << 20);
		doc_free(d);
	}
}

/* ---- reading a tree -------------------------------------------------------------------------- */

static void
test_accessors_take_what_is_not_there(void **state)
{
	int64_t i = 5;
	double v = 5;
	size_t len = 5;

	assert_null(node_get(NULL, "a"));
	assert_null(node_first(NULL));
	assert_null(node_next(NULL));
	assert_null(node_str(NULL, &len));
	assert_null(node_dup(NULL));
	assert_null(node_json(NULL));
	assert_false(node_equals(NULL, ""));
	assert_false(node_int(NULL, &i));
	assert_false(node_num(NULL, &v));
	assert_false(node_is(NULL, NODE_NULL));
	assert_int_equal(node_kind(NULL), NODE_NULL);
}

static void
test_values_are_found_and_read(void **state)
{
	static const char text[] = "{\"s\":\"a\\u0000b\",\"t\":\"\\u00e9\",\"l\":[1,\"2\",[3],null],\"o\":{\"x\":true},\"e\":[]}";
	cleanup_doc struct doc *d = doc_parse(text, strlen(text), NULL);
	const struct node *root = doc_root(d), *row = node_first(node_get(root, "l"));
	cleanup_free char *t = node_dup(node_get(root, "t"));
	size_t len;

	assert_string_equal(t, "\xc3\xa9");
	assert_true(node_equals(node_get(root, "t"), "\xc3\xa9"));
	assert_null(node_dup(node_get(root, "s")));
	assert_memory_equal(node_str(node_get(root, "s"), &len), "a\0b", 3);
	assert_int_equal(len, 3);
	assert_false(node_equals(node_get(root, "s"), "a"));
	assert_true(node_is(row, NODE_INTEGER));
	assert_true(node_equals(row = node_next(row), "2"));
	assert_true(node_is(row = node_next(row), NODE_ARRAY));
	assert_true(node_is(row = node_next(row), NODE_NULL));
	assert_null(node_next(row));
	assert_null(node_first(node_get(root, "e")));
	assert_null(node_first(root));			/* members are no rows */
	assert_true(node_is(node_get(node_get(root, "o"), "x"), NODE_TRUE));
	assert_null(node_get(root, "x"));
	assert_null(node_get(node_get(root, "l"), "x"));
}

static void
test_integers_are_read_where_they_fit(void **state)
{
	static const struct { const char *text; bool fits; int64_t value; } rows[] = {
		{ "0", true, 0 }, { "-0", true, 0 }, { "42", true, 42 }, { "-7", true, -7 },
		{ "9223372036854775807", true, INT64_MAX }, { "9223372036854775808", false, 0 },
		{ "-9223372036854775808", true, INT64_MIN }, { "-9223372036854775809", false, 0 },
		{ "99999999999999999999999", false, 0 }, { "1.0", false, 0 }, { "1e2", false, 0 }, { "\"1\"", false, 0 },
		{ "true", false, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_doc struct doc *d = doc_parse(rows[i].text, strlen(rows[i].text), NULL);
		int64_t value = 0;

		assert_int_equal(node_int(doc_root(d), &value), rows[i].fits);
		assert_true(value == rows[i].value);
	}
}

static void
test_a_tree_becomes_jansson_s(void **state)
{
	static const char text[] = "{\"a\":[1,-2.5,\"\\u0000x\",null,true,false,{},[]],\"b\\u0000\":{\"c\":12345678901234567890}}";
	cleanup_free char *digits = repeated("-", "9", 2000, "");
	cleanup_doc struct doc *d = doc_parse(text, strlen(text), NULL), *large = doc_parse(digits, strlen(digits), NULL);
	json_t *j = node_json(doc_root(d)), *l = node_json(doc_root(large));
	cleanup_buf struct buf b = BUF(0);
	double value;

	canonical_json(&b, j);
	assert_string_equal(b.data, "{\"a\":[1,-2.5,\"\\u0000x\",null,true,false,{},[]],\"b\\u0000\":{\"c\":1.2345678901234567e+19}}");
	assert_true(json_real_value(l) == -DBL_MAX);
	assert_false(node_num(doc_root(large), &value));
	json_decref(j);
	json_decref(l);
}

static void
test_what_we_make_prints_as_it_would_be_parsed(void **state)
{
	json_t *j = json_pack("{s:f, s:[i, s, {}, [], {s:n, s:b}], s:I, s:s}", "cost", 0.00001, "list", -3, "\x1f\xe2\x80\xa8/\x7f",
	    "z", "a", 1, "big", (json_int_t)INT64_MIN, "", "\"\\\n");
	static const char text[] = "{\"\":\"\\\"\\\\\\n\",\"big\":-9223372036854775808,\"cost\":1e-05,"
	    "\"list\":[-3,\"\\u001f\xe2\x80\xa8/\x7f\",{},[],{\"a\":true,\"z\":null}]}";
	cleanup_buf struct buf b = BUF(0);

	canonical_json(&b, j);
	assert_string_equal(b.data, text);
	assert_prints(text, text);
	json_decref(j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_published_texts_have_the_published_form),
		TEST(test_published_texts_are_dropped),
		TEST(test_published_doubles_print_as_published),
		TEST(test_every_power_of_two_reads_back_from_at_most_17_digits),
		TEST(test_a_real_changes_its_form_at_1e16_and_1e_4),
		TEST(test_integers_stay_as_they_were_written),
		TEST(test_a_real_has_one_form_however_it_was_written),
		TEST(test_a_real_of_15_digits_is_kept_only_in_its_form),
		TEST(test_reals_in_odd_forms_are_few_or_refused),
		TEST(test_what_is_no_number_is_refused),
		TEST(test_a_real_below_the_ceiling_of_a_double_passes),
		TEST(test_utf8_is_checked_to_the_letter),
		TEST(test_escapes_and_their_surrogates),
		TEST(test_no_control_character_stands_bare_at_any_place),
		TEST(test_members_come_in_the_order_of_their_code_points),
		TEST(test_a_repeated_name_is_refused_however_it_is_spelled),
		TEST(test_the_signature_alone_is_left_out),
		TEST(test_what_is_no_json_is_refused),
		TEST(test_any_value_may_stand_alone_with_blanks_around),
		TEST(test_sixty_four_levels_pass_and_one_more_does_not),
		TEST(test_memory_is_bounded_by_the_text),
		TEST(test_accessors_take_what_is_not_there),
		TEST(test_values_are_found_and_read),
		TEST(test_integers_are_read_where_they_fit),
		TEST(test_a_tree_becomes_jansson_s),
		TEST(test_what_we_make_prints_as_it_would_be_parsed),
	};

	return RUN(tests);
}

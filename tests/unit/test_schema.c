/* SPDX-License-Identifier: Apache-2.0 */
/* output_schema (memory-skills.md, 7.3): each keyword, and the place that a message names. Single quotes stand for double ones. */
#include "tests/check.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/schema.h"

static json_t *
parse(const char *text)
{
	cleanup_free char *json = xstrdup(text);
	struct error e = { 0 };
	json_t *j;

	for (char *p = json; (p = strchr(p, '\'')) != NULL;)
		*p = '"';
	if ((j = json_parse(json, strlen(json), 64, &e)) == NULL)
		fail_msg("%s: %s", text, e.text);
	return j;
}

/* What is wrong with the value; "" when nothing is. */
static const struct {
	const char	*schema, *value, *said;
} rows[] = {
	{ "{}", "[1, null]", "" },
	{ "{'type': 'object'}", "{}", "" },
	{ "{'type': 'object'}", "[]", "$: must be of type object, not array" },
	{ "{'type': 'array'}", "[]", "" },
	{ "{'type': 'string'}", "'x'", "" },
	{ "{'type': 'string'}", "1", "$: must be of type string, not integer" },
	{ "{'type': 'number'}", "1.5", "" },
	{ "{'type': 'number'}", "1", "" },
	{ "{'type': 'number'}", "true", "$: must be of type number, not boolean" },
	{ "{'type': 'integer'}", "1", "" },
	{ "{'type': 'integer'}", "1.5", "$: must be of type integer, not number" },
	{ "{'type': 'integer'}", "false", "$: must be of type integer, not boolean" },
	{ "{'type': 'boolean'}", "true", "" },
	{ "{'type': 'boolean'}", "0", "$: must be of type boolean, not integer" },
	{ "{'type': 'null'}", "null", "" },
	{ "{'type': 'null'}", "0", "$: must be of type null, not integer" },
	{ "{'enum': ['a', 2]}", "'a'", "" },
	{ "{'enum': ['a', 2]}", "2.0", "" },
	{ "{'enum': ['a', 2]}", "'b'", "$: must be one of [\"a\",2]" },
	{ "{'enum': [true]}", "1", "$: must be one of [true]" },
	{ "{'required': ['a', 'b']}", "{'a': null}", "$: there must be a property b" },
	{ "{'required': ['a']}", "[]", "" },
	{ "{'properties': {'a': {'type': 'string'}}}", "{'a': 'x', 'more': 1}", "" },
	{ "{'properties': {'a': {'type': 'string'}}}", "{}", "" },
	{ "{'properties': {'a': {'type': 'string'}}}", "{'a': 1}", "$.a: must be of type string, not integer" },
	{ "{'items': {'type': 'integer'}}", "[1, 2, '3']", "$[2]: must be of type integer, not string" },
	{ "{'items': {'type': 'integer'}}", "{'0': 'x'}", "" },
	{ "{'type': 'object', 'properties': {'a': {'type': 'array', 'items': {'properties': {'b': {'type': 'null'}}}}}}",
	  "{'a': [{'b': 1}]}", "$.a[0].b: must be of type null, not integer" },
	{ "{'properties': {'a': {'items': {'required': ['b']}}}}", "{'a': [{'b': 1}, {}]}", "$.a[1]: there must be a property b" },
	/* a wrong type ends the check of that node */
	{ "{'type': 'object', 'enum': [1], 'required': ['a']}", "[]", "$: must be of type object, not array" },
	{ "{'enum': [1], 'required': ['a']}", "{}", "$: must be one of [1]" },
	/* what is no keyword says nothing */
	{ "{'minimum': 5, 'format': 7, '$ref': []}", "1", "" },
	/* a schema that is none */
	{ "{'type': 'text'}", "'x'", "output_schema: $: there is no type text" },
	{ "{'type': ['string']}", "'x'", "output_schema: $: \"type\" must be a text, not array" },
	{ "[]", "'x'", "output_schema: $: a schema is an object, not array" },
	{ "{'properties': {'a': {'items': {'type': 'any'}}}}", "{}", "output_schema: $.properties.a.items: there is no type any" },
	{ "{'enum': 'a'}", "'a'", "output_schema: $: \"enum\" must be a list" },
	{ "{'required': 'a'}", "{}", "output_schema: $: \"required\" must be a list" },
	{ "{'required': [1]}", "{}", "output_schema: $: \"required\" must hold names" },
	{ "{'properties': []}", "{}", "output_schema: $: \"properties\" must be an object" },
	{ "{'items': 1}", "[]", "output_schema: $.items: a schema is an object, not integer" },
};

static void
test_every_keyword_means_what_the_specification_says(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_json json_t *schema = parse(rows[i].schema), *value = parse(rows[i].value);
		struct error e = { 0 };
		int status = schema_fits(schema, value, &e);

		if (strcmp(e.text, rows[i].said) != 0)
			fail_msg("%s of %s: \"%s\"", rows[i].schema, rows[i].value, e.text);
		assert_int_equal(status, rows[i].said[0] == '\0' ? 0 : -1);
	}
}

static void
test_a_schema_is_not_nested_without_end(void **state)
{
	json_t *schema = json_object();
	struct error e = { 0 };

	for (int i = 0; i < 20; i++)
		schema = json_pack("{s:o}", "items", schema);
	assert_int_equal(schema_check(schema, &e), 0);
	for (int i = 0; i < 20; i++)
		schema = json_pack("{s:o}", "items", schema);
	assert_int_equal(schema_check(schema, &e), -1);
	assert_non_null(strstr(e.text, "nested too deep"));
	json_decref(schema);
}

static void
test_long_names_leave_a_message_readable(void **state)
{
	cleanup_free char *name = xcalloc(1, 100001);
	cleanup_json json_t *schema = NULL, *value = json_object();
	struct error e = { 0 };

	memset(name, 'n', 100000);
	schema = json_pack("{s:[s]}", "required", name);
	assert_int_equal(schema_fits(schema, value, &e), -1);
	assert_true(strlen(e.text) < 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_keyword_means_what_the_specification_says),
		TEST(test_a_schema_is_not_nested_without_end),
		TEST(test_long_names_leave_a_message_readable),
	};

	return RUN(tests);
}

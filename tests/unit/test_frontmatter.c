/* SPDX-License-Identifier: Apache-2.0 */
/* The block of a SKILL.md: how it is read, what is wrong with it, what a change leaves alone (memory-skills.md, 6.1). */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/skill.h"
#include "engined/frontmatter.h"
#include "engined/skill_check.h"

#define HEAD	"name: pdf-tables\ndescription: Takes tables out of PDF files\ncategory: data\nversion: 0.1.0\n"

/* ---- helpers -------------------------------------------------------------------------------- */

static struct front
parse(const char *text)
{
	struct error e = { 0 };
	struct front f;

	if (front_parse(text, strlen(text), &f, &e) == -1)
		fail_msg("%s", e.text);
	return f;
}

static enum error_code
refusal(const char *text, size_t len)
{
	struct error e = { 0 };
	struct front f;

	if (front_parse(text, len, &f, &e) == 0) {
		front_clear(&f);
		return ERR_none;
	}
	assert_true(e.text[0] != '\0');
	return e.code;
}

/* The items of a list, "|" between. */
static void
assert_list(const char *value, const char *want)
{
	cleanup_free char *text = xasprintf("---\nkeywords: %s\n---\n", value);
	struct front f = parse(text);
	char **list = front_list(&f, "keywords"), got[200] = "";

	for (char **p = list; *p != NULL; p++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", p > list ? "|" : "", *p);
	assert_string_equal(got, want);
	skill_words_free(list);
	front_clear(&f);
}

/* What a block with this line more is found to be: "error", "warning" or "". */
static const char *
severity(const char *lines, const char *about)
{
	cleanup_free char *text = xasprintf("---\n%s---\nbody\n", lines);
	struct front f = parse(text);
	struct findings out = { 0 };
	const char *said = "";

	skill_check(&f, "data", "pdf-tables", &out);
	for (size_t i = 0; i < out.n; i++)
		if (strncmp(out.rows[i].text, about, strlen(about)) == 0)
			said = out.rows[i].error ? "error" : "warning";
	findings_clear(&out);
	front_clear(&f);
	return said;
}

static void
assert_change(const char *text, const char *fields, const char *want)
{
	cleanup_json json_t *j = json_parse(fields, strlen(fields), 8, NULL);
	struct error e = { 0 };
	cleanup_free char *got = front_change(text, strlen(text), j, &e);

	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got == NULL ? e.text : got, want);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void
test_front_splits_at_the_first_colon(void **state)
{
	struct front f = parse("---\nname: a1\n\n# note: not a key\ndescription: Times: 10:30 \noutput_schema: {\"type\":\"object\"}\n---\nBody\n---\n");

	assert_string_equal(front_get(&f, "name"), "a1");
	assert_string_equal(front_get(&f, "description"), "Times: 10:30");
	assert_string_equal(front_get(&f, "output_schema"), "{\"type\":\"object\"}");
	assert_null(front_get(&f, "note"));
	front_clear(&f);
}

static void
test_front_reads_both_list_styles(void **state)
{
	assert_list("['pdf', 'tables']", "pdf|tables");
	assert_list("pdf, tables", "pdf|tables");
	assert_list("[\"pdf\",tables, ]", "pdf|tables");
	assert_list("[]", "");
	assert_list("", "");
	assert_list("one", "one");
	assert_list("[', ']", "");
}

static void
test_front_reads_what_windows_writes(void **state)
{
	struct front f = parse("\xef\xbb\xbf---\r\nname: a1\r\nkeywords: x, y\r\n---\r\nBody\r\n");

	assert_string_equal(front_get(&f, "name"), "a1");
	assert_string_equal(f.eol, "\r\n");
	front_clear(&f);
}

static void
test_front_refuses_half_a_block_and_long_lines(void **state)
{
	static const char zero[] = "---\nname: a\0b\n---\n";
	char *huge = xmalloc(10 * 1024 * 1024);

	assert_int_equal(refusal("", 0), ERR_invalid);
	assert_int_equal(refusal("# Title\n---\n", 12), ERR_invalid);
	assert_int_equal(refusal("---\nname: a1\nBody goes on\n", 26), ERR_invalid);
	assert_int_equal(refusal("---", 3), ERR_invalid);
	assert_int_equal(refusal("---\nname: \xff\xfe\n---\n", 17), ERR_invalid);
	assert_int_equal(refusal(zero, sizeof(zero) - 1), ERR_invalid);
	memset(huge, 'a', 10 * 1024 * 1024);
	memcpy(huge, "---\nname: ", 10);
	assert_int_equal(refusal(huge, 10 * 1024 * 1024), ERR_too_large);
	for (size_t i = 4; i < 4096; i++)
		huge[i] = '\n';
	assert_int_equal(refusal(huge, 4096), ERR_invalid);
	free(huge);
}

/* ---- what is wrong ---------------------------------------------------------------------------- */

static void
test_check_gives_each_key_its_severity(void **state)
{
	static const struct { const char *lines, *about, *want; } rows[] = {
		{ HEAD, "name", "" }, { HEAD, "version", "" },
		{ "description: x\ncategory: data\n", "name", "error" },
		{ "name: Pdf\n", "name", "error" }, { "name: p\n", "name", "error" }, { "name: 1p\n", "name", "error" },
		{ "name: other\n", "name", "error" },
		{ "name: pdf-tables\n", "description", "error" },
		{ "name: pdf-tables\ndescription: Ends with a period.\ncategory: data\nversion: 0.1.0\n", "description", "warning" },
		{ HEAD "description: Stands there twice\n", "description", "warning" },
		{ "description: \n", "description", "error" },
		{ "category: games\n", "category", "error" }, { "name: a1\n", "category", "error" },
		{ "category: media\n", "category", "warning" },
		{ "name: a1\n", "version", "warning" }, { "version: 1.2\n", "version", "warning" },
		{ "version: 1.2.3-rc1\n", "version", "" }, { "version: 1.2.x\n", "version", "warning" },
		{ "origin: agent\n", "origin", "" }, { HEAD, "origin", "" }, { "origin: me\n", "origin", "error" },
		{ "requires_env: A_KEY, B2\n", "requires_env", "" }, { "requires_env: ['2A']\n", "requires_env", "error" },
		{ "env: a-b\n", "requires_env", "error" },
		{ "requires_bins: ???\n", "requires_bins", "" }, { "platforms: amiga\n", "platforms", "" },
		{ "tools: read_file, gh__listIssues\n", "tools", "" }, { "tools: ReadFile\n", "tools", "warning" },
		{ "keywords: pdf, x-1\n", "keywords", "" }, { "keywords: PDF\n", "keywords", "warning" }, { "keywords: a, b, a\n", "keywords", "warning" },
		{ "output_schema: {\"type\": \"object\"}\n", "output_schema", "" }, { "output_schema: {\n", "output_schema", "error" },
		{ "output_schema: []\n", "output_schema", "error" }, { "output_schema: {}\n", "output_schema", "warning" },
		{ "created_at: 2026-05-02\n", "created_at", "" }, { "created_at: today\n", "created_at", "warning" },
		{ "pinned: perhaps\n", "pinned", "" },
		{ HEAD "name: pdf-tables\n", "name", "warning" },
		{ HEAD "tags\n", "line 6", "warning" }, { "output_schema: {\"type\": \"thing\"}\n", "output_schema", "error" },
		{ "requires_env: PATH\n", "requires_env", "warning" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (strcmp(severity(rows[i].lines, rows[i].about), rows[i].want) != 0)
			fail_msg("%s: %s is not \"%s\"", rows[i].lines, rows[i].about, rows[i].want);
}

static void
test_check_warns_of_a_long_description(void **state)
{
	char line[400] = "description: ";

	memset(line + strlen(line), 'x', 150);
	strcpy(line + 13 + 150, "\n");
	assert_string_equal(severity(line, "description"), "");
	strcpy(line + 13 + 150, "x\n");
	assert_string_equal(severity(line, "description"), "warning");
}

static void
test_names_have_their_bounds(void **state)
{
	char name[64] = "";

	memset(name, 'a', 61);
	assert_true(skill_name_ok(name));
	name[61] = 'a';
	assert_false(skill_name_ok(name));
	assert_false(skill_name_ok(""));
	assert_false(skill_file_ok(".hidden"));
	assert_false(skill_file_ok("../x"));
	assert_false(skill_file_ok(""));
	assert_true(skill_file_ok("run.py"));
}

/* ---- changes ------------------------------------------------------------------------------------ */

static void
test_change_leaves_other_lines_as_they_are(void **state)
{
	const char *text = "---\nname:   a1\n# mine\nkeywords: x,y\nodd line\ncreated_at: 2026-01-01\n---\n\nBody  \n";

	assert_change(text, "{\"keywords\": [\"p\", \"q\"]}",
	    "---\nname:   a1\n# mine\nkeywords: ['p', 'q']\nodd line\ncreated_at: 2026-01-01\n---\n\nBody  \n");
	assert_change(text, "{\"keywords\": null}", "---\nname:   a1\n# mine\nodd line\ncreated_at: 2026-01-01\n---\n\nBody  \n");
	assert_change(text, "{\"pinned\": true}",
	    "---\nname:   a1\n# mine\nkeywords: x,y\npinned: True\nodd line\ncreated_at: 2026-01-01\n---\n\nBody  \n");
	assert_change(text, "{\"description\": \" Does: it \"}",
	    "---\nname:   a1\ndescription: Does: it\n# mine\nkeywords: x,y\nodd line\ncreated_at: 2026-01-01\n---\n\nBody  \n");
	assert_change(text, "{\"output_schema\": {\"type\": \"object\"}}",
	    "---\nname:   a1\n# mine\nkeywords: x,y\noutput_schema: {\"type\":\"object\"}\nodd line\ncreated_at: 2026-01-01\n---\n\nBody  \n");
	assert_change(text, "{\"tools\": null}", text);
}

static void
test_change_keeps_the_line_ends_of_the_file(void **state)
{
	assert_change("\xef\xbb\xbf---\r\nname: a1\r\n---\r\nx\r\n", "{\"origin\": \"user\"}", "\xef\xbb\xbf---\r\nname: a1\r\norigin: user\r\n---\r\nx\r\n");
}

static void
test_change_refuses_what_would_break_the_block(void **state)
{
	const char *text = "---\nname: a1\n---\n";

	assert_change(text, "{\"owner\": \"me\"}", NULL);
	assert_change(text, "{\"owner\": null}", NULL);
	assert_change(text, "{\"description\": \"x\\n---\\nname: b\"}", NULL);
	assert_change(text, "{\"description\": \"x\\r---\"}", NULL);
	assert_change(text, "{\"keywords\": [\"a, b\"]}", NULL);
	assert_change(text, "{\"keywords\": [\"a\\nb\"]}", NULL);
	assert_change(text, "{\"keywords\": [1]}", NULL);
	assert_change(text, "{\"version\": 1}", NULL);
}

static void
test_a_new_block_has_the_order_of_the_specification(void **state)
{
	cleanup_json json_t *j = json_pack("{s:s, s:[s], s:s, s:s}", "category", "data", "keywords", "k", "name", "a1", "description", "d");
	cleanup_free char *got = front_make(j, NULL);

	assert_string_equal(got, "---\nname: a1\ndescription: d\ncategory: data\nkeywords: ['k']\n---\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_front_splits_at_the_first_colon),
		cmocka_unit_test(test_front_reads_both_list_styles),
		cmocka_unit_test(test_front_reads_what_windows_writes),
		cmocka_unit_test(test_front_refuses_half_a_block_and_long_lines),
		cmocka_unit_test(test_check_gives_each_key_its_severity),
		cmocka_unit_test(test_check_warns_of_a_long_description),
		cmocka_unit_test(test_names_have_their_bounds),
		cmocka_unit_test(test_change_leaves_other_lines_as_they_are),
		cmocka_unit_test(test_change_keeps_the_line_ends_of_the_file),
		cmocka_unit_test(test_change_refuses_what_would_break_the_block),
		cmocka_unit_test(test_a_new_block_has_the_order_of_the_specification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

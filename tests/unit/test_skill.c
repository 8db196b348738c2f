/* SPDX-License-Identifier: Apache-2.0 */
/* What a SKILL.md says of itself (memory-skills.md, 6 and 6.1). */
#include "tests/check.h"

#include <string.h>

#include "common/mem.h"
#include "common/skill.h"

static void
test_names_are_a_lower_case_letter_and_then_one_to_sixty(void **state)
{
	char name[SKILL_NAME_MAX + 2];

	memset(name, 'a', sizeof(name));
	name[SKILL_NAME_MAX + 1] = '\0';
	assert_false(skill_name_ok(name));
	name[SKILL_NAME_MAX] = '\0';
	assert_true(skill_name_ok(name));
	assert_true(skill_name_ok("a1"));
	assert_true(skill_name_ok("gh-stars"));
	assert_false(skill_name_ok("a"));
	assert_false(skill_name_ok(""));
	assert_false(skill_name_ok("1a"));
	assert_false(skill_name_ok("aB"));
	assert_false(skill_name_ok("a_b"));
	assert_false(skill_name_ok("a/b"));
	assert_false(skill_name_ok("a.."));
	assert_false(skill_name_ok("@alpi/x"));
}

static void
check_value(const char *text, const char *key, const char *want)
{
	cleanup_free char *value = skill_value(text, strlen(text), key);

	if (want == NULL)
		assert_null(value);
	else
		assert_string_equal(value, want);
}

static void
test_flat_lines_are_split_at_the_first_colon(void **state)
{
	static const char text[] = "---\nname: x\n description :  a: b \r\nname: y\n\tkey:\nno line\n---\nbody: z\n";

	check_value(text, "name", "y");
	check_value(text, "description", "a: b");
	check_value(text, "key", "");
	check_value(text, "body", NULL);
	check_value(text, "na", NULL);
	check_value("\xef\xbb\xbf---\r\nname: x\r\n---\r\n", "name", "x");
}

static void
test_no_head_without_both_marks(void **state)
{
	check_value("name: x\n", "name", NULL);
	check_value("---\nname: x\n", "name", NULL);
	check_value("\n---\nname: x\n---\n", "name", NULL);
	check_value("----\nname: x\n---\n", "name", NULL);
	check_value("---", "name", NULL);
	check_value("", "name", NULL);
}

static void
test_the_body_begins_after_the_second_mark(void **state)
{
	static const char text[] = "---\nname: x\n---\n# Title\n---\n";
	const char *begin, *end;

	assert_string_equal(skill_head(text, strlen(text), &begin, &end), "# Title\n---\n");
	assert_int_equal(end - begin, strlen("name: x\n"));
}

static void
check_words(const char *value, const char *want)
{
	char **words = skill_words(value);
	cleanup_free char *joined = xstrdup("");

	for (char **w = words; *w != NULL; w++) {
		char *longer = xasprintf("%s<%s>", joined, *w);

		free(joined);
		joined = longer;
	}
	skill_words_free(words);
	assert_string_equal(joined, want);
}

static void
test_both_styles_of_lists_are_read(void **state)
{
	check_words("['a', 'b']", "<a><b>");
	check_words("[\"a\",\"b c\"]", "<a><b c>");
	check_words("a, b", "<a><b>");
	check_words("[]", "");
	check_words("", "");
	check_words(",, 'a' ,", "<a>");
}

static void
check_declared(const char *text, const char *want)
{
	char **names = skill_declared(text, strlen(text));
	cleanup_free char *joined = xstrdup("");

	for (char **w = names; *w != NULL; w++) {
		char *longer = xasprintf("%s%s ", joined, *w);

		free(joined);
		joined = longer;
	}
	skill_words_free(names);
	assert_string_equal(joined, want);
}

static void
test_declared_is_what_both_keys_name(void **state)
{
	check_declared("---\nenv: B_TOKEN, A_KEY\nrequires_env: ['A_KEY', '_C']\n---\n", "A_KEY _C B_TOKEN ");
	check_declared("---\nrequires_env: ['A-B', '1A', '', 'A B', 'OK']\n---\n", "OK ");
	check_declared("---\nname: x\n---\nrequires_env: A_KEY\n", "");
	check_declared("requires_env: A_KEY\n", "");
}

static void
test_a_skill_declares_a_bounded_number_of_variables(void **state)
{
	cleanup_free char *text = xstrdup("---\nrequires_env: A");
	char **names;
	size_t n = 0;

	for (int i = 0; i < 1000; i++) {
		char *longer = xasprintf("%s, V%d", text, i);

		free(text);
		text = longer;
	}
	names = skill_declared(text, strlen(text));
	assert_null(names[0]);		/* the second mark is missing */
	skill_words_free(names);
	char *whole = xasprintf("%s\n---\n", text);
	names = skill_declared(whole, strlen(whole));
	while (names[n] != NULL)
		n++;
	assert_int_equal(n, SKILL_VARIABLES_MAX);
	skill_words_free(names);
	free(whole);
}

static void
test_no_skill_is_given_what_is_another_daemons_or_the_loaders(void **state)
{
	static const char *const no[] = { "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "TELEGRAM_BOT_TOKEN", "IMAP_PASSWORD",
	    "GMAIL_CLIENT_SECRET", "ALPI_HOME", "ALPI_ANYTHING", "LD_PRELOAD", "PYTHONPATH", "PATH", "HOME" };

	for (size_t i = 0; i < COUNT(no); i++)
		assert_true(skill_variable_refused(no[i]));
	assert_false(skill_variable_refused("GITHUB_TOKEN"));
	assert_false(skill_variable_refused("OPENAI_API_KEY_2"));
	assert_false(skill_variable_refused("BUILD_PATH"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_are_a_lower_case_letter_and_then_one_to_sixty),
		TEST(test_flat_lines_are_split_at_the_first_colon),
		TEST(test_no_head_without_both_marks),
		TEST(test_the_body_begins_after_the_second_mark),
		TEST(test_both_styles_of_lists_are_read),
		TEST(test_declared_is_what_both_keys_name),
		TEST(test_a_skill_declares_a_bounded_number_of_variables),
		TEST(test_no_skill_is_given_what_is_another_daemons_or_the_loaders),
	};

	return RUN(tests);
}

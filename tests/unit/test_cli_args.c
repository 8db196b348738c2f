/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"

static const struct command *
find(const char *first, const char *second)
{
	char *argv[] = { (char *)first, (char *)second };
	int used;

	return command_find(second ? 2 : 1, argv, &used);
}

static int
parse(struct args *a, const char *words, const char *const argv[], int argc, struct error *e)
{
	char *copy = strdup(words), *second = strchr(copy, ' ');
	const struct command *c;

	if (second != NULL)
		*second++ = '\0';
	c = find(copy, second);
	free(copy);
	memset(a, 0, sizeof(*a));
	assert_non_null(c);
	return args_parse(a, c, argc, (char *const *)argv, e) == -1 ? -1 : args_check(a, e);
}

static void
test_every_command_has_help_and_a_function(void **state)
{
	for (const struct command *c = commands; c->words != NULL; c++) {
		assert_non_null(c->run);
		assert_true(strlen(c->help) > 5 && strlen(c->help) < 80);
		assert_true(c->help[strlen(c->help) - 1] != '.');
		assert_true(c->most == -1 || c->most >= c->least);
		assert_int_equal(c->most == 0, *c->args == '\0');
	}
}

static void
test_every_second_word_stands_in_a_group_with_help(void **state)
{
	for (const struct command *c = commands; c->words != NULL; c++) {
		char word[32];

		snprintf(word, sizeof(word), "%.*s", (int)strcspn(c->words, " "), c->words);
		assert_int_equal(group_find(word) != NULL, strchr(c->words, ' ') != NULL);
	}
	for (const struct group *g = groups; g->word != NULL; g++)
		assert_true(strlen(g->help) > 5);
}

static void
test_no_option_hides_a_common_one_or_another(void **state)
{
	for (const struct command *c = commands; c->words != NULL; c++)
		for (const struct opt *o = c->opts; o != NULL && o->name != NULL; o++) {
			assert_true(strcmp(o->name, "profile") != 0 && strcmp(o->name, "help") != 0);
			assert_true(o->letter == 0 || (o->letter != 'p' && o->letter != 'h'));
			for (const struct opt *p = c->opts; p != o; p++) {
				assert_string_not_equal(p->name, o->name);
				assert_true(o->letter == 0 || o->letter != p->letter);
			}
		}
}

static void
test_every_listing_verb_speaks_json(void **state)
{
	for (const struct command *c = commands; c->words != NULL; c++)
		if (strstr(c->words, " list") || strstr(c->words, " show") || strstr(c->words, "status"))
			assert_non_null(opt_find(c, "json", 4));
}

static void
test_options_come_long_short_and_joined(void **state)
{
	struct args a;
	struct error e;
	const char *argv[] = { "-fn", "5", "--source=agent", "-p", "work" };
	long n;

	assert_int_equal(parse(&a, "logs", argv, 5, &e), 0);
	assert_true(arg_has(&a, "follow"));
	assert_string_equal(arg_option(&a, "source"), "agent");
	assert_string_equal(arg_option(&a, "profile"), "work");
	assert_int_equal(arg_number(&a, "tail", 0, 100, &n, &e), 0);
	assert_int_equal(n, 5);
}

static void
test_words_behind_two_dashes_are_arguments(void **state)
{
	struct args a;
	struct error e;
	const char *argv[] = { "--json", "--", "rm", "-rf", "--json" };

	assert_int_equal(parse(&a, "approval check", argv, 5, &e), 0);
	assert_int_equal(a.nrest, 3);
	assert_string_equal(a.rest[2], "--json");
}

static void
test_a_value_may_begin_with_a_dash(void **state)
{
	struct args a;
	struct error e;
	const char *argv[] = { "--once", "-" };

	assert_int_equal(parse(&a, "chat", argv, 2, &e), 0);
	assert_string_equal(arg_option(&a, "once"), "-");
}

static void
refuses(const char *words, const char *one, const char *two, const char *said)
{
	struct args a;
	struct error e;
	const char *argv[] = { one, two };

	assert_int_equal(parse(&a, words, argv, two ? 2 : one ? 1 : 0, &e), -1);
	assert_non_null(strstr(e.text, said));
}

static void
test_wrong_words_are_refused_with_a_reason(void **state)
{
	refuses("chat", "--onc", NULL, "unknown option --onc");
	refuses("chat", "-z", NULL, "unknown option -z");
	refuses("chat", "--once", NULL, "needs a value: TEXT");
	refuses("chat", "--json=1", NULL, "takes no value");
	refuses("doctor", "now", NULL, "what is \"now\" for");
	refuses("sessions show", NULL, NULL, "needs ID");
}

static void
test_a_number_must_be_one(void **state)
{
	static const char *const wrong[] = { "x", "", "-1", "5x", "99999999999999999999" };
	struct args a;
	struct error e;
	long n;

	for (size_t i = 0; i < 5; i++) {
		const char *argv[] = { "-n", wrong[i] };

		assert_int_equal(parse(&a, "logs", argv, 2, &e), 0);
		assert_int_equal(arg_number(&a, "tail", 0, 100, &n, &e), -1);
	}
}

static void
test_likeness_is_that_of_the_reference(void **state)
{
	assert_true(likeness("abcd", "bcde") == 0.75);		/* the example everybody knows */
	assert_true(likeness("sesions", "sessions") > 0.9);
	assert_true(likeness("chta", "chat") >= 0.6);
	assert_true(likeness("xyz", "chat") < 0.6);
	assert_true(likeness("", "") == 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_command_has_help_and_a_function),
		TEST(test_every_second_word_stands_in_a_group_with_help),
		TEST(test_no_option_hides_a_common_one_or_another),
		TEST(test_every_listing_verb_speaks_json),
		TEST(test_options_come_long_short_and_joined),
		TEST(test_words_behind_two_dashes_are_arguments),
		TEST(test_a_value_may_begin_with_a_dash),
		TEST(test_wrong_words_are_refused_with_a_reason),
		TEST(test_a_number_must_be_one),
		TEST(test_likeness_is_that_of_the_reference),
	};

	return RUN(tests);
}

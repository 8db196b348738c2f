/* SPDX-License-Identifier: Apache-2.0 */
/* Which daemon gets what of a .env. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/boot.h"
#include "common/mem.h"

static const char *const keys[] = {
	"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY", NULL };

static char *
written(const char *home, const char *const *names, int all)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	boot_write_secrets(f, home, names, all);
	fclose(f);
	return text;
}

static void
test_only_the_share_is_written(void **state)
{
	cleanup_free char *home = temp_home(), *none = NULL, *some = NULL, *all = NULL;

	put_file(home, ".env", "GROQ_API_KEY=g\nTELEGRAM_BOT_TOKEN=t\nOPENAI_API_KEY=\"o\"\n");
	none = written(home, NULL, 1);
	some = written(home, keys, 0);
	all = written(home, keys, 1);
	assert_string_equal(none, "");
	assert_string_equal(some, "secret OPENAI_API_KEY=o\nsecret GROQ_API_KEY=g\n");
	assert_string_equal(all, "secret ANTHROPIC_API_KEY=\nsecret OPENAI_API_KEY=o\nsecret OPENROUTER_API_KEY=\n"
	    "secret GEMINI_API_KEY=\nsecret GROQ_API_KEY=g\n");
}

static char *
names_of(const char *home)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	boot_write_names(f, home);
	fclose(f);
	return text;
}

static void
test_names_are_told_without_values(void **state)
{
	cleanup_free char *home = temp_home(), *none = names_of(home), *some = NULL;

	put_file(home, ".env", "# C=x\nA_KEY=secret\nEMPTY=\nexport B=\"b\"\nGONE=x\nGONE=\n");
	some = names_of(home);
	assert_string_equal(none, "option env -\n");
	assert_non_null(strstr(some, " A_KEY"));
	assert_null(strstr(some, "secret"));
	assert_null(strstr(some, "EMPTY"));
	assert_null(strstr(some, "GONE"));
}

static void
test_an_unreadable_env_is_an_empty_one(void **state)
{
	cleanup_free char *home = temp_home(), *missing = written(home, keys, 0), *folder = NULL;

	assert_string_equal(missing, "");
	assert_int_equal(chdir(home), 0);
	assert_int_equal(mkdir(".env", 0700), 0);
	folder = written(home, keys, 0);
	assert_string_equal(folder, "");
}

static void
test_a_value_that_is_no_boot_line_counts_as_none(void **state)
{
	cleanup_free char *home = temp_home(), *long_one = NULL, *none = NULL;
	static char text[BOOT_LINE_MAX + 32] = "OPENAI_API_KEY=";

	memset(text + strlen(text), 'x', BOOT_LINE_MAX);
	put_file(home, ".env", text);
	long_one = written(home, keys, 0);
	assert_string_equal(long_one, "");
	text[BOOT_LINE_MAX / 2] = '\0';
	put_file(home, ".env", text);
	none = written(home, keys, 0);
	assert_int_equal(strlen(none), strlen("secret ") + BOOT_LINE_MAX / 2 + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_value_that_is_no_boot_line_counts_as_none),
		TEST(test_only_the_share_is_written), TEST(test_names_are_told_without_values),
		TEST(test_an_unreadable_env_is_an_empty_one),
	};
	return RUN(tests);
}

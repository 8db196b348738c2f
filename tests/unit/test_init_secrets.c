/* SPDX-License-Identifier: Apache-2.0 */
/* init's reader of .env, and which daemon gets what of it. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"
#include "common/mem.h"
#include "init/init.h"

static const struct {
	const char	*text, *value;		/* of KEY; NULL: it has none */
} rows[] = {
	{ "KEY=v", "v" },
	{ "KEY=v\n", "v" },
	{ "  KEY \t=  v w \r\n", "v w" },
	{ "KEY=\"v\"", "v" },
	{ "KEY='v'", "v" },
	{ "KEY=''v''", "'v'" },
	{ "KEY=\"v'", "\"v'" },
	{ "KEY=\"", "\"" },
	{ "KEY=\"\"", "" },
	{ "KEY=", "" },
	{ "KEY=a=b", "a=b" },
	{ "KEY=a\nKEY=b\n", "b" },
	{ "KEY=a # b", "a # b" },
	{ "#KEY=v", NULL },
	{ " # KEY=v", NULL },
	{ "KEY", NULL },
	{ "KEYS=v\nKE=v\nkey=v\nexport KEY=v\n", NULL },
	{ "=v", NULL },
	{ "", NULL },
	{ "\n\n\nKEY=v\n\n", "v" },
};

static void
test_env_lines_mean_what_the_specification_says(void **state)
{
	size_t len;

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *value = env_find(rows[i].text, strlen(rows[i].text), "KEY", &len);

		if (rows[i].value == NULL) {
			assert_null(value);
			continue;
		}
		assert_non_null(value);
		assert_int_equal(len, strlen(rows[i].value));
		assert_memory_equal(value, rows[i].value, len);
	}
}

/* Two readers of one file: what init hands out is what config's reader shows. */
static void
test_env_readers_agree(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *env = env_parse(rows[i].text, strlen(rows[i].text));
		const char *value = json_string_value(json_object_get(env, "KEY"));

		if (rows[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, rows[i].value);
		json_decref(env);
	}
}

static void
test_a_value_that_is_no_boot_line_counts_as_none(void **state)
{
	static char text[BOOT_LINE_MAX + 8] = "KEY=";
	size_t len;

	memset(text + 4, 'x', BOOT_LINE_MAX);
	assert_null(env_find(text, BOOT_LINE_MAX + 4, "KEY", &len));
	assert_non_null(env_find(text, BOOT_LINE_MAX / 2, "KEY", &len));
	assert_null(env_find("KEY=a\0b", 7, "KEY", &len));
}

static char *
written(const char *home, enum share share, int all)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	secrets_write(f, home, share, all);
	fclose(f);
	return text;
}

static void
test_only_the_share_is_written(void **state)
{
	cleanup_free char *home = temp_home(), *none = NULL, *keys = NULL, *all = NULL;

	put_file(home, ".env", "GROQ_API_KEY=g\nTELEGRAM_BOT_TOKEN=t\nOPENAI_API_KEY=\"o\"\n");
	none = written(home, SECRETS_NONE, 1);
	keys = written(home, SECRETS_PROVIDER, 0);
	all = written(home, SECRETS_PROVIDER, 1);
	assert_string_equal(none, "");
	assert_string_equal(keys, "secret OPENAI_API_KEY=o\nsecret GROQ_API_KEY=g\n");
	assert_string_equal(all, "secret ANTHROPIC_API_KEY=\nsecret OPENAI_API_KEY=o\nsecret OPENROUTER_API_KEY=\n"
	    "secret GEMINI_API_KEY=\nsecret GROQ_API_KEY=g\n");
}

static void
test_an_unreadable_env_is_an_empty_one(void **state)
{
	cleanup_free char *home = temp_home(), *missing = written(home, SECRETS_PROVIDER, 0), *folder = NULL;

	assert_string_equal(missing, "");
	assert_int_equal(chdir(home), 0);
	assert_int_equal(mkdir(".env", 0700), 0);
	folder = written(home, SECRETS_PROVIDER, 0);
	assert_string_equal(folder, "");
}

static void
test_keys_are_fresh_hex(void **state)
{
	char a[KEY_HEX], b[KEY_HEX];

	secrets_key(a);
	secrets_key(b);
	assert_int_equal(strspn(a, "0123456789abcdef"), 64);
	assert_string_not_equal(a, b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_env_lines_mean_what_the_specification_says),
		TEST(test_env_readers_agree),
		TEST(test_a_value_that_is_no_boot_line_counts_as_none),
		TEST(test_only_the_share_is_written),
		TEST(test_an_unreadable_env_is_an_empty_one),
		TEST(test_keys_are_fresh_hex),
	};
	return RUN(tests);
}

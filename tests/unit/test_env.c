/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a .env. */
#include "tests/check.h"

#include <string.h>

#include "common/config.h"
#include "common/env.h"
#include "common/mem.h"

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
		const char *value = env_value(rows[i].text, strlen(rows[i].text), "KEY", &len);

		if (rows[i].value == NULL) {
			assert_null(value);
			continue;
		}
		assert_non_null(value);
		assert_int_equal(len, strlen(rows[i].value));
		assert_memory_equal(value, rows[i].value, len);
	}
}

/* What init hands out is what the settings show. */
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
test_a_file_that_cannot_be_read_is_an_empty_one(void **state)
{
	cleanup_free char *home = temp_home();
	size_t size = 1;
	char *text = env_read(home, &size);

	assert_int_equal(size, 0);
	env_free(text, size);
	put_file(home, ".env", "A=b\n");
	text = env_read(home, &size);
	assert_int_equal(size, 4);
	assert_string_equal(text, "A=b\n");
	env_free(text, size);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_env_lines_mean_what_the_specification_says),
		TEST(test_env_readers_agree),
		TEST(test_a_file_that_cannot_be_read_is_an_empty_one),
	};

	return RUN(tests);
}

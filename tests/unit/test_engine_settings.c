/* SPDX-License-Identifier: Apache-2.0 */
/* config.yaml through the child that reads it for us. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/settings.h"

static void
test_settings_of_a_missing_file_are_the_defaults(void **state)
{
	cleanup_free char *home = temp_home();
	struct settings *s = settings_start(home, NULL);
	cleanup_json json_t *config = NULL;
	bool steps_set = true;

	assert_non_null(s);
	config = settings_read(s, &steps_set, NULL);
	assert_non_null(config);
	assert_int_equal(config_int(config, "tools.max_steps_per_turn", 1), 40);
	assert_false(steps_set);
	assert_false(settings_changed(s));
	settings_stop(s);
}

static void
test_settings_follow_a_file_that_is_replaced(void **state)
{
	cleanup_free char *home = temp_home();
	struct settings *s = settings_start(home, NULL);
	cleanup_json json_t *first = NULL, *second = NULL, *value = json_integer(7);
	bool steps_set = false;

	put_file(home, "config.yaml", "model: a/b\n");
	first = settings_read(s, &steps_set, NULL);
	assert_string_equal(config_str(first, "model"), "a/b");
	assert_int_equal(config_set(home, "tools.max_steps_per_turn", value, NULL), 0);	/* by rename */
	assert_true(settings_changed(s));
	second = settings_read(s, &steps_set, NULL);
	assert_int_equal(config_int(second, "tools.max_steps_per_turn", 1), 7);
	assert_true(steps_set);
	assert_false(settings_changed(s));
	settings_stop(s);
}

static void
test_settings_broken_file_says_where(void **state)
{
	cleanup_free char *home = temp_home();
	struct settings *s = settings_start(home, NULL);
	struct error e = { 0 };
	bool steps_set;

	put_file(home, "config.yaml", "model: [1,\n");
	assert_null(settings_read(s, &steps_set, &e));
	assert_int_equal(e.code, ERR_invalid);
	assert_non_null(strstr(e.text, "line"));
	settings_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_settings_of_a_missing_file_are_the_defaults),
		TEST(test_settings_follow_a_file_that_is_replaced),
		TEST(test_settings_broken_file_says_where),
	};

	return RUN(tests);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* config.yaml through those who read it for us, and what is left when they die or hang. */
#include "tests/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/settings.h"

static void
test_settings_of_a_missing_file_are_the_defaults(void **state)
{
	cleanup_free char *home = temp_home();
	struct settings *s = settings_start(home, NULL);
	cleanup_json json_t *config = NULL, *own = NULL;

	assert_non_null(s);
	config = settings_read(s, &own, NULL);
	assert_non_null(config);
	assert_int_equal(config_int(config, "tools.max_steps_per_turn", 1), 40);
	assert_int_equal(json_object_size(own), 0);
	assert_false(settings_changed(s));
	settings_stop(s);
}

static void
test_settings_follow_a_file_that_is_replaced(void **state)
{
	cleanup_free char *home = temp_home();
	struct settings *s = settings_start(home, NULL);
	cleanup_json json_t *first = NULL, *second = NULL, *own = NULL, *value = json_integer(7);

	put_file(home, "config.yaml", "model: a/b\n");
	first = settings_read(s, NULL, NULL);
	assert_string_equal(config_str(first, "model"), "a/b");
	assert_int_equal(config_set(home, "tools.max_steps_per_turn", value, NULL), 0);	/* by rename */
	assert_true(settings_changed(s));
	second = settings_read(s, &own, NULL);
	assert_int_equal(config_int(second, "tools.max_steps_per_turn", 1), 7);
	assert_int_equal(json_integer_value(json_at(own, "tools.max_steps_per_turn")), 7);
	assert_null(json_at(own, "tools.deny"));
	assert_false(settings_changed(s));
	settings_stop(s);
}

static void
test_settings_broken_file_says_where(void **state)
{
	cleanup_free char *home = temp_home();
	struct settings *s = settings_start(home, NULL);
	struct error e = { 0 };

	put_file(home, "config.yaml", "model: [1,\n");
	assert_null(settings_read(s, NULL, &e));
	assert_int_equal(e.code, ERR_invalid);
	assert_non_null(strstr(e.text, "line"));
	settings_stop(s);
}

/* The youngest child of a process; -1 when it has none. */
static pid_t
child_of(pid_t pid)
{
	cleanup_free char *path = xasprintf("/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *f = fopen(path, "r");
	int child = -1;

	if (f == NULL)
		return -1;
	while (fscanf(f, "%d", &child) == 1)
		continue;
	fclose(f);
	return child;
}

/* Send this to every reader as soon as it is seen, until killed. */
static pid_t
strike(pid_t keeper, int sig)
{
	pid_t pid = fork(), reader;

	if (pid != 0)
		return pid;
	for (;;)
		if ((reader = child_of(keeper)) != -1)
			kill(reader, sig);
}

/* Some reader is struck before it has answered: the others were quick enough. */
static void
expect_no_reader(struct settings *s, int sig)
{
	pid_t helper = strike(child_of(getpid()), sig);
	struct error e;

	do {
		e = (struct error){ 0 };
		json_decref(settings_read(s, NULL, &e));
	} while (e.code == ERR_none);
	kill(helper, SIGKILL);
	waitpid(helper, NULL, 0);
	assert_int_equal(e.code, ERR_unavailable);
	assert_non_null(strstr(e.text, "did not answer"));
}

static void
expect_model(struct settings *s, const char *home, const char *model)
{
	cleanup_free char *path = xasprintf("%s/config.yaml", home), *text = xasprintf("model: %s\n", model);
	cleanup_json json_t *config = NULL;

	unlink(path);
	put_file(home, "config.yaml", text);
	config = settings_read(s, NULL, NULL);
	assert_non_null(config);
	assert_string_equal(config_str(config, "model"), model);
	assert_false(settings_changed(s));
}

static void
test_settings_a_reader_that_dies_is_followed_by_another(void **state)
{
	cleanup_free char *home = temp_home();
	struct settings *s = settings_start(home, NULL);

	expect_model(s, home, "a/b");
	expect_no_reader(s, SIGKILL);
	expect_model(s, home, "c/d");
	settings_stop(s);
}

static void
test_settings_a_reader_that_hangs_is_ended_and_followed_by_another(void **state)
{
	cleanup_free char *home = temp_home();
	struct settings *s = settings_start(home, NULL);

	expect_model(s, home, "a/b");
	expect_no_reader(s, SIGSTOP);
	assert_true(settings_changed(s));	/* so that it is read at the next need */
	expect_model(s, home, "e/f");
	settings_stop(s);
}

static void
test_settings_without_a_keeper_are_gone_for_good(void **state)
{
	cleanup_free char *home = temp_home();
	struct settings *s = settings_start(home, NULL);
	pid_t keeper = child_of(getpid());

	kill(keeper, SIGKILL);
	waitpid(keeper, NULL, 0);
	for (int i = 0; i < 2; i++) {
		struct error e = { 0 };

		assert_null(settings_read(s, NULL, &e));
		assert_int_equal(e.code, ERR_gone);
	}
	settings_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_settings_of_a_missing_file_are_the_defaults),
		TEST(test_settings_follow_a_file_that_is_replaced),
		TEST(test_settings_broken_file_says_where),
		TEST(test_settings_a_reader_that_dies_is_followed_by_another),
		TEST(test_settings_a_reader_that_hangs_is_ended_and_followed_by_another),
		TEST(test_settings_without_a_keeper_are_gone_for_good),
	};

	return RUN(tests);
}

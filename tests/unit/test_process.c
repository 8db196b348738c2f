/* SPDX-License-Identifier: Apache-2.0 */
/* Which process runs: ids with start times, and locks. */
#include "tests/check.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/child.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/process.h"

static void
test_a_pid_file_names_us(void **state)
{
	cleanup_free char *home = temp_home(), *path = path_join(home, "pid");
	struct error e = { 0 };

	assert_int_equal(pidfile_read(path), 0);
	assert_int_equal(pidfile_write(path, &e), 0);
	assert_int_equal(pidfile_read(path), getpid());
	assert_true(process_rss_kb(getpid()) > 0);
}

static void
test_a_pid_that_came_again_is_not_believed(void **state)
{
	cleanup_free char *home = temp_home(), *path = path_join(home, "pid"), *text = NULL;

	text = xasprintf("%d %llu\n", (int)getpid(), (unsigned long long)process_start_time(getpid()) - 1);
	put_file(home, "pid", text);
	assert_int_equal(pidfile_read(path), 0);
	put_file(home, "pid", "not a number");
	assert_int_equal(pidfile_read(path), 0);
}

static void
test_a_lock_has_one_holder(void **state)
{
	cleanup_free char *home = temp_home(), *path = path_join(home, "lock");
	struct error e = { 0 };
	int fd;

	assert_int_equal(lock_held(path), 0);
	assert_int_not_equal(fd = lock_take(path, &e), -1);
	assert_int_equal(lock_held(path), 1);
	assert_int_equal(lock_take(path, &e), -1);
	assert_int_equal(e.code, ERR_busy);
	close(fd);
	assert_int_equal(lock_held(path), 0);
}

static char heard[64];

static void
hear(const char *line)
{
	snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "%s;", line);
}

static int
lines_of(const char *script, int seconds)
{
	char *argv[] = { (char []){ "/bin/sh" }, (char []){ "-c" }, (char *)(uintptr_t)script, NULL };

	heard[0] = '\0';
	return child_lines(&(struct child){ argv, NULL, { -1, -1, -1, -1 }, 1 }, seconds, hear);
}

static void
test_lines_of_a_child_come_and_its_end_counts(void **state)
{
	assert_int_equal(lines_of("echo a; echo b >&2; printf c", 60), 0);
	assert_string_equal(heard, "a;b;c;");
	assert_int_equal(lines_of("echo a; exit 3", 60), -1);
	assert_string_equal(heard, "a;");
	assert_int_equal(lines_of("kill -STOP $$", 1), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_pid_file_names_us),
		TEST(test_a_pid_that_came_again_is_not_believed),
		TEST(test_a_lock_has_one_holder),
		TEST(test_lines_of_a_child_come_and_its_end_counts),
	};

	return RUN(tests);
}

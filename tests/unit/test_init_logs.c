/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of units: their shape, their limits, the files they end in; and lines of people: the orders. */
#include "tests/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "init/init.h"

static char *home;

static int
set_up(void **state)
{
	home = temp_home();
	assert_int_equal(chdir(home), 0);
	assert_int_equal(mkdir("logs", 0700), 0);
	assert_int_equal(logs_open(0, NULL), 0);
	return 0;
}

static int
tear_down(void **state)
{
	free(home);
	return 0;
}

/* Let a unit write this and end. */
static void
feed(struct tail *t, const char *text)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], text, strlen(text)), strlen(text));
	close(fd[1]);
	source_open(&t->pipe, fd[0], tail_read, t);
	tail_close(t);
}

static void
test_a_line_has_time_level_unit_and_text(void **state)
{
	struct tail t = { .name = (char []){ "alpi.engined[work]" }, .put = logs_put };
	cleanup_free char *log = NULL;
	int n = 0;

	feed(&t, "WARNING turn slow id=7\nno level\nINFO tab\there \x1b[31m\nDEBUGGING x\nERROR last without newline");
	log = get_file(home, "logs/service.log");
	assert_int_equal(sscanf(log, "%*4d-%*2d-%*2d %*2d:%*2d:%*2d,%*3d WARNING alpi.engined[work] turn slow id=7%n", &n), 0);
	assert_true(n > 0);
	assert_non_null(strstr(log, " ERROR alpi.engined[work] no level\n"));
	assert_non_null(strstr(log, " INFO alpi.engined[work] tab?here ?[31m\n"));
	assert_non_null(strstr(log, " ERROR alpi.engined[work] DEBUGGING x\n"));
	assert_non_null(strstr(log, " ERROR alpi.engined[work] last without newline\n"));
	assert_int_equal(t.count, 5);
	assert_string_equal(t.last[1], "no level");
}

static void
test_a_unit_with_a_file_of_its_own_writes_there_or_else_with_the_others(void **state)
{
	struct tail own = { .name = (char []){ "alpi.x[y]" }, .put = logs_put, .file = (char []){ "logs/own.log" } };
	struct tail lost = { .name = (char []){ "alpi.z[y]" }, .put = logs_put, .file = (char []){ "nowhere/own.log" } };
	cleanup_free char *common = NULL, *log = NULL;

	feed(&own, "INFO mine\n");
	feed(&lost, "INFO nobody's\n");
	log = get_file(home, "logs/own.log");
	common = get_file(home, "logs/service.log");
	assert_non_null(strstr(log, "INFO alpi.x[y] mine\n"));
	assert_null(strstr(common, "mine"));
	assert_non_null(strstr(common, "INFO alpi.z[y] nobody's\n"));
}

static void
test_a_long_line_is_cut_and_the_next_is_whole(void **state)
{
	static char name[] = "alpi.x[y]";
	static struct tail t = { .name = name, .put = logs_put };
	cleanup_free char *text = malloc(10000), *log = NULL;

	memset(text, 'a', 9000);
	strcpy(text + 9000, "\nINFO next\n");
	feed(&t, text);
	log = get_file(home, "logs/service.log");
	assert_int_equal(strspn(strchr(log, 'a') + strlen("alpi.x[y] "), "a"), LOGFILE_LINE - 1);
	assert_non_null(strstr(log, "INFO alpi.x[y] next\n"));
}

static void
test_the_last_ten_lines_are_kept(void **state)
{
	static char name[] = "alpi.x[y]";
	static struct tail t = { .name = name, .put = logs_put };
	char line[32];

	for (int i = 1; i <= 23; i++) {
		snprintf(line, sizeof(line), "INFO %d\n", i);
		feed(&t, line);
	}
	assert_int_equal(t.count, 23);
	for (unsigned i = t.count - TAIL_LINES; i < t.count; i++) {
		snprintf(line, sizeof(line), "INFO %u", i + 1);
		assert_string_equal(t.last[i % TAIL_LINES], line);
	}
}

static void
test_the_file_rotates_before_it_is_too_large(void **state)
{
	struct stat st;
	char name[64];

	for (int i = 0; i < 5000; i++)
		log_info("%0990d", i);
	for (int i = 0; i <= 3; i++) {
		snprintf(name, sizeof(name), i == 0 ? "logs/service.log" : "logs/service.log.%d", i);
		assert_int_equal(stat(name, &st), 0);
		assert_true(st.st_size <= LOGFILE_MAX);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	assert_int_equal(access("logs/service.log.4", F_OK), -1);
}

static void
test_a_log_that_is_a_link_is_not_followed(void **state)
{
	assert_int_equal(unlink("logs/service.log"), 0);
	assert_int_equal(symlink("/etc/passwd", "logs/service.log"), 0);
	assert_int_equal(logs_open(0, NULL), -1);
}

static void
test_orders_are_fixed_words(void **state)
{
	static const struct { const char *line, *x; } rows[] = {
		{ "list", "all" }, { "wait", "all" }, { "shutdown", "all" }, { "start all", "all" },
		{ "stop work", "work" }, { "restart work/engined", "work/engined" }, { "reload default", "default" },
		{ "", NULL }, { "list all", NULL }, { "list ", NULL }, { "start", NULL }, { "start ", NULL }, { "START all", NULL },
		{ " list", NULL }, { "stopall", NULL }, { "liste", NULL }, { "lis", NULL },
	};
	char line[64];
	const char *x;

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(line, sizeof(line), "%s", rows[i].line);
		if (rows[i].x == NULL) {
			assert_null(control_parse(line, &x));
			continue;
		}
		assert_non_null(control_parse(line, &x));
		assert_string_equal(x, rows[i].x);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_line_has_time_level_unit_and_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_unit_with_a_file_of_its_own_writes_there_or_else_with_the_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_long_line_is_cut_and_the_next_is_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_last_ten_lines_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_file_rotates_before_it_is_too_large, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_log_that_is_a_link_is_not_followed, set_up, tear_down),
		TEST(test_orders_are_fixed_words),
	};
	return RUN(tests);
}

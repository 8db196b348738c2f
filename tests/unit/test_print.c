/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/control.h"
#include "cli/print.h"
#include "common/clock.h"
#include "common/json.h"

static const struct column columns[] = {
	{ "NAME", "name", PRINT_TEXT, 8 }, { "SIZE", "size", PRINT_SIZE, 0 },
	{ "N", "n", PRINT_NUMBER, 0 }, { "AT", "at", PRINT_AGE, 0 },
};

static char *
table(json_t *rows, const char *empty)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	print_table(f, columns, 4, rows, empty);
	fclose(f);
	json_decref(rows);
	return text;
}

static void
test_columns_stand_under_their_titles(void **state)
{
	char *text;

	clock_fake(1000000, 0);
	text = table(json_pack("[{s:s, s:i, s:i, s:f}, {s:s, s:i, s:f}]", "name", "日本", "size", 2048, "n", 7,
	    "at", 940.0, "name", "b", "size", 5, "n", 1.5), NULL);
	assert_string_equal(text,
	    "NAME    SIZE    N  AT\n"
	    "日本  2.0 KB    7  1m 00s ago\n"
	    "b        5 B  1.5\n");
	free(text);
	clock_fake(-1, -1);
}

static void
test_an_empty_table_says_so(void **state)
{
	char *text = table(json_array(), "nothing here");

	assert_string_equal(text, "nothing here\n");
	free(text);
}

static void
test_a_cell_cannot_act_on_the_terminal(void **state)
{
	char *text = table(json_pack("[{s:s}]", "name", "a\033[2Jb\n\tc\n"), NULL);

	assert_non_null(strstr(text, "a\\x1b[2Jb c"));
	free(text);
}

static void
test_sizes_and_durations_are_short(void **state)
{
	char text[32];

	assert_string_equal(print_size(0, text, sizeof(text)), "0 B");
	assert_string_equal(print_size(1536, text, sizeof(text)), "1.5 KB");
	assert_string_equal(print_size(5LL << 30, text, sizeof(text)), "5.0 GB");
	assert_string_equal(print_duration(0.25, text, sizeof(text)), "0.2s");
	assert_string_equal(print_duration(59, text, sizeof(text)), "59s");
	assert_string_equal(print_duration(3725, text, sizeof(text)), "1h 02m");
	assert_string_equal(print_duration(90000, text, sizeof(text)), "1d 01h");
}

static void
test_the_list_of_init_becomes_the_status(void **state)
{
	json_t *s = control_parse("init 42 61500\nunit default/engined ready 43 61000 1 5120\n"
	    "unit default/hostd failed 0 0 5 0\nstderr default/hostd ERROR no \xff space\nstderr nobody/x y\n");
	json_t *units = json_object_get(s, "units");

	assert_int_equal(json_int(s, "pid", 0), 42);
	assert_int_equal(json_int(s, "uptime_s", 0), 61);
	assert_int_equal(json_array_size(units), 2);
	assert_string_equal(json_str(json_array_get(units, 0), "unit", ""), "default/engined");
	assert_string_equal(json_str(json_array_get(units, 0), "state", ""), "ready");
	assert_int_equal(json_int(json_array_get(units, 0), "rss_kb", 0), 5120);
	assert_string_equal(json_string_value(json_array_get(json_object_get(json_array_get(units, 1), "stderr"), 0)),
	    "ERROR no \xef\xbf\xbd space");
	json_decref(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_columns_stand_under_their_titles),
		TEST(test_an_empty_table_says_so),
		TEST(test_a_cell_cannot_act_on_the_terminal),
		TEST(test_sizes_and_durations_are_short),
		TEST(test_the_list_of_init_becomes_the_status),
	};

	return RUN(tests);
}

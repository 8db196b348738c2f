/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "cli/usage.h"
#include "common/json.h"
#include "common/mem.h"

static char *
printed(json_t *result, size_t width, bool colour)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	usage_print(f, result, width, colour);
	fclose(f);
	json_decref(result);
	return text;
}

static json_t *
two_days(double first, double second)
{
	return json_pack("{s:[{s:s, s:i, s:i, s:i, s:f}, {s:s, s:i, s:i, s:i, s:f}], s:{}, s:f}",
	    "days", "iso", "2026-01-01", "tokIn", 30, "tokOut", 10, "tokens", 40, "cost", first,
	    "iso", "2026-01-02", "tokIn", 60, "tokOut", 20, "tokens", 80, "cost", second,
	    "by_peer", "cap_usd", 2.0);
}

static void
test_bars_are_in_proportion_to_money(void **state)
{
	cleanup_free char *text = printed(two_days(1.0, 0.25), 56, false);

	assert_string_equal(text,
	    "DAY (UTC)    TOKENS IN  TOKENS OUT     COST $\n"
	    "2026-01-01          30          10     1.0000  ████████\n"
	    "2026-01-02          60          20     0.2500  ██\n"
	    "today $0.2500 of $2.0000 (12 %)\n");
}

static void
test_bars_measure_tokens_when_nothing_cost_money(void **state)
{
	cleanup_free char *text = printed(two_days(0, 0), 56, false);

	assert_non_null(strstr(text, "0.0000  ████\n"));
	assert_non_null(strstr(text, "0.0000  ████████\n"));
}

static void
test_no_line_is_wider_than_the_screen(void **state)
{
	for (size_t width = 50; width < 140; width += 9) {
		cleanup_free char *text = printed(two_days(0.0001, 3), width, false);

		for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
			if (text_width(line) > width)
				fail_msg("%zu columns of %zu: %s", text_width(line), width, line);
	}
}

static void
test_a_day_below_nothing_has_no_bar(void **state)
{
	cleanup_free char *text = printed(two_days(-1, 2), 80, false);

	assert_non_null(strstr(text, "-1.0000\n"));
}

static void
test_what_is_little_is_still_seen(void **state)
{
	cleanup_free char *text = printed(two_days(0.0001, 300), 80, false);

	assert_non_null(strstr(text, "0.0001  ▏\n"));
}

static void
test_escape_codes_only_with_colour(void **state)
{
	cleanup_free char *plain = printed(two_days(1, 2), 80, false), *coloured = printed(two_days(1, 2), 80, true);

	assert_null(strchr(plain, '\033'));
	assert_non_null(strstr(coloured, "\033[36m█"));
}

static void
test_a_peer_cannot_write_to_the_terminal(void **state)
{
	json_t *result = two_days(1, 2);
	cleanup_free char *text = NULL;

	json_object_set_new(result, "by_peer", json_pack("{s:{s:f, s:i}, s:{s:f, s:i}}", "__interactive__", "usd", 1.5,
	    "tokens", 70, "bob\033[2J", "usd", 0.5, "tokens", 10));
	text = printed(result, 80, false);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "  here  $1.5000, 70 tokens\n"));
	assert_non_null(strstr(text, "$0.5000, 10 tokens\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bars_are_in_proportion_to_money),
		cmocka_unit_test(test_bars_measure_tokens_when_nothing_cost_money),
		cmocka_unit_test(test_no_line_is_wider_than_the_screen),
		cmocka_unit_test(test_a_day_below_nothing_has_no_bar),
		cmocka_unit_test(test_what_is_little_is_still_seen),
		cmocka_unit_test(test_escape_codes_only_with_colour),
		cmocka_unit_test(test_a_peer_cannot_write_to_the_terminal),
	};

	return RUN(tests);
}

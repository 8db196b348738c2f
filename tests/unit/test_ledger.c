/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/ledger.h"

#define DAY_MS	86400000LL
#define NOON	1700049600000LL		/* 2023-11-15 12:00 UTC */

static char *home;
static struct ledger *l;

static void
caps(const char *text)
{
	cleanup_json json_t *config = json_loads(text, 0, NULL);

	assert_non_null(config);
	ledger_caps(l, config);
}

static int
up(void **state)
{
	cleanup_free char *logs = NULL;

	home = temp_home();
	logs = xasprintf("%s/logs", home);
	mkdir(logs, 0700);
	clock_fake(NOON, 0);
	l = ledger_open(home);
	return 0;
}

static int
down(void **state)
{
	ledger_close(l);
	clock_fake(-1, -1);
	free(home);
	return 0;
}

static void
test_ledger_file_is_compact_with_sorted_keys(void **state)
{
	cleanup_free char *text = NULL;

	ledger_add(l, NULL, 100, 20, 0.5);
	assert_int_equal(ledger_save(l, NULL), 0);
	text = get_file(home, "logs/ledger.json");
	assert_string_equal(text, "{\"by_peer\":{\"__interactive__\":{\"tokens\":120,\"usd\":0.5}},\"day\":\"2023-11-15\","
	    "\"history\":{},\"profile\":{\"tokens\":120,\"tokens_in\":100,\"tokens_out\":20,\"usd\":0.5}}");
}

static void
test_ledger_is_read_again_and_keeps_what_it_does_not_know(void **state)
{
	cleanup_free char *text = NULL;

	ledger_close(l);
	put_file(home, "logs/ledger.json", "{\"day\":\"2023-11-15\",\"profile\":{\"usd\":1.5,\"tokens\":10},\"extra\":{\"x\":1},"
	    "\"by_peer\":{\"bob\":{\"usd\":1.5,\"tokens\":10}},\"history\":{}}");
	l = ledger_open(home);
	ledger_add(l, "bob", 5, 0, 0.5);
	assert_true(ledger_usd(l) == 2.0);
	ledger_save(l, NULL);
	text = get_file(home, "logs/ledger.json");
	assert_non_null(strstr(text, "\"extra\":{\"x\":1}"));
	assert_non_null(strstr(text, "\"bob\":{\"tokens\":15,\"usd\":2.0}"));
}

static void
test_ledger_a_look_changes_no_byte_and_a_use_only_its_own_rows(void **state)
{
	static const char old[] = "{\"by_peer\":{},\"day\":\"2023-11-14\",\"history\":{\"2023-11-13\":{\"tokens\":3,\"usd\":0.1},"
	    "\"2023-11-12\":{\"odd\":[1,\"x\",null],\"usd\":0.30000000000000004}},\"profile\":{\"tokens\":7,\"usd\":1e-05},\"z\":true}";
	cleanup_free char *same = NULL, *text = NULL;

	ledger_close(l);
	put_file(home, "logs/ledger.json", old);
	l = ledger_open(home);
	assert_int_equal(ledger_tokens(l), 0);		/* it is another day */
	json_decref(ledger_days(l, 14));
	ledger_close(l);
	same = get_file(home, "logs/ledger.json");
	assert_string_equal(same, old);
	l = ledger_open(home);
	ledger_add(l, NULL, 1, 0, 0);
	ledger_save(l, NULL);
	text = get_file(home, "logs/ledger.json");
	assert_non_null(strstr(text, "\"2023-11-12\":{\"odd\":[1,\"x\",null],\"usd\":0.30000000000000004},"
	    "\"2023-11-13\":{\"tokens\":3,\"usd\":0.1},\"2023-11-14\":{\"tokens\":7,"));
	assert_non_null(strstr(text, ",\"usd\":1e-05}"));
	assert_non_null(strstr(text, "\"z\":true"));
}

static void
test_ledger_days_are_oldest_first_and_filled_with_zeroes(void **state)
{
	json_t *rows;

	clock_fake(NOON - 2 * DAY_MS, 0);
	ledger_add(l, NULL, 5, 3, 0.12345678);
	clock_fake(NOON, 0);
	ledger_add(l, "bob", 1, 1, 1);
	rows = ledger_days(l, 14);
	assert_int_equal(json_array_size(rows), 14);
	assert_string_equal(json_str(json_array_get(rows, 0), "iso", ""), "2023-11-02");
	assert_string_equal(json_str(json_array_get(rows, 13), "iso", ""), "2023-11-15");
	assert_int_equal(json_int(json_array_get(rows, 11), "tokIn", 0), 5);
	assert_int_equal(json_int(json_array_get(rows, 11), "tokOut", 0), 3);
	assert_true(json_num(json_array_get(rows, 11), "cost", 0) == 0.123457);
	assert_true(json_num(json_array_get(rows, 12), "cost", -1) == 0);
	assert_int_equal(json_int(json_array_get(rows, 13), "tokens", 0), 2);
	json_decref(rows);
}

static void
test_ledger_sums_beyond_any_number_stay_at_the_end(void **state)
{
	json_t *rows;

	ledger_close(l);
	put_file(home, "logs/ledger.json", "{\"by_peer\":{},\"day\":\"2023-11-15\",\"history\":{\"2023-11-14\":{\"usd\":1e300}},"
	    "\"profile\":{\"tokens\":9223372036854775807,\"usd\":0.0}}");
	l = ledger_open(home);
	ledger_add(l, NULL, 2, 3, 0);
	assert_true(ledger_tokens(l) == INT64_MAX);
	rows = ledger_days(l, 2);
	assert_true(json_num(json_array_get(rows, 0), "cost", 0) == 1e300);
	json_decref(rows);
}

static void
test_ledger_unreadable_file_is_empty(void **state)
{
	ledger_close(l);
	put_file(home, "logs/ledger.json", "{\"day\":");
	l = ledger_open(home);
	assert_true(ledger_usd(l) == 0);
	assert_int_equal(ledger_tokens(l), 0);
}

static void
test_ledger_new_day_moves_totals_to_history(void **state)
{
	cleanup_free char *text = NULL;

	ledger_add(l, NULL, 1, 2, 3);
	clock_fake(NOON + DAY_MS, 0);
	assert_true(ledger_usd(l) == 0);
	ledger_save(l, NULL);
	text = get_file(home, "logs/ledger.json");
	assert_non_null(strstr(text, "\"history\":{\"2023-11-15\":{\"tokens\":3,\"tokens_in\":1,\"tokens_out\":2,\"usd\":3.0}}"));
	assert_non_null(strstr(text, "\"by_peer\":{}"));
}

static void
test_ledger_history_keeps_thirty_days(void **state)
{
	cleanup_free char *text = NULL;
	json_t *file;

	for (int i = 0; i < 40; i++) {
		clock_fake(NOON + i * DAY_MS, 0);
		ledger_add(l, NULL, 1, 1, 0);
	}
	ledger_save(l, NULL);
	text = get_file(home, "logs/ledger.json");
	file = json_loads(text, 0, NULL);
	assert_int_equal(json_object_size(json_object_get(file, "history")), 30);
	assert_null(json_object_get(json_object_get(file, "history"), "2023-11-15"));
	json_decref(file);
}

static void
test_ledger_negatives_count_as_nothing(void **state)
{
	ledger_add(l, NULL, -5, -5, -1);
	assert_true(ledger_usd(l) == 0);
	assert_int_equal(ledger_tokens(l), 0);
}

static void
test_ledger_refuses_at_the_cap_and_tells_each_threshold_once(void **state)
{
	struct error e = { 0 };

	caps("{\"budget\":{\"daily_usd\":1.0}}");
	assert_int_equal(ledger_add(l, NULL, 0, 0, 0.5), 0);
	assert_int_equal(ledger_add(l, NULL, 0, 0, 0.3), 80);
	assert_int_equal(ledger_add(l, NULL, 0, 0, 0.1), 0);
	assert_int_equal(ledger_check(l, &e), 0);
	assert_int_equal(ledger_add(l, NULL, 0, 0, 0.1), 100);
	assert_int_equal(ledger_check(l, &e), -1);
	assert_int_equal(e.code, ERR_budget);
	assert_int_equal(ledger_add(l, NULL, 0, 0, 0.1), 0);
	clock_fake(NOON + DAY_MS, 0);
	assert_int_equal(ledger_check(l, &e), 0);
	assert_int_equal(ledger_add(l, NULL, 0, 0, 5), 100);	/* both at once: the highest only */
}

static void
test_ledger_token_cap_counts_only_without_a_money_cap(void **state)
{
	struct error e = { 0 };

	ledger_add(l, NULL, 50, 50, 0);
	caps("{\"budget\":{\"daily_usd\":1.0,\"daily_tokens\":10}}");
	assert_int_equal(ledger_check(l, &e), 0);
	caps("{\"budget\":{\"daily_tokens\":10}}");
	assert_int_equal(ledger_check(l, &e), -1);
	caps("{\"budget\":{}}");
	assert_int_equal(ledger_check(l, &e), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ledger_file_is_compact_with_sorted_keys, up, down),
		cmocka_unit_test_setup_teardown(test_ledger_is_read_again_and_keeps_what_it_does_not_know, up, down),
		cmocka_unit_test_setup_teardown(test_ledger_a_look_changes_no_byte_and_a_use_only_its_own_rows, up, down),
		cmocka_unit_test_setup_teardown(test_ledger_days_are_oldest_first_and_filled_with_zeroes, up, down),
		cmocka_unit_test_setup_teardown(test_ledger_sums_beyond_any_number_stay_at_the_end, up, down),
		cmocka_unit_test_setup_teardown(test_ledger_unreadable_file_is_empty, up, down),
		cmocka_unit_test_setup_teardown(test_ledger_new_day_moves_totals_to_history, up, down),
		cmocka_unit_test_setup_teardown(test_ledger_history_keeps_thirty_days, up, down),
		cmocka_unit_test_setup_teardown(test_ledger_negatives_count_as_nothing, up, down),
		cmocka_unit_test_setup_teardown(test_ledger_refuses_at_the_cap_and_tells_each_threshold_once, up, down),
		cmocka_unit_test_setup_teardown(test_ledger_token_cap_counts_only_without_a_money_cap, up, down),
	};

	return RUN(tests);
}

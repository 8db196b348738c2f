/* SPDX-License-Identifier: Apache-2.0 */
/* Cron expressions: the published vectors, and what they leave out. */
#include "common/cron.h"

#include <string.h>

#include "common/civil.h"
#include "common/json.h"
#include "common/mem.h"
#include "tests/check.h"

static int64_t
instant(const char *iso)
{
	cleanup_zone struct zone *utc = zone_open("UTC", NULL);
	int64_t t;

	assert_int_equal(time_parse(iso, utc, &t, NULL), 0);
	return t;
}

static struct cron
parsed(const char *text)
{
	struct error e = { 0 };
	struct cron c;

	if (cron_parse(&c, text, &e) == -1)
		fail_msg("%s: %s", text, e.text);
	return c;
}

/* Every match of one vector, and how it is printed. */
static void
check_case(const json_t *row)
{
	const char *expr = json_str(row, "expr", NULL);
	cleanup_zone struct zone *z = zone_open(json_str(row, "tz", ""), NULL);
	struct cron c = parsed(expr);
	int64_t t = instant(json_str(row, "after", ""));
	json_t *want;
	size_t i;

	assert_non_null(z);
	assert_int_equal(cron_check(&c, NULL), 0);
	json_array_foreach(json_object_get(row, "next"), i, want) {
		char text[ZONE_TEXT];

		assert_true(cron_next(&c, z, t, &t));
		time_print(z, t, text);
		if (strcmp(text, json_string_value(want)) != 0)
			fail_msg("%s in %s: %s, not %s", expr, json_str(row, "tz", ""), text, json_string_value(want));
	}
}

static void
every_vector_is_due_when_it_says(void **state)
{
	cleanup_json json_t *all = vectors("cron.json");
	json_t *row;
	size_t i;

	assert_int_equal(json_array_size(json_object_get(all, "cases")), 178);
	json_array_foreach(json_object_get(all, "cases"), i, row)
		check_case(row);
}

static void
what_is_never_due_is_found_at_once_and_by_the_search(void **state)
{
	cleanup_json json_t *all = vectors("cron.json");
	cleanup_zone struct zone *z = zone_open("Europe/Madrid", NULL);
	struct error e = { 0 };
	json_t *row;
	size_t i;

	assert_int_equal(json_int(all, "never_within_years", 0), CRON_YEARS);
	json_array_foreach(json_object_get(all, "never"), i, row) {
		struct cron c = parsed(json_str(row, "expr", ""));
		int64_t t;

		assert_int_equal(cron_check(&c, &e), -1);
		assert_non_null(strstr(e.text, "day of month"));
		assert_false(cron_next(&c, z, 1700000000, &t));
	}
	assert_int_equal(i, 3);
}

static void
every_invalid_vector_is_refused(void **state)
{
	cleanup_json json_t *all = vectors("cron.json");
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(all, "invalid"), i, row) {
		struct cron c;

		if (cron_parse(&c, json_str(row, "expr", ""), NULL) == 0)
			fail_msg("taken: %s (%s)", json_str(row, "expr", ""), json_str(row, "why", ""));
	}
	assert_int_equal(i, 48);
}

static void
the_refusal_names_the_field(void **state)
{
	static const struct {
		const char *text, *field;
	} rows[] = {
		{ "61 * * * *", "minute:" }, { "* 24 * * *", "hour:" }, { "0 0 0 * *", "day of month:" },
		{ "0 0 * foo *", "month:" }, { "0 0 * * 8", "day of week:" }, { "0 0 * * mon#9", "day of week:" },
		{ "0 0 * * * 60", "second:" }, { "0 0 * *", "4 fields" }, { "1,,2 * * * *", "minute:" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error e = { 0 };
		struct cron c;

		assert_int_equal(cron_parse(&c, rows[i].text, &e), -1);
		assert_int_equal(e.code, ERR_invalid);
		if (strncmp(e.text, rows[i].field, strlen(rows[i].field)) != 0)
			fail_msg("%s: %s", rows[i].text, e.text);
	}
}

static void
a_plain_weekday_beside_its_counted_self_changes_nothing(void **state)
{
	struct cron both = parsed("0 0 15 * 1,1#1"), counted = parsed("0 0 15 * 1#1");
	cleanup_zone struct zone *z = zone_open("UTC", NULL);
	int64_t a = instant("2026-01-01T00:00:00Z"), b = a;

	for (int i = 0; i < 24; i++) {
		assert_true(cron_next(&both, z, a, &a) && cron_next(&counted, z, b, &b));
		assert_int_equal(a, b);
	}
}

/* The day rule as it is said, without the jumps. */
static bool
day_matches(const struct cron *c, const struct civil *t)
{
	int n = civil_month_days(t->year, t->month), w = civil_weekday(civil_days(t->year, t->month, t->day));
	bool day = (c->day >> t->day & 1) != 0 || (c->last_day && t->day == n), weekday = (c->weekday >> w & 1) != 0;

	if (c->counted)
		return (c->nth[w] >> ((t->day + 6) / 7) & 1) != 0 || ((c->last >> w & 1) != 0 && t->day + 7 > n);
	if (c->any_day || c->any_weekday)
		return (c->any_day || day) && (c->any_weekday || weekday);
	return day || weekday;
}

static bool
matches(const struct cron *c, int64_t at)
{
	struct civil t;

	civil_from(at, &t);
	return (c->minute >> t.minute & 1) != 0 && (c->hour >> t.hour & 1) != 0 && (c->month >> t.month & 1) != 0 &&
	    day_matches(c, &t);
}

static void
jumping_finds_what_scanning_finds(void **state)
{
	static const char *const texts[] = {
		"*/7 3-5 * * *", "13 */5 1,15 * 2", "59 23 l 2,3 *", "0 0 * * l0,3#2", "58-1 22-1 * * sat-mon",
	};
	cleanup_zone struct zone *z = zone_open("UTC", NULL);

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct cron c = parsed(texts[i]);
		int64_t t = instant("2028-02-20T00:00:00Z"), end = t + 40 * DAY_SECONDS, next, scan;

		while (cron_next(&c, z, t, &next) && next < end) {
			for (scan = t - t % 60 + 60; !matches(&c, scan); scan += 60)
				continue;
			assert_int_equal(scan, next);
			t = next;
		}
	}
}

static void
a_day_that_a_zone_left_out_fires_once_when_the_next_begins(void **state)
{
	cleanup_zone struct zone *z = zone_open("Pacific/Apia", NULL);
	struct cron c = parsed("0 9,12 * * *");
	char text[ZONE_TEXT];
	int64_t t = instant("2011-12-29T22:00:00Z");	/* noon of the 29th: the 30th never came */

	assert_non_null(z);
	assert_true(cron_next(&c, z, t, &t));
	time_print(z, t, text);
	assert_string_equal(text, "2011-12-31T00:00:00+14:00");
	assert_true(cron_next(&c, z, t, &t));
	time_print(z, t, text);
	assert_string_equal(text, "2011-12-31T09:00:00+14:00");
}

static void
a_later_minute_begins_at_its_first_second(void **state)
{
	cleanup_zone struct zone *z = zone_open("UTC", NULL);
	struct cron c = parsed("35 * * * * 10,58");
	int64_t t;

	assert_true(cron_next(&c, z, instant("2026-01-10T12:34:56Z"), &t));
	assert_int_equal(t, instant("2026-01-10T12:35:10Z"));
}

static void
times_that_no_text_can_hold_are_never_due(void **state)
{
	cleanup_zone struct zone *z = zone_open("UTC", NULL);
	struct cron c = parsed("* * * * *");
	int64_t t;

	assert_false(cron_next(&c, z, INT64_MAX, &t));
	assert_false(cron_next(&c, z, INT64_MIN, &t));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_vector_is_due_when_it_says),
		TEST(what_is_never_due_is_found_at_once_and_by_the_search),
		TEST(every_invalid_vector_is_refused),
		TEST(the_refusal_names_the_field),
		TEST(a_plain_weekday_beside_its_counted_self_changes_nothing),
		TEST(jumping_finds_what_scanning_finds),
		TEST(a_day_that_a_zone_left_out_fires_once_when_the_next_begins),
		TEST(a_later_minute_begins_at_its_first_second),
		TEST(times_that_no_text_can_hold_are_never_due),
	};

	return RUN(tests);
}

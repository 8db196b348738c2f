/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones: rules, files, names that are none, and the hour that is missing or comes twice. */
#include "common/zone.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/check.h"

static struct zone *
opened(const char *name)
{
	struct error e = { 0 };
	struct zone *z = zone_open(name, &e);

	if (z == NULL)
		fail_msg("%s: %s", name, e.text);
	return z;
}

static struct zone *
ruled(const char *text)
{
	struct error e = { 0 };
	struct zone *z = zone_rule(text, &e);

	if (z == NULL)
		fail_msg("%s", e.text);
	return z;
}

/* A time of the zone, read and printed again: the offset shows. */
static void
shows(const struct zone *z, const char *in, const char *out)
{
	struct error e = { 0 };
	char text[ZONE_TEXT];
	int64_t t;

	if (time_parse(in, z, &t, &e) == -1)
		fail_msg("%s", e.text);
	time_print(z, t, text);
	assert_string_equal(text, out);
}

static void
a_rule_says_the_offset_of_any_day(void **state)
{
	static const struct {
		const char *rule, *in, *out;
	} rows[] = {
		{ "UTC0", "2026-07-01T12:00:00", "2026-07-01T12:00:00+00:00" },
		{ "<+0545>-5:45", "2026-07-01", "2026-07-01T00:00:00+05:45" },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", "2026-03-29T01:59:59+01:00" },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00+02:00" },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", "2099-10-25T01:00:00Z", "2099-10-25T02:00:00+01:00" },
		{ "EST5EDT", "2026-07-01T12:00", "2026-07-01T12:00:00-04:00" },
		{ "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01", "2026-01-01T00:00:00+11:00" },
		{ "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01", "2026-07-01T00:00:00+10:00" },
		{ "AAA0BBB,J60,J61", "2028-03-01T12:00:00Z", "2028-03-01T13:00:00+01:00" },
		{ "AAA0BBB,59,60", "2028-02-29T12:00:00Z", "2028-02-29T13:00:00+01:00" },
		{ "AAA3BBB,0/0,J365/25", "2027-01-01T03:30:00Z", "2027-01-01T01:30:00-02:00" },
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", "2026-03-29T00:00:00-01:00" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_zone struct zone *z = ruled(rows[i].rule);

		shows(z, rows[i].in, rows[i].out);
	}
}

/* Saving all the year long: at the turn of the year nothing is skipped and nothing comes twice. */
static void
a_rule_that_saves_all_year_has_no_gap(void **state)
{
	cleanup_zone struct zone *z = ruled("AAA3BBB,0/0,J365/25");
	struct zone_span s;

	zone_span(z, 1798772400, &s);			/* 2027-01-01T03:00:00Z */
	assert_int_equal(s.offset, -7200);
	assert_int_equal(s.before, s.offset);
}

/* Both changes of a year lie in the December before it. */
static void
a_rule_may_reach_back_into_the_year_before(void **state)
{
	cleanup_zone struct zone *z = ruled("AAA0BBB,J1/-167,J2/-167");
	struct zone_span s;

	zone_span(z, 1798502400, &s);			/* 2026-12-29 */
	assert_int_equal(s.offset, 0);
	assert_int_equal(s.end, 1829696400);	/* 2027-12-25T01:00:00Z */
}

static void
rules_that_are_none_are_refused(void **state)
{
	static const char *const rows[] = {
		"", "A0", "CET", "CET-", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J9", "CET-1CEST,J1,J366", "CET-25", "<CET-1", "CET-1CEST,M3.5.0,M10.5.0/168",
		"CET-1CEST,M3.5.0,M10.5.0x", "CET-1x", "CET-99999999999999",
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (zone_rule(rows[i], NULL) != NULL)
			fail_msg("taken: %s", rows[i]);
}

/* The table of a file and the rule at its end, on both sides of where one takes over. */
static void
a_file_knows_the_past_and_the_future(void **state)
{
	cleanup_zone struct zone *madrid = opened("Europe/Madrid"), *apia = opened("Pacific/Apia");
	cleanup_zone struct zone *new_york = opened("America/New_York");

	shows(madrid, "1942-07-01T12:00:00", "1942-07-01T12:00:00+02:00");
	shows(madrid, "1976-07-01T12:00:00", "1976-07-01T12:00:00+02:00");
	shows(madrid, "2026-07-01T12:00:00", "2026-07-01T12:00:00+02:00");
	shows(madrid, "2038-01-20T12:00:00", "2038-01-20T12:00:00+01:00");
	shows(madrid, "2500-07-01T12:00:00", "2500-07-01T12:00:00+02:00");
	shows(new_york, "2037-11-01T05:59:59Z", "2037-11-01T01:59:59-04:00");
	shows(new_york, "2037-11-01T06:00:00Z", "2037-11-01T01:00:00-05:00");
	shows(new_york, "2038-03-14T07:00:00Z", "2038-03-14T03:00:00-04:00");
	shows(apia, "2011-12-30T10:00:00Z", "2011-12-31T00:00:00+14:00");
}

static void
a_skipped_time_counts_on_and_a_repeated_one_is_the_first(void **state)
{
	cleanup_zone struct zone *z = opened("Europe/Madrid");

	shows(z, "2026-03-29T02:30:00", "2026-03-29T03:30:00+02:00");
	shows(z, "2026-10-25T02:30:00", "2026-10-25T02:30:00+02:00");
	shows(z, "2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00+01:00");
	shows(z, "2026-10-25T03:00:00", "2026-10-25T03:00:00+01:00");
}

static void
a_name_never_leaves_the_folder(void **state)
{
	static const char *const bad[] = {
		"", "/etc/passwd", "../../../etc/passwd", "Europe/../../etc", "Europe//Madrid", "Europe/", "Europe/Madrid\n", ".",
		"a very long name that is certainly not the name of a time zone at all", "Europe\\Madrid", "localtime:0",
	};
	struct error e = { 0 };

	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_null(zone_open(bad[i], &e));
		assert_int_equal(e.code, ERR_invalid);
	}
	assert_null(zone_open("Europe/Atlantis", &e));
	assert_int_equal(e.code, ERR_not_found);
	assert_null(zone_open("Europe", &e));		/* a folder */
	assert_null(zone_open("tzdata", &e));
}

static void
the_machine_s_zone_follows_the_environment(void **state)
{
	static const struct {
		const char *tz, *out;
	} rows[] = {
		{ "Europe/Madrid", "2026-07-01T12:00:00+02:00" }, { ":Asia/Kolkata", "2026-07-01T12:00:00+05:30" },
		{ "AAA-3", "2026-07-01T12:00:00+03:00" }, { "", "2026-07-01T12:00:00+00:00" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_zone struct zone *z = NULL;

		setenv("TZ", rows[i].tz, 1);
		z = opened(NULL);
		shows(z, "2026-07-01T12:00:00", rows[i].out);
	}
	setenv("TZ", "/etc/passwd", 1);
	assert_null(zone_open(NULL, NULL));
	unsetenv("TZ");
}

static void
times_that_are_none_are_refused(void **state)
{
	static const char *const rows[] = {
		"", "now", "2026", "2026-13-01", "2026-02-29", "2026-00-10", "2026-01-32", "0000-01-01", "2026-01-01T24:00:00",
		"2026-01-01T10", "2026-01-01T10:60", "2026-01-01T10:00:60", "2026-01-01T10:00:00+1", "2026-01-01T10:00:00+24:00",
		"2026-01-01T10:00:00Zx", "2026-01-01T10:00:00 UTC", "-2026-01-01", "2026-01-01T10:00:00+01:60",
	};
	cleanup_zone struct zone *z = opened("UTC");
	int64_t t;

	for (size_t i = 0; i < COUNT(rows); i++)
		if (time_parse(rows[i], z, &t, NULL) == 0)
			fail_msg("taken: %s", rows[i]);
	shows(z, "2024-02-29 10:00:00.25-0130", "2024-02-29T11:30:00+00:00");
}

/* A file of version 2 with one change, and what makes it another. */
static size_t
tzif(unsigned char out[256], const char *footer)
{
	static const unsigned char head[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	static const unsigned char counts[24] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4 };
	static const unsigned char block[] = {
		0, 0, 0, 0, 0x6a, 0, 0, 0,  1,  0, 0, 0, 0, 0, 0,  0, 0, 0x0e, 0x10, 1, 0,  'A', 'A', 'A', 0,
	};
	size_t n = 0;

	memset(out, 0, 256);
	memcpy(out, head, 20);
	n += 44;
	memcpy(out + n, head, 20);
	memcpy(out + n + 20, counts, 24);
	n += 44;
	memcpy(out + n, block, sizeof(block));
	n += sizeof(block);
	memcpy(out + n, footer, strlen(footer));
	return n + strlen(footer);
}

static void
a_file_that_was_cut_anywhere_is_refused(void **state)
{
	unsigned char file[256];
	size_t len = tzif(file, "\nAAA0\n");
	cleanup_zone struct zone *whole = zone_parse(file, len, NULL);
	struct zone_span s;

	assert_non_null(whole);
	zone_span(whole, 0x69ffffff, &s);
	assert_int_equal(s.end, 0x6a000000);
	for (size_t i = 0; i < len; i++)
		assert_null(zone_parse(file, i, NULL));
}

static void
a_file_that_lies_is_refused(void **state)
{
	static const struct {
		size_t at;
		unsigned char value;
		const char *what;
	} rows[] = {
		{ 0, 'X', "magic" }, { 44 + 20, 0xff, "a count" }, { 44 + 39, 0, "no types" },
		{ 88 + 8, 2, "a type that is not there" }, { 88 + 9, 0x40, "an offset of years" }, { 88 + 25, 'x', "the footer" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned char file[256];
		size_t len = tzif(file, "\nAAA0\n");

		file[rows[i].at] = rows[i].value;
		if (zone_parse(file, len, NULL) != NULL)
			fail_msg("taken: %s", rows[i].what);
	}
}

static void
a_file_that_counts_leap_seconds_is_refused(void **state)
{
	unsigned char file[256];
	size_t len = tzif(file, "");

	file[44 + 31] = 1;
	memcpy(file + len + 12, "\nAAA0\n", 6);		/* the record itself stays zeros */
	assert_null(zone_parse(file, len + 18, NULL));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_rule_says_the_offset_of_any_day),
		TEST(a_rule_that_saves_all_year_has_no_gap),
		TEST(a_rule_may_reach_back_into_the_year_before),
		TEST(rules_that_are_none_are_refused),
		TEST(a_file_knows_the_past_and_the_future),
		TEST(a_skipped_time_counts_on_and_a_repeated_one_is_the_first),
		TEST(a_name_never_leaves_the_folder),
		TEST(the_machine_s_zone_follows_the_environment),
		TEST(times_that_are_none_are_refused),
		TEST(a_file_that_was_cut_anywhere_is_refused),
		TEST(a_file_that_lies_is_refused),
		TEST(a_file_that_counts_leap_seconds_is_refused),
	};

	return RUN(tests);
}

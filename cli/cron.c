/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi cron next`: when an expression is due, and what it says in words.
 * Asks no daemon: the scheduler works with the same common/cron.
 */
#include "cli/cron.h"

#include <stdio.h>

#include "cli/commands.h"
#include "cli/print.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define SHOWN 5			/* matches, when nobody says how many */
#define SHOWN_MAX 1000
#define TIMES_MAX 6		/* "at 08:00, 12:00 and 18:00", not more */

#define ALL(from, to) ((((uint64_t)1 << ((to) - (from) + 1)) - 1) << (from))

/* ---- words ---- */

/* How a value of a field is written. */
typedef void (*writer)(struct buf *, int);

static void
write_number(struct buf *b, int n)
{
	buf_addf(b, "%d", n);
}

static void
write_month(struct buf *b, int n)
{
	static const char *const names[] = { "January", "February", "March", "April", "May", "June", "July", "August",
	    "September", "October", "November", "December" };

	buf_puts(b, names[n - 1]);
}

/* Weekdays are counted from Monday here, so that a weekend stands together. */
static void
write_weekday(struct buf *b, int n)
{
	static const char *const names[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" };

	buf_puts(b, names[n]);
}

/* The end of the row of set bits that begins at n. */
static int
run_end(uint64_t bits, int n)
{
	while (n < 63 && (bits >> (n + 1) & 1) != 0)
		n++;
	return n;
}

/* "1, 3 to 5 and 9": rows of three and more are ranges. */
static void
write_set(struct buf *b, uint64_t bits, writer value)
{
	bool first = true;

	while (bits != 0) {
		int from = __builtin_ctzll(bits), to = run_end(bits, from);

		if (to - from < 2)
			to = from;
		bits &= ~ALL(from, to);
		if (!first)
			buf_puts(b, bits != 0 ? ", " : " and ");
		first = false;
		value(b, from);
		if (to > from) {
			buf_puts(b, " to ");
			value(b, to);
		}
	}
}

/* The step when the set is 0, s, 2s, ... and s divides the whole; else 0. */
static int
even_step(uint64_t bits, int whole)
{
	for (int step = 2; step <= whole / 2; step++) {
		uint64_t want = 0;

		for (int v = 0; v < whole; v += step)
			want |= 1ULL << v;
		if (whole % step == 0 && want == bits)
			return step;
	}
	return 0;
}

static const char *
plural(uint64_t bits)
{
	return (bits & (bits - 1)) != 0 ? "s" : "";
}

static bool
clock_times(const struct cron *c)
{
	return __builtin_popcountll(c->minute) * __builtin_popcount(c->hour) <= TIMES_MAX;
}

/* "at 08:00, 12:00 and 18:00" */
static void
write_clock(struct buf *b, const struct cron *c)
{
	int left = __builtin_popcountll(c->minute) * __builtin_popcount(c->hour);
	const char *between = "at ";

	for (int hour = 0; hour < 24; hour++)
		for (int minute = 0; minute < 60; minute++) {
			if ((c->hour >> hour & 1) == 0 || (c->minute >> minute & 1) == 0)
				continue;
			buf_addf(b, "%s%02d:%02d", between, hour, minute);
			between = --left == 1 ? " and " : ", ";
		}
}

/* "every 15 minutes", "at minutes 5 and 10" */
static void
write_minutes(struct buf *b, const struct cron *c)
{
	int step = even_step(c->minute, 60);

	if (c->minute == ALL(0, 59)) {
		buf_puts(b, "every minute");
	} else if (step != 0) {
		buf_addf(b, "every %d minutes", step);
	} else {
		buf_addf(b, "at minute%s ", plural(c->minute));
		write_set(b, c->minute, write_number);
	}
}

/* "of every hour", "in the hours 9 to 17"; not needed after "every minute" of a whole day. */
static void
write_hours(struct buf *b, const struct cron *c)
{
	int step = even_step(c->hour, 24);
	bool evenly = c->minute == ALL(0, 59) || even_step(c->minute, 60) != 0;

	if (c->hour == CRON_HOURS) {
		buf_puts(b, evenly ? "" : " of every hour");
	} else if (step != 0) {
		buf_addf(b, " of every %d%s hour", step, step == 2 ? "nd" : step == 3 ? "rd" : "th");
	} else {
		buf_addf(b, " in the hour%s ", plural(c->hour));
		write_set(b, c->hour, write_number);
	}
}

static void
write_seconds(struct buf *b, const struct cron *c)
{
	if (c->second == 1)
		return;
	if (c->second == ALL(0, 59)) {
		buf_puts(b, "every second, ");
		return;
	}
	buf_addf(b, "at second%s ", plural(c->second));
	write_set(b, c->second, write_number);
	buf_puts(b, ", ");
}

/* Bit 0 Sunday to bit 0 Monday. */
static uint64_t
from_monday(unsigned weekdays)
{
	return weekdays >> 1 | (weekdays & 1u) << 6;
}

/* "the second Friday and the last Monday of the month" */
static void
write_counted(struct buf *b, const struct cron *c)
{
	static const char *const nth[] = { "first", "second", "third", "fourth", "fifth" };
	int left = __builtin_popcount(c->last);
	const char *between = " on ";

	for (int day = 0; day < 7; day++)
		left += __builtin_popcount(c->nth[day]);
	for (int day = 0; day < 7; day++)
		for (int n = 1; n <= 6; n++) {
			bool last = n == 6;

			if ((last ? c->last >> day & 1 : c->nth[day] >> n & 1) == 0)
				continue;
			buf_addf(b, "%sthe %s ", between, last ? "last" : nth[n - 1]);
			write_weekday(b, (day + 6) % 7);
			between = --left == 1 ? " and " : ", ";
		}
	buf_puts(b, " of the month");
}

static void
write_month_days(struct buf *b, const struct cron *c)
{
	if (c->day != 0) {
		buf_addf(b, " on day%s ", plural(c->day));
		write_set(b, c->day, write_number);
	}
	if (c->last_day)
		buf_addf(b, "%s the last day", c->day != 0 ? " and" : " on");
	buf_puts(b, " of the month");
}

/* Either of two restricted day fields is enough: "or". */
static void
write_days(struct buf *b, const struct cron *c)
{
	if (c->counted) {
		write_counted(b, c);
		return;
	}
	if (c->any_day && c->any_weekday)
		buf_puts(b, clock_times(c) ? " every day" : "");
	if (!c->any_day)
		write_month_days(b, c);
	if (!c->any_weekday) {
		buf_puts(b, c->any_day ? " on " : " or on ");
		write_set(b, from_monday(c->weekday), write_weekday);
	}
}

char *
cron_words(const struct cron *c)
{
	struct buf b = BUF(0);

	write_seconds(&b, c);
	if (clock_times(c)) {
		write_clock(&b, c);
	} else {
		write_minutes(&b, c);
		write_hours(&b, c);
	}
	write_days(&b, c);
	if (c->month != ALL(1, 12)) {
		buf_puts(&b, " in ");
		write_set(&b, c->month, write_month);
	}
	return buf_take(&b);
}

/* ---- the command ---- */

/* An expression may come as one word or as many. */
static char *
expression(const struct args *a)
{
	struct buf b = BUF(0);

	for (size_t i = 0; i < a->nrest; i++)
		buf_addf(&b, "%s%s", i ? " " : "", a->rest[i]);
	return buf_take(&b);
}

static json_t *
matches(const struct cron *c, const struct zone *z, int64_t after, long n)
{
	json_t *rows = json_array();
	char text[ZONE_TEXT];

	while (n-- > 0 && cron_next(c, z, after, &after)) {
		time_print(z, after, text);
		json_array_append_new(rows, json_string(text));
	}
	return rows;
}

static void
show(const json_t *found)
{
	json_t *at;
	size_t i;

	printf("%s\n", json_str(found, "reads", ""));
	json_array_foreach(json_object_get(found, "next"), i, at)
		printf("  %s\n", json_string_value(at));
}

/* What was asked for, or NULL and the reason. */
static json_t *
find(const struct args *a, long n, struct error *e)
{
	cleanup_free char *text = expression(a), *reads = NULL;
	cleanup_zone struct zone *z = NULL;
	const char *after = arg_option(a, "after");
	int64_t t = clock_wall_ms() / 1000;
	struct cron c;

	if (cron_parse(&c, text, e) == -1 || cron_check(&c, e) == -1 ||
	    (z = zone_open(arg_option(a, "tz"), e)) == NULL ||
	    (after != NULL && time_parse(after, z, &t, e) == -1))
		return NULL;
	reads = cron_words(&c);
	return json_pack("{s:o, s:s}", "next", matches(&c, z, t, n), "reads", reads);
}

int
cron_next_command(struct cli *cli, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *found = NULL;
	long n;

	if (arg_number(a, "number", 1, SHOWN, &n, &e) == -1)
		return cli_usage(a, "%s", e.text);
	if (n > SHOWN_MAX)
		return cli_usage(a, "--number takes 1 to %d", SHOWN_MAX);
	if ((found = find(a, n, &e)) == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, found);
	else
		show(found);
	return 0;
}

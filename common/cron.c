/* SPDX-License-Identifier: Apache-2.0 */
/* See cron.h. The dialect is the scheduler specification's; tests/vectors/cron.json pins it. */
#include "common/cron.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/civil.h"
#include "common/mem.h"

#define HORIZON ((int64_t)CRON_YEARS * 366 * DAY_SECONDS)

struct field {
	const char	*name;
	int		 min, max;
	const char	*names;			/* three letters each */
	bool		 question;		/* ? is the same as * */
};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, SECOND, FIELDS };

static const struct field fields[FIELDS] = {
	[MINUTE]  = { "minute", 0, 59, "", false },
	[HOUR]    = { "hour", 0, 23, "", false },
	[DAY]     = { "day of month", 1, 31, "", true },
	[MONTH]   = { "month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", false },
	[WEEKDAY] = { "day of week", 0, 6, "sunmontuewedthufrisat", true },
	[SECOND]  = { "second", 0, 59, "", false },
};

static const struct {
	const char	*alias, *text;
} aliases[] = {
	{ "@hourly", "0 * * * *" }, { "@daily", "0 0 * * *" }, { "@midnight", "0 0 * * *" },
	{ "@weekly", "0 0 * * 0" }, { "@monthly", "0 0 1 * *" }, { "@yearly", "0 0 1 1 *" },
	{ "@annually", "0 0 1 1 *" },
};

/* ---- reading ---- */

static int
refuse(const struct field *f, struct error *e, const char *item, const char *why)
{
	return error_set(e, ERR_invalid, "%s: \"%s\" %s", f->name, item, why);
}

/* Digits only, at most most; -1 for anything else. */
static int
plain_number(const char *s, int most)
{
	int value = 0;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		value = value * 10 + *s - '0';
		if (value > most)
			return -1;
	}
	return value;
}

/* A number or a name of the field; -1: neither. Sunday may be 7. */
static int
value_of(const struct field *f, const char *s)
{
	int value = plain_number(s, f == &fields[WEEKDAY] ? 7 : f->max);

	if (value >= f->min)
		return value == 7 && f == &fields[WEEKDAY] ? 0 : value;
	if (strlen(s) == 3)
		for (size_t i = 0; f->names[i] != '\0'; i += 3)
			if (strncmp(f->names + i, s, 3) == 0)
				return f->min + (int)i / 3;
	return -1;
}

static uint64_t
steps(int from, int to, int step)
{
	uint64_t bits = 0;

	for (int v = from; v <= to; v += step)
		bits |= 1ULL << v;
	return bits;
}

/* Past the end and on from the start; the second start is the reference's, which people's files rely on. */
static uint64_t
wrapped(const struct field *f, int from, int to, int step)
{
	int last = from + (f->max - from) / step * step;
	int again = last + step == f->max + 1 ? f->min : f->min + step - (f->max - last);

	return steps(from, f->max, step) | steps(again, to, step);
}

static uint64_t
range(const struct field *f, int from, int to, int step)
{
	if (from == to)
		return steps(f->min, f->max, step);
	return from < to ? steps(from, to, step) : wrapped(f, from, to, step);
}

/* "*", "a", "a-b", each with "/s" or without; the item is taken apart. */
static int
plain_item(const struct field *f, char *item, uint64_t *bits, struct error *e)
{
	cleanup_free char *whole = xstrdup(item);
	char *slash = strchr(item, '/'), *dash;
	int step = 1, from, to;

	if (slash != NULL) {
		*slash = '\0';
		if ((step = plain_number(slash + 1, 9999)) < 1)
			return refuse(f, e, whole, "has no step from 1 on after the /");
	}
	if (strcmp(item, "*") == 0) {
		*bits |= steps(f->min, f->max, step);
		return 0;
	}
	if ((dash = strchr(item, '-')) != NULL)
		*dash = '\0';
	from = value_of(f, item);
	to = dash != NULL ? value_of(f, dash + 1) : from;
	if (from == -1 || to == -1)
		return error_set(e, ERR_invalid, "%s: \"%s\" is not %d to %d%s", f->name, whole, f->min,
		    f == &fields[WEEKDAY] ? 7 : f->max, f->names[0] != '\0' ? ", or a name of three letters" : "");
	if (dash != NULL)
		*bits |= range(f, from, to, step);
	else
		*bits |= slash != NULL ? steps(from, f->max, step) : 1ULL << from;
	return 0;
}

/* "fri#2" or "L5": 1 when it was one, 0 when it is a plain item. */
static int
counted_item(struct cron *c, char *item, struct error *e)
{
	const struct field *f = &fields[WEEKDAY];
	char *hash = strchr(item, '#');
	int day, n;

	if (item[0] == 'l') {
		if (strlen(item) != 2 || (day = plain_number(item + 1, 7)) == -1)
			return refuse(f, e, item, "is not L and a digit from 0 to 7");
		c->last |= (uint8_t)(1u << day % 7);
		return c->counted = true;
	}
	if (hash == NULL)
		return 0;
	n = strlen(hash + 1) == 1 ? plain_number(hash + 1, 5) : -1;
	*hash = '\0';
	day = value_of(f, item);
	*hash = '#';
	if (n < 1 || day == -1)
		return refuse(f, e, item, "is not a weekday, # and 1 to 5");
	c->nth[day] |= (uint8_t)(1u << n);
	return c->counted = true;
}

/* What only one field knows: 1 when the item was that, 0 when it is a plain one. */
static int
special_item(struct cron *c, const struct field *f, char *item, struct error *e)
{
	if (f == &fields[DAY] && strcmp(item, "l") == 0)
		return c->last_day = true;
	return f == &fields[WEEKDAY] ? counted_item(c, item, e) : 0;
}

/* One field; *any when it does not restrict. */
static int
read_field(struct cron *c, const struct field *f, char *text, uint64_t *bits, bool *any, struct error *e)
{
	char *item;
	int special;

	*bits = 0;
	*any = f->question && strcmp(text, "?") == 0;
	if (*any)
		text[0] = '*';
	while ((item = strsep(&text, ",")) != NULL) {
		if (*item == '\0')
			return error_set(e, ERR_invalid, "%s: an item of the list is empty", f->name);
		if (strcmp(item, "*") == 0)
			*any = true;
		if ((special = special_item(c, f, item, e)) == -1 ||
		    (special == 0 && plain_item(f, item, bits, e) == -1))
			return -1;
	}
	return 0;
}

/* Weekdays that are counted and such that are not cannot both decide. */
static int
check_counted(const struct cron *c, struct error *e)
{
	unsigned counted = c->last;

	for (int day = 0; day < 7; day++)
		counted |= c->nth[day] != 0 ? 1u << day : 0;
	if (c->counted && (c->weekday & ~counted) != 0)
		return error_set(e, ERR_invalid, "day of week: weekdays with # or L cannot be mixed with plain ones");
	return 0;
}

static int
read_fields(struct cron *c, char *words[FIELDS], struct error *e)
{
	uint64_t bits[FIELDS];
	bool any[FIELDS];

	for (int i = 0; i < FIELDS; i++)
		if (read_field(c, &fields[i], words[i], &bits[i], &any[i], e) == -1)
			return -1;
	c->second = bits[SECOND];
	c->minute = bits[MINUTE];
	c->hour = (uint32_t)bits[HOUR];
	c->day = (uint32_t)bits[DAY];
	c->month = (uint16_t)bits[MONTH];
	c->weekday = (uint8_t)bits[WEEKDAY];
	c->any_day = any[DAY];
	c->any_weekday = any[WEEKDAY];
	return check_counted(c, e);
}

/* A lower-case copy with the alias replaced; NULL: no such alias. */
static char *
normal(const char *text)
{
	cleanup_free char *copy = xstrdup(text + strspn(text, " \t\r\n\v\f"));
	size_t len = strlen(copy);

	while (len > 0 && strchr(" \t\r\n\v\f", copy[len - 1]) != NULL)
		copy[--len] = '\0';
	for (char *p = copy; *p != '\0'; p++)
		*p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
	if (copy[0] != '@')
		return steal(copy);
	for (size_t i = 0; i < COUNT(aliases); i++)
		if (strcmp(aliases[i].alias, copy) == 0)
			return xstrdup(aliases[i].text);
	return NULL;
}

int
cron_parse(struct cron *c, const char *text, struct error *e)
{
	cleanup_free char *copy = NULL;
	char *words[FIELDS], seconds[] = "0", *rest, *word;
	int n = 0;

	*c = (struct cron){ 0 };
	if (strlen(text) > CRON_TEXT_MAX)
		return error_set(e, ERR_invalid, "an expression of more than %d characters", CRON_TEXT_MAX);
	if ((rest = copy = normal(text)) == NULL)
		return error_set(e, ERR_invalid, "\"%s\" is not one of @hourly, @daily, @midnight, @weekly, @monthly,"
		    " @yearly, @annually", text);
	while ((word = strsep(&rest, " \t\r\n\v\f")) != NULL) {
		if (*word == '\0')
			continue;
		if (n < FIELDS)
			words[n] = word;
		n++;
	}
	if (n != FIELDS && n != FIELDS - 1)
		return error_set(e, ERR_invalid, "%d field%s where there must be five (minute, hour, day of month, month,"
		    " day of week) or six (and second)", n, n == 1 ? "" : "s");
	if (n == FIELDS - 1)
		words[SECOND] = seconds;
	return read_fields(c, words, e);
}

int
cron_check(const struct cron *c, struct error *e)
{
	if (c->counted || c->any_day || !c->any_weekday || c->last_day)
		return 0;
	for (int month = 1; month <= 12; month++)
		if ((c->month >> month & 1) != 0 && (c->day & steps(1, civil_month_days(2000, month), 1)) != 0)
			return 0;
	return error_set(e, ERR_invalid, "day of month: never due, the months of this expression have no such day");
}

/* ---- searching ---- */

/* The lowest value of a set from `from` on; -1: none. */
static int
next_bit(uint64_t bits, int from)
{
	bits = from < 64 ? bits >> from << from : 0;
	return bits != 0 ? __builtin_ctzll(bits) : -1;
}

/* The first matching second of a day from `from` on; -1: none that day. */
static int
next_in_day(const struct cron *c, int from)
{
	int hour = from / 3600, minute = from / 60 % 60, second = from % 60, h, m, s;

	if ((h = next_bit(c->hour, hour)) == -1)
		return -1;
	if (h > hour)
		return h * 3600 + next_bit(c->minute, 0) * 60 + next_bit(c->second, 0);
	if ((m = next_bit(c->minute, minute)) == -1)
		return next_in_day(c, (hour + 1) * 3600);
	if (m > minute)
		return h * 3600 + m * 60 + next_bit(c->second, 0);
	if ((s = next_bit(c->second, second)) == -1)
		return next_in_day(c, from - second + 60);
	return h * 3600 + m * 60 + s;
}

/* Weekdays as days of a month of n days that begins with the weekday `first`. */
static uint32_t
days_by_weekday(const struct cron *c, int first, int n)
{
	uint32_t days = 0;

	for (int day = 1; day <= n; day++) {
		int weekday = (first + day - 1) % 7;
		bool hit = c->counted ? (c->nth[weekday] >> ((day - 1) / 7 + 1) & 1) != 0 ||
		    ((c->last >> weekday & 1) != 0 && day + 7 > n) : (c->weekday >> weekday & 1) != 0;

		days |= hit ? 1u << day : 0;
	}
	return days;
}

/* The matching days of a month. */
static uint32_t
days_of(const struct cron *c, int64_t year, int month)
{
	int n = civil_month_days(year, month);
	uint32_t all = (uint32_t)steps(1, n, 1);
	uint32_t by_day = c->any_day ? all : (c->day | (c->last_day ? 1u << n : 0)) & all;
	uint32_t by_weekday = days_by_weekday(c, civil_weekday(civil_days(year, month, 1)), n);

	if (c->counted || (c->any_day && !c->any_weekday))
		return by_weekday;
	return c->any_weekday ? by_day : by_day | by_weekday;
}

/* The first match of a month from a day and a second of that day on; -1: none. */
static int64_t
next_in_month(const struct cron *c, int64_t year, int month, int day, int second)
{
	uint32_t days = days_of(c, year, month);

	for (int d = day; (d = next_bit(days, d)) != -1; d++) {
		int found = next_in_day(c, d == day ? second : 0);

		if (found != -1)
			return (int64_t)(d - 1) * DAY_SECONDS + found;
	}
	return -1;
}

/* The first matching wall-clock time in [from, limit). */
static bool
next_local(const struct cron *c, int64_t from, int64_t limit, int64_t *out)
{
	struct civil t;
	int64_t begin, found;
	int second;

	civil_from(from, &t);
	second = t.hour * 3600 + t.minute * 60 + t.second;
	while ((begin = civil_days(t.year, t.month, 1) * DAY_SECONDS) < limit) {
		if ((c->month >> t.month & 1) != 0 &&
		    (found = next_in_month(c, t.year, t.month, t.day, second)) != -1) {
			*out = begin + found;
			return *out < limit;
		}
		t.year += t.month == 12;
		t.month = t.month % 12 + 1;
		t.day = 1;
		second = 0;
	}
	return false;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/*
 * One stretch of an unchanged clock after the other. An expression for every
 * hour follows real time; any other runs once for each wall-clock time: at the
 * end of a gap for those that it skipped, in the first pass for those that come twice.
 */
bool
cron_next(const struct cron *c, const struct zone *z, int64_t after, int64_t *next)
{
	int64_t horizon = after + HORIZON, from, end, local;
	bool hourly = c->hour == CRON_HOURS;
	struct zone_span s;

	if (after < CIVIL_FIRST || after > CIVIL_LAST - HORIZON)
		return false;
	zone_span(z, after, &s);
	for (from = after + 1 + s.offset;; from = s.start + s.offset) {
		if (!hourly)
			from = later(from, s.start + later(s.before, s.offset));
		end = s.end < horizon ? s.end : horizon;
		if (next_local(c, from, end + s.offset, &local)) {
			*next = local - s.offset;
			return true;
		}
		if (s.end >= horizon)
			return false;
		zone_span(z, s.end, &s);
		if (!hourly && s.offset > s.before &&
		    next_local(c, s.start + s.before, s.start + s.offset, &local)) {
			*next = s.start;
			return true;
		}
	}
}

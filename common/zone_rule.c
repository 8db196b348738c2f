/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule that a zone follows for ever after the last change of its table:
 * the text of TZ (POSIX, and RFC 8536 3.3.1), read and applied. What does not
 * fit is no rule.
 */
#include <string.h>

#include "common/civil.h"
#include "common/mem.h"
#include "common/zone_own.h"

/* A number of at most three digits, not above most. -1: none. */
static int
number(const char **p, int most)
{
	size_t n = strspn(*p, DIGITS);
	int value = 0;

	if (n == 0 || n > 3)
		return -1;
	for (; n > 0; n--)
		value = value * 10 + *(*p)++ - '0';
	return value <= most ? value : -1;
}

/* [+-]hh[:mm[:ss]], hours up to 167 as in version 3 of the format. */
static int
clock_time(const char **p, int hours, int32_t *out)
{
	int sign = **p == '-' ? -1 : 1, part, unit = 3600;

	*p += **p == '-' || **p == '+';
	if ((part = number(p, hours)) == -1)
		return -1;
	*out = part * unit;
	while (**p == ':' && unit > 1) {
		++*p;
		unit /= 60;
		if ((part = number(p, 59)) == -1)
			return -1;
		*out += part * unit;
	}
	*out *= sign;
	return 0;
}

/* The name of an offset, three letters at least or anything simple in <>; it is not kept. */
static int
skip_name(const char **p)
{
	bool quoted = **p == '<';
	size_t n = strspn(*p + quoted, quoted ? LETTERS DIGITS "+-" : LETTERS);

	if (n < 3 || (quoted && (*p)[n + 1] != '>'))
		return -1;
	*p += n + (quoted ? 2 : 0);
	return 0;
}

static int
offset_west(const char **p, int32_t *out)
{
	int32_t west;

	if (clock_time(p, 24, &west) == -1)
		return -1;
	*out = -west;
	return 0;
}

static int
month_day(const char **p, struct turn_day *d)
{
	if ((d->month = number(p, 12)) < 1 || *(*p)++ != '.' ||
	    (d->week = number(p, 5)) < 1 || *(*p)++ != '.')
		return -1;
	return (d->day = number(p, 6)) == -1 ? -1 : 0;
}

/* ",DAY[/TIME]" */
static int
turn_day(const char **p, struct turn_day *d)
{
	if (*(*p)++ != ',')
		return -1;
	d->kind = **p == 'M' || **p == 'J' ? *(*p)++ : '0';
	d->time = 2 * 3600;
	if (d->kind == 'M' ? month_day(p, d) == -1 : (d->day = number(p, 365)) < (d->kind == 'J'))
		return -1;
	if (**p != '/')
		return 0;
	++*p;
	return clock_time(p, 167, &d->time);
}

int
zone_rule_parse(const char *p, struct rule *r)
{
	if (skip_name(&p) == -1 || offset_west(&p, &r->standard) == -1)
		return -1;
	r->given = true;
	if (*p == '\0')
		return 0;
	r->summer = true;
	r->saving = r->standard + 3600;
	if (skip_name(&p) == -1 || (*p != ',' && *p != '\0' && offset_west(&p, &r->saving) == -1))
		return -1;
	if (*p == '\0')
		p = ",M3.2.0,M11.1.0";		/* what the C library takes when the days are missing */
	return turn_day(&p, &r->from) == -1 || turn_day(&p, &r->to) == -1 || *p != '\0' ? -1 : 0;
}

/* When the clock of `offset` is changed that year. */
static int64_t
turn_at(const struct turn_day *d, int64_t year, int32_t offset)
{
	int64_t day = civil_days(year, 1, 1) + d->day;

	if (d->kind == 'J')
		day -= d->day < 60 || civil_month_days(year, 2) == 28;
	if (d->kind == 'M') {
		int64_t first = civil_days(year, d->month, 1);
		int nth = (d->day - civil_weekday(first) + 7) % 7 + 7 * (d->week - 1);

		day = first + nth - (nth >= civil_month_days(year, d->month) ? 7 : 0);
	}
	return day * DAY_SECONDS + d->time - offset;
}

/* Put a change where it belongs; of two at once the later one counts. */
static void
insert(struct zone_span *changes, int n, int64_t at, int32_t offset)
{
	int i = n;

	for (; i > 0 && changes[i - 1].start > at; i--)
		changes[i] = changes[i - 1];
	changes[i] = (struct zone_span){ .start = at, .offset = offset };
}

void
zone_rule_span(const struct rule *r, int64_t t, struct zone_span *out)
{
	struct zone_span changes[8];
	struct civil c;
	int n = 0, i = 0, before;

	*out = (struct zone_span){ ZONE_BEGIN, ZONE_END, r->standard, r->standard };
	if (!r->summer)
		return;
	civil_from(t, &c);
	for (int64_t year = c.year - 1; year <= c.year + 2; year++) {	/* a rule may move its day by a week */
		insert(changes, n++, turn_at(&r->from, year, r->standard), r->saving);
		insert(changes, n++, turn_at(&r->to, year, r->saving), r->standard);
	}
	while (i + 1 < n && changes[i + 1].start <= t)
		i++;
	for (before = i; before > 0 && changes[before].start == changes[i].start; before--)
		continue;
	*out = changes[i];
	out->before = changes[before].offset;
	out->end = i + 1 < n ? changes[i + 1].start : ZONE_END;
}

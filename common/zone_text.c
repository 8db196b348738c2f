/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An instant as text, with the zone's offset (zone.h): what people and
 * models write is read strictly, in one of few forms.
 */
#include <stdio.h>
#include <string.h>

#include "common/civil.h"
#include "common/zone_own.h"

/* Exactly n digits. */
static bool
digits(const char **p, int n, int *out)
{
	*out = 0;
	for (; n > 0; n--, ++*p) {
		if (**p < '0' || **p > '9')
			return false;
		*out = *out * 10 + **p - '0';
	}
	return true;
}

static bool
parse_date(const char **p, struct civil *c)
{
	int year;

	if (!digits(p, 4, &year) || *(*p)++ != '-' || !digits(p, 2, &c->month) || *(*p)++ != '-' || !digits(p, 2, &c->day))
		return false;
	c->year = year;
	return year > 0 && c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= civil_month_days(year, c->month);
}

/* "T10:05[:30[.5]]" or nothing; a fraction is dropped. */
static bool
parse_time(const char **p, struct civil *c)
{
	if (**p != 'T' && **p != 't' && **p != ' ')
		return true;
	++*p;
	if (!digits(p, 2, &c->hour) || *(*p)++ != ':' || !digits(p, 2, &c->minute))
		return false;
	if (**p == ':') {
		++*p;
		if (!digits(p, 2, &c->second))
			return false;
		if (**p == '.')
			*p += 1 + strspn(*p + 1, DIGITS);
	}
	return c->hour < 24 && c->minute < 60 && c->second < 60;
}

/* "Z", "+01:00", "+0100"; false when there is something else. */
static bool
parse_offset(const char *p, int *out)
{
	int sign = *p == '-' ? -1 : 1, hours, minutes;

	*out = 0;
	if ((*p == 'Z' || *p == 'z') && p[1] == '\0')
		return true;
	if (*p != '+' && *p != '-')
		return false;
	p++;
	if (!digits(&p, 2, &hours))
		return false;
	p += *p == ':';
	if (!digits(&p, 2, &minutes) || *p != '\0' || hours > 23 || minutes > 59)
		return false;
	*out = sign * (hours * 3600 + minutes * 60);
	return true;
}

int
time_parse(const char *text, const struct zone *z, int64_t *out, struct error *e)
{
	struct civil c = { 0 };
	const char *p = text;
	int offset;

	if (!parse_date(&p, &c) || !parse_time(&p, &c) || (*p != '\0' && !parse_offset(p, &offset)))
		return error_set(e, ERR_invalid, "\"%.60s\" is not a time like 2026-11-21T10:05:00+01:00", text);
	*out = *p == '\0' ? zone_instant(z, civil_seconds(&c)) : civil_seconds(&c) - offset;
	return 0;
}

void
time_print(const struct zone *z, int64_t t, char out[ZONE_TEXT])
{
	struct zone_span s;
	struct civil c;
	unsigned east;

	zone_span(z, t, &s);
	civil_from(zone_clamp(t + s.offset), &c);
	east = (unsigned)(s.offset < 0 ? -s.offset : s.offset);
	snprintf(out, ZONE_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u%c%02u:%02u", (unsigned)c.year % 10000u,
	    (unsigned)c.month % 100u, (unsigned)c.day % 100u, (unsigned)c.hour % 100u, (unsigned)c.minute % 100u,
	    (unsigned)c.second % 100u, s.offset < 0 ? '-' : '+', east / 3600 % 100u, east / 60 % 60u);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See zone.h. A zone is a table of changes and, after the last one, a rule
 * that goes on for ever. Files with leap seconds ("right/...") are refused:
 * nothing else here counts them.
 */
#include "common/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/civil.h"
#include "common/mem.h"

#define FILE_MAX	65536		/* the largest of the system is 4 KiB */
#define NAME_MAX_	64
#define OFFSET_MAX	(26 * 3600)	/* RFC 8536, 3.2 */
#define HEADER		44
#define LETTERS		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS		"0123456789"

/* A day of a year at which a rule changes the clock: Mm.w.d, Jn, n; and when on that day. */
struct turn_day {
	char	kind;			/* 'M', 'J' or '0' */
	int	month, week, day;
	int32_t	time;
};

struct rule {
	bool		given, summer;	/* a rule at all; one with two offsets */
	int32_t		standard, saving;
	struct turn_day	from, to;	/* saving begins, ends */
};

struct zone {
	size_t		 n;
	int64_t		*at;
	int32_t		*offset;	/* from at[i] on */
	int32_t		 first;		/* before at[0] */
	struct rule	 rule;
};

/* ---- rules ---- */

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

static int
parse_rule(const char *p, struct rule *r)
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

static void
rule_span(const struct rule *r, int64_t t, struct zone_span *out)
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

/* ---- files ---- */

struct reader {
	const unsigned char	*p;
	size_t			 left;
};

/* Numbers of a header, in their order there. */
struct counts {
	uint32_t	utc, standard, leap, times, types, chars;
};

static uint64_t
big_endian(const unsigned char *p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static const unsigned char *
take(struct reader *r, size_t n)
{
	const unsigned char *p = r->p;

	if (n > r->left)
		return NULL;
	r->p += n;
	r->left -= n;
	return p;
}

/* The header; its version, or -1. No count is larger than the file. */
static int
header(struct reader *r, struct counts *c)
{
	uint32_t *out[] = { &c->utc, &c->standard, &c->leap, &c->times, &c->types, &c->chars };
	const unsigned char *p = take(r, HEADER);

	if (p == NULL || memcmp(p, "TZif", 4) != 0)
		return -1;
	for (int i = 0; i < 6; i++)
		if ((*out[i] = (uint32_t)big_endian(p + 20 + 4 * i, 4)) > FILE_MAX)
			return -1;
	return p[4];
}

static size_t
block_size(const struct counts *c, size_t width)
{
	return c->times * (width + 1) + c->types * 6 + c->chars + c->leap * (width + 4) + c->standard + c->utc;
}

static int
read_types(const unsigned char *p, size_t n, int32_t *offsets)
{
	for (size_t i = 0; i < n; i++) {
		offsets[i] = (int32_t)(uint32_t)big_endian(p + 6 * i, 4);
		if (offsets[i] < -OFFSET_MAX || offsets[i] > OFFSET_MAX)
			return -1;
	}
	return 0;
}

static int64_t
read_time(const unsigned char *p, size_t width)
{
	return width == 8 ? (int64_t)big_endian(p, 8) : (int32_t)(uint32_t)big_endian(p, 4);
}

/* Times that no text can hold count as the first or last that it can; order stays. */
static int64_t
clamp(int64_t t)
{
	return t < CIVIL_FIRST ? CIVIL_FIRST : t > CIVIL_LAST ? CIVIL_LAST : t;
}

static int
read_changes(struct zone *z, const unsigned char *p, const struct counts *c, size_t width)
{
	const unsigned char *which = p + c->times * width;
	int32_t offsets[256];

	if (c->types == 0 || c->types > COUNT(offsets) || read_types(which + c->times, c->types, offsets) == -1)
		return -1;
	z->n = c->times;
	z->first = offsets[0];
	z->at = xcalloc(z->n + 1, sizeof(*z->at));
	z->offset = xcalloc(z->n + 1, sizeof(*z->offset));
	for (size_t i = 0; i < z->n; i++) {
		if (which[i] >= c->types || (i > 0 &&
		    read_time(p + i * width, width) <= read_time(p + (i - 1) * width, width)))
			return -1;
		z->at[i] = clamp(read_time(p + i * width, width));
		z->offset[i] = offsets[which[i]];
	}
	return 0;
}

/* "\nRULE\n" after the block; an empty one says nothing about later times. */
static int
read_footer(struct zone *z, struct reader *r)
{
	char text[128];
	const unsigned char *end;
	size_t n;

	if (r->left < 2 || r->p[0] != '\n' || (end = memchr(r->p + 1, '\n', r->left - 1)) == NULL)
		return -1;
	n = (size_t)(end - r->p) - 1;
	if (n >= sizeof(text) || memchr(r->p + 1, '\0', n) != NULL)
		return -1;
	memcpy(text, r->p + 1, n);
	text[n] = '\0';
	return n == 0 ? 0 : parse_rule(text, &z->rule);
}

static int
read_zone(struct zone *z, struct reader *r)
{
	struct counts c;
	const unsigned char *block;
	size_t width = 4;
	int version = header(r, &c);

	if (version == -1)
		return -1;
	if (version >= '2') {			/* the first block is for old readers */
		if (take(r, block_size(&c, 4)) == NULL || header(r, &c) == -1)
			return -1;
		width = 8;
	}
	if (c.leap != 0 || (block = take(r, block_size(&c, width))) == NULL || read_changes(z, block, &c, width) == -1)
		return -1;
	return width == 8 ? read_footer(z, r) : 0;
}

struct zone *
zone_parse(const void *data, size_t len, struct error *e)
{
	struct reader r = { data, len };
	struct zone *z = xcalloc(1, sizeof(*z));

	if (len <= FILE_MAX && read_zone(z, &r) == 0)
		return z;
	zone_free(z);
	error_set(e, ERR_invalid, "not a time zone file that can be used");
	return NULL;
}

struct zone *
zone_rule(const char *text, struct error *e)
{
	struct zone *z = xcalloc(1, sizeof(*z));

	if (parse_rule(text, &z->rule) == 0)
		return z;
	zone_free(z);
	error_set(e, ERR_invalid, "\"%s\" is not a time zone rule", text);
	return NULL;
}

void
zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->at);
	free(z->offset);
	free(z);
}

static struct zone *
read_path(const char *path, struct error *e)
{
	cleanup_free unsigned char *data = xmalloc(FILE_MAX + 1);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	size_t len = 0;
	ssize_t n;

	if (fd == -1)
		return error_errno(e, "open %s", path), NULL;
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return error_set(e, ERR_invalid, "%s: not a file", path), NULL;
	while (len <= FILE_MAX && (n = read(fd, data + len, FILE_MAX + 1 - len)) > 0)
		len += (size_t)n;
	return zone_parse(data, len, e);
}

/* Words of letters, digits, _, + and - between single slashes: nothing that leaves the folder. */
static bool
name_good(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_ || strspn(name, LETTERS DIGITS "_+-/") != len)
		return false;
	return name[0] != '/' && name[len - 1] != '/' && strstr(name, "//") == NULL;
}

static struct zone *
open_name(const char *name, struct error *e)
{
	cleanup_free char *path = NULL;
	struct zone *z;

	if (strcmp(name, "UTC") == 0)		/* needs no file */
		return zone_rule("UTC0", e);
	if (!name_good(name))
		return error_set(e, ERR_invalid, "\"%.80s\" is not the name of a time zone", name), NULL;
	path = xasprintf("%s/%s", ZONE_DIR, name);
	if ((z = read_path(path, e)) == NULL)
		error_set(e, ERR_not_found, "no time zone \"%s\" on this machine", name);
	return z;
}

/* $TZ: a name, or a rule; a leading colon says the same. */
static struct zone *
open_environment(const char *tz, struct error *e)
{
	struct zone *z;

	tz += tz[0] == ':';
	if (tz[0] == '\0')
		return zone_rule("UTC0", e);
	if ((z = open_name(tz, e)) == NULL)
		z = zone_rule(tz, NULL);
	return z;
}

struct zone *
zone_open(const char *name, struct error *e)
{
	const char *tz = getenv("TZ");

	if (name != NULL)
		return open_name(name, e);
	if (tz != NULL)
		return open_environment(tz, e);
	if (access("/etc/localtime", F_OK) == -1 && errno == ENOENT)
		return zone_rule("UTC0", e);
	return read_path("/etc/localtime", e);
}

/* ---- use ---- */

/* How many changes are not later than t. */
static size_t
count_until(const struct zone *z, int64_t t)
{
	size_t low = 0, high = z->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (z->at[middle] <= t)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int32_t
offset_after(const struct zone *z, size_t changes)
{
	return changes == 0 ? z->first : z->offset[changes - 1];
}

void
zone_span(const struct zone *z, int64_t t, struct zone_span *out)
{
	size_t i = count_until(z, t);

	if (i < z->n || !z->rule.given) {
		out->start = i == 0 ? ZONE_BEGIN : z->at[i - 1];
		out->end = i == z->n ? ZONE_END : z->at[i];
		out->offset = offset_after(z, i);
		out->before = offset_after(z, i == 0 ? 0 : i - 1);
		return;
	}
	rule_span(&z->rule, t, out);
	if (z->n > 0 && out->start <= z->at[z->n - 1]) {
		out->start = z->at[z->n - 1];
		out->before = offset_after(z, z->n - 1);
	}
}

int64_t
zone_instant(const struct zone *z, int64_t local)
{
	struct zone_span s;

	zone_span(z, local - 2 * OFFSET_MAX, &s);
	for (;;) {
		if (local - s.offset < s.end)
			return local - s.offset;
		int32_t old = s.offset;
		int64_t end = s.end;

		zone_span(z, end, &s);
		if (local - s.offset < end)		/* skipped by the change */
			return local - old;
	}
}

/* ---- text ---- */

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
	civil_from(clamp(t + s.offset), &c);
	east = (unsigned)(s.offset < 0 ? -s.offset : s.offset);
	snprintf(out, ZONE_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u%c%02u:%02u", (unsigned)c.year % 10000u,
	    (unsigned)c.month % 100u, (unsigned)c.day % 100u, (unsigned)c.hour % 100u, (unsigned)c.minute % 100u,
	    (unsigned)c.second % 100u, s.offset < 0 ? '-' : '+', east / 3600 % 100u, east / 60 % 60u);
}

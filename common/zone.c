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
#include "common/zone_own.h"

#define FILE_MAX	65536		/* the largest of the system is 4 KiB */
#define NAME_MAX_	64
#define HEADER		44

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
		if (offsets[i] < -ZONE_OFFSET_MAX || offsets[i] > ZONE_OFFSET_MAX)
			return -1;
	}
	return 0;
}

static int64_t
read_time(const unsigned char *p, size_t width)
{
	return width == 8 ? (int64_t)big_endian(p, 8) : (int32_t)(uint32_t)big_endian(p, 4);
}

int64_t
zone_clamp(int64_t t)
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
		z->at[i] = zone_clamp(read_time(p + i * width, width));
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
	return n == 0 ? 0 : zone_rule_parse(text, &z->rule);
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

	if (zone_rule_parse(text, &z->rule) == 0)
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
	zone_rule_span(&z->rule, t, out);
	if (z->n > 0 && out->start <= z->at[z->n - 1]) {
		out->start = z->at[z->n - 1];
		out->before = offset_after(z, z->n - 1);
	}
}

int64_t
zone_instant(const struct zone *z, int64_t local)
{
	struct zone_span s;

	zone_span(z, local - 2 * ZONE_OFFSET_MAX, &s);
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

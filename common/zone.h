/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones as values: read from the system's TZif files (RFC 8536) or from
 * a POSIX rule, many at once, in any thread and inside a fence. The C
 * library knows one zone per process and changes it through the environment.
 * Neither names nor files are trusted.
 */
#ifndef ALPI_ZONE_H
#define ALPI_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct zone;

#define ZONE_DIR	"/usr/share/zoneinfo"
#define ZONE_BEGIN	(INT64_MIN / 4)		/* no change of the clock before, or after */
#define ZONE_END	(INT64_MAX / 4)
#define ZONE_TEXT	40			/* room that time_print needs */

/* A time in which the clock was not changed: start <= t < end. Seconds; offsets are east of UTC. */
struct zone_span {
	int64_t	start, end;
	int32_t	offset, before;		/* in it, and just before its start */
};

/*
 * A zone by its name ("Europe/Madrid"); NULL: the machine's ($TZ, a name or a
 * rule, else /etc/localtime, else UTC). NULL with ERR_invalid or ERR_not_found. Reads a file.
 */
struct zone *zone_open(const char *name, struct error *e);
/* The bytes of a TZif file; a rule like "CET-1CEST,M3.5.0,M10.5.0/3". NULL with ERR_invalid. */
struct zone *zone_parse(const void *data, size_t len, struct error *e);
struct zone *zone_rule(const char *text, struct error *e);
void	 zone_free(struct zone *z);

void	 zone_span(const struct zone *z, int64_t t, struct zone_span *out);
/* The instant of a wall-clock time: the first of two; one that was skipped counts on from before the change. */
int64_t	 zone_instant(const struct zone *z, int64_t local);

/* ISO 8601, "2026-11-21[T10:05[:30[.5]]][Z|+01:00]"; without an offset it is the zone's time. -1 with ERR_invalid. */
int	 time_parse(const char *text, const struct zone *z, int64_t *out, struct error *e);
/* An instant of the years 1 to 9999 in the zone's time, with its offset. */
void	 time_print(const struct zone *z, int64_t t, char out[ZONE_TEXT]);

static inline void
cleanup_zone_(struct zone **z)
{
	zone_free(*z);
}
#define cleanup_zone __attribute__((cleanup(cleanup_zone_)))

#endif

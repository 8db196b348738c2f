/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a recurring job is due. An expression becomes one set of bits per
 * field; the next match is found by jumping from field to field, across the
 * changes of a zone's clock. What people write is not trusted.
 */
#ifndef ALPI_CRON_H
#define ALPI_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/zone.h"

#define CRON_TEXT_MAX	256
#define CRON_YEARS	50		/* how far ahead a match is looked for */
#define CRON_HOURS	((1u << 24) - 1)	/* every hour */

/* Bit n: the value n. */
struct cron {
	uint64_t	second, minute;
	uint32_t	hour, day;
	uint16_t	month;
	uint8_t		weekday;		/* bit 0: Sunday */
	bool		last_day;		/* L: also the last day of the month */
	bool		any_day, any_weekday;	/* the field does not restrict */
	bool		counted;		/* only nth and last decide about the day */
	uint8_t		nth[7];			/* per weekday; bit n: the n-th of the month */
	uint8_t		last;			/* weekdays of which the last in the month counts */
};

/* Read five or six fields (seconds last) or an @alias. -1 with ERR_invalid that names the field. */
int	cron_parse(struct cron *c, const char *text, struct error *e);
/* Is there a day that it ever matches? -1 with ERR_invalid that names the field. */
int	cron_check(const struct cron *c, struct error *e);
/* The first match strictly later than `after`; false: none within CRON_YEARS. */
bool	cron_next(const struct cron *c, const struct zone *z, int64_t after, int64_t *next);

#endif

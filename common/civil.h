/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proleptic Gregorian calendar in whole seconds, without a time zone:
 * the same number means an instant or a wall-clock time, as its user says.
 */
#ifndef ALPI_CIVIL_H
#define ALPI_CIVIL_H

#include <stdint.h>

#define DAY_SECONDS	86400
/* The years that text can hold: 0001-01-01T00:00:00 and 9999-12-31T23:59:59. */
#define CIVIL_FIRST	(-62135596800LL)
#define CIVIL_LAST	253402300799LL

struct civil {
	int64_t	year;
	int	month, day;			/* from 1 */
	int	hour, minute, second;
};

/* Days since 1970-01-01; month 1 to 12, the day may be any number. */
int64_t	civil_days(int64_t year, int month, int day);
int64_t	civil_seconds(const struct civil *c);
void	civil_from(int64_t seconds, struct civil *c);
int	civil_month_days(int64_t year, int month);
/* 0 is Sunday. */
int	civil_weekday(int64_t days);

#endif

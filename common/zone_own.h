/* SPDX-License-Identifier: Apache-2.0 */
/* What zone.c, zone_rule.c and zone_text.c share. Nobody else includes this. */
#ifndef ALPI_ZONE_OWN_H
#define ALPI_ZONE_OWN_H

#include <stdbool.h>

#include "common/zone.h"

#define ZONE_OFFSET_MAX	(26 * 3600)	/* RFC 8536, 3.2 */
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

/* ---- zone.c ---- */

/* Times that no text can hold count as the first or last that it can; order stays. */
int64_t	 zone_clamp(int64_t t);

/* ---- zone_rule.c ---- */

/* Of the text of TZ, to its end. 0 or -1: it is none. */
int	 zone_rule_parse(const char *p, struct rule *r);
/* The span in which t lies, of a rule that is given. */
void	 zone_rule_span(const struct rule *r, int64_t t, struct zone_span *out);

#endif

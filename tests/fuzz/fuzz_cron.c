/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An expression on the first line; after it a rule, or the bytes of a zone
 * file. A match lies after the start and within the horizon, nothing lies
 * between the start and it, and what can never be due never is.
 */
#include <stdlib.h>
#include <string.h>

#include "common/civil.h"
#include "common/cron.h"
#include "common/mem.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define SOME_TIME 1762000000		/* a night with a clock change in New York */

static struct zone *
zone_of(const unsigned char *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size);
	struct zone *z = zone_parse(data, size, NULL);

	if (z == NULL)
		z = zone_rule(text, NULL);
	return z != NULL ? z : zone_open("UTC", NULL);
}

/* The spans of a zone follow each other. */
static void
walk(const struct zone *z)
{
	struct zone_span s;
	int64_t t = CIVIL_FIRST - DAY_SECONDS;

	for (int i = 0; i < 8000 && t < ZONE_END && t <= CIVIL_LAST; i++, t = s.end) {
		zone_span(z, t, &s);
		if (s.start > t || s.end <= t)
			abort();
	}
}

static void
search(const struct cron *c, const struct zone *z, bool possible)
{
	int64_t t = SOME_TIME, next, again;

	for (int i = 0; i < 8 && cron_next(c, z, t, &next); i++, t = next) {
		char text[ZONE_TEXT];
		int64_t back;

		if (!possible || next <= t || next > t + (int64_t)(CRON_YEARS + 1) * 366 * DAY_SECONDS)
			abort();
		if (!cron_next(c, z, t + (next - t) / 2, &again) || (next - t > 1 && again != next))
			abort();
		time_print(z, next, text);
		(void)time_parse(text, z, &back, NULL);
		(void)zone_instant(z, next);
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const unsigned char *line = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t len = line != NULL ? (size_t)(line - data) : size, used = line != NULL ? len + 1 : size;
	cleanup_free char *text = xstrndup((const char *)data, len);
	cleanup_zone struct zone *z = zone_of(data + used, size - used);
	struct cron c;
	int64_t t;

	walk(z);
	(void)time_parse(text, z, &t, NULL);
	if (cron_parse(&c, text, NULL) == 0)
		search(&c, z, cron_check(&c, NULL) == 0);
	return 0;
}

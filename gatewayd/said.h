/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a log is told of something that keeps failing (gateway.md, section 8):
 * the first failure of each class at once, then how many there were, every
 * five minutes at most. Pure.
 */
#ifndef ALPI_GATEWAYD_SAID_H
#define ALPI_GATEWAYD_SAID_H

#include <stdint.h>

#define SAID_SUMMARY_MS	300000

struct said {			/* all zero: nothing failed */
	int	 class;		/* of the failure that was said last */
	int64_t	 at;		/* when, in ms of the monotonic clock */
	int	 since;		/* failures that were not said */
};

/* One more, of a class that is not 0. How many failures are to be said now; 0: none of them. */
int	 said_failure(struct said *s, int class, int64_t now_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a request that failed is worth another try, and after how long
 * (spec/engine.md, section 5). What the server says about it is heard, and
 * bounded: it can neither make us wait for long nor ask for ever. Nothing is
 * timed or sent here; provider.c does both.
 */
#ifndef ALPI_RETRY_H
#define ALPI_RETRY_H

#include <stdbool.h>

#include "common/error.h"

#define RETRY_AFTER_MAX_MS	60000	/* a server cannot make us wait longer than this */

/* How an attempt ended that brought no answer. */
struct failure {
	struct error	 why;
	int		 status;		/* the HTTP status, or the one an error object named; 0: none */
	long		 retry_after_ms;	/* the server asked for this pause; -1: it did not */
	bool		 shown;			/* a part of the answer is out already: a second one would contradict it */
};

/* Timeouts, connection errors, 429, 5xx, an API error without a status; and nothing was shown. */
bool	 retry_worth(const struct failure *f);
/* Milliseconds before attempt number `attempt` (the first retry is 1): what the server asked for, else the back-off. */
int	 retry_pause_ms(const struct failure *f, int backoff_ms, int attempt);

#endif

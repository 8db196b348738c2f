/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often a platform is tried while it fails (gateway.md, section 4), kept
 * in gateway/.breaker-state.json over restarts: its own pause for the first
 * failures, then five minutes, twice as long each time, an hour at most. A
 * pause is up to a fifth longer, so that not all of us come back at once.
 */
#ifndef ALPI_GATEWAYD_BREAKER_H
#define ALPI_GATEWAYD_BREAKER_H

#include <stdint.h>

#include "common/error.h"

struct breaker;

/* fn runs whenever the status of a breaker was another before. One for the process. */
typedef void breaker_fn(void *arg, const struct breaker *b, const char *platform, const char *previous);
void	 breaker_watch(breaker_fn *fn, void *arg);
/* What cannot be read is a healthy platform. */
struct breaker *breaker_open(const char *home, const char *platform);
void	 breaker_free(struct breaker *b);	/* NULL is fine */
/* It worked. 1: it had not before. */
int	 breaker_ok(struct breaker *b);
/* It did not: how long to wait, in ms, when the platform's own pause is pause_ms. */
int64_t	 breaker_failed(struct breaker *b, const char *why, int64_t pause_ms);
/* How long is left of a pause that began before this process, in ms. */
int64_t	 breaker_left(const struct breaker *b);
const char *breaker_status(const struct breaker *b);	/* healthy, degraded, disabled */
int	 breaker_failures(const struct breaker *b);
const char *breaker_why(const struct breaker *b);	/* of the latest failure; NULL when healthy */
int64_t	 breaker_until(const struct breaker *b);	/* Unix seconds of the next try when disabled; 0 */

#endif

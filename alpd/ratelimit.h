/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sliding window per sender (alp-wire.md, 8.3): at most `cap` admitted
 * requests within 60 s, refused ones leave no trace. In memory; at most 4096
 * senders, the one heard of longest ago goes first.
 */
#ifndef ALPD_RATELIMIT_H
#define ALPD_RATELIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RATE_WINDOW_MS	60000
#define RATE_CHUNKS	600		/* cap of the separate budgets */

struct ratelimit;

struct ratelimit *ratelimit_new(void);
void	 ratelimit_free(struct ratelimit *r);		/* NULL is fine */
/* Admit a request of this sender (an identity, or "identity method" for a separate budget) at now_ms, monotonic? */
bool	 ratelimit_admit(struct ratelimit *r, const char *sender, int cap, int64_t now_ms);
size_t	 ratelimit_senders(const struct ratelimit *r);

#endif

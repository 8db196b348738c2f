/* SPDX-License-Identifier: Apache-2.0 */
/* See retry.h. */
#include "engined/retry.h"

#include "common/clock.h"

#define BACKOFF_MAX_MS	3600000		/* doubling stops here */

bool
retry_worth(const struct failure *f)
{
	if (f->shown)
		return false;
	if (f->why.code == ERR_provider)
		return f->status == 0 || f->status == 429 || f->status >= 500;
	return f->why.code == ERR_timeout || f->why.code == ERR_unavailable || f->why.code == ERR_gone;
}

/* backoff * 2^(attempt-1) * random(0.8..1.2) */
int
retry_pause_ms(const struct failure *f, int backoff_ms, int attempt)
{
	unsigned char r[2];
	double ms = backoff_ms;

	if (f->retry_after_ms > 0)
		return f->retry_after_ms < RETRY_AFTER_MAX_MS ? (int)f->retry_after_ms : RETRY_AFTER_MAX_MS;
	random_bytes(r, sizeof(r));
	for (int i = 1; i < attempt && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	return (int)(ms * (0.8 + 0.4 * (r[0] << 8 | r[1]) / 65535));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See pause.h. */
#include "gatewayd/pause.h"

#include "common/clock.h"

#define MOST_MS		600000
#define DOUBLINGS	10
#define TRY_S		86400
#define TRIES		8	/* that fail before it is given up: a network that is not up yet has refused nothing */

int64_t
pause_jitter(int64_t ms)
{
	uint32_t n;

	random_bytes(&n, sizeof(n));
	return ms + (int64_t)(n % 1000) * ms / 5000;
}

int64_t
pause_growing(int64_t least, unsigned failures)
{
	unsigned doublings = failures < 1 ? 0 : failures - 1 < DOUBLINGS ? failures - 1 : DOUBLINGS;
	int64_t most = least > MOST_MS ? least : MOST_MS, ms = least << doublings;

	return pause_jitter(ms < most ? ms : most);
}

bool
pause_is_in_vain(int64_t since, unsigned failures)
{
	return failures >= TRIES && clock_wall_ms() / 1000 - since > TRY_S;
}

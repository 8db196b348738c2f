/* SPDX-License-Identifier: Apache-2.0 */
/* See said.h. */
#include "gatewayd/said.h"

int
said_failure(struct said *s, int class, int64_t now_ms)
{
	int n = ++s->since;

	if (s->class == class && now_ms - s->at < SAID_SUMMARY_MS)
		return 0;
	*s = (struct said){ .class = class, .at = now_ms };
	return n;
}

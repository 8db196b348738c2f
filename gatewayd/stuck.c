/* SPDX-License-Identifier: Apache-2.0 */
/* See stuck.h. */
#include "gatewayd/stuck.h"

#include <stdio.h>
#include <string.h>

bool
stuck_failed(struct stuck *s, const char *name, int most)
{
	if (strncmp(s->name, name, sizeof(s->name) - 1) != 0) {
		snprintf(s->name, sizeof(s->name), "%s", name);
		s->tries = 0;
	}
	if (++s->tries < most)
		return false;
	*s = (struct stuck){ .tries = 0 };
	return true;
}

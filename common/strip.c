/* SPDX-License-Identifier: Apache-2.0 */
/* See strip.h. */
#include "common/strip.h"

bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

void
strip(const char **at, size_t *len)
{
	while (*len > 0 && is_blank(**at)) {
		++*at;
		--*len;
	}
	while (*len > 0 && is_blank((*at)[*len - 1]))
		--*len;
}

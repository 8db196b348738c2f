/* SPDX-License-Identifier: Apache-2.0 */
/* See rank.h. */
#include "engined/rank.h"

#define BASE		60		/* how little the first place counts for */

double
rank_share(size_t place)
{
	return 1.0 / (BASE + 1 + (double)place);
}

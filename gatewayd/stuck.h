/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one mail that a server will not give us. Mails are read in their order,
 * so it holds up all behind it: after so many tries in a row it is passed.
 * Kept in memory; whoever restarts us tries it anew. Pure.
 */
#ifndef ALPI_GATEWAYD_STUCK_H
#define ALPI_GATEWAYD_STUCK_H

#include <stdbool.h>

#define STUCK_REFUSED	5	/* tries of a mail that the server refuses */
#define STUCK_LOST	10	/* .. at which the connection ends: that may be anybody's fault */

struct stuck {			/* all zero: none */
	char	 name[64];
	int	 tries;
};

/* One more try of this mail failed. true: it is time to pass it. */
bool	 stuck_failed(struct stuck *s, const char *name, int most);

#endif

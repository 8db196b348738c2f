/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One poller for a bot in this machine (gateway.md, section 13): two that ask
 * for the updates of one bot take them away from each other for ever. That no
 * two profiles get one token is checked where tokens are written; this is for
 * files that somebody wrote by hand.
 */
#ifndef ALPI_GATEWAYD_CLAIM_H
#define ALPI_GATEWAYD_CLAIM_H

#include <stdbool.h>

/* Before restrict: the file that all of this machine's gateways know the bot by; -1: there can be none. Close it at the end. */
int	 claim_open(const char *run, const char *bot);
/* Is the bot ours from here on, or already? Never blocks. Without a file it is. Ends with the process. */
bool	 claim_take(int fd);

#endif

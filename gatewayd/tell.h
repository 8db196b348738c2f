/* SPDX-License-Identifier: Apache-2.0 */
/* People who look on are told when a platform fails and when it works again: the event gateway.state. */
#ifndef ALPI_GATEWAYD_TELL_H
#define ALPI_GATEWAYD_TELL_H

struct gateway;

/* From here on, whenever a breaker's status changes. */
void	 tell_begin(struct gateway *g);

#endif

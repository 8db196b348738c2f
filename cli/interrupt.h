/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ctrl-C without surprises: once caught, the signal is only let in while we
 * wait, so no step in between is torn.
 */
#ifndef ALPI_CLI_INTERRUPT_H
#define ALPI_CLI_INTERRUPT_H

#include <poll.h>

/* From now on SIGINT and SIGTERM count instead of ending us. */
void	interrupt_catch(void);
/* Back to the ordinary: they end us. */
void	interrupt_release(void);
/* How many came since the last reset. */
int	interrupt_count(void);
void	interrupt_reset(void);
/* The newest of them, SIGINT or SIGTERM. */
int	interrupt_newest(void);
/* ppoll that a caught signal ends with 0 ready descriptors; timeout_ms -1: none. The number ready. */
int	interrupt_poll(struct pollfd *fds, nfds_t n, int timeout_ms);

#endif

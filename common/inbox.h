/* SPDX-License-Identifier: Apache-2.0 */
/* The seam between daemon.c, which opens the inbox, and dispatch.c, which reads it. Nobody else includes this. */
#ifndef ALPI_INBOX_H
#define ALPI_INBOX_H

struct bus_message;

/* Check, decode and hand over one message; arg is the daemon. */
void	inbox_take(void *arg, struct bus_message *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may be connected to us, and how many: the listeners, the limits by
 * address and in total, the handshakes at once (alp-wire.md, 6 and 7.3).
 * Strangers can neither fill our table nor make honest peers wait: those who
 * have not shown a pinned key go first.
 */
#ifndef ALPD_SERVER_H
#define ALPD_SERVER_H

#include <stddef.h>

#include "common/error.h"

#define SERVER_SESSIONS_MAX	1024	/* in all */
#define SERVER_ADDRESS_MAX	128	/* of one address, pinned */
#define SERVER_STRANGERS_MAX	16	/* of one address, before they have shown a pinned key */
#define SERVER_HANDSHAKES_MAX	32	/* at once; more wait their turn */

struct alpd;
struct server;

/* Bind HOME/alp/alp.sock and, where settings say so, TCP. A port that cannot be had is a warning: settings.no_tcp says why. NULL on error. */
struct server	*server_listen(struct alpd *a, struct error *e);
/* Accept from now on. */
void		 server_serve(struct server *s);
/* Close listeners and sessions, remove the socket file. NULL is fine. */
void		 server_close(struct server *s);
size_t		 server_sessions(const struct server *s);

#endif

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
#define SERVER_CROWD_MS		2000	/* and then a handshake that takes longer gives way */
#define SERVER_STRANGER_BYTES	65536	/* of a message, before a pinned key was shown */
#define SERVER_IDLE_MS		90000	/* between requests */
#define SERVER_STRANGER_MS	10000	/* the same before a pinned key was shown */
#define SERVER_SILENCE_MS	30000	/* of a client on the Unix socket */

struct alpd;
struct server;

/* Bind HOME/alp/alp.sock and, where settings say so, TCP. A port that cannot be had is a warning: settings.no_tcp says why. NULL on error. */
struct server	*server_listen(struct alpd *a, struct error *e);
/* Accept from now on. */
void		 server_serve(struct server *s);
/* Accept nothing more and close what is idle; fn runs once, when the last answer is out. */
void		 server_drain(struct server *s, void (*fn)(void *arg), void *arg);
/* Close listeners and sessions, remove the socket file. NULL is fine. */
void		 server_close(struct server *s);
size_t		 server_sessions(const struct server *s);

#endif

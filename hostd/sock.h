/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local transport: host/host.sock, one request line per connection, the
 * answer's lines, closed. Whoever can open it is the sovereign operator
 * (host-plane.md, 1); the peer's uid is checked all the same.
 */
#ifndef HOSTD_SOCK_H
#define HOSTD_SOCK_H

#include <stddef.h>

#include "common/error.h"

struct host;
struct sock;

#define SOCK_CLIENTS_MAX	1024			/* open connections */
#define SOCK_BYTES_MAX		(256u * 1024 * 1024)	/* buffered for all of them together */
#define SOCK_STALL_S		30			/* a client that takes nothing for so long is dropped */

/* Make ROOT/host/host.sock (0600) and listen; nobody is answered before sock_serve. NULL on error. */
struct sock *sock_listen(struct host *h, const char *root, struct error *e);
/* Answer from now on, in the daemon's loop. */
void	 sock_serve(struct sock *s);
/* Remove the socket and drop every client. NULL is fine. */
void	 sock_close(struct sock *s);
/* Connections that are open now. */
size_t	 sock_clients(const struct sock *s);

#endif

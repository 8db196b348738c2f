/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of this machine, by path, and who is at the other end. A path that
 * is too long for an address is an error that says so.
 */
#ifndef ALPI_UNIXSOCK_H
#define ALPI_UNIXSOCK_H

#include <sys/types.h>

#include "common/error.h"

#define UNIX_PATH_BYTES 107			/* a longer path fits into no address */

/* A stream to the listener at path. The descriptor, or -1: unavailable where nobody listens. */
int	unix_connect(const char *path, struct error *e);
/* The same without waiting, now or on the descriptor: unavailable also where too many wait to be accepted. */
int	unix_dial(const char *path, struct error *e);
/* Listen at path, mode 0600, in the place of what a dead listener left. A descriptor that does not wait, or -1. */
int	unix_listen(const char *path, struct error *e);
/* The peer's user. 1 when that is our own or root, 0 else. */
int	unix_peer_is_own(int fd, uid_t *uid);

#endif

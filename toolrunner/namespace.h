/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process in namespaces of its own: users, mounts, processes, IPC, host
 * name, and the network when asked. Linux only.
 */
#ifndef ALPI_NAMESPACE_H
#define ALPI_NAMESPACE_H

#include <sys/types.h>

/* What the child got. */
#define NAMESPACE_USER	1u
#define NAMESPACE_REST	2u		/* mounts, processes, IPC, host name */
#define NAMESPACE_NET	4u

/* The most this kernel lets the caller have, found by trying once; costs some milliseconds. */
unsigned namespace_probe(void);
/*
 * As fork(): 0 in the child, its pid in the parent with *pidfd set, -1 with errno. `want` is what the child gets. In it
 * the caller's user and group stand for themselves and no other exists; the rights needed to build a mount view survive
 * one exec.
 */
pid_t	 namespace_fork(unsigned want, int *pidfd);

/*
 * Give up every capability but those of `keep` (a mask of 1 << CAP_x below 32), from the bounding and ambient sets too.
 * 0 or -1 with errno.
 */
int	 namespace_drop_rights(unsigned keep);

#endif

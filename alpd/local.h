/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which profile of this machine an identity belongs to (alp-wire.md, 6,
 * "finding it"). Key files of other profiles cannot be read from behind our
 * fence, and profiles come later than we do; so every alpd says whose it is
 * by the name of an empty file, alp/identity/<64 hex of the public key>, and
 * the others look whether that name is there: stat(2) needs no right to read,
 * and only the alpd of that profile can make it. A profile whose alpd never
 * ran has no name there, and no socket either.
 */
#ifndef ALPD_LOCAL_H
#define ALPD_LOCAL_H

#include "alpd/peers.h"
#include "common/error.h"

/* Say that HOME has this identity, and no other. 0 or -1. */
int	 local_publish(const char *home, const char *identity, struct error *e);
/* The profile below root with this identity, the root's first, the rest sorted; the caller frees. NULL: none. */
char	*local_profile(const char *root, const char *run, const char *identity);
/*
 * The Unix socket of a peer without an address; the caller frees. NULL: no profile has its key, and its id cannot be
 * a profile's name.
 */
char	*local_socket(const char *root, const char *run, const struct peer *p, struct error *e);

#endif

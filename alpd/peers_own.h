/* SPDX-License-Identifier: Apache-2.0 */
/* What peers.c and pending.c have in common. */
#ifndef ALPD_PEERS_OWN_H
#define ALPD_PEERS_OWN_H

#include <sys/stat.h>

#include "alpd/peers.h"
#include "alpd/peers_yaml.h"
#include "alpd/stamp.h"
#include "common/buf.h"

struct peers {
	char		*path, *lock, *pending;
	struct peer_list list;
	char		*broken;	/* NULL: it loads, or it is missing */
	struct stamp	 stamp;		/* of what was read */
	bool		 settled;	/* a change since then shows in the stamp */
};

/* Read a regular file, no symbolic link, and tell of it. 0; 1: it is missing, text is empty; -1. */
int	 peers_file(const char *path, struct buf *text, struct stat *st, struct error *e);

#endif

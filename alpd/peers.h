/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is pinned, alp/peers.yaml, and who knocked, alp/pending_peers.yaml
 * (alp-wire.md, 8). Both are read anew when they changed on disk; people edit
 * the first by hand. Unknown keys stay. A file that does not load pins nobody.
 */
#ifndef ALPD_PEERS_H
#define ALPD_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "alpd/identity.h"
#include "common/error.h"

#define PEERS_PER_MINUTE	60
#define PENDING_MAX		20
#define PEERS_MAX		1024	/* rows that are taken; this and the next two: what the bus holds (proto/types.def) */
#define PEERS_METHODS		64	/* of a row */
#define PEERS_TOOLS		256

struct peer {
	char	*id, *pubkey;		/* id as it stands in the file, pubkey never trimmed */
	char	*alias, *address;	/* NULL: none; no address means a Unix socket of this machine */
	char	**allow;		/* methods; NULL-terminated, never NULL */
	int	 per_minute;		/* > 0 */
	char	**tools;		/* tools.allow; NULL: no policy; NULL-terminated */
	bool	 tools_broken;		/* the policy has the wrong shape: no link.ask (-32013) */
};

struct peers;

/* For HOME/alp; the files need not exist. NULL on error. */
struct peers	*peers_open(const char *home, struct error *e);
void		 peers_close(struct peers *p);		/* NULL is fine */

/* By identity or by id; first match; reads the file again when it changed. Borrowed until the next call here. NULL: not pinned. */
const struct peer *peers_by_key(struct peers *p, const char *pubkey);
const struct peer *peers_by_id(struct peers *p, const char *id);
/* All, in order; NULL after the last. Only at 0 is the file looked at, so the rows from there on belong together. */
const struct peer *peers_at(struct peers *p, size_t i);
/* Why the file pinned nobody although it was there when it was last looked at; NULL: it was fine or missing. Borrowed as above. */
const char	*peers_broken(struct peers *p);
/* "workgroup.*" needs no entry in a row: whoever is pinned may call it. */
bool		 peers_all_may(const char *method);
/* May this peer call the method (step 11)? */
bool		 peer_may(const struct peer *p, const char *method);
/* May a link.ask turn of this peer run a tool: "name" or "name:action"; patterns with '*'. */
bool		 peer_tool(const struct peer *p, const char *tool, const char *action);

/* Split "host:port" at the last colon. 0 and the caller's host (freed) and port, or -1. "[::1]:7423" gives "::1". */
int		 address_split(const char *address, char **host, int *port, struct error *e);

/*
 * Changes, under flock of alp/peers.lock, replaced by rename; other rows, keys and order stay. A file that does not load
 * is never replaced (ERR_invalid says where it breaks). 0 or -1.
 */
int	peers_add(struct peers *p, const struct peer *row, struct error *e);	/* ERR_exists: id or key is there; ERR_invalid */
int	peers_remove(struct peers *p, const char *id, struct error *e);		/* ERR_not_found */
int	peers_allow(struct peers *p, const char *id, const char *method, bool on, struct error *e);

struct pending {
	char	pubkey[IDENTITY_BYTES];
	double	first_seen, last_seen;	/* Unix seconds */
	char	*address;		/* NULL: none */
};

/* pending.c: note an unpinned sender (step 8); the newest PENDING_MAX stay. 0 or -1. */
int	pending_note(struct peers *p, const char *pubkey, double now, struct error *e);
/* All of them, newest first; *n rows that the caller frees with pending_free. */
struct pending *pending_list(struct peers *p, size_t *n);
void	pending_free(struct pending *rows, size_t n);
/* Forget one. 1, 0: it was not there, -1. */
int	pending_drop(struct peers *p, const char *pubkey, struct error *e);

#endif

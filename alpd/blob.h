/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs by hash in alp/blobs, and those that are still coming in
 * alp/blobs/.incoming (alp-wire.md, 9.4, 9.5). Folders 0700, files 0600, no
 * symbolic link is followed. What was acknowledged is on disk.
 */
#ifndef ALPD_BLOB_H
#define ALPD_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define BLOB_MAX	20971520
#define BLOB_CHUNK	524288
#define BLOB_STALE_S	86400		/* an upload that was not continued for so long is deleted */

struct blobs;

/* For HOME/alp/blobs, made on demand. NULL on error. */
struct blobs	*blobs_open(const char *home, struct error *e);
void		 blobs_close(struct blobs *b);		/* NULL is fine */

struct blob_state {
	int64_t	next_offset;		/* bytes held, or size */
	bool	complete;
};

/*
 * Take a chunk of `from`'s blob, by the rules 1 to 4 of 9.4. hash: 64 lower-case hex digits.
 * 0, or -1 with ERR_invalid (the text is the error's `detail`) or ERR_io, ERR_full.
 */
int	 blob_put(struct blobs *b, const char *from, const char *hash, int64_t size, int64_t offset,
	    const void *data, size_t len, bool final, struct blob_state *state, struct error *e);
/* Open a complete blob for reading after checking its hash; its size in *size. The descriptor, or -1 (ERR_not_found). */
int	 blob_open(struct blobs *b, const char *hash, int64_t *size, struct error *e);
/* Trim and lower-case 64 hex digits. 0 or -1. */
int	 blob_hash(const char *text, char out[65]);
/* Delete stale uploads. */
void	 blobs_sweep(struct blobs *b, int64_t now_s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between blob.c, which has the blobs that are complete, and
 * blob_part.c, which has those that are still coming in. Nobody else includes
 * this.
 */
#ifndef ALPD_BLOB_OWN_H
#define ALPD_BLOB_OWN_H

#include <sys/queue.h>

#include "alpd/blob.h"
#include "alpd/stamp.h"

#define RIGHT_MAX	64

struct upload;				/* blob_part.c's: how much of a part was acknowledged */

struct blobs {
	char		*alp;
	TAILQ_HEAD(uploads, upload) uploads;	/* continued last comes first */
	size_t		 n;
	struct stamp	 right[RIGHT_MAX];	/* files whose hash was right; the oldest gives way */
	size_t		 next_right;
};

/* Open for one call, then closed: see blob.c. */
struct folders {
	int	blobs, incoming;
};

int	 folders_open(const struct blobs *b, struct folders *f, struct error *e);	/* made on demand; 0 or -1 */
void	 folders_close(struct folders *f);
/* A file of a folder, never a link, never waiting. The descriptor, or -1 with errno. */
int	 blob_open_in(int dir, const char *name, int flags);
/* The hash of an open file in hex, through a small buffer. 0, or -1 with errno. */
int	 blob_hash_file(int fd, char out[65]);
/* Is this open file the blob of that name? Its size in *size. */
bool	 blob_is_right(struct blobs *b, int fd, const char *hash, int64_t *size);
/* Its hash is right: whoever repeats a call does not make us hash 20 MiB each time. */
void	 blob_remember_right(struct blobs *b, const struct stat *st);

/* blob_part.c's, at the end. */
void	 uploads_clear(struct blobs *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a client sends along with a turn, between their arrival and
 * the turn: host/attachments/tmp/ID/NAME of the profile's home (host-plane.md,
 * 9). They come in pieces, are looked at when they are whole, and go six
 * hours later. engined reads no other file of the person's.
 */
#ifndef ALPI_ENGINED_STAGING_H
#define ALPI_ENGINED_STAGING_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

#define STAGING_DIR	"host/attachments/tmp"
#define STAGING_ID	17			/* 16 hex digits and a NUL */

/* One piece of a file; id "": it begins, and gets one. 0 or -1; after -1 nothing of it is left. */
int	 staging_put(const char *home, char id[STAGING_ID], int64_t offset, const void *data, size_t len, struct error *e);
/* It is whole: {path, name, mime, size}. New reference; NULL: it is not what may be attached, and gone. */
json_t	*staging_end(const char *home, const char *id, const char *name, const char *mime, struct error *e);
/* It will not be whole: what is there goes. */
void	 staging_drop(const char *home, const char *id);
/* Read one by its path, as staging_end gave it. 0 or -1. */
int	 staging_read(const char *home, const char *path, struct buf *out, struct error *e);

/* Keep beside it what a model is shown of it: what is "text" or "image", page that of a scan, else 0. 0 or -1. */
int	 staging_put_beside(const char *home, const char *path, const char *what, int64_t page, const void *data, size_t len,
	    struct error *e);
/* Read it again. -1 with ERR_not_found: there is none. */
int	 staging_read_beside(const char *home, const char *path, const char *what, int64_t page, struct buf *out, struct error *e);

#endif

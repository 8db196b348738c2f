/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are whole or not there: random name in the same directory,
 * fsync, rename, fsync of the directory. Symbolic links are not followed
 * at the last element.
 */
#ifndef ALPI_ATOMIC_H
#define ALPI_ATOMIC_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

/* Replace path by these bytes. 0 or -1 (the old file is then intact, no temporary is left). */
int	 atomic_write(const char *path, const void *data, size_t len, int mode, struct error *e);
/* Append to path (made with mode if missing), fsync when asked. A short write is undone. 0 or -1. */
int	 atomic_append(const char *path, const void *data, size_t len, int mode, int sync, struct error *e);
/*
 * Append a piece of a file that comes in order: the one at byte 0 begins it, the others follow what is there; max bytes at most.
 * 0 or -1: not_found (it was not begun), invalid (another offset), too_large. Nothing is synced.
 */
int	 atomic_piece(const char *path, int64_t offset, const void *data, size_t len, int64_t max, struct error *e);
/* Make a rename or a new name of this path durable. */
void	 atomic_sync_parent(const char *path);
/* Read a whole regular file of at most max bytes into b (its ceiling is set to max). 0 or -1: not_found, too_large, invalid (not a regular file). */
int	 file_read(const char *path, size_t max, struct buf *b, struct error *e);
/* Free space at path is at least this many bytes? 0, or -1 with ERR_full. */
int	 disk_has(const char *path, size_t bytes, struct error *e);

#endif

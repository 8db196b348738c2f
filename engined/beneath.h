/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files below a folder that others can write in too: every element of a path
 * is opened without following links, so that none leads out. Paths are
 * relative, without "." and "..". A file is whole or not there.
 */
#ifndef ALPI_ENGINED_BENEATH_H
#define ALPI_ENGINED_BENEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/error.h"

/* The folder at a path ("" is `dir` itself); make: with this mode where missing, 0: it must be there. A descriptor, or -1. */
int	 beneath_dir(int dir, const char *path, mode_t make, struct error *e);
/* Read a regular file of at most max bytes. 0 or -1: not_found, too_large, invalid (a link, a folder). */
int	 beneath_read(int dir, const char *path, size_t max, struct buf *out, struct error *e);
/* Replace a file, or make it; its folder must be there. 0, or -1 with the old one intact. */
int	 beneath_write(int dir, const char *path, const void *data, size_t len, mode_t mode, struct error *e);
/* Remove a file, or a folder with all that is in it. 0, also when there is none. */
int	 beneath_remove(int dir, const char *path, struct error *e);
/* Give a file or a folder another place, whose folder must be there. 0 or -1. */
int	 beneath_move(int dir, const char *from, const char *to, struct error *e);
/* Sorted names of the regular files or of the folders in one, NULL-terminated; none: an empty list. Hidden ones are left out. */
char	**beneath_names(int dir, const char *path, bool folders);
void	 beneath_names_free(char **names);

#endif

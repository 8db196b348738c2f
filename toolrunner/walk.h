/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tools that walk through folders share: names in order, the folders
 * nobody wants to see, shell patterns. What may be looked at is files.h's.
 */
#ifndef ALPI_WALK_H
#define ALPI_WALK_H

#include <dirent.h>
#include <stdbool.h>

#define WALK_DEPTH_MAX	64

/* A shell pattern; "**" stands for any directories, and a pattern without a slash is about the last element. */
bool	 walk_glob(const char *glob, const char *relative, bool fold);
/* Is this a folder of what is made or fetched? */
bool	 walk_noise(const char *name);
/* The names in a directory, sorted, ended by NULL; the caller frees each and all. */
char	**walk_names(DIR *d);
/* How results name what lies at path: relative to the workspace where it is inside. Borrowed from path. */
const char *walk_shown(const char *path, const char *workspace);

#endif

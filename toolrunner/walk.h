/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way through a folder that tools take: in the order of names, past the
 * folders nobody wants to see, along no link. What may be looked at is
 * files.h's; what is done with a file is the tool's.
 */
#ifndef ALPI_WALK_H
#define ALPI_WALK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "toolrunner/files.h"

struct walk {
	struct denylist_env	 env;
	bool			 noise;		/* folders of what is made or fetched, too */
	void			*arg;
	/* Is it looked at, a file or a folder? relative is what results call it, folder what they call the one it is in. */
	bool	(*wanted)(void *arg, const char *folder, const char *name, const char *relative);
	/* A regular file that may be read: name in the open directory dir. */
	void	(*file)(void *arg, int dir, const char *name, const char *relative, const struct stat *st);
};

/* Through the folder at path, which is absolute and judged, open at fd (taken); relative is what results call it. */
void	 walk_folder(const struct walk *w, int fd, const char *path, const char *relative);
/* A shell pattern; "**" stands for any directories, and a pattern without a slash is about the last element. */
bool	 walk_glob(const char *glob, const char *relative, bool fold);
/* How results name what lies at path, which has no links: relative to the workspace where it is inside. Borrowed from path. */
const char *walk_shown(const char *path, const char *workspace);

#endif

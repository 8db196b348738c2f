/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker sees of the file system: programs and libraries read-only,
 * the workspace, what the configuration names, an empty home, a private
 * /tmp, its own /proc. Everything else is not there.
 */
#ifndef ALPI_VIEW_H
#define ALPI_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "toolrunner/sandbox.h"

enum view_kind {
	VIEW_HIDE_DIR,			/* an empty directory over it */
	VIEW_HIDE_FILE,			/* an empty file over it */
	VIEW_PRIVATE,			/* an empty writable directory that ends with the worker */
	VIEW_READ,
	VIEW_WRITE,
	VIEW_DEVICE,			/* one of the harmless devices */
	VIEW_LINK,			/* a link, to `source` */
	VIEW_DATA,			/* as READ, and nothing there can be executed */
	VIEW_STATE,			/* as WRITE, and nothing there can be executed */
};

struct view_entry {
	char		*path;		/* where it is shown; absolute */
	char		*source;	/* what is shown there, without links */
	enum view_kind	 kind;
	int		 fd;		/* the mount, taken before the old root goes; -1 */
	bool		 directory;
	bool		 attached;
};

struct view {
	struct view_entry	*rows;	/* once planned: parents before children */
	size_t			 count;
	int			 proc;	/* a /proc of our own, detached; -1 */
	bool			 begun;	/* the new root stands, with what every worker sees; */
	struct error		 why;	/* or why not */
};

/*
 * What every worker sees; mounted: a new root with it is put together out of sight, so that less is left to do when
 * the call comes. The machine's /proc cannot be looked at any more then.
 */
void	view_begin(struct view *v, bool mounted);
/* Plan that part alone (view_begin does). */
void	view_everyone(struct view *v);
/* What this sandbox shows beyond that. 0, or -1: a path is missing or lies in alpi's own home. */
int	view_plan(struct view *v, const struct sandbox *s, struct error *e);
/* Make it our root; s names the one account that exists in it. 0, or -1: nothing can be relied on then. Linux only. */
int	view_enter(struct view *v, const struct sandbox *s, struct error *e);
/* Is this absolute path the row's, or below it? */
bool	view_holds(const struct view_entry *row, const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall around a worker. A sandbox class and what the configuration opens
 * become a mount view, Landlock rules, dropped capabilities, a seccomp filter
 * and limits; then the call's own data is read for the first time. Each
 * layer stands alone: where one is missing the others still hold, and the
 * worker refuses to go on unless they do its work too (layer.h) or the
 * operator allowed that one to be missing.
 */
#ifndef ALPI_SANDBOX_H
#define ALPI_SANDBOX_H

#include <stdbool.h>

#include "common/error.h"
#include "toolrunner/layer.h"
#include "toolrunner/tool.h"

/* Everything a worker's sandbox is made of; strings are borrowed. Paths are absolute. */
struct sandbox {
	struct sandbox_class	  box;		/* net: already the lesser of class and configuration */
	const char		 *workspace, *root, *person, *user;
	const char		 *skill;	/* the folder of the skill that the class shows a part of, in HOME/skills/CATEGORY/; or NULL */
	const char *const	 *read;		/* further paths, NULL-terminated or NULL */
	const char *const	 *write;
	const char *const	 *allow_missing;
	unsigned		  namespaces;	/* NAMESPACE_*: what the launcher got */
	int			  limit_s;	/* the call's time limit */
	int			  landlock_max;	/* use no newer Landlock than this: tests stand on an older kernel; 0: the newest */
	struct layers		  layers;	/* filled in by sandbox_enter */
};

/* What can be done before the call is known; namespaces as in struct sandbox. */
void	sandbox_prepare(unsigned namespaces);
/*
 * Enter it for good, after sandbox_prepare. 0, or -1: a layer is missing that must not be, or a path of the configuration cannot be shown.
 * The process has one thread.
 */
int	sandbox_enter(struct sandbox *s, struct error *e);
/* What this process may reach; NET_ANY outside a sandbox. */
enum tool_net sandbox_network(void);
/* What it may do with the person's file at an absolute path: FS_NONE when it is not shown; FS_WRITE outside a sandbox. */
enum tool_fs  sandbox_shows(const char *path);

#endif

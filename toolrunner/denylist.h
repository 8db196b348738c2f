/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths no file tool may touch (tools.md, 2): keys, credentials, start-up
 * files, system trees, and alpi's own home. The second line behind the
 * sandbox, which does not show most of them at all; a table one can read.
 */
#ifndef ALPI_DENYLIST_H
#define ALPI_DENYLIST_H

#include <stddef.h>

#include "common/error.h"

/* Where a path is judged; all borrowed. */
struct denylist_env {
	const char	*person;	/* what ~ means; NULL: ~ is not expanded */
	const char	*root;		/* alpi's machine root, by whatever name; NULL: only the name .alpi counts */
	const char	*workspace;	/* what relative paths begin at; inside root it stays allowed */
	/*
	 * Where a link points, as readlink(2) without its NUL rules: the length (a NUL is added), or -1 when path is no link
	 * or not there. NULL: the real file system.
	 */
	int		(*readlink)(void *arg, const char *path, char *out, size_t size);
	void		*arg;
};

/*
 * Judge a path as the model typed it: expanded, joined and resolved forms, the first hit counts.
 * 0: allowed; 1: denied, *rule is its name (static). -1 with the error: too long, or a loop of links.
 * *resolved is the absolute form without dots and links, the caller frees (NULL on -1). rule and resolved may be NULL.
 */
int	 denylist_check(const char *path, const struct denylist_env *env, const char **rule, char **resolved, struct error *e);
/* Judge an absolute path that holds no links or dots (a descriptor's, from /proc/self/fd). The rule's name (static) or NULL: allowed. */
const char *denylist_match(const char *path, const struct denylist_env *env);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall around a worker. A sandbox class and what the configuration opens
 * become a mount view, Landlock rules, dropped capabilities, a seccomp filter
 * and limits; then the call's own data is read for the first time. Each
 * layer stands alone: where one is missing the others still hold, and the
 * worker refuses to go on unless the operator allowed that one to be missing.
 */
#ifndef ALPI_SANDBOX_H
#define ALPI_SANDBOX_H

#include <stdbool.h>

#include "common/error.h"
#include "toolrunner/tool.h"

/* The layers, by the names that sandbox.allow_missing knows. */
enum layer {
	LAYER_namespaces,
	LAYER_mounts,
	LAYER_landlock_files,
	LAYER_landlock_net,
	LAYER_landlock_scope,
	LAYER_seccomp,
	LAYER_capabilities,
	LAYER_no_new_privs,
	LAYER_COUNT
};

extern const char *const layer_names[LAYER_COUNT];

/* Everything a worker's sandbox is made of; strings are borrowed. Paths are absolute. */
struct sandbox {
	struct sandbox_class	  box;		/* net: already the lesser of class and configuration */
	const char		 *workspace, *root, *person, *user;
	const char *const	 *read;		/* further paths, NULL-terminated or NULL */
	const char *const	 *write;
	const char *const	 *allow_missing;
	unsigned		  namespaces;	/* NAMESPACE_*: what the launcher got */
	int			  limit_s;	/* the call's time limit */
	/* Filled in by sandbox_enter: an empty text where the layer stands. */
	char			  missing[LAYER_COUNT][160];
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

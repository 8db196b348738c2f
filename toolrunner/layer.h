/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers of a worker's sandbox, and what counts as one being missing.
 * What matters is that the protection holds: where an older kernel lacks a
 * layer whose work another one does too, the call goes on under that one.
 */
#ifndef ALPI_LAYER_H
#define ALPI_LAYER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/* By the names that sandbox.allow_missing knows. */
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

#define LAYER_DETAIL_MAX 128

extern const char *const layer_names[LAYER_COUNT];

/* How the layers of one sandbox stand. */
struct layers {
	char		 text[LAYER_COUNT][LAYER_DETAIL_MAX];	/* empty where a layer stands, else what is wrong with it */
	unsigned	 cover[LAYER_COUNT];			/* the layers that do its work, 1 << LAYER_x each; 0: none can */
};

/* This layer does not stand, and nothing covers that. */
void	 layer_lacks(struct layers *l, enum layer layer, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* What a Landlock of this version (below 1: none) cannot do; net: TCP was to be closed. */
void	 layer_landlock(struct layers *l, int abi, bool net);
bool	 layer_stands(const struct layers *l, enum layer layer);
/* It stands, or the layers that do its work do. */
bool	 layer_holds(const struct layers *l, enum layer layer);
/* What to say of it: empty where it stands; what is wrong with it, and who covers that if somebody does. */
void	 layer_detail(const struct layers *l, enum layer layer, char *out, size_t size);
/* -1 when a layer does not hold and is not on the list of those that may be missing (NULL: none). */
int	 layer_judge(const struct layers *l, const char *const *allow_missing, struct error *e);

#endif

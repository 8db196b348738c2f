/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text of peers.yaml with one row added, changed or removed, whatever the
 * reason. People write it by hand, so the lines of the other rows stay as
 * they are, comments too.
 */
#ifndef ALPD_PEERS_PATCH_H
#define ALPD_PEERS_PATCH_H

#include <jansson.h>
#include <stddef.h>

#include "common/error.h"

/* What becomes of a row; all borrowed. */
struct peers_change {
	size_t		 row;		/* its place in the list */
	const json_t	*add;		/* this one comes behind the last instead */
	json_t		*allow;		/* its new methods; with neither it goes */
};

/*
 * The text that reads as `all`, which is what text reads as, with this change; the caller frees. NULL: ERR_invalid, it has
 * to be made by hand.
 */
char	*peers_patch(const char *text, size_t len, const json_t *all, const struct peers_change *c, struct error *e);

#endif

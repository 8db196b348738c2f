/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile's signature under its audit chains: ten minutes after the first
 * change, and when we end, the head of every chain of logs/audit that has
 * changed is signed, and the signature becomes a row "anchor" of our own
 * chain. Whoever rewrites a chain up to an anchor needs the identity's key
 * (`alpi audit verify`). While nothing changes, nothing wakes us.
 * It needs a right to read logs/audit (alpd_fence).
 */
#ifndef ALPD_ANCHOR_H
#define ALPD_ANCHOR_H

#include <stdbool.h>

#include "alpd/alpd.h"

#define ANCHOR_S	600

struct anchor;

/* Begin to watch; a->audit, a->self and a->base are there. NULL on error. */
struct anchor	*anchor_new(struct alpd *a, struct error *e);
/* Sign what has changed since. 0 or -1. */
int		 anchor_now(struct anchor *n, struct error *e);
/* Has something changed that is yet to be signed? While not, no timer runs. */
bool		 anchor_waits(const struct anchor *n);
void		 anchor_free(struct anchor *n);		/* without signing: anchor_now first. NULL is fine */

#endif

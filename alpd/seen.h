/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nonces of one reply: a message that is repeated within it is refused
 * (alp-wire.md, 5). A peer may send as many as it likes, so what is kept is
 * bounded, and hashed with a secret of ours: nobody can choose nonces that
 * meet in one place.
 */
#ifndef ALPD_SEEN_H
#define ALPD_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEEN_SECRET	16		/* bytes of the hash's key */

/* Keyed hashes, open addressing, at most half full. Empty: zeroed. */
struct seen {
	uint64_t	*slots;		/* 0: free */
	size_t		 n, size;
};

/* Is it new? It is remembered. A reply of more messages than are remembered begins to be forgotten. */
bool	 seen_new(struct seen *s, const char *nonce, const uint8_t secret[SEEN_SECRET]);
void	 seen_clear(struct seen *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pairs (from, nonce) of replay.h in memory, each with the time at which
 * it was seen: found by what they are, forgotten by their age. A hash table
 * under a key of this process (strangers choose the pairs), and a heap whose
 * top is the oldest.
 */
#ifndef ALPD_PAIRS_H
#define ALPD_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#define PAIRS_KEY	16		/* bytes of the hash's key */

struct pair {
	struct pair	*next;		/* in its bucket */
	uint64_t	 hash;
	int64_t		 seen_us;
	size_t		 len;
	char		 text[];	/* from NUL nonce NUL, len bytes */
};

struct pairs {
	uint8_t		  key[PAIRS_KEY];
	struct pair	**table;	/* cap buckets */
	struct pair	**heap;		/* all of them; none is older than the one at half its place */
	size_t		  n, cap;	/* cap: a power of two */
	int64_t		  forgotten_us;	/* the latest time of a pair that was forgotten */
};

void	 pairs_init(struct pairs *s);
void	 pairs_clear(struct pairs *s);
/* A pair that is in no set yet; the caller's, with free(). */
struct pair *pair_new(const struct pairs *s, const char *from, const char *nonce, int64_t seen_us);
/* The one that is equal but for its time, borrowed; NULL: none. */
const struct pair *pairs_find(const struct pairs *s, const struct pair *wanted);
void	 pairs_insert(struct pairs *s, struct pair *take_p);
/* Those seen before this time; or the oldest, of which there must be one. */
void	 pairs_forget(struct pairs *s, int64_t before_us);
void	 pairs_forget_oldest(struct pairs *s);
/* A pair of this time was forgotten without ever being here. */
void	 pairs_forgot(struct pairs *s, int64_t seen_us);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sketches of vectors (vectors.h), SKETCH_BLOCK pieces in a row of the
 * database: a search looks at all of them, and a row each would cost more
 * than comparing them. Before them stands which pieces have one.
 */
#ifndef ALPI_ENGINED_SKETCH_H
#define ALPI_ENGINED_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#include "common/db.h"
#include "common/error.h"
#include "engined/vectors.h"

#define SKETCH_BLOCK	64

/* The pieces with the fewest signs that differ. */
struct sketch_near {
	int64_t	piece[VECTORS_NEAR];
	int	apart[VECTORS_NEAR];
	size_t	n;
};

/* bits: one for each of v->dim numbers, the last byte filled with zeroes. 0 or -1. */
int	 sketch_put(struct db *db, const struct vectors *v, int64_t piece, const unsigned char *bits, struct error *e);
/* Those with numbers (VECTORS_NUMBER) from one to the other go. 0 or -1. */
int	 sketch_remove(struct db *db, int64_t from, int64_t to, struct error *e);
/* The VECTORS_NEAR nearest, in no order; near is empty before. 0 or -1. */
int	 sketch_nearest(struct db *db, const struct vectors *v, const unsigned char *bits, struct sketch_near *near, struct error *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an embedding model makes of the pieces of a workspace (shelf.h) or of
 * the conversations (fts.h), in the same file as their words. A vector is stored at length 1 as
 * little-endian 32-bit floats, and beside it a sketch, one bit of sign for
 * each of its numbers: a search compares all sketches, then the vectors of
 * the VECTORS_NEAR nearest, so that with fewer than that it is exact. A
 * model's vectors belong to one root, a workspace or the conversations, and have one dimension.
 */
#ifndef ALPI_ENGINED_VECTORS_H
#define ALPI_ENGINED_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/db.h"
#include "common/error.h"

#define VECTORS_DIM_MAX	8192
#define VECTORS_NEAR	1000

/* What an index with vectors has besides `pieces`, a table or a view of their numbers. */
#define VECTORS_TABLES \
	"CREATE TABLE models (id INTEGER PRIMARY KEY, root INTEGER NOT NULL, name TEXT NOT NULL, dim INTEGER NOT NULL, UNIQUE (root, name));" \
	"CREATE TABLE vectors (id INTEGER PRIMARY KEY, numbers BLOB NOT NULL);" \
	"CREATE TABLE sketches (id INTEGER PRIMARY KEY, bits BLOB NOT NULL);"

/* The sketches of earlier versions stood in a row each. Vectors are made again by the next pass. */
#define VECTORS_ANEW	"DELETE FROM sketches; DELETE FROM vectors; DELETE FROM models;"

/* A vector's number holds its model's and its piece's, so those of a model lie side by side. */
#define VECTORS_NUMBER(v, piece) (((v)->id << 40) + (piece))

/* A model in a root. */
struct vectors {
	int64_t	root, id;		/* id 0: it has none yet */
	int64_t	dim;
};

/* What a search found. */
struct vectors_hit {
	int64_t	piece;
	double	score;			/* cosine */
};

/* The model of this name there. 0 or -1. */
int	 vectors_find(struct db *db, int64_t root, const char *model, struct vectors *v, struct error *e);
/* The same, made if need be, with this dimension. 0, or -1: ERR_conflict when it has vectors of another. */
int	 vectors_make(struct db *db, int64_t root, const char *model, int64_t dim, struct vectors *v, struct error *e);

/*
 * What a query (number of a piece, its content) gives, n rows at most, as what models are asked about; it ends. s may be NULL, of
 * a query that failed. texts are the caller's. How many, -1 on error: then there are none.
 */
int	 vectors_take(struct db *db, sqlite3_stmt *s, int64_t *pieces, char **texts, int n, struct error *e);
/* The pieces behind `after` that have no vector; n of them at most, texts are the caller's. How many, -1 on error. */
int	 vectors_missing(struct db *db, const struct vectors *v, int64_t after, int64_t *pieces, char **texts, int n, struct error *e);
/* How many have none, and how many pieces there are. 0 or -1. */
int	 vectors_count(struct db *db, const struct vectors *v, int64_t *missing, int64_t *pieces, struct error *e);
/* The vector of a piece; nothing when there is no such piece any more. numbers has v->dim of them. 0 or -1. */
int	 vectors_put(struct db *db, const struct vectors *v, int64_t piece, const float *numbers, struct error *e);
/* The pieces go, whatever models knew them. 0 or -1. */
int	 vectors_remove(struct db *db, int64_t root, int64_t first, int64_t n, struct error *e);
/* From now on the model's vectors count as those of another: it answers with another dimension. They go like others'. 0 or -1. */
int	 vectors_set_aside(struct db *db, const struct vectors *v, struct error *e);
/* Remove vectors of other models there, `most` at a time. 1: some are left, 0: none, -1: error. */
int	 vectors_drop_others(struct db *db, const struct vectors *v, int most, struct error *e);

/* The k pieces whose vectors are nearest to numbers, best first. How many, -1 on error. */
int	 vectors_search(struct db *db, const struct vectors *v, const float *numbers, struct vectors_hit *hits, int k, struct error *e);

#endif

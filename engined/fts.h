/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of the conversations (words.h): rag/index.sqlite, beside the
 * reference's store, which is neither read nor written. All in it comes from
 * the session files. How a session comes into it is growth.c's, when to look
 * at which file is recall.c's.
 */
#ifndef ALPI_ENGINED_FTS_H
#define ALPI_ENGINED_FTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "engined/session.h"
#include "engined/words.h"

#define FTS_SNIPPET	600		/* characters */
#define FTS_K_MAX	50
#define FTS_ROOT	1		/* of its vectors: there is one */

struct vectors;

/* What is known of a session file. */
struct fts_file {
	char	id[SESSION_ID_MAX + 1];
	int64_t	mtime_us, size;
};

/* A piece that was found. */
struct fts_hit {
	char	 session[SESSION_ID_MAX + 1];
	double	 started_at;		/* Unix seconds */
	double	 score;			/* more is better */
	char	*snippet;
};

/* Open or make it. NULL: it cannot be used, and why. */
struct words *fts_open(const char *home, struct error *e);

/* What it holds, by id; the caller frees. 0 or -1. */
int	 fts_files(struct words *x, struct fts_file **out, size_t *count, struct error *e);
/* Sessions and pieces in it. 0 or -1. */
int	 fts_size(struct words *x, int64_t *sessions, int64_t *pieces, struct error *e);

/* At most so many of its pieces go, the last ones first, and with the last of all the session. 1: there are more, 0 or -1. */
int	 fts_shrink(struct words *x, const char *id, int64_t most, struct error *e);
/* Nothing of it stays. 0 or -1. */
int	 fts_remove(struct words *x, const char *id, struct error *e);
/* A piece, with the next number. A session's have numbers in a row. 0 or -1. */
int	 fts_add(struct words *x, const char *id, const char *text, size_t len, struct error *e);
/* What is known of the session now: its file, and which of the pieces are its own. 0 or -1. */
int	 fts_keep(struct words *x, const struct fts_file *file, double started_at, int64_t first, int64_t pieces, struct error *e);

/*
 * The best piece of each of the k sessions that fit best, best first, `skip` (may be NULL) left out. How many; the caller
 * clears them. -1 on error.
 */
int	 fts_search(struct words *x, const char *query, const char *skip, struct fts_hit *hits, size_t k, struct error *e);
/*
 * The k sessions in which the words stand most often (fts_count.c), the newest first among those that are alike; the score is how
 * often, in their pieces, and the snippet is empty.
 */
int	 fts_count(struct words *x, const char *query, const char *skip, struct fts_hit *hits, size_t k, struct error *e);
/* The same as fts_search by the vectors of a model: the nearest piece of each session, its beginning as the snippet. */
int	 fts_near(struct words *x, const struct vectors *v, const float *numbers, const char *skip, struct fts_hit *hits, size_t k,
	    struct error *e);
void	 fts_hits_clear(struct fts_hit *hits, size_t n);

/* ---- which pieces have no vector (fts_vectors.c) ------------------------------------------------- */

/*
 * The next pieces without a vector of the model, those of newer sessions first; n at most, texts are the caller's. Looks at some
 * sessions only: *more when there are others. How many, -1 on error.
 */
int	 fts_missing(struct words *x, const struct vectors *v, int64_t *pieces, char **texts, int n, bool *more, struct error *e);
/* How many pieces are in sessions of which not all have one yet; -1 on error. */
int64_t	 fts_waiting(struct words *x, const struct vectors *v, struct error *e);

#endif

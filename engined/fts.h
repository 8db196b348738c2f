/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The full-text index of the conversations: rag/index.sqlite, beside the
 * reference's store, which is neither read nor written. All in it comes from
 * the session files and can be made from them again, so a file that is
 * damaged is set aside and begun anew. How a session comes into it is
 * growth.c's, when to look at which file is recall.c's.
 */
#ifndef ALPI_ENGINED_FTS_H
#define ALPI_ENGINED_FTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "engined/session.h"

#define FTS_SNIPPET	600		/* characters */
#define FTS_K_MAX	50
#define FTS_ROOT	1		/* of its vectors: there is one */

struct db;
struct fts;
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
struct fts *fts_open(const char *home, struct error *e);
void	 fts_close(struct fts *x);
/* Close it and set the file aside: it is damaged (ERR_invalid said so). The next fts_open begins anew. */
void	 fts_discard(struct fts *x);

/* Its tables, for the vectors of its pieces (vectors.h). */
struct db *fts_db(struct fts *x);

/* What it holds, by id; the caller frees. 0 or -1. */
int	 fts_files(struct fts *x, struct fts_file **out, size_t *count, struct error *e);
/* Sessions and pieces in it. 0 or -1. */
int	 fts_size(struct fts *x, int64_t *sessions, int64_t *pieces, struct error *e);

/* What is changed between these two is there together or not at all; fts_end with ok false takes it back. 0 or -1. */
int	 fts_begin(struct fts *x, struct error *e);
int	 fts_end(struct fts *x, bool ok, struct error *e);
/* At most so many of its pieces go, the last ones first, and with the last of all the session. 1: there are more, 0 or -1. */
int	 fts_shrink(struct fts *x, const char *id, int64_t most, struct error *e);
/* Nothing of it stays. 0 or -1. */
int	 fts_remove(struct fts *x, const char *id, struct error *e);
/* The number of the next piece, which fts_add gives it. A session's have numbers in a row. 0 or -1. */
int64_t	 fts_next(const struct fts *x);
int	 fts_add(struct fts *x, const char *id, const char *text, size_t len, struct error *e);
/* What is known of the session now: its file, and which of the pieces are its own. 0 or -1. */
int	 fts_keep(struct fts *x, const struct fts_file *file, double started_at, int64_t first, int64_t pieces, struct error *e);

/*
 * The best piece of each of the k sessions that fit best, best first, `skip` (may be NULL) left out. Words that stand
 * nearly everywhere are not weighed beside rarer ones; where there are only such words, the newest pieces with all of
 * them come first, then the newest with any. How many; the caller clears them. -1 on error.
 */
int	 fts_search(struct fts *x, const char *query, const char *skip, struct fts_hit *hits, size_t k, struct error *e);
/* The same by the vectors of a model: the nearest piece of each session, its beginning as the snippet. */
int	 fts_near(struct fts *x, const struct vectors *v, const float *numbers, const char *skip, struct fts_hit *hits, size_t k,
	    struct error *e);
void	 fts_hits_clear(struct fts_hit *hits, size_t n);

/* ---- which pieces have no vector (fts_vectors.c) ------------------------------------------------- */

/*
 * The next pieces without a vector of the model, those of newer sessions first; n at most, texts are the caller's. Looks at some
 * sessions only: *more when there are others. How many, -1 on error.
 */
int	 fts_missing(struct fts *x, const struct vectors *v, int64_t *pieces, char **texts, int n, bool *more, struct error *e);
/* How many pieces are in sessions of which not all have one yet; -1 on error. */
int64_t	 fts_waiting(struct fts *x, const struct vectors *v, struct error *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A full-text index in a file of its own, rag/NAME.sqlite: a table `words` of
 * pieces of text with numbers in a row, what stands beside it, and the search.
 * There is one of the conversations (fts.h) and one of the workspace's files
 * (shelf.h). All in it comes from elsewhere and can be made again, so a
 * damaged file is set aside and begun anew.
 */
#ifndef ALPI_ENGINED_WORDS_H
#define ALPI_ENGINED_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/db.h"
#include "common/error.h"

/* What makes an index this one. The statements are literals: db.h keeps them by their text. */
struct words_kind {
	const char		*file;		/* below the home */
	const char		*what;		/* that it is an index of, for the log */
	const char *const	*steps;		/* as db_open takes them */
	const char		*number;	/* the statement that gives the number of the next piece */
	const char		*best, *newest;	/* of WORDS_ROWS: by rank, and by age */
};

/* The rows of a search: a column that says where the piece stands, its score, its text around the words. */
#define WORDS_ROWS(where, score, order) "SELECT " where ", " score ", snippet(words, 1, '', '', '\xe2\x80\xa6', 48)" \
	    " FROM words WHERE words MATCH ? ORDER BY " order
#define WORDS_BEST(where)	WORDS_ROWS(where, "-rank", "rank")
#define WORDS_NEWEST(where)	WORDS_ROWS(where, "0.0", "rowid DESC")

struct words {
	const struct words_kind	*kind;
	struct db		*db;
	char			*path;
	int64_t			 next;		/* the number of the next piece; taken by who adds it, also when that is undone: a gap
						   does no harm */
};

/* Open or make it, ready for use. NULL: it cannot be used, and why. */
struct words *words_open(const char *home, const struct words_kind *kind, struct error *e);
void	 words_close(struct words *x);
/* Close it and set the file aside: it is damaged (ERR_invalid said so). The next words_open begins anew. */
void	 words_discard(struct words *x);

/* What is changed between these two is there together or not at all; words_end with ok false takes it back. 0 or -1. */
int	 words_begin(struct words *x, struct error *e);
/*
 * Before a commit comes a bounded piece of the merging that SQLite would else do as a whole, in the transaction that
 * happens to be the one too many.
 */
int	 words_end(struct words *x, bool ok, struct error *e);
/* n pieces from the first on go, and their vectors, which are of this root. 0 or -1. */
int	 words_drop(struct words *x, int64_t root, int64_t first, int64_t n, struct error *e);
/* The numbers of the one row that the statement has, and ends. 1, 0: there is none and out is as it was, -1 on error. */
int	 words_row(struct words *x, sqlite3_stmt *s, int64_t *out, int n, struct error *e);

/* A row of a search, or of a statement with the like columns, becomes a hit: 1, 0: it is none, -1 on error. */
typedef int words_take(void *arg, sqlite3_stmt *row, struct error *e);
/*
 * The pieces that fit the query, best first, until `most` are taken. Words that stand nearly everywhere are not weighed beside
 * rarer ones: that means to look at everything, and says nothing. Where there are only such words, the newest pieces with all
 * of them come first, then the newest with any. 0, or -1: what is taken is still the caller's.
 */
int	 words_search(struct words *x, const char *query, int most, words_take *take, void *arg, struct error *e);

/* How often words of the query stand in a piece; pieces come newest first. 1: go on, 0: enough, -1 on error. */
typedef int words_spot(void *arg, int64_t piece, int64_t spots, struct error *e);
/*
 * The pieces with words of the query, common ones again only where there are no rarer. When there are more than are looked at in
 * a few hundredths of a second, the newest of them. 0 or -1.
 */
int	 words_spots(struct words *x, const char *query, words_spot *spot, void *arg, struct error *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the full-text indexes share: a table `words` of pieces, and which of
 * the words looked for are worth weighing in it. To rank a word that stands
 * nearly everywhere means to look at everything, and says nothing.
 */
#ifndef ALPI_ENGINED_RANK_H
#define ALPI_ENGINED_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/db.h"
#include "common/error.h"
#include "engined/match.h"

/* An index in a file of its own: it can be made again, so a damaged one is set aside. */
struct rank_file {
	struct db		*db;
	char			*path;
	const char		*what;		/* that it is an index of, for the log */
	const char *const	*steps;		/* as db_open takes them */
	const char		*number;	/* the statement that gives the number of the next piece; a literal */
	int64_t			 next;
};

/* Open or make it, ready for use; path (taken over by rank_close), what, steps and number are set. 0 or -1. */
int	 rank_open(struct rank_file *f, struct error *e);
void	 rank_close(struct rank_file *f);
/* It turned out to be damaged: close it and set it aside; rank_close still frees. */
void	 rank_discard(struct rank_file *f);
/*
 * The end of a transaction: committed (ok) or undone. Before a commit comes a bounded piece of the merging that SQLite
 * would else do as a whole, in the transaction that happens to be the one too many. 0 or -1.
 */
int	 rank_end(struct rank_file *f, bool ok, struct error *e);
/* What a place in an order counts for when two orders are made one (reciprocal rank fusion); the best place is 0. */
double	 rank_share(size_t place);
/* Drop the common words beside rarer ones. 1: there is a rarer one, 0: all are common and stay, -1: error. */
int	 rank_weigh(struct db *db, struct match *m, struct error *e);

#endif

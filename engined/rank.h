/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the full-text indexes share: a table `words` of pieces, and which of
 * the words looked for are worth weighing in it. To rank a word that stands
 * nearly everywhere means to look at everything, and says nothing.
 */
#ifndef ALPI_ENGINED_RANK_H
#define ALPI_ENGINED_RANK_H

#include <stdint.h>

#include "common/db.h"
#include "common/error.h"
#include "engined/match.h"

/* Open or make an index, ready for use; a damaged one (ERR_invalid) can be set aside. 0 or -1. */
int	 rank_open(struct db **db, const char *path, const char *const *steps, struct error *e);
/* The one number that a statement without parameters gives, 0: none; -1 on error. sql is a literal. */
int64_t	 rank_number(struct db *db, const char *sql, struct error *e);
/* Drop the common words beside rarer ones. 1: there is a rarer one, 0: all are common and stay, -1: error. */
int	 rank_weigh(struct db *db, struct match *m, struct error *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session on its way into the index (fts.h), in steps of a few
 * milliseconds whatever its size: what it had goes, then its pieces come one
 * by one. Until the last is there the index calls it changed, so a pass that
 * is cut off in between leaves pieces that are found and a session that the
 * next pass reads again.
 */
#ifndef ALPI_ENGINED_GROWTH_H
#define ALPI_ENGINED_GROWTH_H

#include "common/error.h"
#include "engined/fts.h"

struct growth;

struct growth *growth_new(const char *home, const struct fts_file *file);
void	 growth_free(struct growth *g);
const char *growth_id(const struct growth *g);
/* The next step, within a transaction. 1: there is more to do, 0: all of it is there, -1 on error. */
int	 growth_step(struct growth *g, struct words *x, struct error *e);
/* The transaction is about to end before the last step. 0 or -1. */
int	 growth_pause(struct growth *g, struct words *x, struct error *e);
/* It cannot be read, and has no pieces. */
bool	 growth_failed(const struct growth *g);

#endif

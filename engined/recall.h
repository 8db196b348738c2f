/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversations of this profile, and what was said in them. The index
 * (fts.h) is brought up to date only when somebody asks for that: new and
 * changed files are read, vanished ones forgotten, in slices of RECALL_SLICE_MS
 * from the loop, so that turns go on meanwhile; a slice ends behind the step
 * (growth.h) that passes its time. Each slice is one transaction: what is killed
 * in between has what is there so far, and the next pass does the rest.
 */
#ifndef ALPI_ENGINED_RECALL_H
#define ALPI_ENGINED_RECALL_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define RECALL_SLICE_MS		3	/* a turn passes the loop a dozen times */

struct recall;
struct recall_wait;

/* What a pass did. */
struct recall_pass {
	int64_t	indexed, unchanged, removed, skipped;	/* sessions; skipped: they cannot be read */
};

/* Nothing is opened before it is needed. */
struct recall *recall_new(struct event_base *base, const char *home);
/* Those who wait are not called. */
void	 recall_free(struct recall *r);

/* Runs once, from the loop, never inside recall_update; pass NULL: it failed, and the index is as good as before. */
typedef void recall_done(void *arg, const struct recall_pass *pass, const struct error *e);
/* Bring the index up to date with the files as they are now; force: read all of them again. The handle dies with done. */
struct recall_wait *recall_update(struct recall *r, bool force, recall_done *done, void *arg);
/* Its callback will not run. */
void	 recall_forget(struct recall *r, struct recall_wait *w);

/* ---- the index itself, for those who add to it ---------------------------------------------------- */

/* It, open for now; NULL with the reason. */
struct words *recall_index(struct recall *r, struct error *e);
/* After an error: a damaged file goes, and the next who needs the index begins anew; and how often that was. */
void	 recall_distrust(struct recall *r, const struct error *e);
int64_t	 recall_discarded(const struct recall *r);
/* While it is held it stays open, and no piece gets the number of another that is gone. */
void	 recall_hold(struct recall *r, bool hold);
const char *recall_home(const struct recall *r);

/* ---- looking (recall_find.c) ---------------------------------------------------------------------- */

/* Sessions that have something in the index; -1 on error. */
int64_t	 recall_size(struct recall *r, struct error *e);
/*
 * Rows {session_id, when, snippet, score} of the best k sessions as the index has them; `skip` (may be NULL) is left
 * out, and so is what has no file any more. New reference or NULL.
 */
json_t	*recall_find(struct recall *r, const char *query, size_t k, const char *skip, struct error *e);
/* What is looked for. */
struct recall_query {
	const char	*text, *skip;	/* skip (may be NULL): a session that is left out */
	size_t		 k;
	bool		 counted;	/* those with the words most often come first, not those that fit best; rows without a snippet */
};

/* A query as an embedding model sees it. */
struct recall_meaning {
	const char	*model;		/* as the index calls it */
	const float	*numbers;
	int64_t		 dim;
};

/* The same with sessions near in meaning among them, unless m is NULL; note: why those are not, "" when they are. */
json_t	*recall_find_near(struct recall *r, const struct recall_query *q, const struct recall_meaning *m, char note[ERROR_TEXT_MAX],
	    struct error *e);
/* Has the index anything of this model? 1, 0 or -1. */
int	 recall_knows(struct recall *r, const char *model, struct error *e);
/* A deleted session leaves the index too. 0 or -1: it could not be removed. */
int	 recall_remove(struct recall *r, const char *id, struct error *e);

/* "2026-11-21T09:05:00Z" of Unix seconds. */
void	 recall_when(double at, char out[32]);

#endif

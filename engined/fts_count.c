/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See fts.h: in which conversations the words of a query stand most often
 * (spec/tools.md, 7.6). The index counts, so no file is opened for that and
 * none is left out. Pieces overlap: a count is a little too high, and good for
 * saying which files are worth counting in.
 */
#include "engined/fts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* Pieces and sessions are met in the same order, the newest first: a session's pieces have numbers in a row. */
struct counting {
	struct words	*x;
	const char	*skip;
	sqlite3_stmt	*sessions;
	struct fts_hit	 now;		/* the session whose pieces are met; its score is the count */
	int64_t		 first;		/* its first piece */
	struct fts_hit	*hits;
	int		 n, most;
};

static bool
before(const struct fts_hit *a, const struct fts_hit *b)
{
	return a->score != b->score ? a->score > b->score : a->started_at > b->started_at;
}

/* It becomes a hit, if it is among the best so far. */
static void
end_session(struct counting *c)
{
	int at = c->n;

	if (c->now.score == 0 || (c->skip != NULL && strcmp(c->now.session, c->skip) == 0))
		return;
	while (at > 0 && before(&c->now, &c->hits[at - 1]))
		at--;
	if (at == c->most)
		return;
	c->n += c->n < c->most;
	memmove(&c->hits[at + 1], &c->hits[at], (size_t)(c->n - 1 - at) * sizeof(c->hits[0]));
	c->hits[at] = c->now;
}

/* 1, 0: there is no older one, -1 on error. */
static int
older_session(struct counting *c, struct error *e)
{
	int more = db_step(c->x->db, c->sessions, e);

	c->now = (struct fts_hit){ 0 };
	if (more != 1)
		return more;
	snprintf(c->now.session, sizeof(c->now.session), "%s", (const char *)sqlite3_column_text(c->sessions, 0));
	c->now.started_at = sqlite3_column_double(c->sessions, 1);
	c->first = sqlite3_column_int64(c->sessions, 2);
	return 1;
}

static int
on_piece(void *arg, int64_t piece, int64_t spots, struct error *e)
{
	struct counting *c = arg;
	int more = 1;

	while (more == 1 && piece < c->first) {
		end_session(c);
		more = older_session(c, e);
	}
	if (more == 1)
		c->now.score += (double)spots;
	return more;
}

int
fts_count(struct words *x, const char *query, const char *skip, struct fts_hit *hits, size_t k, struct error *e)
{
	struct counting c = { .x = x, .skip = skip, .first = INT64_MAX, .hits = hits, .most = k < FTS_K_MAX ? (int)k : FTS_K_MAX };
	int done;

	if ((c.sessions = db_query(x->db, e, "SELECT id, started_at, first FROM sessions WHERE pieces > 0 ORDER BY first DESC", "")) == NULL)
		return -1;
	if ((done = words_spots(x, query, on_piece, &c, e)) == 0)
		end_session(&c);
	db_done(c.sessions);
	for (int i = 0; i < c.n; i++)
		hits[i].snippet = xstrdup("");
	if (done == 0)
		return c.n;
	fts_hits_clear(hits, (size_t)c.n);
	return -1;
}

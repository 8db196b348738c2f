/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See fts.h: which pieces of the conversations have no vector. A session of
 * which all have one is marked with the model, so that what is finished is
 * not looked at again; a session that is put in anew has no mark.
 */
#include "engined/fts.h"

#include <stdlib.h>

#include "common/db.h"
#include "common/mem.h"
#include "engined/vectors.h"

#define LOOK	64		/* sessions looked at at once */

/* A session as it is looked at. */
struct part {
	char	*id;
	int64_t	 first, pieces;
};

/* No session is marked with the model that has none yet. */
static int64_t
mark_of(const struct vectors *v)
{
	return v->id == 0 ? -1 : v->id;
}

/* The newest sessions without the mark; how many, -1 on error. */
static int
unmarked(struct db *db, const struct vectors *v, struct part parts[LOOK], struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT id, first, pieces FROM sessions WHERE pieces > 0 AND model <> ?"
	    " ORDER BY first DESC LIMIT ?", "ii", mark_of(v), (int64_t)LOOK);
	int n = 0, more;

	if (s == NULL)
		return -1;
	while ((more = db_step(db, s, e)) == 1 && n < LOOK)
		parts[n++] = (struct part){ .id = db_text(s, 0),
		    .first = sqlite3_column_int64(s, 1), .pieces = sqlite3_column_int64(s, 2) };
	db_done(s);
	for (int i = 0; more == -1 && i < n; i++)
		free(parts[i].id);
	return more == -1 ? -1 : n;
}

/* The pieces of a session that have none, n at most; how many, -1 on error. */
static int
missing_of(struct db *db, const struct vectors *v, const struct part *p, int64_t *pieces, char **texts, int n, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT rowid, content FROM words WHERE rowid BETWEEN ? AND ?"
	    " AND NOT EXISTS (SELECT 1 FROM vectors WHERE id = ? + words.rowid) ORDER BY rowid LIMIT ?", "iiii", p->first,
	    p->first + p->pieces - 1, VECTORS_NUMBER(v, 0), (int64_t)n);

	return vectors_take(db, s, pieces, texts, n, e);
}

/* From each session what is missing, those that miss nothing are marked. How many pieces, -1 on error. */
static int
collect(struct words *x, const struct vectors *v, const struct part *parts, int count, int64_t *pieces, char **texts, int n,
    struct error *e)
{
	struct db *db = x->db;
	int found = 0, got = 0;

	for (int i = 0; i < count && found < n; i++, found += got) {
		got = missing_of(db, v, &parts[i], pieces + found, texts + found, n - found, e);
		if (got == 0 && db_run(db, e, "UPDATE sessions SET model = ? WHERE id = ?", "is", v->id, parts[i].id) == -1)
			got = -1;
		if (got == -1)
			break;
	}
	for (int i = 0; got == -1 && i < found; i++)
		free(texts[i]);
	return got == -1 ? -1 : found;
}

int
fts_missing(struct words *x, const struct vectors *v, int64_t *pieces, char **texts, int n, bool *more, struct error *e)
{
	struct part parts[LOOK];
	int count = unmarked(x->db, v, parts, e), found = -1;

	*more = count > 0;
	if (count <= 0)
		return count;
	if (words_begin(x, e) == 0) {
		found = collect(x, v, parts, count, pieces, texts, n, e);
		if (words_end(x, found != -1, e) == -1) {
			for (int i = 0; i < found; i++)
				free(texts[i]);
			found = -1;
		}
	}
	for (int i = 0; i < count; i++)
		free(parts[i].id);
	return found;
}

int64_t
fts_waiting(struct words *x, const struct vectors *v, struct error *e)
{
	return db_number(x->db, e, -1, "SELECT coalesce(sum(pieces), 0) FROM sessions WHERE model <> ?", "i", mark_of(v));
}

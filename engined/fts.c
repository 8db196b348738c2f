/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See fts.h. The pieces of a session have numbers in a row, so they are found
 * without an index of their own; newer ones have larger numbers.
 */
#include "engined/fts.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/redact.h"
#include "engined/vectors.h"

#define NEAR_PIECES	(4 * FTS_K_MAX)	/* looked at for the nearest sessions: neighbours overlap */

static const char *const steps[] = {
	"CREATE TABLE sessions (id TEXT PRIMARY KEY, mtime_us INTEGER NOT NULL, size INTEGER NOT NULL,"
	" started_at REAL NOT NULL, first INTEGER NOT NULL, pieces INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE VIRTUAL TABLE words USING fts5(session UNINDEXED, content, tokenize = 'unicode61 remove_diacritics 2');",
	"ALTER TABLE sessions ADD COLUMN model INTEGER NOT NULL DEFAULT 0;"	/* that has made vectors of all its pieces */
	"CREATE VIEW pieces AS SELECT rowid AS id FROM words;"
	VECTORS_TABLES,
	VECTORS_ANEW "UPDATE sessions SET model = 0; INSERT INTO words (words, rank) VALUES ('automerge', 0);",
	NULL
};

static const struct words_kind conversations = {
	.file = "rag/index.sqlite", .what = "sessions", .steps = steps,
	.number = "SELECT coalesce(max(first + pieces), 1) FROM sessions",
	.best = WORDS_BEST("session"), .newest = WORDS_NEWEST("session")
};

struct words *
fts_open(const char *home, struct error *e)
{
	return words_open(home, &conversations, e);
}

/* ---- what is known ------------------------------------------------------------------------------ */

static void
read_file(sqlite3_stmt *s, struct fts_file *f)
{
	snprintf(f->id, sizeof(f->id), "%s", (const char *)sqlite3_column_text(s, 0));
	f->mtime_us = sqlite3_column_int64(s, 1);
	f->size = sqlite3_column_int64(s, 2);
}

int
fts_files(struct words *x, struct fts_file **out, size_t *count, struct error *e)
{
	sqlite3_stmt *s = db_query(x->db, e, "SELECT id, mtime_us, size FROM sessions ORDER BY id", "");
	struct fts_file *list = NULL;
	size_t n = 0, room = 0;
	int more;

	if (s == NULL)
		return -1;
	while ((more = db_step(x->db, s, e)) == 1) {
		if (n == room)
			list = xreallocarray(list, room = room ? room * 2 : 64, sizeof(*list));
		read_file(s, &list[n++]);
	}
	db_done(s);
	if (more == -1) {
		free(list);
		return -1;
	}
	*out = list;
	*count = n;
	return 0;
}

int
fts_size(struct words *x, int64_t *sessions, int64_t *pieces, struct error *e)
{
	*sessions = db_number(x->db, e, -1, "SELECT count(*) FROM sessions WHERE pieces > 0", "");
	*pieces = *sessions == -1 ? -1 : db_number(x->db, e, -1, "SELECT coalesce(sum(pieces), 0) FROM sessions", "");
	return *pieces == -1 ? -1 : 0;
}

/* ---- change -------------------------------------------------------------------------------------- */

/* Which pieces it has; *n 0: none. 0 or -1. */
static int
pieces_of(struct words *x, const char *id, int64_t *first, int64_t *n, struct error *e)
{
	int64_t row[2] = { 0, 0 };

	if (words_row(x, db_query(x->db, e, "SELECT first, pieces FROM sessions WHERE id = ?", "s", id), row, 2, e) == -1)
		return -1;
	*first = row[0];
	*n = row[1];
	return 0;
}

int
fts_shrink(struct words *x, const char *id, int64_t most, struct error *e)
{
	int64_t first, n, left;

	if (pieces_of(x, id, &first, &n, e) == -1)
		return -1;
	left = n > most ? n - most : 0;
	if (n > 0 && words_drop(x, FTS_ROOT, first + left, n - left, e) == -1)
		return -1;
	if (left == 0)
		return db_run(x->db, e, "DELETE FROM sessions WHERE id = ?", "s", id);
	return db_run(x->db, e, "UPDATE sessions SET size = -1, pieces = ? WHERE id = ?", "is", left, id) == -1 ? -1 : 1;
}

int
fts_remove(struct words *x, const char *id, struct error *e)
{
	return fts_shrink(x, id, INT64_MAX, e);
}

int
fts_add(struct words *x, const char *id, const char *text, size_t len, struct error *e)
{
	cleanup_free char *content = xstrndup(text, len);

	return db_run(x->db, e, "INSERT INTO words (rowid, session, content) VALUES (?, ?, ?)", "iss", x->next++, id, content);
}

int
fts_keep(struct words *x, const struct fts_file *file, double started_at, int64_t first, int64_t pieces, struct error *e)
{
	return db_run(x->db, e, "INSERT OR REPLACE INTO sessions (id, mtime_us, size, started_at, first, pieces)"
	    " VALUES (?, ?, ?, ?, ?, ?)", "siifii", file->id, file->mtime_us, file->size, started_at, first, pieces);
}

/* ---- search ---------------------------------------------------------------------------------------- */

/* Where the hits go. */
struct taking {
	struct words	*x;
	const char	*skip;
	struct fts_hit	*hits;
	int		 n;
};

static double
started_at(struct words *x, const char *id)
{
	sqlite3_stmt *s = db_query(x->db, NULL, "SELECT started_at FROM sessions WHERE id = ?", "s", id);
	double at = 0;

	if (s == NULL)
		return 0;
	if (db_step(x->db, s, NULL) == 1)
		at = sqlite3_column_double(s, 0);
	db_done(s);
	return at;
}

static bool
is_new(const struct taking *t, const char *id)
{
	for (int i = 0; i < t->n; i++)
		if (strcmp(t->hits[i].session, id) == 0)
			return false;
	return t->skip == NULL || strcmp(id, t->skip) != 0;
}

/* The best piece of a session stands for it. */
static int
take(void *arg, sqlite3_stmt *row, struct error *e)
{
	struct taking *t = arg;
	cleanup_free char *id = db_text(row, 0);
	struct fts_hit *h = &t->hits[t->n];

	if (!is_new(t, id))
		return 0;
	snprintf(h->session, sizeof(h->session), "%s", id);
	h->score = sqlite3_column_double(row, 1);
	h->snippet = cut_chars((const char *)sqlite3_column_text(row, 2), FTS_SNIPPET);
	h->started_at = started_at(t->x, id);
	t->n++;
	return 1;
}

/* How many hits there are, or none, and -1. */
static int
taken(struct taking *t, int done)
{
	if (done != -1)
		return t->n;
	fts_hits_clear(t->hits, (size_t)t->n);
	return -1;
}

int
fts_search(struct words *x, const char *query, const char *skip, struct fts_hit *hits, size_t k, struct error *e)
{
	struct taking t = { .x = x, .skip = skip, .hits = hits };

	return taken(&t, words_search(x, query, k < FTS_K_MAX ? (int)k : FTS_K_MAX, take, &t, e));
}

static int
take_near(struct taking *t, const struct vectors_hit *near, struct error *e)
{
	sqlite3_stmt *s = db_query(t->x->db, e, "SELECT session, ?, content FROM words WHERE rowid = ?", "fi", near->score, near->piece);
	int more = s == NULL ? -1 : db_step(t->x->db, s, e);

	if (more == 1)
		more = take(t, s, e);
	if (s != NULL)
		db_done(s);
	return more;
}

int
fts_near(struct words *x, const struct vectors *v, const float *numbers, const char *skip, struct fts_hit *hits, size_t k,
    struct error *e)
{
	struct vectors_hit near[NEAR_PIECES];
	int found = vectors_search(x->db, v, numbers, near, NEAR_PIECES, e), most = k < FTS_K_MAX ? (int)k : FTS_K_MAX;
	struct taking t = { .x = x, .skip = skip, .hits = hits };
	int done = found == -1 ? -1 : 0;

	for (int i = 0; done != -1 && i < found && t.n < most; i++)
		done = take_near(&t, &near[i], e);
	return taken(&t, done);
}

void
fts_hits_clear(struct fts_hit *hits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(hits[i].snippet);
}

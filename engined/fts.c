/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See fts.h. The pieces of a session have numbers in a row, so they are found
 * without an index of their own; newer ones have larger numbers.
 */
#include "engined/fts.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/db.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/match.h"
#include "engined/rank.h"
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

struct fts {
	struct rank_file file;	/* numbered by pieces */
};

/* ---- life ------------------------------------------------------------------------------------- */

struct fts *
fts_open(const char *home, struct error *e)
{
	struct fts *x = xcalloc(1, sizeof(*x));

	x->file = (struct rank_file){ .path = xasprintf("%s/rag/index.sqlite", home), .what = "sessions", .steps = steps,
	    .number = "SELECT coalesce(max(first + pieces), 1) FROM sessions" };
	if (rank_open(&x->file, e) == 0)
		return x;
	fts_close(x);
	return NULL;
}

void
fts_close(struct fts *x)
{
	if (x == NULL)
		return;
	rank_close(&x->file);
	free(x);
}

void
fts_discard(struct fts *x)
{
	rank_discard(&x->file);
	fts_close(x);
}

struct db *
fts_db(struct fts *x)
{
	return x->file.db;
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
fts_files(struct fts *x, struct fts_file **out, size_t *count, struct error *e)
{
	sqlite3_stmt *s = db_query(x->file.db, e, "SELECT id, mtime_us, size FROM sessions ORDER BY id", "");
	struct fts_file *list = NULL;
	size_t n = 0, room = 0;
	int more;

	if (s == NULL)
		return -1;
	while ((more = db_step(x->file.db, s, e)) == 1) {
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
fts_size(struct fts *x, int64_t *sessions, int64_t *pieces, struct error *e)
{
	*sessions = db_number(x->file.db, e, -1, "SELECT count(*) FROM sessions WHERE pieces > 0", "");
	*pieces = *sessions == -1 ? -1 : db_number(x->file.db, e, -1, "SELECT coalesce(sum(pieces), 0) FROM sessions", "");
	return *pieces == -1 ? -1 : 0;
}

/* ---- change -------------------------------------------------------------------------------------- */

int
fts_begin(struct fts *x, struct error *e)
{
	return db_begin(x->file.db, e);
}

int
fts_end(struct fts *x, bool ok, struct error *e)
{
	return rank_end(&x->file, ok, e);
}

/* Which pieces it has; *n 0: none. 0 or -1. */
static int
pieces_of(struct fts *x, const char *id, int64_t *first, int64_t *n, struct error *e)
{
	sqlite3_stmt *s = db_query(x->file.db, e, "SELECT first, pieces FROM sessions WHERE id = ?", "s", id);
	int more;

	*first = *n = 0;
	if (s == NULL)
		return -1;
	if ((more = db_step(x->file.db, s, e)) == 1) {
		*first = sqlite3_column_int64(s, 0);
		*n = sqlite3_column_int64(s, 1);
	}
	db_done(s);
	return more == -1 ? -1 : 0;
}

int
fts_shrink(struct fts *x, const char *id, int64_t most, struct error *e)
{
	int64_t first, n, left;

	if (pieces_of(x, id, &first, &n, e) == -1)
		return -1;
	left = n > most ? n - most : 0;
	if (n > 0 && vectors_remove(x->file.db, FTS_ROOT, first + left, n - left, e) == -1)
		return -1;
	if (n > 0 && db_run(x->file.db, e, "DELETE FROM words WHERE rowid BETWEEN ? AND ?", "ii", first + left, first + n - 1) == -1)
		return -1;
	if (left == 0)
		return db_run(x->file.db, e, "DELETE FROM sessions WHERE id = ?", "s", id);
	return db_run(x->file.db, e, "UPDATE sessions SET size = -1, pieces = ? WHERE id = ?", "is", left, id) == -1 ? -1 : 1;
}

int
fts_remove(struct fts *x, const char *id, struct error *e)
{
	return fts_shrink(x, id, INT64_MAX, e);
}

int64_t
fts_next(const struct fts *x)
{
	return x->file.next;
}

int
fts_add(struct fts *x, const char *id, const char *text, size_t len, struct error *e)
{
	cleanup_free char *content = xstrndup(text, len);

	/* The number is used up also when this is taken back: a gap does no harm. */
	return db_run(x->file.db, e, "INSERT INTO words (rowid, session, content) VALUES (?, ?, ?)", "iss", x->file.next++, id, content);
}

int
fts_keep(struct fts *x, const struct fts_file *file, double started_at, int64_t first, int64_t pieces, struct error *e)
{
	return db_run(x->file.db, e, "INSERT OR REPLACE INTO sessions (id, mtime_us, size, started_at, first, pieces)"
	    " VALUES (?, ?, ?, ?, ?, ?)", "siifii", file->id, file->mtime_us, file->size, started_at, first, pieces);
}

/* ---- search ---------------------------------------------------------------------------------------- */

static double
started_at(struct fts *x, const char *id)
{
	sqlite3_stmt *s = db_query(x->file.db, NULL, "SELECT started_at FROM sessions WHERE id = ?", "s", id);
	double at = 0;

	if (s == NULL)
		return 0;
	if (db_step(x->file.db, s, NULL) == 1)
		at = sqlite3_column_double(s, 0);
	db_done(s);
	return at;
}

static bool
is_new(const char *id, const char *skip, const struct fts_hit *hits, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(hits[i].session, id) == 0)
			return false;
	return skip == NULL || strcmp(id, skip) != 0;
}

static void
take_hit(struct fts *x, sqlite3_stmt *s, const char *id, struct fts_hit *h)
{
	snprintf(h->session, sizeof(h->session), "%s", id);
	h->score = sqlite3_column_double(s, 1);
	h->snippet = cut_chars((const char *)sqlite3_column_text(s, 2), FTS_SNIPPET);
	h->started_at = started_at(x, id);
}

/* Take what the statement gives until there are k; how many there are then, -1: error, and none. The statement ends. */
static int
collect(struct fts *x, sqlite3_stmt *s, const char *skip, struct fts_hit *hits, int n, int k, struct error *e)
{
	int more = s == NULL ? -1 : 1;

	while (n < k && more == 1 && (more = db_step(x->file.db, s, e)) == 1) {
		cleanup_free char *id = db_text(s, 0);

		if (is_new(id, skip, hits, n))
			take_hit(x, s, id, &hits[n++]);
	}
	if (s != NULL)
		db_done(s);
	if (more != -1)
		return n;
	fts_hits_clear(hits, (size_t)n);
	return -1;
}

#define SNIPPET "snippet(words, 1, '', '', '\xe2\x80\xa6', 48)"

static sqlite3_stmt *
best_first(struct fts *x, const char *expression, struct error *e)
{
	return db_query(x->file.db, e, "SELECT session, -rank, " SNIPPET " FROM words WHERE words MATCH ? ORDER BY rank", "s", expression);
}

/* To rank words that stand everywhere means to look at everything, and says nothing. */
static sqlite3_stmt *
newest_first(struct fts *x, const char *expression, struct error *e)
{
	return db_query(x->file.db, e, "SELECT session, 0.0, " SNIPPET " FROM words WHERE words MATCH ? ORDER BY rowid DESC", "s",
	    expression);
}

int
fts_search(struct fts *x, const char *query, const char *skip, struct fts_hit *hits, size_t k, struct error *e)
{
	cleanup_free char *any = NULL, *all = NULL;
	int most = k < FTS_K_MAX ? (int)k : FTS_K_MAX, rare, n;
	struct match m;

	match_words(&m, query, 1);
	if (m.count == 0)
		return 0;
	if ((rare = rank_weigh(x->file.db, &m, e)) == -1)
		return -1;
	any = match_any(&m);
	if (rare)
		return collect(x, best_first(x, any, e), skip, hits, 0, most, e);
	all = match_all(&m);
	n = collect(x, newest_first(x, all, e), skip, hits, 0, most, e);
	return n == -1 || n == most ? n : collect(x, newest_first(x, any, e), skip, hits, n, most, e);
}

/* The session of a piece becomes a hit if it is none yet. 1, 0 or -1. */
static int
take_near(struct fts *x, const struct vectors_hit *near, const char *skip, struct fts_hit *hits, int n, struct error *e)
{
	sqlite3_stmt *s = db_query(x->file.db, e, "SELECT session, ?, content FROM words WHERE rowid = ?", "fi", near->score, near->piece);
	int more = s == NULL ? -1 : db_step(x->file.db, s, e);
	cleanup_free char *id = more == 1 ? db_text(s, 0) : NULL;

	if (more == 1 && !is_new(id, skip, hits, n))
		more = 0;
	if (more == 1)
		take_hit(x, s, id, &hits[n]);
	if (s != NULL)
		db_done(s);
	return more;
}

int
fts_near(struct fts *x, const struct vectors *v, const float *numbers, const char *skip, struct fts_hit *hits, size_t k,
    struct error *e)
{
	struct vectors_hit near[NEAR_PIECES];
	int found = vectors_search(x->file.db, v, numbers, near, NEAR_PIECES, e), most = k < FTS_K_MAX ? (int)k : FTS_K_MAX, n = 0;

	for (int i = 0; i < found && n < most; i++) {
		int new = take_near(x, &near[i], skip, hits, n, e);

		if (new == -1) {
			fts_hits_clear(hits, (size_t)n);
			return -1;
		}
		n += new;
	}
	return found == -1 ? -1 : n;
}

void
fts_hits_clear(struct fts_hit *hits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(hits[i].snippet);
}

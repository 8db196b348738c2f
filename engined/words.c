/* SPDX-License-Identifier: Apache-2.0 */
/* See words.h. */
#include "engined/words.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "engined/match.h"
#include "engined/vectors.h"

#define COMMON		2000		/* pieces with a word that says little */
#define SPOTS_PIECES	10000		/* in which is counted, the newest first */
#define MERGE_PAGES	64		/* of some 4 KB: more than a slice adds, and a millisecond or two */

/* ---- life ------------------------------------------------------------------------------------- */

/* How often the words of the expression stand in a row. */
static void
spots(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *out, int argc, sqlite3_value **argv)
{
	int n = 0, code = api->xInstCount(fts, &n);

	if (code == SQLITE_OK)
		sqlite3_result_int(out, n);
	else
		sqlite3_result_error_code(out, code);
}

/* As SQLite's documentation of FTS5 has it: its functions are handed out by a statement. */
static int
add_spots(struct db *db, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT fts5(?)", "");
	fts5_api *api = NULL;

	if (s == NULL)
		return -1;
	sqlite3_bind_pointer(s, 1, &api, "fts5_api_ptr", NULL);
	db_step(db, s, NULL);
	db_done(s);
	if (api == NULL || api->xCreateFunction(api, "spots", NULL, spots, NULL) != SQLITE_OK)
		return error_set(e, ERR_io, "full-text search takes no function");
	return 0;
}

/* Sorting needs no file elsewhere; what is deleted is overwritten; a megabyte at most is moved behind one commit. */
static int
prepare(struct db *db, const char *path, struct error *e)
{
	if (sqlite3_exec(db_handle(db), "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; PRAGMA cache_size = -2048;"
	    " PRAGMA wal_autocheckpoint = 256",
	    NULL, NULL, NULL) != SQLITE_OK)
		return error_set(e, ERR_io, "%s: %s", path, sqlite3_errmsg(db_handle(db)));
	if (add_spots(db, e) == -1)
		return -1;
	return db_number(db, e, -1, "SELECT count(*) FROM (SELECT 1 FROM words LIMIT 1)", "") == -1 ? -1 : 0;
}

static int
open_file(struct words *x, struct error *e)
{
	if (db_open(&x->db, x->path, x->kind->steps, 0, e) == -1)
		return -1;
	if (prepare(x->db, x->path, e) == 0 && (x->next = db_number(x->db, e, -1, x->kind->number, "")) != -1)
		return 0;
	db_close(steal(x->db));
	return -1;
}

static int
open_or_begin_anew(struct words *x, struct error *e)
{
	struct error why = { 0 };

	if (open_file(x, &why) == 0)
		return 0;
	if (why.code == ERR_invalid && db_set_aside(x->path, &why) == 0) {
		log_warn("index of the %s is damaged, set aside and begun anew: %s", x->kind->what, why.text);
		why = (struct error){ 0 };
		if (open_file(x, &why) == 0)
			return 0;
	}
	return error_set(e, why.code, "%s", why.text);
}

struct words *
words_open(const char *home, const struct words_kind *kind, struct error *e)
{
	struct words *x = xcalloc(1, sizeof(*x));

	x->kind = kind;
	x->path = xasprintf("%s/%s", home, kind->file);
	if (open_or_begin_anew(x, e) == 0)
		return x;
	words_close(x);
	return NULL;
}

void
words_close(struct words *x)
{
	if (x == NULL)
		return;
	db_close(x->db);
	free(x->path);
	free(x);
}

void
words_discard(struct words *x)
{
	struct error e = { 0 };

	db_close(steal(x->db));
	if (db_set_aside(x->path, &e) == -1)
		log_warn("index of the %s cannot be set aside: %s", x->kind->what, e.text);
	words_close(x);
}

/* ---- change ------------------------------------------------------------------------------------- */

int
words_begin(struct words *x, struct error *e)
{
	return db_begin(x->db, e);
}

static int
merge(struct db *db, struct error *e)
{
	return db_run(db, e, "INSERT INTO words (words, rank) VALUES ('merge', ?)", "i", (int64_t)MERGE_PAGES);
}

int
words_end(struct words *x, bool ok, struct error *e)
{
	if (ok && merge(x->db, e) == 0 && db_commit(x->db, e) == 0)
		return 0;
	db_rollback(x->db);
	return ok ? -1 : 0;
}

int
words_drop(struct words *x, int64_t root, int64_t first, int64_t n, struct error *e)
{
	if (vectors_remove(x->db, root, first, n, e) == -1)
		return -1;
	return db_run(x->db, e, "DELETE FROM words WHERE rowid BETWEEN ? AND ?", "ii", first, first + n - 1);
}

int
words_row(struct words *x, sqlite3_stmt *s, int64_t *out, int n, struct error *e)
{
	int more;

	if (s == NULL)
		return -1;
	more = db_step(x->db, s, e);
	for (int i = 0; more == 1 && i < n; i++)
		out[i] = sqlite3_column_int64(s, i);
	db_done(s);
	return more;
}

/* ---- search ------------------------------------------------------------------------------------- */

/* Does the word stand in so many pieces that it says little? -1 on error. */
static int
is_common(struct db *db, const char *word, struct error *e)
{
	int64_t n = db_number(db, e, -1, "SELECT count(*) FROM (SELECT rowid FROM words WHERE words MATCH ? LIMIT ?)",
	    "si", word, (int64_t)COMMON + 1);

	return n == -1 ? -1 : n > COMMON;
}

/* Drop the common words beside rarer ones. 1: there is a rarer one, 0: all are common and stay, -1 on error. */
static int
weigh(struct db *db, struct match *m, struct error *e)
{
	struct match rare = { .count = 0 };

	for (size_t i = 0; i < m->count; i++) {
		cleanup_free char *word = match_word(m, i);
		int common = is_common(db, word, e);

		if (common == -1)
			return -1;
		if (common == 0)
			memcpy(rare.word[rare.count++], m->word[i], sizeof(m->word[i]));
	}
	if (rare.count > 0)
		*m = rare;
	return rare.count > 0;
}

/* What the statement gives is taken, until there are `most`. How many there are then, the n from before among them, or -1. */
static int
collect(struct words *x, const char *sql, const char *expression, int n, int most, words_take *take, void *arg, struct error *e)
{
	sqlite3_stmt *s = db_query(x->db, e, sql, "s", expression);
	int more = s == NULL ? -1 : 1;

	while (n < most && more == 1 && (more = db_step(x->db, s, e)) == 1) {
		int new = take(arg, s, e);

		if (new == -1)
			more = -1;
		else
			n += new;
	}
	if (s != NULL)
		db_done(s);
	return more == -1 ? -1 : n;
}

int
words_search(struct words *x, const char *query, int most, words_take *take, void *arg, struct error *e)
{
	cleanup_free char *any = NULL, *all = NULL;
	struct match m;
	int rare, n;

	match_words(&m, query, 1);
	if (m.count == 0)
		return 0;
	if ((rare = weigh(x->db, &m, e)) == -1)
		return -1;
	any = match_any(&m);
	if (rare)
		return collect(x, x->kind->best, any, 0, most, take, arg, e) == -1 ? -1 : 0;
	all = match_all(&m);
	if ((n = collect(x, x->kind->newest, all, 0, most, take, arg, e)) != -1 && n < most)
		n = collect(x, x->kind->newest, any, n, most, take, arg, e);
	return n == -1 ? -1 : 0;
}

int
words_spots(struct words *x, const char *query, words_spot *spot, void *arg, struct error *e)
{
	cleanup_free char *any = NULL;
	sqlite3_stmt *s;
	struct match m;
	int more = 1;

	match_words(&m, query, 1);
	if (m.count == 0)
		return 0;
	if (weigh(x->db, &m, e) == -1)
		return -1;
	any = match_any(&m);
	if ((s = db_query(x->db, e, "SELECT rowid, spots(words) FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?", "si", any,
	    (int64_t)SPOTS_PIECES)) == NULL)
		return -1;
	while (more == 1 && (more = db_step(x->db, s, e)) == 1)
		more = spot(arg, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), e);
	db_done(s);
	return more == -1 ? -1 : 0;
}

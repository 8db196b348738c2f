/* SPDX-License-Identifier: Apache-2.0 */
/* See rank.h. */
#include "engined/rank.h"

#include <string.h>

#include "common/log.h"
#include "common/mem.h"

#define COMMON		2000		/* pieces with a word that says little */
#define MERGE_PAGES	64		/* of some 4 KB: more than a slice adds, and a millisecond or two */
#define BASE		60		/* how little the first place counts for */

/* Sorting needs no file elsewhere; what is deleted is overwritten; a megabyte at most is moved behind one commit. */
static int
prepare(struct db *db, const char *path, struct error *e)
{
	if (sqlite3_exec(db_handle(db), "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; PRAGMA cache_size = -2048;"
	    " PRAGMA wal_autocheckpoint = 256",
	    NULL, NULL, NULL) != SQLITE_OK)
		return error_set(e, ERR_io, "%s: %s", path, sqlite3_errmsg(db_handle(db)));
	return db_number(db, e, -1, "SELECT count(*) FROM (SELECT 1 FROM words LIMIT 1)", "") == -1 ? -1 : 0;
}

static int
open_file(struct rank_file *f, struct error *e)
{
	if (db_open(&f->db, f->path, f->steps, 0, e) == -1)
		return -1;
	if (prepare(f->db, f->path, e) == 0 && (f->next = db_number(f->db, e, -1, f->number, "")) != -1)
		return 0;
	db_close(steal(f->db));
	return -1;
}

int
rank_open(struct rank_file *f, struct error *e)
{
	struct error why = { 0 };

	if (open_file(f, &why) == 0)
		return 0;
	if (why.code == ERR_invalid && db_set_aside(f->path, &why) == 0) {
		log_warn("index of the %s is damaged, set aside and begun anew: %s", f->what, why.text);
		why = (struct error){ 0 };
		if (open_file(f, &why) == 0)
			return 0;
	}
	return error_set(e, why.code, "%s", why.text);
}

void
rank_close(struct rank_file *f)
{
	db_close(steal(f->db));
	free(steal(f->path));
}

void
rank_discard(struct rank_file *f)
{
	struct error e = { 0 };

	db_close(steal(f->db));
	if (db_set_aside(f->path, &e) == -1)
		log_warn("index of the %s cannot be set aside: %s", f->what, e.text);
}

static int
merge(struct db *db, struct error *e)
{
	return db_run(db, e, "INSERT INTO words (words, rank) VALUES ('merge', ?)", "i", (int64_t)MERGE_PAGES);
}

int
rank_end(struct rank_file *f, bool ok, struct error *e)
{
	if (ok && merge(f->db, e) == 0 && db_commit(f->db, e) == 0)
		return 0;
	db_rollback(f->db);
	return ok ? -1 : 0;
}

double
rank_share(size_t place)
{
	return 1.0 / (BASE + 1 + (double)place);
}

/* Does the word stand in so many pieces that it says little? -1 on error. */
static int
is_common(struct db *db, const char *word, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT count(*) FROM (SELECT rowid FROM words WHERE words MATCH ? LIMIT ?)",
	    "si", word, (int64_t)COMMON + 1);
	int result = -1;

	if (s == NULL)
		return -1;
	if (db_step(db, s, e) == 1)
		result = sqlite3_column_int64(s, 0) > COMMON;
	db_done(s);
	return result;
}

int
rank_weigh(struct db *db, struct match *m, struct error *e)
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

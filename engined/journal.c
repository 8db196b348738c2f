/* SPDX-License-Identifier: Apache-2.0 */
/* See journal.h. */
#include "engined/journal.h"

#include <string.h>

#include "common/clock.h"
#include "common/db.h"
#include "common/json.h"
#include "common/mem.h"

#define DEPTH_MAX	64
#define LOG_PAGES	128

struct journal {
	struct db	*db;
	bool		 lazy;		/* commits do not sync */
};

static const char *const schema[] = {
	"CREATE TABLE turns ("
	"  id TEXT PRIMARY KEY, owner TEXT NOT NULL, key TEXT NOT NULL, session TEXT NOT NULL,"
	"  request TEXT NOT NULL, base TEXT NOT NULL, grants TEXT NOT NULL, started_ms INTEGER NOT NULL,"
	"  cancelled TEXT, outcome TEXT, ended_ms INTEGER,"
	"  UNIQUE (owner, key)) WITHOUT ROWID;"
	"CREATE INDEX turns_open ON turns (started_ms) WHERE outcome IS NULL;"
	"CREATE INDEX turns_ended ON turns (ended_ms) WHERE outcome IS NOT NULL;"
	"CREATE TABLE steps ("
	"  turn TEXT NOT NULL, step INTEGER NOT NULL, row TEXT NOT NULL,"
	"  PRIMARY KEY (turn, step)) WITHOUT ROWID;"
	"CREATE TABLE calls ("
	"  turn TEXT NOT NULL, step INTEGER NOT NULL, call INTEGER NOT NULL, result TEXT,"
	"  PRIMARY KEY (turn, step, call)) WITHOUT ROWID;",

	/* number: in the order they began, whatever the clock says. lives: how often it was taken up again. */
	"ALTER TABLE turns ADD COLUMN number INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE turns ADD COLUMN lives INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX turns_number ON turns (number);"
	"DROP INDEX turns_open;"
	"CREATE INDEX turns_open ON turns (number, started_ms) WHERE outcome IS NULL;",

	/* a conversation that was made shorter before this step */
	"CREATE TABLE folds ("
	"  turn TEXT NOT NULL, step INTEGER NOT NULL, row TEXT NOT NULL,"
	"  PRIMARY KEY (turn, step)) WITHOUT ROWID;",

	/* what a model's answer cost, until the ledger's file has it */
	"CREATE TABLE charges ("
	"  id INTEGER PRIMARY KEY, peer TEXT, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, usd REAL NOT NULL);",
	NULL
};

#define TURN_COLUMNS "id, owner, key, session, request, base, grants, started_ms, cancelled, outcome, lives"

void
journal_turn_clear(struct journal_turn *t)
{
	free(t->id);
	free(t->owner);
	free(t->key);
	free(t->session);
	free(t->cancelled);
	json_decref(t->request);
	json_decref(t->base);
	json_decref(t->grants);
	json_decref(t->outcome);
	memset(t, 0, sizeof(*t));
}

struct journal *
journal_open(const char *path, struct error *e)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	if (db_open_whole(&j->db, path, schema, 1, e) == -1) {
		free(j);
		if (e != NULL && e->code == ERR_invalid)	/* never replaced by itself: that would drop obligations */
			error_add(e, "the turn journal cannot be read and may hold open turns, so nothing takes its place by "
			    "itself: restore it, or move it away with its -wal and lose them");
		return NULL;
	}
	/*
	 * A commit that overwrites the log costs a fraction of one that makes it
	 * longer: keep the file, and begin at its start again soon.
	 */
	sqlite3_file_control(db_handle(j->db), "main", SQLITE_FCNTL_PERSIST_WAL, &(int){ 1 });
	sqlite3_wal_autocheckpoint(db_handle(j->db), LOG_PAGES);
	return j;
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	db_close(j->db);
	free(j);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static json_t *
json_column(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text == NULL ? NULL : json_parse(text, (size_t)sqlite3_column_bytes(s, column), DEPTH_MAX, NULL);
}

static void
take_row(sqlite3_stmt *s, struct journal_turn *t)
{
	*t = (struct journal_turn){
		.id = db_text(s, 0), .owner = db_text(s, 1), .key = db_text(s, 2), .session = db_text(s, 3),
		.request = json_column(s, 4), .base = json_column(s, 5), .grants = json_column(s, 6),
		.started_ms = sqlite3_column_int64(s, 7), .cancelled = db_text(s, 8), .outcome = json_column(s, 9),
		.lives = sqlite3_column_int64(s, 10),
	};
}

static int
one_row(struct journal *j, sqlite3_stmt *s, struct journal_turn *out, struct error *e)
{
	int found;

	if (s == NULL)
		return -1;
	if ((found = db_step(j->db, s, e)) == 1)
		take_row(s, out);
	db_done(s);
	return found;
}

int
journal_by_key(struct journal *j, const char *owner, const char *key, struct journal_turn *out, struct error *e)
{
	return one_row(j, db_query(j->db, e, "SELECT " TURN_COLUMNS " FROM turns WHERE owner = ? AND key = ?",
	    "ss", owner, key), out, e);
}

int
journal_by_id(struct journal *j, const char *id, struct journal_turn *out, struct error *e)
{
	return one_row(j, db_query(j->db, e, "SELECT " TURN_COLUMNS " FROM turns WHERE id = ?", "s", id), out, e);
}

int
journal_open_turns(struct journal *j, void (*fn)(void *arg, struct journal_turn *t), void *arg, struct error *e)
{
	struct journal_turn *list = NULL;
	size_t n = 0;
	int got;
	sqlite3_stmt *s = db_query(j->db, e,
	    "SELECT " TURN_COLUMNS " FROM turns WHERE outcome IS NULL ORDER BY number, started_ms", "");

	if (s == NULL)
		return -1;
	while ((got = db_step(j->db, s, e)) == 1) {	/* read all first: the callback may write */
		list = xreallocarray(list, n + 1, sizeof(*list));
		take_row(s, &list[n++]);
	}
	db_done(s);
	for (size_t i = 0; i < n; i++)
		fn(arg, &list[i]);
	free(list);
	return got;
}

/* ---- what happens to a turn ------------------------------------------------------------------ */

/* Do commits wait for the disk from here on? A later one that does takes the earlier ones along. */
static void
set_sync(struct journal *j, bool sync)
{
	if (j->lazy == !sync)
		return;
	sqlite3_exec(db_handle(j->db), sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	j->lazy = !sync;
}

int
journal_begin(struct journal *j, const struct journal_turn *t, struct error *e)
{
	cleanup_free char *request = json_text(t->request), *base = json_text(t->base), *grants = json_text(t->grants);

	set_sync(j, true);
	return db_run(j->db, e, "INSERT INTO turns (id, owner, key, session, request, base, grants, started_ms, number)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, (SELECT IFNULL(MAX(number), 0) + 1 FROM turns))", "sssssssi",
	    t->id, t->owner, t->key, t->session, request, base, grants, t->started_ms);
}

int
journal_new_life(struct journal *j, struct error *e)
{
	set_sync(j, true);
	return db_run(j->db, e, "UPDATE turns SET lives = lives + 1 WHERE outcome IS NULL", "");
}

int
journal_grants(struct journal *j, const char *id, const json_t *grants, struct error *e)
{
	cleanup_free char *text = json_text(grants);

	set_sync(j, true);
	return db_run(j->db, e, "UPDATE turns SET grants = ? WHERE id = ?", "ss", text, id);
}

int
journal_cancel(struct journal *j, const char *id, const char *reason, struct error *e)
{
	set_sync(j, true);
	return db_run(j->db, e, "UPDATE turns SET cancelled = ? WHERE id = ? AND outcome IS NULL", "ss", reason, id);
}

int
journal_step(struct journal *j, const char *id, int step, const json_t *row, bool sync, struct error *e)
{
	cleanup_free char *text = json_text(row);

	set_sync(j, sync);
	return db_run(j->db, e, "INSERT OR REPLACE INTO steps (turn, step, row) VALUES (?, ?, ?)",
	    "sis", id, (int64_t)step, text);
}

int
journal_fold(struct journal *j, const char *id, int step, const json_t *row, struct error *e)
{
	cleanup_free char *text = json_text(row);

	set_sync(j, false);
	return db_run(j->db, e, "INSERT OR REPLACE INTO folds (turn, step, row) VALUES (?, ?, ?)",
	    "sis", id, (int64_t)step, text);
}

json_t *
journal_folds(struct journal *j, const char *id, struct error *e)
{
	sqlite3_stmt *s = db_query(j->db, e, "SELECT step, row FROM folds WHERE turn = ?", "s", id);
	json_t *out = json_object();
	int got = -1;

	if (s == NULL)
		return out;
	while ((got = db_step(j->db, s, e)) == 1) {
		cleanup_free char *step = db_text(s, 0);

		json_object_set_new(out, step, json_column(s, 1));
	}
	db_done(s);
	return out;
}

int
journal_call(struct journal *j, const char *id, int step, size_t index, struct error *e)
{
	set_sync(j, true);
	return db_run(j->db, e, "INSERT OR IGNORE INTO calls (turn, step, call) VALUES (?, ?, ?)",
	    "sii", id, (int64_t)step, (int64_t)index);
}

int
journal_result(struct journal *j, const char *id, int step, size_t index, const json_t *row, struct error *e)
{
	cleanup_free char *text = json_text(row);

	set_sync(j, false);
	return db_run(j->db, e, "INSERT OR REPLACE INTO calls (turn, step, call, result) VALUES (?, ?, ?, ?)",
	    "siis", id, (int64_t)step, (int64_t)index, text);
}

static int
add_calls(struct journal *j, const char *id, int64_t step, json_t *calls, struct error *e)
{
	sqlite3_stmt *s = db_query(j->db, e,
	    "SELECT call, result FROM calls WHERE turn = ? AND step = ? ORDER BY call", "si", id, step);
	int got;

	if (s == NULL)
		return -1;
	while ((got = db_step(j->db, s, e)) == 1)
		json_array_append_new(calls, json_pack("{s:I, s:o?}", "index", (json_int_t)sqlite3_column_int64(s, 0),
		    "result", json_column(s, 1)));
	db_done(s);
	return got;
}

json_t *
journal_steps(struct journal *j, const char *id, struct error *e)
{
	json_t *out = json_array(), *calls;
	int got;
	sqlite3_stmt *s = db_query(j->db, e, "SELECT step, row FROM steps WHERE turn = ? ORDER BY step", "s", id);

	if (s == NULL)
		goto failed;
	while ((got = db_step(j->db, s, e)) == 1) {
		json_array_append_new(out, json_pack("{s:o, s:o}", "row", json_column(s, 1), "calls", calls = json_array()));
		if ((got = add_calls(j, id, sqlite3_column_int64(s, 0), calls, e)) == -1)
			break;
	}
	db_done(s);
	if (got == 0)
		return out;
failed:
	json_decref(out);
	return NULL;
}

static int
close_turn(struct journal *j, const char *id, const char *outcome, struct error *e)
{
	if (db_run(j->db, e, "UPDATE turns SET outcome = ?, ended_ms = ?, request = '{}', grants = '[]' WHERE id = ?",
	    "sis", outcome, clock_wall_ms(), id) == -1)
		return -1;
	if (db_run(j->db, e, "DELETE FROM calls WHERE turn = ?", "s", id) == -1 ||
	    db_run(j->db, e, "DELETE FROM folds WHERE turn = ?", "s", id) == -1)
		return -1;
	return db_run(j->db, e, "DELETE FROM steps WHERE turn = ?", "s", id);
}

int
journal_finish(struct journal *j, const char *id, const json_t *outcome, struct error *e)
{
	cleanup_free char *text = json_text(outcome);

	set_sync(j, false);
	if (db_begin(j->db, e) == -1)
		return -1;
	if (close_turn(j, id, text, e) == 0 && db_commit(j->db, e) == 0)
		return 0;
	db_rollback(j->db);
	return -1;
}

int
journal_prune(struct journal *j, struct error *e)
{
	return db_run(j->db, e, "DELETE FROM turns WHERE outcome IS NOT NULL AND (ended_ms < ? OR ended_ms <"
	    " (SELECT ended_ms FROM turns WHERE outcome IS NOT NULL ORDER BY ended_ms DESC LIMIT 1 OFFSET ?))",
	    "ii", clock_wall_ms() - JOURNAL_KEEP_MS, (int64_t)JOURNAL_KEEP_ROWS - 1);
}

/* ---- what the ledger's file does not have yet ---------------------------------------------------- */

int
journal_charge(struct journal *j, const char *peer, int64_t tokens_in, int64_t tokens_out, double usd, struct error *e)
{
	set_sync(j, false);
	return db_run(j->db, e, "INSERT INTO charges (peer, tokens_in, tokens_out, usd) VALUES (?, ?, ?, ?)", "siif",
	    peer, tokens_in, tokens_out, usd);
}

int
journal_charges(struct journal *j, journal_charge_fn *fn, void *arg, struct error *e)
{
	sqlite3_stmt *s = db_query(j->db, e, "SELECT peer, tokens_in, tokens_out, usd FROM charges ORDER BY id", "");
	int got;

	if (s == NULL)
		return -1;
	while ((got = db_step(j->db, s, e)) == 1)
		fn(arg, (const char *)sqlite3_column_text(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2),
		    sqlite3_column_double(s, 3));
	db_done(s);
	return got;
}

int
journal_charged(struct journal *j, struct error *e)
{
	set_sync(j, false);
	return db_run(j->db, e, "DELETE FROM charges", "");
}

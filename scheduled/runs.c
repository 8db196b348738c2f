/* SPDX-License-Identifier: Apache-2.0 */
/* See runs.h. */
#include "scheduled/runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/db.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"

#define REPEAT_MAX	(32u << 20)
#define GONE_MS		(7 * 86400000LL)
#define TIME_BYTES	40

struct runs {
	struct db	*db;
	char		*repeat;	/* runs.json */
};

static const char *const steps[] = {
	"CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, due INTEGER NOT NULL, "
	"by_hand INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER, row TEXT, outcome TEXT, message TEXT, delivered TEXT, "
	"silent INTEGER, tokens_in INTEGER, tokens_out INTEGER, cost REAL, UNIQUE (job, due, by_hand));"
	"CREATE INDEX runs_open ON runs (id) WHERE ended IS NULL;"
	"CREATE TABLE states (job TEXT PRIMARY KEY, last_run INTEGER, status TEXT, key TEXT);"
	"CREATE INDEX states_key ON states (key) WHERE key IS NOT NULL;",

	/* gone: when the job was over and taken away; its key is known a while longer */
	"ALTER TABLE states ADD COLUMN gone INTEGER;"
	"CREATE INDEX states_gone ON states (gone) WHERE gone IS NOT NULL;",
	NULL
};

/* ---- a run ---------------------------------------------------------------------------------- */

void
run_clear(struct run *r)
{
	free(r->row);
	free(r->message);
	*r = (struct run){ 0 };
}

void
run_key(const struct run *r, char out[RUN_KEY])
{
	snprintf(out, RUN_KEY, "job:%s:%s%lld", r->job, r->by_hand ? "hand:" : "", (long long)r->due);
}

static void
print_time(int64_t ms, char text[TIME_BYTES])
{
	time_t at = (time_t)(ms / 1000);
	struct tm tm;

	strftime(text, TIME_BYTES, "%Y-%m-%dT%H:%M:%S+00:00", gmtime_r(&at, &tm));
}

static json_t *
time_json(int64_t ms)
{
	char text[TIME_BYTES];

	if (ms == 0)
		return json_null();
	print_time(ms, text);
	return json_string(text);
}

json_t *
run_json(const struct run *r)
{
	return json_pack("{s:I, s:s, s:o, s:b, s:o, s:o, s:f, s:s, s:s, s:s, s:b, s:I, s:I, s:f}", "run", (json_int_t)r->id,
	    "job", r->job, "due", time_json(r->due), "by_hand", r->by_hand, "started_at", time_json(r->began),
	    "ended_at", time_json(r->ended), "duration_s", r->ended == 0 ? 0.0 : (double)(r->ended - r->began) / 1000.0,
	    "outcome", r->ended == 0 ? "running" : r->outcome, "message", r->message == NULL ? "" : r->message,
	    "delivered_to", r->delivered, "silent", r->silent, "tokens_in", (json_int_t)r->tokens_in,
	    "tokens_out", (json_int_t)r->tokens_out, "cost", r->cost);
}

/* ---- the ledger ----------------------------------------------------------------------------- */

struct runs *
runs_open(const char *home, struct error *e)
{
	cleanup_free char *path = path_join(home, "schedule/runs.sqlite");
	struct runs *s = xcalloc(1, sizeof(*s));

	s->repeat = path_join(home, "schedule/runs.json");
	if (db_open_whole(&s->db, path, steps, 1, e) == -1 && e->code == ERR_invalid) {
		log_error("the ledger of runs is damaged and set aside: %s", e->text);
		if (db_set_aside(path, e) == 0)
			db_open(&s->db, path, steps, 1, e);
	}
	if (s->db != NULL)
		return s;
	runs_close(s);
	return NULL;
}

void
runs_close(struct runs *s)
{
	if (s == NULL)
		return;
	db_close(s->db);
	free(s->repeat);
	free(s);
}

#define STATE "INSERT INTO states (job, last_run) VALUES (?, ?) ON CONFLICT (job) DO UPDATE SET last_run = excluded.last_run"

int
runs_begin(struct runs *s, struct run *r, struct error *e)
{
	if (db_begin(s->db, e) == -1)
		return -1;
	if (db_run(s->db, e, "INSERT INTO runs (job, due, by_hand, began, row) VALUES (?, ?, ?, ?, ?)", "siiis", r->job,
	    r->due, (int64_t)r->by_hand, r->began, r->row) == -1)
		goto rollback;
	r->id = sqlite3_last_insert_rowid(db_handle(s->db));
	if (db_run(s->db, e, STATE, "si", r->job, r->began) == -1)
		goto rollback;
	if (db_commit(s->db, e) == 0)
		return 0;
rollback:
	db_rollback(s->db);
	return -1;
}

static int
end_in(struct runs *s, const struct run *r, struct error *e)
{
	const char *status = strcmp(r->outcome, "ok") == 0 ? "ok" : "error";

	if (db_run(s->db, e, "UPDATE runs SET ended = ?, row = NULL, outcome = ?, message = ?, delivered = ?, silent = ?, "
	    "tokens_in = ?, tokens_out = ?, cost = ? WHERE id = ?", "isssiiifi", r->ended, r->outcome, r->message,
	    r->delivered, (int64_t)r->silent, r->tokens_in, r->tokens_out, r->cost, r->id) == -1 ||
	    db_run(s->db, e, "UPDATE states SET status = ? WHERE job = ?", "ss", status, r->job) == -1)
		return -1;
	return db_run(s->db, e, "DELETE FROM runs WHERE id <= ? AND ended IS NOT NULL", "i", r->id - RUNS_KEPT);
}

int
runs_end(struct runs *s, const struct run *r, struct error *e)
{
	if (db_begin(s->db, e) == -1)
		return -1;
	if (end_in(s, r, e) == 0 && db_commit(s->db, e) == 0)
		return 0;
	db_rollback(s->db);
	return -1;
}

static const char *
column(sqlite3_stmt *row, int i)
{
	const char *text = (const char *)sqlite3_column_text(row, i);

	return text == NULL ? "" : text;
}

#define RUN "SELECT id, job, due, by_hand, began, ended, row, outcome, message, delivered, silent, tokens_in, tokens_out, cost FROM runs "

static void
run_of(sqlite3_stmt *row, struct run *r)
{
	*r = (struct run){
		.id = sqlite3_column_int64(row, 0),
		.due = sqlite3_column_int64(row, 2),
		.by_hand = sqlite3_column_int(row, 3) != 0,
		.began = sqlite3_column_int64(row, 4),
		.ended = sqlite3_column_int64(row, 5),
		.row = xstrdup(column(row, 6)),
		.message = xstrdup(column(row, 8)),
		.silent = sqlite3_column_int(row, 10) != 0,
		.tokens_in = sqlite3_column_int64(row, 11),
		.tokens_out = sqlite3_column_int64(row, 12),
		.cost = sqlite3_column_double(row, 13),
	};
	snprintf(r->job, sizeof(r->job), "%s", column(row, 1));
	snprintf(r->outcome, sizeof(r->outcome), "%s", column(row, 7));
	snprintf(r->delivered, sizeof(r->delivered), "%s", column(row, 9));
}

int
runs_find(struct runs *s, int64_t id, struct run *r, struct error *e)
{
	sqlite3_stmt *row = db_query(s->db, e, RUN "WHERE id = ?", "i", id);
	int found;

	if (row == NULL)
		return -1;
	if ((found = db_step(s->db, row, e)) == 1)
		run_of(row, r);
	db_done(row);
	return found;
}

int
runs_open_rows(struct runs *s, void (*fn)(void *arg, struct run *r), void *arg, struct error *e)
{
	sqlite3_stmt *row = db_query(s->db, e, RUN "WHERE ended IS NULL ORDER BY id", "");
	struct run r;
	int more;

	if (row == NULL)
		return -1;
	while ((more = db_step(s->db, row, e)) == 1) {
		run_of(row, &r);
		fn(arg, &r);
	}
	db_done(row);
	return more;
}

int64_t
runs_first_open(struct runs *s, struct error *e)
{
	return db_number(s->db, e, -1, "SELECT coalesce((SELECT min(id) - 1 FROM runs WHERE ended IS NULL), "
	    "(SELECT max(id) FROM runs), 0)", "");
}

json_t *
runs_history(struct runs *s, const char *job, int64_t limit, struct error *e)
{
	sqlite3_stmt *row = job == NULL ? db_query(s->db, e, RUN "ORDER BY id DESC LIMIT ?", "i", limit) :
	    db_query(s->db, e, RUN "WHERE job = ? ORDER BY id DESC LIMIT ?", "si", job, limit);
	json_t *list;
	int more;

	if (row == NULL)
		return NULL;
	list = json_array();
	while ((more = db_step(s->db, row, e)) == 1) {
		struct run r;

		run_of(row, &r);
		json_array_append_new(list, run_json(&r));
		run_clear(&r);
	}
	db_done(row);
	if (more == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* ---- how jobs stand ------------------------------------------------------------------------- */

/* What runs.json says, of a time when another alpi wrote it. */
static void
tell_repeated(const json_t *row, struct job *j, const struct zone *zone)
{
	const char *text = json_str(row, "last_run_at", NULL);
	int64_t at;

	if (!json_is_object(row))
		return;
	j->ran = text != NULL && time_parse(text, zone, &at, NULL) == 0;
	j->last_run = j->ran ? at * 1000 : 0;
	snprintf(j->status, sizeof(j->status), "%s", json_str(row, "last_run_status", ""));
}

/* The ledger's word, unless a run is known that is newer by more than the fraction which text loses. */
static void
tell_kept(sqlite3_stmt *row, struct job *j)
{
	bool ran = sqlite3_column_type(row, 1) != SQLITE_NULL;
	int64_t last = sqlite3_column_int64(row, 1);

	if (ran && j->ran && j->last_run > last + 1000)
		return;
	j->ran = ran;
	j->last_run = last;
	snprintf(j->status, sizeof(j->status), "%s", column(row, 2));
}

void
runs_tell(struct runs *s, struct jobs *jobs)
{
	struct error e = { 0 };
	cleanup_json json_t *repeat = json_load(s->repeat, REPEAT_MAX, 8, &e);
	sqlite3_stmt *row;
	struct job *j;
	int more;

	if (repeat == NULL && e.code != ERR_not_found)
		log_warn("schedule/runs.json is not read: %s", e.text);
	for (size_t i = 0; i < jobs_count(jobs); i++)
		tell_repeated(json_object_get(repeat, jobs_at(jobs, i)->id), jobs_at(jobs, i), jobs_zone(jobs));
	if ((row = db_query(s->db, &e, "SELECT job, last_run, status FROM states WHERE gone IS NULL", "")) == NULL) {
		log_error("how jobs ran is not known: %s", e.text);
		return;
	}
	while ((more = db_step(s->db, row, &e)) == 1)
		if ((j = jobs_find(jobs, column(row, 0))) != NULL)
			tell_kept(row, j);
	db_done(row);
}

int
runs_anchor(struct runs *s, const char *job, bool ran, int64_t last_run, const char *key, struct error *e)
{
	if (!ran)
		return db_run(s->db, e, "INSERT INTO states (job, key) VALUES (?, ?) ON CONFLICT (job) DO UPDATE SET "
		    "last_run = NULL, status = NULL, gone = NULL", "ss", job, key);
	return db_run(s->db, e, "INSERT INTO states (job, last_run, key) VALUES (?, ?, ?) ON CONFLICT (job) DO UPDATE SET "
	    "last_run = excluded.last_run, gone = NULL", "sis", job, last_run, key);
}

int
runs_added(struct runs *s, const char *key, char id[JOB_ID_MAX + 1], struct error *e)
{
	sqlite3_stmt *row = db_query(s->db, e, "SELECT job FROM states WHERE key = ?", "s", key);
	int found;

	if (row == NULL)
		return -1;
	if ((found = db_step(s->db, row, e)) == 1)
		snprintf(id, JOB_ID_MAX + 1, "%s", column(row, 0));
	db_done(row);
	return found;
}

int
runs_forget(struct runs *s, const char *job, struct error *e)
{
	return db_run(s->db, e, "DELETE FROM states WHERE job = ?", "s", job);
}

int
runs_gone(struct runs *s, const char *job, int64_t now, struct error *e)
{
	if (db_run(s->db, e, "UPDATE states SET gone = ? WHERE job = ?", "is", now, job) == -1)
		return -1;
	return db_run(s->db, e, "DELETE FROM states WHERE gone < ?", "i", now - GONE_MS);
}

/* NULL: it is no text. The caller frees. */
static char *
quoted(const char *text)
{
	cleanup_json json_t *s = json_string(text);

	return s == NULL ? NULL : json_dumps(s, JSON_ENCODE_ANY);
}

/* As text at once: a tree of values for 100,000 jobs takes longer than all the rest of it. */
static void
add_standing(struct buf *b, const struct job *j)
{
	cleanup_free char *name = quoted(j->id), *status = j->status[0] == '\0' ? NULL : quoted(j->status);
	bool ran = j->ran && j->last_run != 0;
	char at[TIME_BYTES] = "null";

	if (ran)
		print_time(j->last_run, at);
	buf_puts(b, b->len > 1 ? ",\n  " : "\n  ");
	buf_puts(b, name);
	buf_puts(b, ran ? ": {\n    \"last_run_at\": \"" : ": {\n    \"last_run_at\": ");
	buf_puts(b, at);
	buf_puts(b, ran ? "\"" : "");
	if (status != NULL)
		buf_addf(b, ",\n    \"last_run_status\": %s", status);
	buf_puts(b, "\n  }");
}

int
runs_repeat(struct runs *s, const struct jobs *jobs, struct error *e)
{
	cleanup_buf struct buf text = BUF(0);

	buf_addc(&text, '{');
	for (size_t i = 0; i < jobs_count(jobs); i++) {
		const struct job *j = jobs_at(jobs, i);

		if (j->id[0] != '\0' && j->broken == NULL)
			add_standing(&text, j);
	}
	buf_puts(&text, text.len > 1 ? "\n}" : "}");
	return atomic_write(s->repeat, buf_str(&text), text.len, 0600, e);
}

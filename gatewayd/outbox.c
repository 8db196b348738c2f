/* SPDX-License-Identifier: Apache-2.0 */
/* See outbox.h. */
#include "gatewayd/outbox.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/db.h"
#include "common/mem.h"

#define KEEP_S	(7 * 86400)

#define COLUMNS "id, state, key, platform, chat, text, file, session, why, parts, created, filed, title, notice, account, source"

void
post_clear(struct post *p)
{
	free(p->key);
	free(p->platform);
	free(p->account);
	free(p->chat);
	free(p->text);
	free(p->file);
	free(p->session);
	free(p->title);
	free(p->source);
	free(p->why);
	*p = (struct post){ 0 };
}

/* ---- what is there --------------------------------------------------------------------------------- */

/* The one row of a query, which ends. */
static int
read_one(struct db *db, sqlite3_stmt *s, struct post *out, struct error *e)
{
	int found;

	if (s == NULL)
		return -1;
	if ((found = db_step(db, s, e)) == 1)
		*out = (struct post){
			.id = sqlite3_column_int64(s, 0),
			.state = (enum post_state)sqlite3_column_int64(s, 1),
			.key = db_text(s, 2),
			.platform = db_text(s, 3),
			.chat = db_text(s, 4),
			.text = db_text(s, 5),
			.file = db_text(s, 6),
			.session = db_text(s, 7),
			.why = db_text(s, 8),
			.parts = sqlite3_column_int64(s, 9),
			.created = sqlite3_column_int64(s, 10),
			.filed = sqlite3_column_type(s, 11) != SQLITE_NULL,
			.title = db_text(s, 12),
			.notice = sqlite3_column_int64(s, 13) != 0,
			.account = db_text(s, 14),
			.source = db_text(s, 15),
		};
	db_done(s);
	return found;
}

int
outbox_find(struct db *db, const char *key, struct post *out, struct error *e)
{
	return read_one(db, db_query(db, e, "SELECT " COLUMNS " FROM outbox WHERE key = ?", "s", key), out, e);
}

int
outbox_next(struct db *db, int64_t after, struct post *out, struct error *e)
{
	return read_one(db, db_query(db, e, "SELECT " COLUMNS " FROM outbox WHERE filed IS NULL AND id > ? ORDER BY id LIMIT 1", "i",
	    after), out, e);
}

int64_t
outbox_open_rows(struct db *db)
{
	return db_number(db, NULL, 0, "SELECT count(*) FROM outbox WHERE filed IS NULL", "");
}

/* ---- the steps --------------------------------------------------------------------------------------- */

int
outbox_put(struct db *db, struct post *p, struct error *e)
{
	p->created = clock_wall_ms() / 1000;
	if (db_run(db, e, "INSERT INTO outbox (key, platform, chat, text, file, session, created, title, notice, account, source) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING", "ssssssisiss", p->key, p->platform, p->chat, p->text,
	    p->file, p->session, p->created, p->title, (int64_t)p->notice, p->account, p->source) == -1)
		return -1;
	if (db_changes(db) == 0)
		return 0;
	p->id = sqlite3_last_insert_rowid(db_handle(db));
	return 1;
}

int
outbox_part(struct db *db, struct post *p, struct error *e)
{
	if (db_run(db, e, "UPDATE outbox SET parts = ? WHERE id = ?", "ii", p->parts + 1, p->id) == -1)
		return -1;
	p->parts++;
	return 0;
}

static void
set_why(struct post *p, const char *why)
{
	free(p->why);
	p->why = xstrdup0(why);
}

int
outbox_later(struct db *db, struct post *p, const char *why, struct error *e)
{
	set_why(p, why);
	return db_run(db, e, "UPDATE outbox SET why = ? WHERE id = ?", "si", why, p->id);
}

int
outbox_end(struct db *db, struct post *p, enum post_state state, const char *why, struct error *e)
{
	if (db_run(db, e, "UPDATE outbox SET state = ?, why = ? WHERE id = ?", "isi", (int64_t)state, why, p->id) == -1)
		return -1;
	p->state = state;
	set_why(p, why);
	return 0;
}

int
outbox_filed(struct db *db, struct post *p, struct error *e)
{
	if (db_run(db, e, "UPDATE outbox SET filed = ?, text = NULL WHERE id = ?", "ii", clock_wall_ms() / 1000, p->id) == -1)
		return -1;
	p->filed = true;
	return 0;
}

int
outbox_give_up(struct db *db, const char *platform, const char *why, struct error *e)
{
	return db_run(db, e, "UPDATE outbox SET state = ?, why = ? WHERE platform = ? AND state = ?", "issi", (int64_t)POST_failed, why,
	    platform, (int64_t)POST_queued);
}

int
outbox_sweep(struct db *db, struct error *e)
{
	return db_run(db, e, "DELETE FROM outbox WHERE filed < ?", "i", clock_wall_ms() / 1000 - KEEP_S);
}

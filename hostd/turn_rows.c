/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns as they stand on disk, in host/turns.sqlite: a row before engined is
 * asked, open until engined has said how it ended, then kept for a while to
 * know its key. A power loss may take the newest changes: the clients who
 * were told of them are gone as well.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/db.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "hostd/host.h"
#include "hostd/turn.h"
#include "hostd/turns.h"
#include "proto/proto.h"

int
row_insert(struct turn *t, struct error *e)
{
	cleanup_json json_t *kept = json_copy(t->body);
	cleanup_free char *body = NULL;

	if (json_bool(kept, "no_save", false))
		json_object_set_new(kept, "text", json_string(""));	/* then nothing of it is kept here either */
	body = json_text(kept);
	return db_run(t->in->host->db, e, "INSERT INTO turns (key, profile, request_id, session, surface, who, caps, body) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", "ssssssis", t->key, t->profile, t->request_id, t->session, t->surface,
	    t->who, (int64_t)t->caps, body);
}

/*
 * A closed row only remembers that its key was used, and what for. A turn
 * that engined never began leaves no row: its key may be tried again.
 */
void
row_close(struct turn *t)
{
	struct db *db = t->in->host->db;
	int64_t now = clock_wall_ms() / 1000;
	struct error e = { 0 };
	int closed;

	if (t->id == NULL && !t->dropped)
		closed = db_run(db, &e, "DELETE FROM turns WHERE key = ?", "s", t->key);
	else
		closed = db_run(db, &e, "UPDATE turns SET turn = ?, session = ?, body = NULL, ended = ? WHERE key = ?",
		    "ssis", t->id, t->session, now, t->key);
	if (closed == -1 || db_run(db, &e, "DELETE FROM turns WHERE ended < ?", "i", now - TURNS_KEEP_S) == -1)
		log_warn("turn key=%s is not closed on disk: %s", t->key, e.text);
}

void
row_reopen(struct turn *t)
{
	struct error e = { 0 };

	if (db_run(t->in->host->db, &e, "UPDATE turns SET ended = NULL WHERE key = ?", "s", t->key) == -1)
		log_warn("turn key=%s is not open again on disk: %s", t->key, e.text);
}

static const char *
column(sqlite3_stmt *s, int i)
{
	return (const char *)sqlite3_column_text(s, i);
}

#define ROW "SELECT profile, request_id, session, surface, who, caps, turn, body FROM turns "

/* The turn of a ROW. */
static struct turn *
turn_of_row(struct turns *s, sqlite3_stmt *row)
{
	struct turn *t = turn_new(s, column(row, 0), column(row, 1));
	const char *body = column(row, 7);

	t->session = db_text(row, 2);
	t->surface = db_text(row, 3);
	t->who = db_text(row, 4);
	t->caps = (uint32_t)sqlite3_column_int64(row, 5);
	t->id = db_text(row, 6);
	t->body = body == NULL ? NULL : json_parse(body, strlen(body), PROTO_DEPTH_MAX, NULL);
	return t;
}

int
row_find(struct turns *s, const char *profile, const char *request_id, struct turn **out, struct error *e)
{
	cleanup_free char *key = xasprintf("host:%s:%s", profile, request_id);
	sqlite3_stmt *row = db_query(s->host->db, e, ROW "WHERE key = ?", "s", key);
	int found;

	if (row == NULL)
		return -1;
	if ((found = db_step(s->host->db, row, e)) == 1) {
		*out = turn_of_row(s, row);
		(*out)->done = true;
	}
	db_done(row);
	return found;
}

int
row_adopt(struct turns *s, struct error *e)
{
	sqlite3_stmt *row = db_query(s->host->db, e, ROW "WHERE ended IS NULL", "");
	int more;

	if (row == NULL)
		return -1;
	while ((more = db_step(s->host->db, row, e)) == 1)
		turn_of_row(s, row)->adopted = true;
	db_done(row);
	return more;
}

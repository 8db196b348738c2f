/* SPDX-License-Identifier: Apache-2.0 */
/* See mailbook.h. */
#include "gatewayd/mailbook.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/db.h"
#include "common/mem.h"

#define KEEP_S	(30 * 86400)

static int64_t
now_s(void)
{
	return clock_wall_ms() / 1000;
}

void
mailbook_row_clear(struct mailbook_row *r)
{
	free(r->turn);
	free(r->text);
	*r = (struct mailbook_row){ 0 };
}

int
mailbook_begin(struct db *db, const char *key, const char *turn, struct error *e)
{
	return db_run(db, e, "INSERT INTO mailcalls (key, turn, begun) VALUES (?, ?, ?)", "ssi", key, turn, now_s());
}

int
mailbook_end(struct db *db, const char *key, bool ok, const char *text, struct error *e)
{
	return db_run(db, e, "UPDATE mailcalls SET ended = ?, ok = ?, text = ? WHERE key = ?", "iiss", now_s(), (int64_t)ok, text, key);
}

int
mailbook_find(struct db *db, const char *key, struct mailbook_row *out, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT turn, ended, ok, text FROM mailcalls WHERE key = ?", "s", key);
	int found;

	if (s == NULL)
		return -1;
	if ((found = db_step(db, s, e)) == 1)
		*out = (struct mailbook_row){
			.turn = xstrdup0((const char *)sqlite3_column_text(s, 0)),
			.ended = sqlite3_column_type(s, 1) != SQLITE_NULL,
			.ok = sqlite3_column_int64(s, 2) != 0,
			.text = xstrdup0((const char *)sqlite3_column_text(s, 3)),
		};
	db_done(s);
	return found;
}

int
mailbook_sweep(struct db *db, struct error *e)
{
	return db_run(db, e, "DELETE FROM mailcalls WHERE begun < ?", "i", now_s() - KEEP_S);
}

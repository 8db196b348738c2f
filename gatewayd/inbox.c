/* SPDX-License-Identifier: Apache-2.0 */
/* See inbox.h. A power loss may take nothing that was said to be here: synchronous=FULL. */
#include "gatewayd/inbox.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/db.h"
#include "common/mem.h"
#include "common/paths.h"
#include "gatewayd/mailbook.h"
#include "gatewayd/outbox.h"
#include "gatewayd/threads.h"

#define KEY_MAX		128		/* turn.start's */

struct inbox {
	struct db	*db;
};

static const char *const steps[] = {
	"CREATE TABLE inbox (id INTEGER PRIMARY KEY AUTOINCREMENT, platform TEXT NOT NULL, account TEXT NOT NULL, "
	"  ref TEXT NOT NULL, chat TEXT NOT NULL, sender TEXT NOT NULL, text TEXT, meta TEXT, files TEXT, stop INTEGER NOT NULL, "
	"  state INTEGER NOT NULL DEFAULT 0, session TEXT, reply TEXT, parts INTEGER NOT NULL DEFAULT 0, "
	"  received INTEGER NOT NULL, sent INTEGER, UNIQUE (platform, account, ref));"
	"CREATE INDEX inbox_waiting ON inbox (platform, chat, id) WHERE state <> 3;"
	"CREATE INDEX inbox_done ON inbox (sent) WHERE sent IS NOT NULL;"
	"CREATE TABLE marks (platform TEXT, account TEXT, mark TEXT NOT NULL, PRIMARY KEY (platform, account));"
	"CREATE TABLE ignored (platform TEXT PRIMARY KEY, count INTEGER NOT NULL);"
	"CREATE TABLE spent (session TEXT PRIMARY KEY, platform TEXT NOT NULL, chat TEXT NOT NULL, last INTEGER NOT NULL, "
	"  turns INTEGER NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, cost REAL NOT NULL);"
	"CREATE INDEX spent_chat ON spent (platform, chat, last);",
	OUTBOX_SCHEMA,
	"ALTER TABLE inbox ADD COLUMN made TEXT;",
	OUTBOX_NOTICES,
	"ALTER TABLE inbox ADD COLUMN mention TEXT; ALTER TABLE outbox ADD COLUMN account TEXT;"
	"DROP INDEX inbox_waiting; CREATE INDEX inbox_waiting ON inbox (platform, account, chat, id) WHERE state <> 3;",
	MAILBOOK_SCHEMA,
	OUTBOX_SOURCE,
	NULL
};

int
inbox_sweep(struct inbox *in, struct error *e)
{
	int64_t now = clock_wall_ms() / 1000;

	return db_run(in->db, e, "DELETE FROM inbox WHERE sent < ?", "i", now - INBOX_KEEP_S) == -1 ||
	    db_run(in->db, e, "DELETE FROM spent WHERE last < ?", "i", (now - INBOX_SPENT_S) * 1000) == -1 ||
	    mailbook_sweep(in->db, e) == -1 ? -1 : outbox_sweep(in->db, e);
}

int
inbox_forget(struct inbox *in, const char *platform, struct error *e)
{
	if (db_begin(in->db, e) == -1)
		return -1;
	if (db_run(in->db, e, "DELETE FROM marks WHERE platform = ?", "s", platform) == 0 &&
	    db_run(in->db, e, "DELETE FROM inbox WHERE platform = ? AND state <> 3", "s", platform) == 0 &&
	    db_run(in->db, e, "DELETE FROM ignored WHERE platform = ?", "s", platform) == 0 &&
	    outbox_give_up(in->db, platform, "the platform was removed", e) == 0 && db_commit(in->db, e) == 0)
		return 0;
	db_rollback(in->db);
	return -1;
}

struct inbox *
inbox_open(const char *home, struct error *e)
{
	cleanup_free char *path = path_join(home, "gateway/inbox.sqlite");
	struct inbox *in = xcalloc(1, sizeof(*in));

	if (db_open(&in->db, path, steps, 1, e) == 0 &&
	    inbox_sweep(in, e) == 0)
		return in;
	inbox_close(in);
	return NULL;
}

void
inbox_close(struct inbox *in)
{
	if (in == NULL)
		return;
	db_close(in->db);
	free(in);
}

struct db *
inbox_db(struct inbox *in)
{
	return in->db;
}

void
row_clear(struct row *r)
{
	free(r->platform);
	free(r->account);
	free(r->mention);
	free(r->chat);
	free(r->thread);
	free(r->sender);
	free(r->text);
	free(r->meta);
	free(r->files);
	free(r->key);
	free(r->session);
	free(r->reply);
	free(r->made);
	*r = (struct row){ 0 };
}

/* ---- what comes in --------------------------------------------------------------------------------- */

int
inbox_begin(struct inbox *in, struct error *e)
{
	return db_begin(in->db, e);
}

int
inbox_commit(struct inbox *in, struct error *e)
{
	return db_commit(in->db, e);
}

void
inbox_rollback(struct inbox *in)
{
	db_rollback(in->db);
}

int
inbox_add(struct inbox *in, const char *platform, const char *account, const struct arrival *a, bool stops, struct error *e)
{
	if (db_run(in->db, e, "INSERT INTO inbox (platform, account, ref, chat, sender, text, mention, meta, files, stop, received) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (platform, account, ref) DO NOTHING", "sssssssssii", platform, account,
	    a->ref, a->chat, a->sender, a->text, a->mention, a->meta, a->files, (int64_t)stops, clock_wall_ms() / 1000) == -1)
		return -1;
	return db_changes(in->db) == 1;
}

int
inbox_ignore(struct inbox *in, const char *platform, struct error *e)
{
	return db_run(in->db, e, "INSERT INTO ignored VALUES (?, 1) ON CONFLICT (platform) DO UPDATE SET count = count + 1",
	    "s", platform);
}

int
inbox_set_mark(struct inbox *in, const char *platform, const char *account, const char *mark, struct error *e)
{
	return db_run(in->db, e, "INSERT INTO marks VALUES (?, ?, ?) ON CONFLICT (platform, account) "
	    "DO UPDATE SET mark = excluded.mark", "sss", platform, account, mark);
}

/* ---- values ------------------------------------------------------------------------------------------- */

char *
inbox_mark(struct inbox *in, const char *platform, const char *account)
{
	return db_line(in->db, NULL, "SELECT mark FROM marks WHERE platform = ? AND account = ?", "ss", platform, account);
}

int64_t
inbox_ignored(struct inbox *in, const char *platform)
{
	return db_number(in->db, NULL, 0, "SELECT count FROM ignored WHERE platform = ?", "s", platform);
}

int64_t
inbox_open_rows(struct inbox *in)
{
	return db_number(in->db, NULL, 0, "SELECT count(*) FROM inbox WHERE state <> 3", "");
}

int64_t
inbox_waiting(struct inbox *in, const char *platform)
{
	return db_number(in->db, NULL, 0, "SELECT count(*) FROM inbox WHERE state <> 3 AND platform = ?", "s", platform);
}

int
inbox_is_stopped(struct inbox *in, const struct row *r)
{
	return db_number(in->db, NULL, 0, "SELECT count(*) FROM inbox WHERE state <> 3 AND platform = ? AND "
	    "account = ? AND chat = ? AND id > ? AND stop", "sssi", r->platform, r->account, r->chat, r->id) > 0;
}

/* ---- what is to do -------------------------------------------------------------------------------------- */

/* Names that are too long for a key are in it as their hash. */
static char *
key_of(const char *platform, const char *account, const char *ref)
{
	cleanup_free char *name = xasprintf("%s:%s", account, ref);
	unsigned char hash[crypto_generichash_BYTES];
	char hex[2 * sizeof(hash) + 1];

	if (strlen(platform) + 1 + strlen(name) <= KEY_MAX)
		return xasprintf("%s:%s", platform, name);
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)name, strlen(name), NULL, 0);
	return xasprintf("%s:%s", platform, sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)));
}

static void
read_row(sqlite3_stmt *s, struct row *out)
{
	cleanup_free char *ref = db_text(s, 3);

	*out = (struct row){
		.id = sqlite3_column_int64(s, 0),
		.platform = db_text(s, 1),
		.account = db_text(s, 2),
		.chat = db_text(s, 4),
		.sender = db_text(s, 5),
		.text = db_text(s, 6),
		.state = (enum row_state)sqlite3_column_int64(s, 7),
		.session = db_text(s, 8),
		.reply = db_text(s, 9),
		.parts = sqlite3_column_int64(s, 10),
		.meta = db_text(s, 11),
		.files = db_text(s, 12),
		.made = db_text(s, 13),
		.mention = db_text(s, 14),
		.received = sqlite3_column_int64(s, 15),
	};
	out->thread = threads_key(out->platform, out->chat);
	out->key = key_of(out->platform, out->account, ref);
}

int
inbox_next_head(struct inbox *in, int64_t after, struct row *out, struct error *e)
{
	sqlite3_stmt *s = db_query(in->db, e, "SELECT id, platform, account, ref, chat, sender, text, state, session, "
	    "reply, parts, meta, files, made, mention, received FROM inbox WHERE id = (SELECT min(first) FROM (SELECT min(id) AS first FROM inbox "
	    "WHERE state <> 3 GROUP BY platform, account, chat) WHERE first > ?)", "i", after);
	int found;

	if (s == NULL)
		return -1;
	if ((found = db_step(in->db, s, e)) == 1)
		read_row(s, out);
	db_done(s);
	return found;
}

/* ---- the steps ------------------------------------------------------------------------------------------- */

/* The statement before this one has moved the row, or it stood elsewhere. */
static int
moved(struct inbox *in, const struct row *r, struct error *e)
{
	return db_changes(in->db) == 1 ? 0 : error_set(e, ERR_conflict, "message %" PRId64 " is not where it should be", r->id);
}

int
inbox_set_files(struct inbox *in, struct row *r, const char *files, const char *text, struct error *e)
{
	if (db_run(in->db, e, "UPDATE inbox SET files = ?, text = coalesce(?, text) WHERE id = ? AND state = 0", "ssi", files, text,
	    r->id) == -1 || moved(in, r, e) == -1)
		return -1;
	free(r->files);
	r->files = xstrdup(files);
	if (text != NULL) {
		free(r->text);
		r->text = xstrdup(text);
	}
	return 0;
}

int
inbox_running(struct inbox *in, struct row *r, const char *session, struct error *e)
{
	if (db_run(in->db, e, "UPDATE inbox SET state = 1, session = ? WHERE id = ? AND state = 0", "si", session, r->id) == -1 ||
	    moved(in, r, e) == -1)
		return -1;
	r->state = ROW_running;
	free(r->session);
	r->session = xstrdup(session);
	return 0;
}

static int
add_spent(struct inbox *in, const struct row *r, const struct spent *s, struct error *e)
{
	return db_run(in->db, e, "INSERT INTO spent VALUES (?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT (session) DO UPDATE SET "
	    "last = excluded.last, turns = turns + 1, tokens_in = tokens_in + excluded.tokens_in, "
	    "tokens_out = tokens_out + excluded.tokens_out, cost = cost + excluded.cost", "sssiiif", r->session, r->platform,
	    r->chat, clock_wall_ms(), s->tokens_in, s->tokens_out, s->cost);
}

int
inbox_reply(struct inbox *in, struct row *r, const char *reply, const char *made, const struct spent *spent, struct error *e)
{
	if (db_begin(in->db, e) == -1)
		return -1;
	if (db_run(in->db, e, "UPDATE inbox SET state = 2, reply = ?, made = ? WHERE id = ? AND state < 2", "ssi", reply, made, r->id) == -1 ||
	    moved(in, r, e) == -1 || (spent != NULL && add_spent(in, r, spent, e) == -1) || db_commit(in->db, e) == -1) {
		db_rollback(in->db);
		return -1;
	}
	r->state = ROW_reply;
	free(r->reply);
	r->reply = xstrdup(reply);
	free(r->made);
	r->made = xstrdup0(made);
	return 0;
}

int
inbox_part(struct inbox *in, struct row *r, struct error *e)
{
	if (db_run(in->db, e, "UPDATE inbox SET parts = ? WHERE id = ? AND state = 2", "ii", r->parts + 1, r->id) == -1 ||
	    moved(in, r, e) == -1)
		return -1;
	r->parts++;
	return 0;
}

int
inbox_sent(struct inbox *in, struct row *r, struct error *e)
{
	if (db_run(in->db, e, "UPDATE inbox SET state = 3, text = NULL, mention = NULL, reply = NULL, meta = NULL, files = NULL, made = NULL, sent = ? WHERE id = ? AND state = 2", "ii",
	    clock_wall_ms() / 1000, r->id) == -1 || moved(in, r, e) == -1)
		return -1;
	r->state = ROW_sent;
	return 0;
}

/* ---- what was spent ---------------------------------------------------------------------------------------- */

void
inbox_spent(struct inbox *in, const char *session, struct spent *out)
{
	sqlite3_stmt *s = db_query(in->db, NULL, "SELECT turns, tokens_in, tokens_out, cost FROM spent WHERE session = ?",
	    "s", session);

	*out = (struct spent){ 0 };
	if (s == NULL)
		return;
	if (db_step(in->db, s, NULL) == 1)
		*out = (struct spent){ sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2),
		    sqlite3_column_double(s, 3) };
	db_done(s);
}

char *
inbox_last_session(struct inbox *in, const char *platform, const char *chat)
{
	return db_line(in->db, NULL, "SELECT session FROM spent WHERE platform = ? AND chat = ? "
	    "ORDER BY last DESC LIMIT 1", "ss", platform, chat);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See db.h. Statements are kept by the address of their text, which is why it must be a literal. */
#include "common/db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

#define STATEMENTS_MAX	64
#define BUSY_MS		5000
#define CACHE		"64"	/* kB; the kernel has the file in its own, and each page here pins a piece of the heap */

struct db {
	sqlite3	*handle;
	struct {
		const char	*sql;
		sqlite3_stmt	*stmt;
	} cache[STATEMENTS_MAX];
	size_t	 ncache;
};

static int
failed(struct db *db, struct error *e, const char *what)
{
	int code = sqlite3_extended_errcode(db->handle);
	enum error_code known = ERR_io;

	if ((code & 0xff) == SQLITE_CONSTRAINT)
		known = ERR_exists;
	else if ((code & 0xff) == SQLITE_FULL)
		known = ERR_full;
	else if ((code & 0xff) == SQLITE_BUSY)
		known = ERR_busy;
	else if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB || (code & 0xff) == SQLITE_ERROR)
		known = ERR_invalid;	/* the last: a statement that does not fit the tables */
	if (known == ERR_full)		/* people are shown this one */
		return error_set(e, known, "%s: no space left", sqlite3_db_filename(db->handle, "main"));
	return error_set(e, known, "%.120s: %s", what, sqlite3_errmsg(db->handle));
}

static int
script(struct db *db, const char *sql, struct error *e)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(db, e, sql);
}

static int
migrate(struct db *db, const char *const *steps, struct error *e)
{
	char pragma[64];
	int version, count = 0;
	sqlite3_stmt *s;

	while (steps[count] != NULL)
		count++;
	if ((s = db_query(db, e, "PRAGMA user_version", "")) == NULL)
		return -1;
	version = db_step(db, s, e) == 1 ? sqlite3_column_int(s, 0) : -1;
	db_done(s);
	if (version > count)
		return error_set(e, ERR_unsupported, "written by a newer version (%d, this one knows %d)", version, count);
	for (; version >= 0 && version < count; version++) {
		snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", version + 1);
		if (db_begin(db, e) == -1)
			return -1;
		if (script(db, steps[version], e) == -1 || script(db, pragma, e) == -1 || db_commit(db, e) == -1) {
			db_rollback(db);
			return -1;
		}
	}
	return version < 0 ? -1 : 0;
}

int
db_open(struct db **out, const char *path, const char *const *steps, int full, struct error *e)
{
	struct db *db = xcalloc(1, sizeof(*db));
	mode_t mask = umask(077);
	int ok = sqlite3_open_v2(path, &db->handle,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK;

	umask(mask);
	if (db->handle != NULL)
		sqlite3_busy_timeout(db->handle, BUSY_MS);
	if (!ok)
		error_set(e, ERR_io, "%s", db->handle == NULL ? "out of memory" : sqlite3_errmsg(db->handle));
	if (ok && script(db, "PRAGMA journal_mode = WAL", e) == 0 &&
	    script(db, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", e) == 0 &&
	    script(db, "PRAGMA foreign_keys = ON; PRAGMA cache_size = -" CACHE, e) == 0 && migrate(db, steps, e) == 0) {
		*out = db;
		return 0;
	}
	error_add(e, "%s", path);
	db_close(db);
	return -1;
}

/* ---- is it whole? ---------------------------------------------------------------------------- */

static int
check_pages(struct db *db, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "PRAGMA quick_check(1)", "");
	const char *said;
	int result = -1;

	if (s == NULL)
		return -1;
	if (db_step(db, s, e) == 1) {
		said = (const char *)sqlite3_column_text(s, 0);
		result = strcmp(said, "ok") == 0 ? 0 : error_set(e, ERR_invalid, "%s", said);
	}
	db_done(s);
	return result;
}

/* The text of all that was created; NULL on error. The caller frees. */
static char *
created(struct db *db, struct error *e)
{
	sqlite3_stmt *s = db_query(db, e, "SELECT group_concat(sql, ';') FROM"
	    " (SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name)", "");
	char *text = NULL;

	if (s == NULL)
		return NULL;
	if (db_step(db, s, e) == 1)
		text = xstrdup(sqlite3_column_text(s, 0) == NULL ? "" : (const char *)sqlite3_column_text(s, 0));
	db_done(s);
	return text;
}

/* The same steps in memory make the model to compare with. */
static int
check_tables(struct db *db, const char *const *steps, struct error *e)
{
	cleanup_free char *have = NULL, *want = NULL;
	struct db *model;

	if (db_open(&model, ":memory:", steps, 0, e) == -1)
		return -1;
	want = created(model, e);
	db_close(model);
	have = created(db, e);
	if (want == NULL || have == NULL)
		return -1;
	return strcmp(have, want) == 0 ? 0 : error_set(e, ERR_invalid, "its tables are not those of this program");
}

int
db_open_whole(struct db **out, const char *path, const char *const *steps, int full, struct error *e)
{
	struct db *db;

	if (db_open(&db, path, steps, full, e) == -1)
		return -1;
	if (check_pages(db, e) == 0 && check_tables(db, steps, e) == 0) {
		*out = db;
		return 0;
	}
	db_close(db);
	return error_add(e, "%s", path);
}

int
db_set_aside(const char *path, struct error *e)
{
	static const char *const parts[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < COUNT(parts); i++) {
		cleanup_free char *from = xasprintf("%s%s", path, parts[i]), *to = xasprintf("%s.damaged%s", path, parts[i]);

		unlink(to);
		if (rename(from, to) == -1 && errno != ENOENT)
			return error_errno(e, "%s", from);
	}
	return 0;
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < db->ncache; i++)
		sqlite3_finalize(db->cache[i].stmt);
	sqlite3_close(db->handle);
	free(db);
}

sqlite3 *
db_handle(struct db *db)
{
	return db->handle;
}

int
db_begin(struct db *db, struct error *e)
{
	return script(db, "BEGIN IMMEDIATE", e);
}

int
db_commit(struct db *db, struct error *e)
{
	return script(db, "COMMIT", e);
}

void
db_rollback(struct db *db)
{
	script(db, "ROLLBACK", NULL);
}

static sqlite3_stmt *
prepared(struct db *db, const char *sql, struct error *e)
{
	sqlite3_stmt *s = NULL;

	for (size_t i = 0; i < db->ncache; i++)
		if (db->cache[i].sql == sql)
			return db->cache[i].stmt;
	if (db->ncache == STATEMENTS_MAX)
		abort();	/* a program has a fixed set of statements; this one has too many or builds them */
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK) {
		failed(db, e, sql);
		return NULL;
	}
	db->cache[db->ncache].sql = sql;
	db->cache[db->ncache++].stmt = s;
	return s;
}

static void
bind(sqlite3_stmt *s, const char *format, va_list ap)
{
	const void *bytes;

	for (int i = 1; *format != '\0'; format++, i++) {
		switch (*format) {
		case 's':
			sqlite3_bind_text(s, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
			break;
		case 'i':
			sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
			break;
		case 'f':
			sqlite3_bind_double(s, i, va_arg(ap, double));
			break;
		case 'b':
			bytes = va_arg(ap, const void *);
			sqlite3_bind_blob64(s, i, bytes, va_arg(ap, size_t), SQLITE_TRANSIENT);
			break;
		default:
			abort();
		}
	}
}

static sqlite3_stmt *
bound(struct db *db, struct error *e, const char *sql, const char *format, va_list ap)
{
	sqlite3_stmt *s = prepared(db, sql, e);

	if (s != NULL)
		bind(s, format, ap);
	return s;
}

int
db_run(struct db *db, struct error *e, const char *sql, const char *format, ...)
{
	sqlite3_stmt *s;
	int result = 0;
	va_list ap;

	va_start(ap, format);
	s = bound(db, e, sql, format, ap);
	va_end(ap);
	if (s == NULL)
		return -1;
	if (sqlite3_step(s) != SQLITE_DONE)
		result = failed(db, e, sql);
	db_done(s);
	return result;
}

sqlite3_stmt *
db_query(struct db *db, struct error *e, const char *sql, const char *format, ...)
{
	sqlite3_stmt *s;
	va_list ap;

	va_start(ap, format);
	s = bound(db, e, sql, format, ap);
	va_end(ap);
	return s;
}

int
db_step(struct db *db, sqlite3_stmt *s, struct error *e)
{
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return failed(db, e, sqlite3_sql(s));
	}
}

void
db_done(sqlite3_stmt *s)
{
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

char *
db_text(sqlite3_stmt *s, int column)
{
	return xstrdup0((const char *)sqlite3_column_text(s, column));
}

/* The statement at its first row; NULL: it has none, or did not run. */
static sqlite3_stmt *
first(struct db *db, struct error *e, const char *sql, const char *format, va_list ap)
{
	sqlite3_stmt *s = bound(db, e, sql, format, ap);

	if (s == NULL || db_step(db, s, e) == 1)
		return s;
	db_done(s);
	return NULL;
}

int64_t
db_number(struct db *db, struct error *e, int64_t none, const char *sql, const char *format, ...)
{
	sqlite3_stmt *s;
	int64_t n;
	va_list ap;

	va_start(ap, format);
	s = first(db, e, sql, format, ap);
	va_end(ap);
	n = s == NULL ? none : sqlite3_column_int64(s, 0);
	if (s != NULL)
		db_done(s);
	return n;
}

char *
db_line(struct db *db, struct error *e, const char *sql, const char *format, ...)
{
	sqlite3_stmt *s;
	char *text;
	va_list ap;

	va_start(ap, format);
	s = first(db, e, sql, format, ap);
	va_end(ap);
	text = s == NULL ? NULL : db_text(s, 0);
	if (s != NULL)
		db_done(s);
	return text;
}

long long
db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

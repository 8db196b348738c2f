/* SPDX-License-Identifier: Apache-2.0 */
/* See base.h. */
#include "toolrunner/base.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/mem.h"

#define LIBRARY		"libsqlite3.so.0"
#define FILE_MAX	(50 * 1000 * 1000)	/* bytes; from there on it is refused, and it does not grow to there */
#define BUSY_MS		5000
#define SQL_MAX		(1024 * 1024)
#define VALUE_MAX	(16 * 1024 * 1024)
#define STEPS		10000			/* of the engine, between two looks at the clock */

struct sql sql;

static const struct {
	const char	*name;
	size_t		 at;
} functions[] = {
#define ROW(name) { "sqlite3_" #name, offsetof(struct sql, name) },
	SQL_FUNCTIONS(ROW)
};

static int
load(struct error *e)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL), *found;

	if (library == NULL)
		return error_set(e, ERR_unavailable, "db: %s", dlerror());
	for (size_t i = 0; i < COUNT(functions); i++) {
		if ((found = dlsym(library, functions[i].name)) == NULL)
			return error_set(e, ERR_unavailable, "db: %s is too old: it lacks %s", LIBRARY, functions[i].name);
		memcpy((char *)&sql + functions[i].at, &found, sizeof(found));
	}
	return 0;
}

/* ---- what is refused -------------------------------------------------------------------------- */

/* Pragmas that only tell something. */
static const char *const telling[] = {
	"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
	"foreign_key_check", "database_list", "integrity_check", "quick_check", "user_version", "page_count", "page_size",
};

static bool
is_telling(const char *pragma)
{
	for (size_t i = 0; i < COUNT(telling); i++)
		if (sql.stricmp(telling[i], pragma) == 0)
			return true;
	return false;
}

/* VACUUM, which can write to another file, is an ATTACH in here. Transactions are ours to begin and end. */
static int
authorize(void *arg, int action, const char *first, const char *second, const char *database, const char *trigger)
{
	switch (action) {
	case SQLITE_PRAGMA:
		return is_telling(first) && (second == NULL || sql.stricmp(first, "user_version") != 0) ? SQLITE_OK : SQLITE_DENY;
	case SQLITE_FUNCTION:
		return sql.stricmp(second, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_ATTACH:
	case SQLITE_DETACH:
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
		return SQLITE_DENY;
	default:
		return SQLITE_OK;
	}
}

static int
on_steps(void *arg)
{
	const struct base *b = arg;

	return clock_mono_ms() >= b->end;
}

/* ---- the file --------------------------------------------------------------------------------- */

int
base_failed(const struct base *b, struct error *e)
{
	int code = sql.extended_errcode(b->handle) & 0xff;

	if (code == SQLITE_AUTH)
		return error_set(e, ERR_denied, "db: not allowed here: ATTACH, VACUUM, transactions of your own (several statements in one "
		    "exec are one), and pragmas that change something");
	if (code == SQLITE_INTERRUPT)
		return error_set(e, ERR_timeout, "db: the statement took too long");
	if (code == SQLITE_FULL)
		return error_set(e, ERR_full, "db: the database is full (%d MB), or the disk is", FILE_MAX / 1000 / 1000);
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return error_set(e, ERR_busy, "db: somebody else is writing to the database");
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		return error_set(e, ERR_invalid, "db: state/db.sqlite is damaged: %s", sql.errmsg(b->handle));
	return error_set(e, ERR_invalid, "db: %s", sql.errmsg(b->handle));
}

/* A link, a pipe or a large file is not opened at all. */
static int
check_file(const char *path, struct error *e)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return 0;		/* it is made, or SQLite says why not */
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_denied, "db: state/db.sqlite is not a file");
	if (st.st_size >= FILE_MAX)
		return error_set(e, ERR_too_large, "db: state/db.sqlite has reached %d MB; the action reset_state of the tool skill "
		    "empties it", FILE_MAX / 1000 / 1000);
	return 0;
}

/* Runs before anybody else's statement. */
static int
configure(struct base *b, struct error *e)
{
	sqlite3 *h = b->handle;
	char *pages;
	int code;

	sql.busy_timeout(h, BUSY_MS);
	sql.db_config(h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sql.db_config(h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sql.db_config(h, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sql.limit(h, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	sql.limit(h, SQLITE_LIMIT_SQL_LENGTH, SQL_MAX);
	sql.limit(h, SQLITE_LIMIT_WORKER_THREADS, 0);
	sql.progress_handler(h, STEPS, on_steps, b);
	code = sql.exec(h, "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA foreign_keys = ON", NULL, NULL, NULL);
	pages = sql.mprintf("PRAGMA max_page_count = %d", FILE_MAX / 4096);	/* larger pages are rare, and the next call refuses */
	if (code == SQLITE_OK)
		code = sql.exec(h, pages, NULL, NULL, NULL);
	sql.free(pages);
	if (code != SQLITE_OK)
		return base_failed(b, e);
	sql.set_authorizer(h, authorize, b);
	return 0;
}

int
base_open(struct base *b, const char *path, int64_t limit_ms, struct error *e)
{
	b->end = clock_mono_ms() + limit_ms;
	if (load(e) == -1 || check_file(path, e) == -1)
		return -1;
	umask(077);
	if (sql.open_v2(path, &b->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		return b->handle == NULL ? error_set(e, ERR_io, "db: out of memory") : base_failed(b, e);
	return configure(b, e);
}

void
base_close(struct base *b)
{
	if (b->handle != NULL)
		sql.close(b->handle);
	b->handle = NULL;
}

int
base_transaction(const struct base *b, const char *word, struct error *e)
{
	int code;

	sql.set_authorizer(b->handle, NULL, NULL);
	code = sql.exec(b->handle, word, NULL, NULL, NULL);
	sql.set_authorizer(b->handle, authorize, NULL);
	return code == SQLITE_OK ? 0 : base_failed(b, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite: open in WAL mode, migrate by a list of steps, prepare once, bind
 * and step with errors that name the statement.
 */
#ifndef ALPI_DB_H
#define ALPI_DB_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct db;

/*
 * Open or make path (0600). steps is a NULL-terminated list of SQL scripts; those beyond
 * PRAGMA user_version run, each in a transaction. full: synchronous=FULL, else NORMAL.
 * A file of a newer version is refused. 0 or -1.
 */
int	 db_open(struct db **out, const char *path, const char *const *steps, int full, struct error *e);
/*
 * The same for what others rely on: also ERR_invalid when the file is damaged anywhere, or is
 * not exactly what the steps make. Reads all of it.
 */
int	 db_open_whole(struct db **out, const char *path, const char *const *steps, int full, struct error *e);
void	 db_close(struct db *db);		/* NULL is fine */
/* Rename a file that cannot be used to PATH.damaged, its log with it; replaces an older one. 0 or -1. */
int	 db_set_aside(const char *path, struct error *e);
sqlite3	*db_handle(struct db *db);

int	 db_begin(struct db *db, struct error *e);
int	 db_commit(struct db *db, struct error *e);
void	 db_rollback(struct db *db);

/*
 * Bind by format and run: "s" const char * (NULL is NULL), "i" int64_t, "f" double, "b" const void *, size_t.
 * db_run: a statement without rows; 0 or -1 (ERR_exists for a constraint, ERR_full for a full disk).
 * db_query: the prepared, bound statement, to be stepped with db_step and ended with db_done; NULL on error.
 * Statements are cached by their text, so sql must be a string literal.
 */
int	 db_run(struct db *db, struct error *e, const char *sql, const char *format, ...);
sqlite3_stmt *db_query(struct db *db, struct error *e, const char *sql, const char *format, ...);
int	 db_step(struct db *db, sqlite3_stmt *s, struct error *e);	/* 1 row, 0 end, -1 error */
void	 db_done(sqlite3_stmt *s);
/* A column's text as a copy, NULL when it is NULL. The caller frees. */
char	*db_text(sqlite3_stmt *s, int column);
/*
 * The one number, or text (a copy that the caller frees), that a query gives; bound as above. Without a row, or with the error,
 * `none`, or NULL.
 */
int64_t	 db_number(struct db *db, struct error *e, int64_t none, const char *sql, const char *format, ...);
char	*db_line(struct db *db, struct error *e, const char *sql, const char *format, ...);
long long db_changes(struct db *db);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database of a skill, for a worker. A script of the skill may have made
 * that file, so it is opened where there is nothing beside it, and never in a
 * daemon. The engine's own authorizer refuses what reaches beyond the file.
 * The library is loaded when it is wanted: each call of any tool begins this
 * program, and this one costs as much time as all the others.
 */
#ifndef ALPI_BASE_H
#define ALPI_BASE_H

#include <sqlite3.h>
#include <stdint.h>

#include "common/error.h"

#define SQL_FUNCTIONS(F) \
	F(bind_double) F(bind_int) F(bind_int64) F(bind_null) F(bind_parameter_count) F(bind_text64) F(busy_timeout) \
	F(close) F(column_blob) F(column_bytes) F(column_count) F(column_double) F(column_int64) F(column_name) \
	F(column_text) F(column_type) F(db_config) F(errmsg) F(exec) F(extended_errcode) F(finalize) F(free) F(limit) \
	F(mprintf) F(open_v2) F(prepare_v2) F(progress_handler) F(set_authorizer) F(step) F(stmt_readonly) F(stricmp) \
	F(total_changes64)

/* The library's functions, by their names; there once base_open was called. */
extern struct sql {
#define POINTER(name) __typeof__(sqlite3_##name) *name;
	SQL_FUNCTIONS(POINTER)
#undef POINTER
} sql;

struct base {
	sqlite3	*handle;
	int64_t	 end;		/* when its time is over */
};

/* Open or make the file. 0, or -1 also when it is none, or has reached its size; base_close in any case. */
int	 base_open(struct base *b, const char *path, int64_t limit_ms, struct error *e);
void	 base_close(struct base *b);
/* Why the last step failed, as an error for the model; -1. */
int	 base_failed(const struct base *b, struct error *e);
/* BEGIN IMMEDIATE, COMMIT or ROLLBACK, which nobody else may say. 0 or -1. */
int	 base_transaction(const struct base *b, const char *word, struct error *e);

#endif

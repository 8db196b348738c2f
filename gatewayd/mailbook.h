/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table `mailcalls` of gateway/inbox.sqlite: calls of the tool `email`
 * that change something. The row stands before the account is asked, and how
 * it ended before that is said; so one that has begun is never begun again,
 * and one without an end may have happened.
 */
#ifndef ALPI_GATEWAYD_MAILBOOK_H
#define ALPI_GATEWAYD_MAILBOOK_H

#include <stdbool.h>

#include "common/error.h"

struct db;

/* The step that makes the table. */
#define MAILBOOK_SCHEMA \
	"CREATE TABLE mailcalls (key TEXT PRIMARY KEY, turn TEXT NOT NULL, begun INTEGER NOT NULL, ended INTEGER, " \
	"  ok INTEGER, text TEXT) WITHOUT ROWID;" \
	"CREATE INDEX mailcalls_begun ON mailcalls (begun);"

struct mailbook_row {
	char	*turn;
	bool	 ended, ok;
	char	*text;			/* the output, or why not */
};

void	 mailbook_row_clear(struct mailbook_row *r);
/* 0, or -1: it must not begin; ERR_exists: it had. */
int	 mailbook_begin(struct db *db, const char *key, const char *turn, struct error *e);
int	 mailbook_end(struct db *db, const char *key, bool ok, const char *text, struct error *e);
/* By key. 1, 0: none, -1. */
int	 mailbook_find(struct db *db, const char *key, struct mailbook_row *out, struct error *e);
/* What began long ago goes. */
int	 mailbook_sweep(struct db *db, struct error *e);

#endif

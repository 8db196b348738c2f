/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table `outbox` of gateway/inbox.sqlite: messages that no message of
 * others asked for, each from before it is acknowledged until engined has
 * filed how it ended:
 *
 *   queued -> sent or failed -> filed
 *
 * One that is filed remembers its key for a while, so that the same request
 * finds it.
 */
#ifndef ALPI_GATEWAYD_OUTBOX_H
#define ALPI_GATEWAYD_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct db;

enum post_state { POST_queued, POST_sent, POST_failed };

struct post {
	int64_t		 id;		/* their order */
	enum post_state	 state;
	char		*key;		/* of the tool call behind it */
	char		*platform, *chat, *text;
	char		*account;	/* of the platform, which alone sends it; NULL: of whom is not known */
	char		*file;		/* what it is called; NULL: none */
	char		*session;	/* NULL: none is kept */
	char		*title;		/* NULL: none */
	bool		 notice;	/* its text is in outputs already */
	char		*source;	/* of its row in outputs; NULL: send_message */
	char		*why;		/* it failed, or was not taken at the last try */
	int64_t		 parts;		/* of it that left already */
	int64_t		 created;	/* Unix seconds */
	bool		 filed;
};

/* The step that makes the table. */
#define OUTBOX_SCHEMA \
	"CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, platform TEXT NOT NULL, " \
	"  chat TEXT NOT NULL, text TEXT, file TEXT, session TEXT, state INTEGER NOT NULL DEFAULT 0, why TEXT, " \
	"  parts INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL, filed INTEGER);" \
	"CREATE INDEX outbox_open ON outbox (id) WHERE filed IS NULL;" \
	"CREATE INDEX outbox_done ON outbox (filed) WHERE filed IS NOT NULL;"
/* The one after it. */
#define OUTBOX_NOTICES \
	"ALTER TABLE outbox ADD COLUMN title TEXT; ALTER TABLE outbox ADD COLUMN notice INTEGER NOT NULL DEFAULT 0;"
/* And of answers that did not arrive. */
#define OUTBOX_SOURCE "ALTER TABLE outbox ADD COLUMN source TEXT;"

void	 post_clear(struct post *p);
/* Write it down; its id and state are given. 1: new, 0: the key is known, -1. */
int	 outbox_put(struct db *db, struct post *p, struct error *e);
/* By key. 1, 0: none, -1. */
int	 outbox_find(struct db *db, const char *key, struct post *out, struct error *e);
/* The next after `after` (0 at first) that is not filed. 1, 0: none, -1. */
int	 outbox_next(struct db *db, int64_t after, struct post *out, struct error *e);
int64_t	 outbox_open_rows(struct db *db);
/* The steps. */
int	 outbox_part(struct db *db, struct post *p, struct error *e);
int	 outbox_later(struct db *db, struct post *p, const char *why, struct error *e);
int	 outbox_end(struct db *db, struct post *p, enum post_state state, const char *why, struct error *e);
int	 outbox_filed(struct db *db, struct post *p, struct error *e);
/* What is still to be sent over a platform has failed. */
int	 outbox_give_up(struct db *db, const char *platform, const char *why, struct error *e);
/* Those that were filed long ago go. */
int	 outbox_sweep(struct db *db, struct error *e);

#endif

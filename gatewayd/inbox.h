/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/inbox.sqlite: each message that a platform gave us, until its answer
 * has left. A message is on disk before the platform may forget it, and its
 * answer is on disk before it is sent, so that whatever dies in between, what
 * comes after takes it up where this stands:
 *
 *   received -> running (a turn is asked for under the row's key) -> reply -> sent
 *
 * A row goes one step at a time. One that is sent remembers its name alone,
 * for a while, to know it when the platform brings it again.
 */
#ifndef ALPI_GATEWAYD_INBOX_H
#define ALPI_GATEWAYD_INBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define INBOX_KEEP_S	(7 * 86400)	/* of sent rows */
#define INBOX_SPENT_S	(365 * 86400)	/* of what a session spent, after its last turn */

struct db;
struct inbox;

enum row_state { ROW_received, ROW_running, ROW_reply, ROW_sent };

/* What a platform brought; borrowed. */
struct arrival {
	const char	*ref;		/* the platform's name of it, of one account never given twice */
	const char	*chat, *sender, *text;
	const char	*mention;	/* what they wrote, when text is more than that and it may name a peer; NULL */
	const char	*meta;		/* what the platform wants to know again when it answers; NULL */
	const char	*files;		/* what came with it, as turn.start takes attachments: JSON text; NULL */
	bool		 stranger;	/* not on the list: counted, and nothing kept */
};

struct row {
	int64_t		 id;		/* their order */
	enum row_state	 state;
	char		*platform, *account, *chat, *sender, *text;
	char		*mention;	/* NULL: text is what they wrote */
	char		*thread;	/* the conversation that its chat is in (threads.h) */
	char		*meta, *files;	/* NULL: none */
	char		*key;		/* of its turn: the same for the same message, always; 128 bytes at most */
	char		*session;	/* from running on */
	int64_t		 received;	/* Unix seconds */
	char		*reply;		/* from reply on */
	char		*made;		/* from reply on: the files that go after it, as turn events list them: JSON text; NULL: none */
	int64_t		 parts;		/* of it and of them that left already */
};

struct spent {				/* by a turn, or by the turns of a session */
	int64_t		 turns, tokens_in, tokens_out;
	double		 cost;
};

struct inbox *inbox_open(const char *home, struct error *e);
void	 inbox_close(struct inbox *in);		/* NULL is fine */
/* What was sent long ago goes, here and in the outbox; at each opening, and by whoever stays open for long. */
int	 inbox_sweep(struct inbox *in, struct error *e);
/* A platform that was removed: up to where it was read, and what waits. What was to be sent counts as failed, and is filed as that. */
int	 inbox_forget(struct inbox *in, const char *platform, struct error *e);
/* The file, which the outbox shares. */
struct db *inbox_db(struct inbox *in);
void	 row_clear(struct row *r);

/* One transaction around what came at once: all of it is on disk after inbox_commit, or nothing. */
int	 inbox_begin(struct inbox *in, struct error *e);
int	 inbox_commit(struct inbox *in, struct error *e);
void	 inbox_rollback(struct inbox *in);
/* 1: new, 0: it was here before, -1. stops: it ends what was asked before it. */
int	 inbox_add(struct inbox *in, const char *platform, const char *account, const struct arrival *a, bool stops, struct error *e);
/* One more that was not for us. */
int	 inbox_ignore(struct inbox *in, const char *platform, struct error *e);
/* Up to where an account was read, in the platform's own words. */
int	 inbox_set_mark(struct inbox *in, const char *platform, const char *account, const char *mark, struct error *e);

/* The caller frees; NULL: none. */
char	*inbox_mark(struct inbox *in, const char *platform, const char *account);
int64_t	 inbox_ignored(struct inbox *in, const char *platform);
int64_t	 inbox_open_rows(struct inbox *in);
int64_t	 inbox_waiting(struct inbox *in, const char *platform);	/* of them */

/*
 * The oldest row of a chat of an account that is not sent, of the chats after `after` (a row's id; 0 at first) in the order of
 * those rows. 1, 0: there is no further one, -1.
 */
int	 inbox_next_head(struct inbox *in, int64_t after, struct row *out, struct error *e);
/* 1: one that came later in its chat says that it shall end. */
int	 inbox_is_stopped(struct inbox *in, const struct row *r);

/* The steps. -1: also ERR_conflict when the row does not stand where the step begins. */
/* Its files are elsewhere now; text: what its turn is told then, NULL: what it was. */
int	 inbox_set_files(struct inbox *in, struct row *r, const char *files, const char *text, struct error *e);
int	 inbox_running(struct inbox *in, struct row *r, const char *session, struct error *e);
/* made: NULL, or the files that follow; spent: NULL for an answer without a turn. */
int	 inbox_reply(struct inbox *in, struct row *r, const char *reply, const char *made, const struct spent *spent, struct error *e);
int	 inbox_part(struct inbox *in, struct row *r, struct error *e);
int	 inbox_sent(struct inbox *in, struct row *r, struct error *e);

/* All that the turns of a session spent. */
void	 inbox_spent(struct inbox *in, const char *session, struct spent *out);
/* The session that a chat last had a turn in; the caller frees. NULL: none. */
char	*inbox_last_session(struct inbox *in, const char *platform, const char *chat);

#endif

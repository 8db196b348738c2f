/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn that a client began, as hostd owns it. turns.c takes what clients
 * ask, turn_rows.c keeps it on disk, turn.c follows it at engined to its end,
 * followers.c shows it to whoever looks on. Only these four include this.
 */
#ifndef HOSTD_TURN_H
#define HOSTD_TURN_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/error.h"
#include "proto/proto.h"

struct ask;
struct follower;
struct host;
struct request;

#define TURN_ANSWER_MS	8000		/* beyond the wait that a request asks for */

struct turn {
	TAILQ_ENTRY(turn)	 link;
	struct turns		*in;
	char			*key, *profile, *request_id, *session, *surface, *who;
	char			*id;		/* engined's name of it; NULL before turn.start was answered */
	uint32_t		 caps;
	json_t			*body;		/* what was asked: members of turn.start */
	int64_t			 last;		/* the newest event that was pulled */
	int64_t			 began;		/* Unix ms */
	int64_t			 away;		/* monotonic ms since when engined does not answer; 0: it does */
	bool			 adopted;	/* of before our restart: waited for without limit */
	bool			 asked;		/* engined may have begun it */
	bool			 done;		/* its row is closed */
	bool			 dropped;	/* given up by us: cancel it when engined is back */
	bool			 cancelled;	/* a client cancelled it before it was begun */
	struct request		*request;
	struct event		*timer;		/* to try again */
	LIST_HEAD(, follower)	 followers;
};

struct turns {
	struct host		*host;
	TAILQ_HEAD(, turn)	 all;
};

/* turn.c */
/* A turn that nobody has asked engined for, in the list of all. Never NULL. */
struct turn *turn_new(struct turns *s, const char *profile, const char *request_id);
/* Its followers have left; a request under way is cancelled. */
void	 turn_free(struct turn *t);
/* Free one that is over and that nobody looks at; else nothing. */
void	 turn_forget(struct turn *t);
/* Do whatever it needs next. It may be freed by this. */
void	 turn_step(struct turn *t);
/* It ends here, without engined's word: closed on disk, followers told, freed. */
void	 turn_fail(struct turn *t, const struct error *e);

/* turn_rows.c */
/* 0 or -1: nothing is on disk. */
int	 row_insert(struct turn *t, struct error *e);
void	 row_close(struct turn *t);
void	 row_reopen(struct turn *t);
/* A turn that ended a while ago: 1 and *out, in the list and done; 0 there is none; -1. */
int	 row_find(struct turns *s, const char *profile, const char *request_id, struct turn **out, struct error *e);
/* Put all open ones into the list. 0 or -1. */
int	 row_adopt(struct turns *s, struct error *e);

/* followers.c */
/* Show the turn from its beginning to this client, who is answered with its frames. */
void	 follow_begin(struct turn *t, struct ask *a);
/* Those who wait for the turn's name, or for a queue that was full, pull for themselves. */
void	 follow_catch_up(struct turn *t);
/* Show what the turn's own pull brought to those who keep up, as far as each has room. */
void	 follow_show(struct turn *t, const struct turn_next_reply *r);
/* Engined has no more: whoever saw all there was and no "done" is told by us. */
void	 follow_end(struct turn *t);
/* Tell everyone that it failed, whatever they were shown; they leave. */
void	 follow_fail(struct turn *t, const struct error *e);
/* Everyone leaves, without a word. */
void	 follow_leave(struct turn *t);

#endif

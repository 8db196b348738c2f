/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn at engined, from the side of who asked for it: begun under a key,
 * pulled to its end, asked for again under the same key and with fresh
 * grants when engined was away. What the turn is about, and who is shown
 * what, is the owner's business.
 */
#ifndef ALPI_FOLLOW_H
#define ALPI_FOLLOW_H

#include "common/call.h"

#define FOLLOW_START_S	10

struct follow;

/* How a request is made: request_send and request_cancel; tests put their own here. */
typedef struct request *follow_send(struct daemon *d, const char *unit, enum msg type, const void *body,
	    const char *grant, int timeout_ms, request_done *done, void *arg, struct error *e);

struct follow_owner {
	int	start_s;	/* an engined that could not be asked yet is waited for so long; 0: FOLLOW_START_S */
	/* Send turn.start under the follow's key, for `done` with `done_arg`. NULL with the error. Also after each absence of engined. */
	struct request *(*start)(void *arg, request_done *done, void *done_arg, struct error *e);
	/* It was answered: the turn runs, or ran, there. */
	void	(*started)(void *arg, const struct turn_start_reply *r);
	/* What happened, in order, each once. */
	void	(*event)(void *arg, const struct turn_event *ev);
	/* engined may run it and cannot be reached, for so long by now. It is looked for on and on. NULL: not told. */
	void	(*away)(void *arg, int64_t ms);
	/* Over: NULL, the last event was seen; else it never began, or its end is not known. The follow is freed after. */
	void	(*ended)(void *arg, const struct error *why);
};

/* Nothing is asked before follow_go. */
struct follow	*follow_new(struct daemon *d, follow_send *send, void (*cancel)(struct request *), const char *unit,
		    const char *key, const struct follow_owner *owner, void *arg);
/* Forget the turn, which goes on; not from within a callback but `ended`. NULL is fine. */
void		 follow_free(struct follow *f);
/* Ask for more from here on; or for nothing more until follow_go (what came already is still told). */
void		 follow_go(struct follow *f);
void		 follow_hold(struct follow *f);
/* Have engined end the turn: its end then comes as usual. One that was not asked for yet never is. */
void		 follow_cancel(struct follow *f, const char *reason);
/* Nothing is known of the turn but its key, and it shall not run: `ended` comes when engined has said so. */
void		 follow_end(struct follow *f, const char *reason);

#endif

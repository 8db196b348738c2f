/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of exec.c share: a call (exec_calls.c keeps them by key),
 * those who wait for news of it and what time ends (exec_wait.c), and its way
 * from the gate to its result (exec.c). Nobody else includes this.
 */
#ifndef ALPI_EXEC_OWN_H
#define ALPI_EXEC_OWN_H

#include "toolrunner/exec.h"
#include "toolrunner/gate.h"

enum state { RUNNING, ASKING, DONE };

struct waiter {
	struct waiter	*next;
	int64_t		 after, deadline;
	exec_answer_fn	*fn;
	void		*arg;
};

struct exec {
	struct exec		*next;
	struct runner		*runner;
	char			*key, *turn, *workspace, *origin, *session, *who;
	const struct tool	*tool;
	json_t			*args, *env;	/* env: as long as it runs */
	char			*skill;
	enum tool_net		 net;
	bool			 job;		/* a job's script: it has the job's time */
	enum state		 state;
	int64_t			 seq;		/* of the last change */
	char			*progress;
	struct worker		*worker;
	bool			 cleared;	/* all that must be is on disk */
	bool			 wanted;	/* somebody waits for it: his record of it is on disk, too */
	bool			 begun, cancelled;
	struct waiter		*waiters;
	struct gate		 gate;		/* borrows from what stands above */
	enum ruling		 ruling;
	int64_t			 deadline;	/* ASKING: of the question. DONE: of the result. Not wanted yet: of that */
	/* DONE */
	bool			 ok;
	char			*output, *error, *code;
	json_t			*mutations, *produced;
};

/* ---- exec_calls.c ----------------------------------------------------------------------------------- */

struct exec *exec_find(const struct runner *r, const char *key);	/* NULL: not known */
/* What an order asks for, at the end of the list; nothing is judged or begun yet. */
struct exec *exec_new(struct runner *r, const struct exec_order *o);
/* Out of the list, with those who wait for it unanswered. */
void	 exec_free(struct exec *x);
/* Keep no more results than we said. */
void	 exec_prune(struct runner *r);

/* ---- exec_wait.c ------------------------------------------------------------------------------------ */

/* It stands otherwise than before: whoever waits is told. */
void	 exec_changed(struct exec *x);
/* One timer for all: set to the earliest moment at which anything ends by itself. */
void	 exec_rearm(struct runner *r);

/* ---- exec.c ----------------------------------------------------------------------------------------- */

/* Begin, if nothing is missing: all on disk, somebody waits, a worker stands ready. */
void	 exec_go(struct exec *x);
/* The question's time is over. */
void	 exec_unanswered(struct exec *x);

#endif

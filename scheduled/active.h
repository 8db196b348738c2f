/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that goes on, for the three files that carry it: run.c begins it,
 * agent.c has its turn, result.c ends it.
 */
#ifndef SCHEDULED_ACTIVE_H
#define SCHEDULED_ACTIVE_H

#include "scheduled/schedule.h"

#define ANSWER_MS	8000

struct script;

struct active {
	TAILQ_ENTRY(active) link;
	struct schedule	*in;
	struct run	 run;
	json_t		*job;		/* as it was when the run began */
	char		 key[RUN_KEY], session[17];
	bool		 resumed, agent, timed_out;
	bool		 late;		/* its time was over before it could go on: what it came to is only looked for.. */
	bool		 ended;		/* ..until we give it up */
	struct follow	*follow;	/* of an agent's run */
	struct script	*script;	/* of a script's */
	struct event	*timer;		/* its limit, then attempts to finish */
	struct request	*filing;
	bool		 filed, noted, notified, sent;
	char		 output[16];	/* the row in outputs; "": none */
	int64_t		 tools;
	char		 last_tool[64];
	char		*reply;		/* NULL: none came */
	char		*failure;	/* NULL: none was told */
	char		*lost;		/* why its result reached no platform, and never will; NULL: that is not known */
};

/* ---- run.c --------------------------------------------------------------------------------------- */

void	 active_free(struct active *a);
/* What it may do there. The caller frees; NULL with the error. */
char	*active_grant(const struct active *a, const char *verifier, struct error *e);

/* ---- agent.c ------------------------------------------------------------------------------------- */

void	 agent_start(struct active *a);

/* ---- result.c: each may free the run --------------------------------------------------------------- */

/* Judge how it went (section 6, outcomes). */
void	 result_judge(struct active *a);
/* It is over: judge, then finish. */
void	 result_over(struct active *a);
/* It is over, and failed. outcome NULL: error, unless one is known. */
void	 result_fail(struct active *a, const char *outcome, const char *text);
/* File, tell and close; again after an attempt that did not succeed. */
void	 result_finish(struct active *a);

#endif

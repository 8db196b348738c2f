/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run ledger, schedule/runs.sqlite: a row per run, on disk before the run
 * starts, unique per job and due time, so that no crash runs one twice or
 * hides it. It also knows how each job stands, which schedule/runs.json
 * repeats for people and for other alpis.
 */
#ifndef SCHEDULED_RUNS_H
#define SCHEDULED_RUNS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "scheduled/jobs.h"

#define RUNS_KEPT	10000
#define RUN_REPLY_MAX	2000		/* bytes of a reply or failure that are kept */
#define RUN_KEY		160

struct runs;

struct run {
	int64_t		 id;
	char		 job[JOB_ID_MAX + 1];
	int64_t		 due;		/* ms; of a run by hand: when it was asked for */
	bool		 by_hand;
	int64_t		 began, ended;	/* ms; ended 0: not yet */
	char		*row;		/* the job as it was; NULL once ended */
	char		 outcome[16];	/* ok, error, timeout, interrupted */
	char		*message;	/* what came of it, or why it failed */
	char		 delivered[16];	/* alpi, external, or "" */
	bool		 silent;
	int64_t		 tokens_in, tokens_out;
	double		 cost;		/* USD */
};

void	 run_clear(struct run *r);
/* The run's name everywhere: the key of its turn, call and output. */
void	 run_key(const struct run *r, char out[RUN_KEY]);

/* A damaged file is set aside, with an error in the log. NULL on error. */
struct runs *runs_open(const char *home, struct error *e);
void	 runs_close(struct runs *s);

/*
 * Write down that a job runs now, and that it ran; gives r->id. ERR_exists: that due time has its run.
 */
int	 runs_begin(struct runs *s, struct run *r, struct error *e);
/* Write down how it ended. 0 or -1. */
int	 runs_end(struct runs *s, const struct run *r, struct error *e);
/* One run, to be cleared: 1, 0 when there is none, -1. */
int	 runs_find(struct runs *s, int64_t id, struct run *r, struct error *e);
/* The runs that have not ended, each for fn, oldest first. 0 or -1. */
int	 runs_open_rows(struct runs *s, void (*fn)(void *arg, struct run *r), void *arg, struct error *e);
/* The run before the oldest that has not ended; when all have, the newest. -1 on error. */
int64_t	 runs_first_open(struct runs *s, struct error *e);
/* The newest runs, of a job or (NULL) of all, newest first. New reference, or NULL. */
json_t	*runs_history(struct runs *s, const char *job, int64_t limit, struct error *e);
json_t	*run_json(const struct run *r);

/* Fill ran, last_run and status of every job: the ledger's word, else that of runs.json, else the row's. */
void	 runs_tell(struct runs *s, struct jobs *jobs);
/* A job begins anew: it last ran then (never: ran false). key: that it was added for; NULL: none. 0 or -1. */
int	 runs_anchor(struct runs *s, const char *job, bool ran, int64_t last_run, const char *key, struct error *e);
/* The job that was added for this key; 1, 0, -1. */
int	 runs_added(struct runs *s, const char *key, char id[JOB_ID_MAX + 1], struct error *e);
/* It is over, and no longer in the list; what it was added for is known for a week. 0 or -1. */
int	 runs_gone(struct runs *s, const char *job, int64_t now, struct error *e);
int	 runs_forget(struct runs *s, const char *job, struct error *e);
/* Write runs.json anew, of these jobs. 0 or -1. */
int	 runs_repeat(struct runs *s, const struct jobs *jobs, struct error *e);

#endif

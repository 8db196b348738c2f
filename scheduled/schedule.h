/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduled's state: one of each module, made by main and handed to every
 * handler. The clock is asked in tick.c alone, so that one look sees one time.
 */
#ifndef SCHEDULED_SCHEDULE_H
#define SCHEDULED_SCHEDULE_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "common/call.h"
#include "common/dispatch.h"
#include "common/follow.h"
#include "scheduled/due.h"
#include "scheduled/jobs.h"
#include "scheduled/runs.h"

struct active;
struct watch;

struct schedule {
	struct daemon		*daemon;
	follow_send		*send;		/* request_send, request_cancel; tests put their own here */
	void			(*cancel)(struct request *);
	const char		*home;
	bool			 paused;	/* the profile is */
	struct jobs		*jobs;
	struct runs		*runs;
	struct due		 due;
	struct event		*timer;
	int64_t			 looked;	/* the wall clock at the last look, ms */
	char			 idle_job[JOB_ID_MAX + 1];	/* whom `idle` is about */
	struct request		*idle;		/* that is being asked; NULL: could not be, so it is at the next look */
	TAILQ_HEAD(, active)	 active;
	TAILQ_HEAD(, watch)	 watches;
	struct event		*repeat;	/* runs.json is to be written */
	int64_t			 repeat_ms;	/* the pause that its last writing asks for */
};

extern const struct handler schedule_handlers[];

/* ---- tick.c: when something is looked for, and what begins then --------------------------------- */

int	 tick_open(struct schedule *s, struct error *e);
void	 tick_close(struct schedule *s);
/* Look now: begin what is due (one scheduled run at a time, in the order of the file), set the timer. */
void	 tick_look(struct schedule *s);
/* Look soon, from the loop. */
void	 tick_soon(struct schedule *s);
/* Take over what was written into jobs.json by others. */
void	 tick_refresh(struct schedule *s);
/* The job of this id changed. */
void	 tick_arm(struct schedule *s, const char *id);
/* Run a job now, by hand. 0, or -1: ERR_busy when it runs already. */
int	 tick_fire(struct schedule *s, const char *id, int64_t *run, struct error *e);
/* Does a scheduled run go on, or wait for its turn? */
bool	 tick_is_busy(const struct schedule *s);
/* How jobs ran goes into runs.json: now; soon. */
int	 tick_repeat(struct schedule *s, struct error *e);
void	 tick_repeat_later(struct schedule *s);

/* ---- run.c: one run, with agent.c and result.c (active.h) ---------------------------------------- */

/* Begin the run that is written down; taken over (resumed: by a process that died it was begun). */
void	 run_start(struct schedule *s, struct run *r, bool resumed);
/* The run of a job that goes on; NULL. */
const struct run *run_of_job(const struct schedule *s, const char *job);
const struct run *run_of_id(const struct schedule *s, int64_t id);
/* A scheduled one goes on. */
bool	 run_is_scheduled(const struct schedule *s);
/* Forget them; they are taken up again by the next process. */
void	 run_forget_all(struct schedule *s);

/* ---- watch.c: callers that wait for runs --------------------------------------------------------- */

int	 watch_begin(struct schedule *s, struct call *c, const struct job_wait *m, struct error *e);
/* A run ended, or nothing is due any more. */
void	 watch_tell(struct schedule *s);
void	 watch_end_all(struct schedule *s);

/* ---- edit.c: what people and models change --------------------------------------------------------- */

/* Shown job. New reference. */
json_t	*edit_show(struct schedule *s, const struct job *j);
/* Each: the shown job, or NULL with the error. key NULL: none. */
json_t	*edit_add(struct schedule *s, const json_t *asked, bool force, const char *key, struct error *e);
json_t	*edit_update(struct schedule *s, const char *id, const json_t *changes, struct error *e);
int	 edit_remove(struct schedule *s, const char *id, struct error *e);
/* The job, or NULL with ERR_not_found that names the id that is most like it. */
struct job *edit_find(struct schedule *s, const char *id, struct error *e);

/* ---- tool.c ---------------------------------------------------------------------------------------- */

int	 tool_call(struct call *c, const void *in, struct error *e);

#endif

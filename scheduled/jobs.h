/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule/jobs.json: the jobs of a profile, for people to read and edit
 * (spec/scheduler.md, 1 to 3). Each row's bytes stay what they are until that
 * row itself is changed, so what others wrote is kept. A row that makes no
 * sense stays in the file, is never due and says why; a file that is no list
 * is left alone until somebody has mended it. The file is not trusted.
 */
#ifndef SCHEDULED_JOBS_H
#define SCHEDULED_JOBS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cron.h"
#include "common/error.h"
#include "common/zone.h"

#define JOBS_FILE	"schedule/jobs.json"
#define JOBS_MAX_BYTES	(128u << 20)
#define JOB_BYTES	65536		/* of one row */
#define JOB_ID		8		/* digits of an id that we give */
#define JOB_ID_MAX	64
#define JOB_TIMEOUT_S	900
#define JOB_TIMEOUT_MIN	30
#define JOB_TIMEOUT_MAX	3600

enum job_kind { JOB_CRON, JOB_ONCE, JOB_INACTIVITY };

struct job {
	char		 id[JOB_ID_MAX + 1];	/* "": the row has none */
	char		*text;			/* the row as it stands in the file */
	enum job_kind	 kind;
	struct cron	 cron;
	const struct zone *zone;
	int64_t		 at;			/* ms: once, when; inactivity, how long */
	bool		 paused;
	char		*broken;		/* why it is never due; NULL: it is sound */
	size_t		 order;			/* its place in the file */

	/* how it ran, in ms since 1970; of the run ledger */
	bool		 ran;
	int64_t		 last_run;
	char		 status[8];		/* ok, error, or "" */

	/* of due.c */
	int64_t		 due;
	int64_t		 skip;			/* what is due up to here has its run already */
	int64_t		 seen;			/* inactivity: the person was last active */
	size_t		 place;
	struct heap	*in;
	bool		 running;
};

struct jobs;

/* Read HOME/schedule/jobs.json; none is no jobs. A corrupt file is no failure: jobs_corrupt says so. NULL: no time zone. */
struct jobs *jobs_open(const char *home, struct error *e);
void	 jobs_close(struct jobs *s);			/* NULL is fine */
/* Has the file, or the machine's zone, changed since it was read? Then read it anew: all struct job are new. */
bool	 jobs_refresh(struct jobs *s);
/* Why nothing can be read or changed; NULL: all is well. Borrowed. */
const char *jobs_corrupt(const struct jobs *s);

/* In the order of the file; the pointers hold until the next change. */
size_t	 jobs_count(const struct jobs *s);
struct job *jobs_at(const struct jobs *s, size_t i);
struct job *jobs_find(const struct jobs *s, const char *id);		/* NULL: unknown */
/* The known id that is most like it, at least 0.6; NULL: none. Borrowed. */
const char *jobs_alike(const struct jobs *s, const char *id);
/* The row of a job; of one that is no row that we take an empty object. New reference. */
json_t	*job_row(const struct job *j);
/* The machine's zone, for what people read. */
const struct zone *jobs_zone(const struct jobs *s);

/*
 * Would this row make a job (section 7)? Fills a struct job, to be cleared. -1 with ERR_invalid: also what a stored row
 * may hold and a new one may not, as an expression that never matches.
 */
int	 jobs_check(struct jobs *s, const json_t *row, struct job *out, struct error *e);
void	 job_clear(struct job *j);
/* The id of a job with the same kind, time and prompt; NULL: none. Borrowed. */
const char *jobs_twin(const struct jobs *s, const json_t *row);

/* On disk when they return 0. The job of `row` is added, or takes the place of the one with its id. NULL with the error. */
struct job *jobs_put(struct jobs *s, const json_t *row, struct error *e);
int	 jobs_remove(struct jobs *s, const char *id, struct error *e);

#endif

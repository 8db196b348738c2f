/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that go on after their call (tools.md, 7.2): their logs and the
 * <pid>.meta files below HOME/run/bg, and the questions about them. Each is
 * a worker like any other that is answered when it has started; it ends with
 * the launcher at the latest. A pid is only ever acted on when it is a
 * worker of ours that still runs and whose meta file agrees.
 */
#ifndef ALPI_BACKGROUND_H
#define ALPI_BACKGROUND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "toolrunner/worker.h"

struct background;
struct background_job;

/* What a question came to. */
struct background_answer {
	char		*output;	/* NULL when not ok */
	char		 error[200];
	enum error_code	 code;
	uint32_t	 end;		/* the worker to be ended, or 0 */
};

/* Makes HOME/run/bg and names it to restrict; NULL on error. */
struct background *background_new(const char *home, struct error *e);
void	 background_free(struct background *b);

/* Is this call a terminal call that starts a background command? That asks about one? */
bool	 background_starts(const struct worker_job *job);
bool	 background_asks(const struct worker_job *job);

/* A new log, for worker number `worker`. NULL on error. Lives until background_ended. */
struct background_job *background_open(struct background *b, const struct worker_job *job, uint32_t worker, struct error *e);
int	 background_log(const struct background_job *j);	/* its descriptor, borrowed */
/* The command runs: write its meta file. The text for the model, the caller frees; NULL on error. */
char	*background_started(struct background_job *j, pid_t pid, struct error *e);
void	 background_ended(struct background_job *j);
/* Answer status, output or kill. The caller frees with background_answer_free. */
struct background_answer *background_ask(struct background *b, const struct worker_job *job);
void	 background_answer_free(struct background_answer *a);

#endif

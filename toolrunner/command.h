/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run one program from inside a worker and collect what it puts out, within
 * bounds of time and memory. What the program leaves running is killed when
 * the worker ends; at the time limit it is killed at once.
 */
#ifndef ALPI_COMMAND_H
#define ALPI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

/* The beginning and the end of a stream; the middle is only counted. */
struct capture {
	size_t		 half;		/* bytes kept at each end; set before the run */
	struct buf	 head;
	char		*tail;		/* a ring of `half` bytes */
	size_t		 total;
};

struct command {
	const char *const	*argv;		/* argv[0] is a path */
	const char		*cwd;		/* NULL: as the worker */
	int			 input;		/* its standard input; -1: empty. Borrowed */
	int64_t			 limit_ms;
	size_t			 most;		/* bytes of both streams; one that puts out more is killed. 0: it goes on, its middle lost */
	void			(*tick)(void *arg, int64_t seconds);	/* every 15 s, may be NULL */
	void			*tick_arg;
	/* What it came to. */
	struct capture		 out, err;
	int			 status;	/* of wait */
	bool			 timed_out, too_much;
};

/* Run it. 0 when it ran, however it ended; -1 when it could not be started. */
int	command_run(struct command *c, struct error *e);
/* Run it with both outputs in log_fd, at most max bytes, until all its processes are gone; SIGTERM is passed on. started is called once. */
int	command_log(struct command *c, int log_fd, size_t max, void (*started)(void *arg), void *arg, struct error *e);
void	command_clear(struct command *c);

/* Head, a line about what is missing, tail; into b, as far as its ceiling lets. */
void	capture_text(const struct capture *c, struct buf *b);

#endif

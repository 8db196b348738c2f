/* SPDX-License-Identifier: Apache-2.0 */
/* What units write to stderr becomes lines of logs/service.log; the last ones of each are kept for status. */
#ifndef INIT_LOGS_H
#define INIT_LOGS_H

#include "init/loop.h"

#define LOG_LINE_MAX	4096		/* a line is cut here */
#define LOG_BYTES_MAX	1000000		/* service.log becomes .1 before it would pass this */
#define LOG_OLD		3
#define TAIL_LINES	10

struct tail {
	char		 name[96];		/* "engined[work]" */
	struct source	 pipe;
	char		 line[LOG_LINE_MAX];	/* the unfinished one */
	size_t		 len;
	char		 last[TAIL_LINES][512];	/* a ring: the next goes to count % TAIL_LINES */
	unsigned	 count;
};

/* Open DIR/service.log; `terminal`: show each line on our stderr's terminal too. 0, or -1 with errno. */
int	 logs_open(const char *dir, int terminal);
/* A line of init's own. */
void	 logs_say(const char *level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Read once from a unit's pipe; at its process's end take what is left there, and close it. */
void	 tail_read(void *tail);
void	 tail_close(struct tail *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What units write to stderr becomes lines of ROOT/logs/service.log, with the
 * time and the unit; the last lines of each unit are kept for status. A unit
 * that floods costs one bounded read per round and nothing else.
 */
#ifndef INIT_LOGS_H
#define INIT_LOGS_H

#include <stddef.h>

#define LOG_LINE_MAX	4096		/* a unit's line is cut here */
#define LOG_BYTES_MAX	1000000		/* service.log becomes .1 before it would pass this */
#define LOG_OLD		3
#define TAIL_LINES	10
#define TAIL_BYTES	512

struct tail {
	const char	*profile, *daemon;	/* borrowed */
	int	 fd;				/* our end of its stderr, -1: none */
	size_t	 len;				/* of the unfinished line, more than fits: being cut */
	char	 line[LOG_LINE_MAX];
	char	 last[TAIL_LINES][TAIL_BYTES];	/* a ring */
	unsigned count;				/* lines so far; the ring's next is count % TAIL_LINES */
};

/* Open DIR/service.log; `terminal` also shows every line on our stderr. 0 or -1 with errno. */
int	 logs_open(const char *dir, int terminal);
/* No more lines to our stderr. */
void	 logs_detach(void);
/* A line of init's own. */
void	 logs_say(const char *level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Follow a new process's stderr; the last lines of the one before stay until it has written its own. */
void	 tail_open(struct tail *t, int fd);
/* Take what is still in the pipe and close it. */
void	 tail_close(struct tail *t);
/* Its i-th last-kept line, oldest first, or NULL. */
const char *tail_line(const struct tail *t, int i);
/* The lines of some bytes. */
void	 tail_feed(struct tail *t, const char *bytes, size_t n);

#endif

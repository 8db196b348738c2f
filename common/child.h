/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start a program in a session of its own. By fork, so only from a process
 * without threads.
 */
#ifndef ALPI_CHILD_H
#define ALPI_CHILD_H

#include <sys/types.h>

struct child {
	char *const	*argv;			/* the program's path first */
	const char	*user;			/* become this one, if there is one; NULL: stay who we are */
	int		 fds[4];		/* what its descriptors 0 to 3 are; -1: as ours */
	int		 bound;			/* it is killed when we end */
};

/* The process, or -1. A program that cannot run says so on its stderr, and ends with 127. */
pid_t	child_start(const struct child *c);
/*
 * Start it with its output and its errors to us, take its lines as they come, and wait for its end. 0, or -1: it
 * failed, or was silent for so long that it was killed.
 */
int	child_lines(const struct child *c, int seconds, void (*take)(const char *line));

#endif

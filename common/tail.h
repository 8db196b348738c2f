/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines that a program writes into a pipe: each is cleaned of control
 * characters and handed on, and the last few are kept. The program may be
 * compromised: it can neither make a line longer than ours nor keep us busy.
 * Libc only.
 */
#ifndef ALPI_TAIL_H
#define ALPI_TAIL_H

#include <stddef.h>

#include "common/logfile.h"
#include "common/loop.h"

#define TAIL_LINES	10

struct tail {
	char		*name;			/* whose lines they are */
	void		(*put)(const char *file, const char *name, const char *line);
	char		*file;			/* for put; NULL is fine */
	struct source	 pipe;
	char		 line[LOGFILE_LINE];	/* the unfinished one */
	size_t		 len;
	char		 last[TAIL_LINES][512];	/* a ring, the next goes to count % TAIL_LINES */
	unsigned	 count;
};

/* Read once from the pipe (a source's function). */
void	 tail_read(void *tail);
/* At the process's end: take what is left there, and close it. */
void	 tail_close(struct tail *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of the system that reads a file for a tool: it gets the file on
 * its standard input, inside the worker's sandbox, and what it puts out is
 * the answer. Where it is not installed the error names its Debian package.
 */
#ifndef ALPI_PROGRAM_H
#define ALPI_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/error.h"

struct program {
	const char *const	*argv;		/* argv[0] is a path */
	const char		*package;
	size_t			 keep;		/* bytes of its output that are kept, */
	bool			 whole;		/* and more of it is an error; else the rest is lost */
};

bool	 program_is_there(const char *path);
/* Add what it makes of the file, read from its beginning. 0, or -1: ERR_unavailable when it may go well another time. */
int	 program_read(const struct program *p, int fd, struct buf *out, struct error *e);

#endif

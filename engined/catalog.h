/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at many sessions: the rows of session.list, newest first, and a
 * window of one session's turns for a reader. A row is read from its file
 * once and kept while the file stays the same; at most CATALOG_ROWS are kept.
 */
#ifndef ALPI_ENGINED_CATALOG_H
#define ALPI_ENGINED_CATALOG_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/error.h"
#include "engined/session.h"
#include "proto/proto.h"

#define CATALOG_ROWS	1000

/* A session file as its folder tells of it. */
struct catalog_file {
	char		id[SESSION_ID_MAX + 1];
	struct timespec	mtime;
	off_t		size;
};

struct catalog;

struct catalog *catalog_new(const char *home);
void	 catalog_free(struct catalog *c);
/* The newest `limit` (at most CATALOG_ROWS) sessions as rows of host-plane.md, section 5. New reference, never NULL. */
json_t	*catalog_list(struct catalog *c, size_t limit);

/* One entry of the folder `dir`; 0 when it is no session file. */
int	 catalog_look(int dir, const char *name, struct catalog_file *out);

/* Which turns of `total` a session.read asks for: [*from, *to). */
void	 catalog_window(const struct session_read *m, size_t total, size_t *from, size_t *to);

#endif

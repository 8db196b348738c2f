/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of files (words.h): rag/workspace.sqlite. All in it was read
 * through toolrunner and can be read again. Workspaces are kept apart. It says
 * what stood in a file; whether a turn may see that is toolrunner's to say
 * (indexing.c).
 */
#ifndef ALPI_ENGINED_SHELF_H
#define ALPI_ENGINED_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "engined/words.h"

#define SHELF_SNIPPET	600		/* characters */
#define SHELF_K_MAX	100

struct shelf_growth;		/* a file on its way in */

/* What is known of a file. */
struct shelf_file {
	char	*path;			/* relative to the workspace, or absolute */
	int64_t	 mtime_us, size;
	bool	 empty;			/* nothing of it is in the index */
};

/* A piece that was found. */
struct shelf_hit {
	char	*path, *snippet;
	int64_t	 mtime_us;
	int64_t	 first, last;		/* lines, from 1 */
	int64_t	 piece;
	double	 score;			/* more is better */
};

/* Open or make it. NULL: it cannot be used, and why. */
struct words *shelf_open(const char *home, struct error *e);

/* The number of a workspace, 0: nothing of it is known; make: it gets one. -1 on error. */
int64_t	 shelf_root(struct words *x, const char *workspace, bool make, struct error *e);
/* What there is of a workspace, by path; shelf_files_free it. 0 or -1. */
int	 shelf_files(struct words *x, int64_t root, struct shelf_file **out, size_t *count, struct error *e);
void	 shelf_files_free(struct shelf_file *files, size_t count);
/* How many of its files have pieces, and how many those are. 0 or -1. */
int	 shelf_size(struct words *x, int64_t root, int64_t *files, int64_t *pieces, struct error *e);

/*
 * The file's pieces instead of those it had (text NULL: it has none), in steps of a few milliseconds, for a transaction that may
 * end between two of them: shelf_pause before it does. Until the last step the file has a size that is no file's. shelf_grow: 1:
 * there is more to do, 0: all of it is there, -1.
 */
struct shelf_growth *shelf_growth_new(int64_t root, const struct shelf_file *file, const char *text);
void	 shelf_growth_free(struct shelf_growth *g);
int	 shelf_grow(struct words *x, struct shelf_growth *g, struct error *e);
int	 shelf_pause(struct words *x, const struct shelf_growth *g, struct error *e);
/* At most so many of its pieces go, the last ones first, and with the last of all the file. 1: there are more, 0 or -1. */
int	 shelf_shrink(struct words *x, int64_t root, const char *path, int64_t most, struct error *e);

/* The k pieces that fit best, best first. How many; the caller clears them. -1 on error. */
int	 shelf_search(struct words *x, int64_t root, const char *query, struct shelf_hit *hits, size_t k, struct error *e);
/* The piece with this number as a hit. 1, 0: it is not of this workspace, -1 on error. */
int	 shelf_hit(struct words *x, int64_t root, int64_t piece, struct shelf_hit *hit, struct error *e);
void	 shelf_hits_clear(struct shelf_hit *hits, size_t n);

#endif

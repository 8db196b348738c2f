/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The full-text index of files: rag/workspace.sqlite. All in it was read
 * through toolrunner and can be read again, so a file that is damaged is set
 * aside and begun anew. Workspaces are kept apart. It says what stood in a file; whether a
 * turn may see that is toolrunner's to say (indexing.c).
 */
#ifndef ALPI_ENGINED_SHELF_H
#define ALPI_ENGINED_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define SHELF_SNIPPET	600		/* characters */
#define SHELF_K_MAX	100

struct db;
struct shelf;
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
struct shelf *shelf_open(const char *home, struct error *e);
void	 shelf_close(struct shelf *x);
/* Close it and set the file aside: it is damaged (ERR_invalid said so). The next shelf_open begins anew. */
void	 shelf_discard(struct shelf *x);
/* Its tables, for what else is known of the pieces (vectors.h). */
struct db *shelf_db(struct shelf *x);

/* The number of a workspace, 0: nothing of it is known; make: it gets one. -1 on error. */
int64_t	 shelf_root(struct shelf *x, const char *workspace, bool make, struct error *e);
/* What there is of a workspace, by path; shelf_files_free it. 0 or -1. */
int	 shelf_files(struct shelf *x, int64_t root, struct shelf_file **out, size_t *count, struct error *e);
void	 shelf_files_free(struct shelf_file *files, size_t count);
/* How many of its files have pieces, and how many those are. 0 or -1. */
int	 shelf_size(struct shelf *x, int64_t root, int64_t *files, int64_t *pieces, struct error *e);

/* What is changed between these two is there together or not at all; shelf_end with ok false takes it back. 0 or -1. */
int	 shelf_begin(struct shelf *x, struct error *e);
int	 shelf_end(struct shelf *x, bool ok, struct error *e);
/* The file's pieces instead of those it had; text NULL: it has none. 0 or -1. */
int	 shelf_put(struct shelf *x, int64_t root, const struct shelf_file *file, const char *text, struct error *e);
/*
 * The same in steps of a few milliseconds, for a transaction that may end between two of them: shelf_pause before it does.
 * Until the last step the file has a size that is no file's. shelf_grow: 1: there is more to do, 0: all of it is there, -1.
 */
struct shelf_growth *shelf_growth_new(int64_t root, const struct shelf_file *file, const char *text);
void	 shelf_growth_free(struct shelf_growth *g);
int	 shelf_grow(struct shelf *x, struct shelf_growth *g, struct error *e);
int	 shelf_pause(struct shelf *x, const struct shelf_growth *g, struct error *e);
/* At most so many of its pieces go, the last ones first, and with the last of all the file. 1: there are more, 0 or -1. */
int	 shelf_shrink(struct shelf *x, int64_t root, const char *path, int64_t most, struct error *e);
/* Nothing of it stays. 0 or -1. */
int	 shelf_remove(struct shelf *x, int64_t root, const char *path, struct error *e);

/*
 * The k pieces that fit best, best first. Words that stand nearly everywhere are not weighed beside rarer ones; where there
 * are only such words, pieces with all of them come first, then those with any. How many; the caller clears them. -1 on error.
 */
int	 shelf_search(struct shelf *x, int64_t root, const char *query, struct shelf_hit *hits, size_t k, struct error *e);
/* The piece with this number as a hit. 1, 0: it is not of this workspace, -1 on error. */
int	 shelf_hit(struct shelf *x, int64_t root, int64_t piece, struct shelf_hit *hit, struct error *e);
void	 shelf_hits_clear(struct shelf_hit *hits, size_t n);

#endif

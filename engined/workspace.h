/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the index of files (shelf.h) up to date: a list of what is there is
 * compared with what is known, then the text of new and changed files is
 * asked for, page by page, and put in, in slices of WORKSPACE_SLICE_MS from
 * the loop. Each slice is one transaction of whole files: whoever is killed,
 * interrupted or refused in between leaves an index in which every file is
 * as it was or as it is, and the next pass does only the rest. One pass runs
 * at a time; where pages come from is for the caller to say. Vectors come
 * last: without them the words are complete, and those of another model stay
 * until all of this one are there.
 */
#ifndef ALPI_ENGINED_WORKSPACE_H
#define ALPI_ENGINED_WORKSPACE_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "engined/shelf.h"

#define WORKSPACE_SLICE_MS	3
#define WORKSPACE_FILES_MAX	100000	/* of one pass */
#define WORKSPACE_GLOB		"**/*"	/* all of them: what is missing then is gone */

struct embed_result;
struct workspace;
struct workspace_pass;

struct workspace_order {
	const char	*path, *glob;
	bool		 force;		/* also what is unchanged */
	const char	*embedder;	/* the model that makes vectors, as it is called in the index; NULL: none */
	bool		 ocr;		/* what can be read in pictures too: files without text are looked at again */
};

/* What a pass did. */
struct workspace_result {
	int64_t	indexed, unchanged, removed, skipped;	/* files; skipped: they have no text, or too much */
	json_t	*reasons;				/* {path, reason} of the first few that were skipped; borrowed */
	int64_t	embedded, missing;			/* pieces that got a vector; and that have none now, of all */
	char	why_missing[ERROR_TEXT_MAX];		/* "": nothing failed */
};

/* Who asked for a pass. None of these is called inside of workspace_begin. */
struct workspace_caller {
	/* A page is needed: the list or the texts that these arguments name (taken). workspace_page() brings it, later. */
	void	(*ask)(void *arg, json_t *args);
	/* Vectors of these texts are needed (taken). workspace_vectors() brings them, later; only when there is an embedder. */
	void	(*embed)(void *arg, json_t *texts);
	void	(*progress)(void *arg, const char *text);
	/* The pass is over, and its handle dead; result NULL: it failed. Once. */
	void	(*done)(void *arg, const struct workspace_result *result, const struct error *e);
};

/* Nothing is opened before it is needed. */
struct workspace *workspace_new(struct event_base *base, const char *home);
/* Nobody is called any more. */
void	 workspace_free(struct workspace *w);

/* The index, open for now; NULL with the reason. */
struct words *workspace_shelf(struct workspace *w, struct error *e);
/* After an error: a damaged file goes, and the next who needs the index begins anew. */
void	 workspace_distrust(struct workspace *w, const struct error *e);

/* The order is copied. */
struct workspace_pass *workspace_begin(struct workspace *w, const struct workspace_order *o,
	    const struct workspace_caller *caller, void *arg);
/* The page that was asked for, or why there is none. */
void	 workspace_page(struct workspace_pass *p, const char *page, const struct error *e);
/* The vectors that were asked for, in that order, or why there are none. */
void	 workspace_vectors(struct workspace_pass *p, const struct embed_result *r, const struct error *e);
/* The caller does not care any more. */
void	 workspace_forget(struct workspace_pass *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A call at work on the index of files; indexing.c brings that up to date, lookup.c searches it. */
#ifndef ALPI_ENGINED_INDEXING_H
#define ALPI_ENGINED_INDEXING_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"
#include "engined/embed.h"
#include "engined/shelf.h"
#include "engined/tools.h"

struct fetch;
struct turn;
struct workspace_pass;

struct indexing {
	struct turn		*turn;
	struct fetch		*fetch;		/* toolrunner is asked; NULL: not */
	struct embed		*embed;		/* the embedding server is asked; NULL: not */
	struct event		*timer;		/* NULL: not needed yet */
	struct error		 why;		/* what it will say */
	int64_t			 tokens;	/* that the server counted, */
	double			 cost;		/* and what it took for them */
	struct workspace_pass	*pass;		/* NULL: none runs */
	struct tool_result	 learned;	/* of learn_file, before the file is indexed; not ok: it is another tool */

	/* of a search */
	char			*workspace;	/* where it looks */
	struct shelf_hit	 hits[SHELF_K_MAX];
	size_t			 nhits;
	float			*query;		/* as a vector; NULL: only words are searched */
	int64_t			 dim;
	char			 note[ERROR_TEXT_MAX];	/* why it has none though it should; "": it has, or should not */
};

struct indexing *indexing_new(struct turn *t);
/* The call ends, and x with it; text NULL: with the error. text is taken. */
void	 indexing_end(struct indexing *x, char *text, const struct error *e);

/* What vectors used is charged. */
void	 indexing_spend(struct indexing *x, const struct embed_result *r);

/* search_workspace */
void	 lookup_begin(struct turn *t);

#endif

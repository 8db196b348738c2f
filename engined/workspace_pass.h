/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a pass share (workspace.h): workspace_list.c finds out
 * what is to be done, workspace_texts.c puts texts in, workspace_vectors.c
 * what an embedding model makes of them; workspace.c runs one after the other.
 */
#ifndef ALPI_ENGINED_WORKSPACE_PASS_H
#define ALPI_ENGINED_WORKSPACE_PASS_H

#include <stddef.h>
#include <sys/queue.h>

#include "engined/embed.h"
#include "engined/vectors.h"
#include "engined/workspace.h"

/* What is to be done with a file. */
struct work {
	struct shelf_file	file;
	bool			gone;
};

struct workspace_pass {
	TAILQ_ENTRY(workspace_pass)	 link;
	struct workspace		*of;
	const struct workspace_caller	*caller;
	void				*arg;
	char				*path, *glob;
	bool				 force, ocr;

	bool				 asked;		/* a page, or vectors, are on their way */
	int64_t				 root;		/* 0: not known yet */
	char				*scope;
	struct shelf_file		*files;		/* listed so far */
	size_t				 nfiles, room;
	bool				 listed;
	struct work			*work;		/* NULL: not known yet */
	size_t				 nwork, at;
	char				*page;		/* texts being put in, NULL: none */
	size_t				 len, read;
	struct shelf_growth		*growth;	/* the file of it that comes in now, NULL: none */
	int64_t				 began;		/* the workspace's count of damaged indexes, then */
	char				*embedder;	/* NULL: no vectors are wanted, or no more of them */
	struct vectors			 vectors;
	int64_t				 sent[EMBED_BATCH], after, begun;	/* pieces asked about; the last of those before; how many so far */
	struct workspace_result		 result;
};

/* Go on with the pass that runs, soon. */
void	 pass_soon(struct workspace_pass *p);
/* Ask for a page. */
void	 pass_ask(struct workspace_pass *p, json_t *args);

void	 pass_ask_list(struct workspace_pass *p);
/* A page of the list. 0 or -1. */
int	 pass_take_list(struct workspace_pass *p, const char *text, struct error *e);
/* What of it is new, changed or gone? 0 or -1. */
int	 pass_compare(struct workspace_pass *p, struct words *shelf, struct error *e);

void	 pass_ask_texts(struct workspace_pass *p);
/* Is there something to do without asking? Then do that for a slice. 0 or -1. */
bool	 pass_has_work(const struct workspace_pass *p);
int	 pass_work(struct workspace_pass *p, struct words *shelf, struct error *e);

/* A slice of what has to do with vectors. 1: more are on their way or a next slice is due, 0: all done, -1: the index failed. */
int	 pass_vectors(struct workspace_pass *p, struct words *shelf, struct error *e);
/* Vectors have come, or none. 0, or -1: the index failed. */
int	 pass_take_vectors(struct workspace_pass *p, struct words *shelf, const struct embed_result *r, const struct error *why,
	    struct error *e);

#endif

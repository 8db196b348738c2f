/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the conversations mean to the profile's embedding model: vectors for
 * the pieces of their index (recall.h), and questions about them. Vectors
 * are made in the background after somebody has had the index brought up to
 * date: a small batch at a time, each kept at once, so that no turn waits for
 * them and a death costs one batch. A server that fails, an answer that lies
 * and a cap that is used up end the work until the next time; words are
 * always searched.
 */
#ifndef ALPI_ENGINED_MEANING_H
#define ALPI_ENGINED_MEANING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct engine;
struct meaning;
struct meaning_question;
struct recall_query;

struct meaning *meaning_new(struct engine *en);
/* Before the index and the provider go. Those who asked are not called. */
void	 meaning_free(struct meaning *m);

/* Make the vectors that are missing, from now on. anew: if the model answers with another dimension now, all of them. */
void	 meaning_update(struct meaning *m, bool anew);
/* Adds to what a pass did: how many pieces wait for a vector, and why the last ones did not get one. */
void	 meaning_tell(struct meaning *m, json_t *told);

/* ---- questions (recollect.c) -------------------------------------------------------------------------- */

/* What became of a question; all of it lives until the callback returns. */
struct meaning_answer {
	json_t		*rows;		/* as recall_find gives them; NULL: it failed */
	bool		 near;		/* those near in meaning are among them */
	const char	*note;		/* why they are not though there is a model; "": nothing to say */
	int64_t		 tokens;	/* that the query's vector used, already charged, */
	double		 cost;		/* and USD */
};

/* Runs once, from the loop, never inside recollect. The handle is gone then. */
typedef void meaning_answered(void *arg, const struct meaning_answer *a, const struct error *e);
/* The sessions for a query (recall.h), asked by a peer's turn or not (NULL). Texts are copied. */
struct meaning_question *recollect(struct meaning *m, const struct recall_query *query, const char *peer, meaning_answered *done,
	    void *arg);
void	 recollect_cancel(struct meaning_question *q);	/* done will not run; NULL is fine */
/* All that are open; recollect.c's, for meaning_free. */
void	 recollect_cancel_all(struct meaning *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What meaning.c and recollect.c share. */
#ifndef ALPI_ENGINED_MEANING_STATE_H
#define ALPI_ENGINED_MEANING_STATE_H

#include <event2/event.h>
#include <sys/queue.h>

#include "engined/embed.h"
#include "engined/meaning.h"
#include "engined/vectors.h"

/*
 * Fewer than a server takes (EMBED_BATCH): to read the answer and to keep it is one turn of the loop, and a large model's
 * vectors have thousands of numbers.
 */
#define MEANING_BATCH	16

TAILQ_HEAD(meaning_questions, meaning_question);

struct meaning {
	struct engine			*engine;
	struct event			*slice;
	struct embed			*embed;		/* a batch is on its way; NULL: none */
	bool				 running, anew;
	char				*model;		/* the batch is for this one, */
	struct vectors			 vectors;	/* as it was in the index */
	int64_t				 sent[MEANING_BATCH];
	int64_t				 discarded;	/* of recall, when the batch was made */
	char				 why[ERROR_TEXT_MAX];	/* it stopped before all was done; "": it did not */
	struct meaning_questions	 questions;
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What might become a note once a person has looked at it:
 * memories/promotion_queue.jsonl (spec/memory-skills.md, section 4). At most
 * 200 candidates, for 30 days; the oldest go first.
 */
#ifndef ALPI_ENGINED_PROMOTION_H
#define ALPI_ENGINED_PROMOTION_H

#include <jansson.h>

#include "common/error.h"
#include "engined/memory.h"

#define PROMOTION_FOREIGN	"from a turn that read foreign text"	/* a warning */

/* The candidates, oldest first: {id, created_at, source, session_id, model, target, text, confidence, warnings}. New reference; NULL: not readable. */
json_t	*promotion_list(const char *home, struct error *e);
/* File one; more_warnings may be NULL. 0 or -1. */
int	 promotion_add(const char *home, const char *source, const char *session, const char *model, enum memory_file target,
	    const char *text, enum confidence conf, const char *more_warnings, struct error *e);
/* Take one out. 0, or -1: not_found, io. */
int	 promotion_discard(const char *home, const char *id, struct error *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a conversation shorter (spec/engine.md, section 11): long tool
 * results lose their middle, then the middle of the conversation becomes a
 * summary that a model writes. Only lists of messages are handled here;
 * fold.c asks the model, pays and writes down.
 */
#ifndef ALPI_ENGINED_COMPACT_H
#define ALPI_ENGINED_COMPACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMPACT_MARK	"[auto-compacted summary]"

/* Estimated tokens of messages. */
int64_t	 compact_tokens(const json_t *messages);
/* Are they above the trigger for this context window? */
bool	 compact_due(const json_t *messages, int64_t window);

struct compact {
	json_t	*messages;		/* with shortened tool results; the given ones stay as they are */
	size_t	 from, to;		/* the middle that a summary is to replace; from == to: none is needed */
	size_t	 truncated;		/* tool results that were shortened */
	int64_t	 before;		/* tokens */
	int64_t	 room;			/* tokens of the summary, at most */
};

/* What is to be done to fit a window. always: summarize whatever is in the middle, as a person asked. Clear it after. */
struct compact compact_plan(const json_t *messages, int64_t window, bool always);
void	 compact_clear(struct compact *c);
/* What the model is asked for the summary, fitting into the window; new reference. */
json_t	*compact_request(const struct compact *c, int64_t window);
/* The new conversation; summary NULL: only tool results were shortened. New reference. */
json_t	*compact_apply(const struct compact *c, const char *summary);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a conversation teaches (spec/engine.md, section 11), asked of the
 * model when a turn is over and nobody waits: after every so many turns what
 * of them is to be noted, with the tool memory alone (the reviewer), and after
 * a conversation was folded what of it might be worth a note (candidates for
 * a person). Each is one call, charged like any other and never repeated: a
 * process that dies forgets it.
 *
 * The model is trusted in nothing. It can add and do nothing else; what it
 * adds where text of others was read waits for a person.
 */
#ifndef ALPI_ENGINED_REVIEW_H
#define ALPI_ENGINED_REVIEW_H

#include <stdbool.h>
#include <stddef.h>

struct engine;
struct turn;

#define REVIEWS_MAX	4		/* at a time; one more is left out */

/* The middle of a conversation is about to go: keep what people and the model said in it until the turn is over. */
void	 review_keep(struct turn *t, size_t from, size_t to);
/* The turn is over, and its file written; answered: not interrupted, no error. */
void	 review_turn(struct turn *t, bool answered);
/* Forget those that are under way. */
void	 review_clear(struct engine *en);

#endif

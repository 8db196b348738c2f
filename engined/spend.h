/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What models' answers cost: in the journal at once, and in the ledger's file
 * (spec/engine.md, section 12) a moment later, uses that come together in one
 * write. A process that dies in between forgets nothing: the next one takes
 * the charges from the journal. Dying between the two files counts a charge
 * twice, never not at all.
 */
#ifndef ALPI_ENGINED_SPEND_H
#define ALPI_ENGINED_SPEND_H

#include <stdint.h>

struct engine;

/* Take over what a process that died had not saved. */
void	 spend_begin(struct engine *en);
void	 spend_end(struct engine *en);
/* Charge an answer (peer NULL: to nobody else's turn; usd: USD), and tell of a threshold that it crosses. */
void	 spend(struct engine *en, const char *peer, int64_t tokens_in, int64_t tokens_out, double usd);

#endif

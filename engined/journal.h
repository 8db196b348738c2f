/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turn journal, sessions/_journal.sqlite: what a turn was asked, what it
 * has done so far, how it ended. Every row is written before anybody is told,
 * so a turn can be taken up again after kill -9 exactly behind its last
 * finished step. Rows that are obligations (a turn, the start of a call, a
 * final answer) are also synced, against a power loss; a result that is lost
 * with the power is an outcome unknown, never a call made twice. What a turn
 * said and did is removed when it is finished; its key and its outcome
 * stay until they are pruned, for a requester that asks again.
 */
#ifndef ALPI_ENGINED_JOURNAL_H
#define ALPI_ENGINED_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define JOURNAL_KEEP_ROWS	1000		/* finished turns */
#define JOURNAL_KEEP_MS		(24 * 3600 * 1000LL)

struct journal;

struct journal_turn {
	char	*id;
	char	*owner, *key;		/* the requesting unit and its idempotency key */
	char	*session;
	json_t	*request;		/* what turn.start brought; emptied when finished */
	json_t	*base;			/* where in the session it stands: {index, input_tokens, ...} */
	json_t	*grants;		/* list of texts */
	int64_t	 started_ms;		/* wall clock */
	char	*cancelled;		/* the reason, NULL: nobody cancelled it */
	json_t	*outcome;		/* how it ended: {event, ...}; NULL while it is open */
	int64_t	 lives;			/* how often it was taken up again; its event numbers stand on this */
};

void	 journal_turn_clear(struct journal_turn *t);

/* NULL on error; a damaged file is one, and is left as it is. */
struct journal *journal_open(const char *path, struct error *e);
void	 journal_close(struct journal *j);		/* NULL is fine */

/* A new open turn. 0 or -1: exists (the key is known), full, io. */
int	 journal_begin(struct journal *j, const struct journal_turn *t, struct error *e);
/* 1 and *out filled (clear it after), 0: no such turn, -1. */
int	 journal_by_key(struct journal *j, const char *owner, const char *key, struct journal_turn *out, struct error *e);
int	 journal_by_id(struct journal *j, const char *id, struct journal_turn *out, struct error *e);
/* All open turns are about to be taken up again: their `lives` count one more, synced. 0 or -1. */
int	 journal_new_life(struct journal *j, struct error *e);
/* Call back for every open turn, in the order they began; `t` is taken by the callback (clear it). 0 or -1. */
int	 journal_open_turns(struct journal *j, void (*fn)(void *arg, struct journal_turn *t), void *arg, struct error *e);

int	 journal_grants(struct journal *j, const char *id, const json_t *grants, struct error *e);
int	 journal_cancel(struct journal *j, const char *id, const char *reason, struct error *e);
/* A finished model step: the row is the caller's. Steps count from 1. sync: no call that syncs it follows. */
int	 journal_step(struct journal *j, const char *id, int step, const json_t *row, bool sync, struct error *e);
/* The conversation before a step was made shorter: the row is the caller's; and all of a turn, step -> row, new reference. */
int	 journal_fold(struct journal *j, const char *id, int step, const json_t *row, struct error *e);
json_t	*journal_folds(struct journal *j, const char *id, struct error *e);
/* A tool call of a step is about to start; and its result. */
int	 journal_call(struct journal *j, const char *id, int step, size_t index, struct error *e);
int	 journal_result(struct journal *j, const char *id, int step, size_t index, const json_t *row, struct error *e);
/* [{row, calls: [{index, result or null}]}], by step; new reference or NULL. */
json_t	*journal_steps(struct journal *j, const char *id, struct error *e);
/* Close it and remove what it said and did. */
int	 journal_finish(struct journal *j, const char *id, const json_t *outcome, struct error *e);
/* Forget finished turns beyond the limits above. 0 or -1. */
int	 journal_prune(struct journal *j, struct error *e);

/*
 * A model's answer was paid for: written down until the ledger's file has it (journal_charged), so that a death in
 * between forgets nothing. peer NULL: nobody else's turn; usd: USD. 0 or -1.
 */
int	 journal_charge(struct journal *j, const char *peer, int64_t tokens_in, int64_t tokens_out, double usd, struct error *e);
typedef void journal_charge_fn(void *arg, const char *peer, int64_t tokens_in, int64_t tokens_out, double usd);
/* All that is written down; fn must not write to the journal. 0 or -1. */
int	 journal_charges(struct journal *j, journal_charge_fn *fn, void *arg, struct error *e);
int	 journal_charged(struct journal *j, struct error *e);

#endif

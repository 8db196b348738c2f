/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What today cost: logs/ledger.json (spec/engine.md, section 12). Days are
 * UTC. One writer: this daemon. What other writers put into the file stays.
 */
#ifndef ALPI_ENGINED_LEDGER_H
#define ALPI_ENGINED_LEDGER_H

#include <jansson.h>
#include <stdint.h>

#include "common/error.h"

struct ledger;

/* HOME/logs/ledger.json; an unreadable file is an empty one. Never NULL. */
struct ledger *ledger_open(const char *home);
/* Saves what is not saved yet. NULL is fine. */
void	 ledger_close(struct ledger *l);

/* The caps of the configuration: budget.daily_usd, else budget.daily_tokens; 0: none. */
void	 ledger_caps(struct ledger *l, const json_t *config);
/* 0, or -1 with ERR_budget: today's cap is used up. */
int	 ledger_check(struct ledger *l, struct error *e);
/*
 * Add one use (negative numbers count as 0) for a peer, NULL for the person here. Returns the threshold in per cent
 * that was crossed for the first time, the highest only: 100, 80 or 0. Saving is left to ledger_save.
 */
int	 ledger_add(struct ledger *l, const char *peer, int64_t tokens_in, int64_t tokens_out, double usd);
/* Write when something changed. 0 or -1; what could not be written is tried again the next time. */
int	 ledger_save(struct ledger *l, struct error *e);

double	 ledger_usd(struct ledger *l);
int64_t	 ledger_tokens(struct ledger *l);
double	 ledger_cap_usd(const struct ledger *l);
int64_t	 ledger_cap_tokens(const struct ledger *l);
/* The last days up to today, oldest first, as rows of usage.daily. New reference. */
json_t	*ledger_days(struct ledger *l, int days);
/* Who used what of today. New reference. */
json_t	*ledger_by_peer(struct ledger *l);

#endif

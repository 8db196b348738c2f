/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telegram: one long poll that fills the inbox, and the calls that send
 * answers (gateway.md, section 8). telegram_platform is its row for turns.
 */
#ifndef ALPI_GATEWAYD_TELEGRAM_H
#define ALPI_GATEWAYD_TELEGRAM_H

#include "common/error.h"

struct breaker;
struct gateway;
struct telegram;

/* NULL with the error. */
struct telegram *telegram_open(struct gateway *g, struct error *e);
void	 telegram_serve(struct telegram *t);
/* Ask for nothing more: the poll ends now, and a second poller will not meet it. */
void	 telegram_stop(struct telegram *t);
void	 telegram_free(struct telegram *t);	/* NULL is fine */
const struct breaker *telegram_breaker(const struct telegram *t);

#endif

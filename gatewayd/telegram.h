/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telegram (gateway.md, section 8): what its two halves share, the long poll
 * that fills the inbox (telegram.c) and the calls that send answers
 * (telegram_send.c).
 */
#ifndef ALPI_GATEWAYD_TELEGRAM_H
#define ALPI_GATEWAYD_TELEGRAM_H

#include "gatewayd/allow.h"
#include "gatewayd/botapi.h"
#include "gatewayd/gateway.h"

struct telegram {
	struct gateway		*gateway;
	struct bot		 bot;
	struct allow		 allow;
	struct breaker		*breaker;
	struct botapi_call	*call;		/* the poll; NULL: a pause */
	struct event		*timer;
	char			*state;		/* gateway/telegram-state.json */
	int64_t			 offset;
	bool			 conflict;	/* another poller has the bot, and that was said */
	int			 said;		/* the status of the failure that was logged last */
};

/* Of the row in the table of platforms. */
char	**telegram_split(const char *reply);
struct sending *telegram_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg);
void	 telegram_send_cancel(struct sending *s);
void	 telegram_typing(void *self, const char *chat);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telegram (gateway.md, section 8): what its two halves share, the long poll
 * that fills the inbox (telegram.c) and the calls that send answers
 * (telegram_send.c).
 */
#ifndef ALPI_GATEWAYD_TELEGRAM_H
#define ALPI_GATEWAYD_TELEGRAM_H

#include "common/buf.h"
#include "gatewayd/allow.h"
#include "gatewayd/botapi.h"
#include "gatewayd/gateway.h"
#include "gatewayd/said.h"

struct telegram {
	struct gateway		*gateway;
	struct bot		 bot;
	struct allow		 allow;
	struct breaker		*breaker;
	struct botapi_call	*call;		/* the poll; NULL: a pause */
	struct event		*timer;
	char			*state;		/* gateway/telegram-state.json */
	int64_t			 offset;
	int			 claim;		/* claim.h; -1 */
	const char		**wrong;	/* of our line: why we do not poll; *wrong NULL: we do */
	char			*name;		/* the bot's, without an @; NULL: not known yet */
	struct said		 said;		/* of failures, by status */
};

/* A part or a file on its way. */
struct sending {
	struct telegram		*telegram;
	struct botapi_call	*call;
	char			*chat, *part;	/* of a file: its caption */
	char			*path, *name;	/* of a file; NULL */
	json_t			*keyboard;	/* below a text; NULL: none */
	bool			 plain;		/* a text without format; a file as a document */
	sent_fn			*done;
	void			*arg;
};

void	 telegram_sending_free(struct sending *s);
/* What multipart/form-data is made of; pure. */
void	 telegram_form(struct buf *b, const char *mark, const char *field, const char *chat, const char *caption, const char *name,
	    const struct buf *bytes);

/* Of the row in the table of platforms. */
struct sending *telegram_send_file(void *self, const struct letter *to, const struct outgoing *f, sent_fn *done, void *arg);
char	**telegram_split(const char *reply);
struct sending *telegram_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg);
void	 telegram_send_cancel(struct sending *s);
struct fetching *telegram_fetch(void *self, const char *id, fetched_fn *done, void *arg);
void	 telegram_fetch_cancel(struct fetching *f);
void	 telegram_typing(void *self, const char *chat);

/* telegram_menu.c: tell the apps which commands there are; a button was pressed by somebody on the list. */
void	 telegram_offer_commands(struct telegram *t);
struct update;
void	 telegram_pressed(struct telegram *t, const struct update *u);

#endif

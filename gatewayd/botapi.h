/* SPDX-License-Identifier: Apache-2.0 */
/* One call of Telegram's Bot API. The token is in the address, so neither an address nor an error that holds one is ever shown. */
#ifndef ALPI_GATEWAYD_BOTAPI_H
#define ALPI_GATEWAYD_BOTAPI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/http.h"

struct botapi_call;

struct bot {
	const char	*token;
	char		*account;	/* the bot's number, which its token begins with */
	char		*api;		/* base address, without a slash at its end */
};

struct botapi_answer {
	bool		 ok;
	int		 status;	/* of the Bot API; 0: nothing that it said came through */
	const json_t	*result;	/* when ok */
	const char	*why;		/* else, in a line */
	int64_t		 retry_ms;	/* what the server asks us to wait; -1: it does not say */
};

typedef void botapi_done(void *arg, const struct botapi_answer *a);

/*
 * Ask, with an object of parameters that this takes over, and wait for an answer for so long. Never NULL: the
 * callback runs once, from the loop, unless botapi_cancel comes before; not after the http is freed.
 */
struct botapi_call *botapi_start(struct http *http, struct event_base *base, const struct bot *bot, const char *method,
	    json_t *params, int wait_ms, botapi_done *done, void *arg);
/* The same with a body of another kind, which is copied; header: its whole Content-Type line. */
struct botapi_call *botapi_post(struct http *http, struct event_base *base, const struct bot *bot, const char *method,
	    const char *header, const void *body, size_t len, int wait_ms, botapi_done *done, void *arg);
/* One that cannot even be asked: its callback says so, from the loop. */
struct botapi_call *botapi_fail(struct event_base *base, botapi_done *done, void *arg);
/* Why these cannot be used, NULL: they can; b is to be cleared in any case. token is borrowed; api NULL: Telegram's own. */
const char *bot_set(struct bot *b, const char *token, const char *api);
void	 bot_clear(struct bot *b);
void	 botapi_cancel(struct botapi_call *c);	/* NULL is fine */

#endif

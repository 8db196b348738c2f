/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The right to a Google account that a person has given (gateway.md, section
 * 10): secrets/gmail_token.json, shared with the reference implementation and
 * changed under its lock only. Whoever asks for an access token gets one that
 * still holds for two minutes; when the old one is nearer to its end, one
 * refresh serves all who ask.
 */
#ifndef ALPI_GATEWAYD_OAUTH_H
#define ALPI_GATEWAYD_OAUTH_H

#include <event2/event.h>
#include <jansson.h>
#include <stdint.h>

#include "common/error.h"
#include "common/http.h"

#define OAUTH_AGAIN	"authorise it again: alpi gateway gmail authorize"

struct oauth;
struct oauth_wait;

struct oauth_settings {			/* borrowed for as long as the oauth lives */
	const char	*client_id, *client_secret;
	const char	*token_url, *profile_url;	/* where tokens come from; users/me/profile */
};

/* Before restrict: the folder and what is in it. NULL with the error when that folder cannot be used. */
struct oauth *oauth_open(struct http *http, struct event_base *base, const char *home, const struct oauth_settings *s, struct error *e);
void	 oauth_free(struct oauth *o);		/* NULL is fine; no callback any more */
/* The account, lower-case; NULL: nobody has authorised us. Borrowed until the loop goes on: the file may say another then. */
const char *oauth_email(const struct oauth *o);

/*
 * An access token that holds, or why there is none: ERR_denied when a person has to authorise us again, else
 * something that passes. Borrowed for the callback. Never NULL; the callback comes from the loop.
 */
typedef void oauth_done(void *arg, const char *access, const struct error *e);
struct oauth_wait *oauth_access(struct oauth *o, oauth_done *done, void *arg);
void	 oauth_cancel(struct oauth_wait *w);	/* NULL is fine */
/* The server does not take this one: the next that is asked for is a new one. */
void	 oauth_stale(struct oauth *o, const char *access);

/* A person's consent, into a token of ours, on disk. email: whose account it is. One at a time: ERR_busy. */
typedef void oauth_exchanged(void *arg, const char *email, const struct error *e);
int	 oauth_exchange(struct oauth *o, const char *code, const char *verifier, const char *redirect, oauth_exchanged *done, void *arg,
	    struct error *e);

/* Of what a token server or the file says. For tests and the fuzzer, too. */
struct oauth_token {
	char	*email, *access, *refresh;
	int64_t	 expires_at;		/* Unix seconds */
};
/* From the file's text; 0 or -1: it is none. */
int	 oauth_token_read(struct oauth_token *t, const json_t *said, struct error *e);
/* A server's answer taken over: what it leaves out stays. 0 or -1 (t is as it was). */
int	 oauth_token_take(struct oauth_token *t, const json_t *said, int64_t now, struct error *e);
char	*oauth_lower(const char *address);	/* the caller frees */
void	 oauth_token_clear(struct oauth_token *t);

#endif

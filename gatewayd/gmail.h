/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gmail (gateway.md, section 10): a poll of the account's history that fills
 * the inbox, and mails that answer. The parts of it share this; gmail_platform
 * is its row for everybody else.
 */
#ifndef ALPI_GATEWAYD_GMAIL_H
#define ALPI_GATEWAYD_GMAIL_H

#include "gatewayd/allow.h"
#include "gatewayd/gapi.h"
#include "gatewayd/gateway.h"
#include "gatewayd/mailfile.h"
#include "gatewayd/oauth.h"
#include "gatewayd/stuck.h"

struct gmail_round;

/* A person was sent to say yes, and has not come back. */
struct gmail_asked {
	char	*state, *verifier, *redirect;
	int64_t	 until_ms;		/* monotonic */
};

struct gmail {
	struct gateway		*gateway;
	struct oauth		*oauth;
	struct oauth_settings	 oauth_settings;
	char			*api, *auth_url, *token_url, *profile_url, *state;
	struct allow		 allow;
	struct breaker		*breaker;
	int64_t			 interval_ms;
	bool			 mark_as_read;

	struct mailfiles	 files;
	struct event		*timer;		/* the next round */
	struct gmail_round	*round;		/* under way; NULL */
	struct stuck		 stuck;		/* on this message */
	bool			 serving;
	struct gmail_asked	 asked[4];	/* the newest first */
	char			*said;		/* the failure that was logged last; NULL: none */
};

/* The platform's row of this process, NULL when it is off. */
struct gmail *gmail_of(struct gateway *g);
/* A person has just authorised the account, or anew: begin. */
void	 gmail_authorised(struct gmail *gm);

/* ---- gmail_consent.c: the handlers of gateway.consent and gateway.exchange ------------------------------ */

int	 gmail_consent(struct call *c, const void *in, struct error *e);
int	 gmail_exchange(struct call *c, const void *in, struct error *e);
void	 gmail_asked_clear(struct gmail_asked *a);

/* ---- gmail_ask.c: one authorised request -------------------------------------------------------------- */

struct gmail_ask;
/*
 * Ask for a path below users/me/. An access token is fetched first, and once more when the server does not take it. A status of 401
 * says that a person has to authorise us again, 409 that it was asked of an account that is no more ours. Never NULL; the callback
 * comes from the loop unless it is cancelled. body: JSON text, NULL: none; max: bytes of the answer, 0: a usual one.
 */
struct gmail_ask *gmail_ask(struct gmail *gm, const char *method, const char *path, const char *body, size_t max, gapi_done *done, void *arg);
void	 gmail_ask_cancel(struct gmail_ask *a);	/* NULL is fine */

/* ---- gmail_round.c: what came since ------------------------------------------------------------------- */

enum round_end { ROUND_done, ROUND_failed, ROUND_full };	/* full: it cannot be written down */
typedef void gmail_round_done(struct gmail *gm, enum round_end end, const char *why, int64_t retry_ms);
struct gmail_round *gmail_round(struct gmail *gm, gmail_round_done *done);
void	 gmail_round_free(struct gmail_round *r);	/* it ends; NULL is fine */

/* ---- gmail_send.c --------------------------------------------------------------------------------------- */

struct sending *gmail_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg);
struct sending *gmail_send_file(void *self, const struct letter *to, const struct outgoing *f, sent_fn *done, void *arg);
void	 gmail_cancel(struct sending *s);

/* ---- gmail_mail.c --------------------------------------------------------------------------------------- */

extern const struct mail_ops gmail_mail;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is filed for the person can go to a message platform, too
 * (spec/gateway.md, 12): it is in outputs first, and reaches gatewayd under
 * the name of its row there, so once. gatewayd has it on disk before it
 * answers; a platform that does not take it leaves an error in outputs.
 */
#ifndef ALPI_ENGINED_NOTICE_H
#define ALPI_ENGINED_NOTICE_H

#include "common/call.h"
#include "engined/outputs.h"

struct call;
struct engine;

struct notice {
	char		 id[OUTPUT_ID];	/* its row in outputs */
	bool		 known;		/* which was there already */
	char		*channel;	/* the platform */
	char		*grant;		/* NULL: nobody may write to people here */
	char		*title, *body;	/* title NULL: none */
	char		*source, *source_id, *session;	/* of the row; NULL: none */
};

/* The platform that one goes to: of the settings, or of who asks (NULL or "": does not say). Borrowed; NULL: none. */
const char *notice_channel(const struct engine *en, const char *asked);
struct notice *notice_new(const struct output *o, const char *id, const char *channel, const char *grant);
void	 notice_free(struct notice *n);		/* NULL is fine */
/* Give it to gatewayd. NULL with the error; ERR_unsupported: there is nobody to give it to. */
struct request *notice_send(struct engine *en, const struct notice *n, request_done *done, void *arg, struct error *e);
/* May another attempt help? */
bool	 notice_may_pass(const struct error *e);
/* It will never leave: that is filed, and the person called. */
void	 notice_failed(struct engine *en, const struct notice *n, const struct error *why);

/* The end of outputs.add for one that goes to a platform; n is taken. As a handler. */
int	 notice_answer(struct call *c, struct notice *n, struct error *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the webhook platform: what is posted to us, and what we post. */
#ifndef ALPI_GATEWAYD_WEBHOOK_H
#define ALPI_GATEWAYD_WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "gatewayd/allow.h"
#include "gatewayd/gateway.h"

struct evhttp;

struct webhook {
	struct gateway		*gateway;
	struct allow		 allow;
	bool			 open;		/* no list: whoever signs may write, to any chat */
	struct breaker		*breaker;	/* of what we post */
	struct evhttp		*http;		/* NULL: nobody is heard */
	int			 fd;		/* that it will listen at; -1 */
	char			*secret;	/* NULL: nobody can post to us */
	char			*url;		/* where we post; NULL: nowhere */
	double			 tokens;	/* messages that may come now */
	int64_t			 counted_at;
};

/* webhook_in.c: bind a port of an address, before restrict; 0 or -1 with the error. Then hear who comes, and no more. */
int	 webhook_listen(struct webhook *w, const char *host, int port, struct error *e);
void	 webhook_hear(struct webhook *w);
void	 webhook_deaf(struct webhook *w);

#endif

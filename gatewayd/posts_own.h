/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of posts share: posts.c sends, posts_ask.c answers engined. */
#ifndef ALPI_GATEWAYD_POSTS_OWN_H
#define ALPI_GATEWAYD_POSTS_OWN_H

#include <event2/event.h>
#include <sys/queue.h>

#include "gatewayd/gateway.h"
#include "gatewayd/outbox.h"
#include "gatewayd/posts.h"

struct posting;
struct waiter;

struct posts {
	struct gateway		*gateway;
	struct db		*db;
	struct event		*again;
	LIST_HEAD(, posting)	 all;
	LIST_HEAD(, waiter)	 waiters;
};

/* It has ended: whoever waits for it is told. */
void	 posts_tell(struct posts *p, const struct post *post);
void	 posts_forget_waiters(struct posts *p);

#endif

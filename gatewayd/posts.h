/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of the messages in the outbox: one after the other to each
 * chat, the way answers go; then how it ended is told to whoever waits, and
 * filed at engined.
 */
#ifndef ALPI_GATEWAYD_POSTS_H
#define ALPI_GATEWAYD_POSTS_H

#include <stdbool.h>

#include "common/dispatch.h"

struct db;
struct gateway;
struct posts;

struct posts *posts_new(struct gateway *g, struct db *db);
void	 posts_free(struct posts *p);		/* NULL is fine */
/* There may be something new in the outbox. */
void	 posts_look(struct posts *p);
/* Something is on its way, and nobody knows yet whether it arrived. */
bool	 posts_sending(const struct posts *p);

/* Handlers of message.file, message.send, message.next: engined's, for a turn whose grant holds the right. */
int	 posts_file(struct call *c, const void *in, struct error *e);
int	 posts_send(struct call *c, const void *in, struct error *e);
int	 posts_next(struct call *c, const void *in, struct error *e);

#endif

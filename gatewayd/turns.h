/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of the messages in the inbox: one after the other in each
 * chat, chats beside each other. A message is a command, which is answered
 * here, or a turn at engined; its answer goes back the way it came.
 */
#ifndef ALPI_GATEWAYD_TURNS_H
#define ALPI_GATEWAYD_TURNS_H

#include <stdbool.h>
#include <stddef.h>

struct gateway;
struct turns;

struct turns *turns_new(struct gateway *g);
void	 turns_free(struct turns *t);	/* turns that run go on at engined; NULL is fine */
/* There may be something new in the inbox. */
void	 turns_look(struct turns *t);
/* Some part of an answer is on its way, and nobody knows yet whether it arrived. */
bool	 turns_sending(const struct turns *t);
/* How many run. */
size_t	 turns_running(const struct turns *t);

#endif

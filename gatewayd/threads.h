/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which conversation a chat is in: gateway/sessions/_map.json, {chat: session
 * id}, of a size that can be read again. The sessions themselves are engined's;
 * an id that it does not know yet is the name of a new one.
 */
#ifndef ALPI_GATEWAYD_THREADS_H
#define ALPI_GATEWAYD_THREADS_H

#include "common/error.h"

struct threads;

/* A map that cannot be read is kept aside, and every chat begins anew. NULL with the error when nothing can be kept. */
struct threads *threads_open(const char *home, struct error *e);
void	 threads_free(struct threads *t);	/* NULL is fine */
/*
 * The name of a chat's conversation, which the caller frees: the chat, as a platform names it. One of the webhook says what it is,
 * for there whoever signs gives the names, and could else speak in a conversation of another platform.
 */
char	*threads_key(const char *platform, const char *chat);
/* Borrowed until the next change; NULL: none. */
const char *threads_find(const struct threads *t, const char *chat);
/* The chat's session, a new id on disk when it has none. NULL with the error. */
const char *threads_session(struct threads *t, const char *chat, struct error *e);
/* session NULL: the chat has none from here on. 0, or -1: all is as it was. */
int	 threads_set(struct threads *t, const char *chat, const char *session, struct error *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns that clients began. hostd owns them: a row on disk before engined is
 * asked, followed to the end whether or not anyone looks on, taken up again
 * after a restart under the same key. Clients are shown what happens
 * (host-plane.md, 7) and may come and go.
 */
#ifndef HOSTD_TURNS_H
#define HOSTD_TURNS_H

#include <jansson.h>

#include "common/error.h"

struct ask;
struct host;
struct turns;

#define TURNS_KEEP_S		86400	/* a closed turn's key is known for so long */
#define TURNS_START_S		10	/* an engined that cannot be reached is waited for */
#define TURNS_HEARTBEAT_S	5

/* Take up the turns that are open on disk; they are followed from turns_serve on. NULL on error. */
struct turns *turns_open(struct host *h, struct error *e);
void	 turns_serve(struct turns *s);
/* Rows stay open: whoever comes after us takes them up. NULL is fine. */
void	 turns_close(struct turns *s);

/* host.chat.send: begin the turn of these params or, if its request_id is known, show it from its beginning. 0 or -1. */
int	 turns_send(struct turns *s, struct ask *a, struct error *e);
/* host.chat.cancel; answers the request. */
int	 turns_cancel(struct turns *s, struct ask *a, struct error *e);
/* Rows of host.activity.list. New reference. */
json_t	*turns_running(const struct turns *s);
/* How many turns of a profile are open. */
size_t	 turns_open_in(const struct turns *s, const char *profile);

/* The directory of a local client that a turn may work in, or NULL : never "/", the person's home itself or what lies in alpi's root. Borrowed. */
const char *turns_workspace(const struct host *h, const char *cwd);

#endif

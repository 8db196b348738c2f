/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders of people on a Unix socket: one line asked; lines answered, the last
 * of them "ok" or "error TEXT"; the end. Here are both sides of it: ask.c is a
 * client that waits, ask_serve.c a server on the loop of loop.h. The server
 * hears our own user and root alone, and a client that is slow, silent or gone
 * holds nobody up.
 */
#ifndef ALPI_ASK_H
#define ALPI_ASK_H

#include "common/buf.h"
#include "common/error.h"
#include "common/loop.h"

#define ASK_LINE_MAX 256

/* Ask, and wait. 0, and the lines before "ok" are added to `answer` unless that is NULL; or -1: unavailable, denied, gone. */
int	 ask_line(const char *path, const char *line, struct buf *answer, struct error *e);

/* For a client that waits on a loop of its own: cut the last line off the whole answer, which says how it ended. As above. */
int	 ask_verdict(struct buf *answer, struct error *e);

struct asker {
	struct source	 source;
	char		 line[ASK_LINE_MAX];	/* what was asked, without its newline */
	size_t		 len;
	const void	*order;			/* the server's; NULL: nothing is under way */
	const char	*about;			/* the server's too, may point into the line */
};

/* Listen at path, and call once for each line. The function answers, or sets `order` and answers later. 0 or -1. */
int	 ask_serve(const char *path, void (*fn)(struct asker *a), struct error *e);
/* Those with an order under way in turn, from NULL to NULL. */
struct asker *ask_next(struct asker *a);
/* Send these lines and "ok", or "error WHY" when there is something in `why`; and be done with it. */
void	 ask_answer(struct asker *a, const char *lines, const char *why);

#endif

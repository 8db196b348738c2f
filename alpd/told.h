/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an ask has to tell whoever asked: its events until they were taken,
 * then how it ended. Pulled by link.next, of which one may wait; that is
 * answered as soon as there is something new. What is not pulled piles up
 * here: who fills it looks at `unread`.
 */
#ifndef ALPD_TOLD_H
#define ALPD_TOLD_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/error.h"

struct call;
struct piece;

struct told {
	TAILQ_HEAD(pieces, piece) pieces;	/* not taken yet */
	size_t			 unread;	/* bytes of them */
	int64_t			 seq, shown;	/* the newest, and the newest that was in an answer */
	struct call		*waiter;	/* a link.next without an answer yet ... */
	int64_t			 after;
	struct event		*patience;	/* ... and the end of its time */
	bool			 done;
	json_t			*result;	/* at the end, or NULL: it failed */
	char			*failure, *failure_name;
};

void	 told_init(struct told *t, struct event_base *base);
/* Nobody may be waiting: see told_leave. */
void	 told_clear(struct told *t);
/* An event; kind is not copied, text is, and may be NULL. Text that nobody has seen yet grows; the same news twice is one. */
void	 told_add(struct told *t, const char *kind, const char *text);
/* The end, once: with its result, or with a reason in one word and in a sentence (both copied). */
void	 told_result(struct told *t, json_t *take_result);
void	 told_failure(struct told *t, const char *name, const char *why);
/* What came after `after`, or the end; up to there it was taken. wait_ms > 0: CALL_LATER where there is neither. */
int	 told_next(struct told *t, struct call *c, int64_t after, int64_t wait_ms);
/* Whoever waits gets e instead. */
void	 told_leave(struct told *t, const struct error *e);

#endif

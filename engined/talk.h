/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a conversation between its turns: the messages with
 * their tool traffic, the tools it loaded, its to-do list. Memory only, and
 * bounded: a conversation that was let go of goes on from its session file,
 * where tool traffic does not stand (spec/engine.md, section 10). Between
 * turns the messages are text: one piece of memory each, where thousands of
 * small ones would keep the pages that busy turns leave behind.
 */
#ifndef ALPI_ENGINED_TALK_H
#define ALPI_ENGINED_TALK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "engined/todo.h"

#define TALKS_MAX	64			/* conversations without a running turn */
#define TALK_BYTES	(256 * 1024)		/* of messages of one conversation; a longer one is not kept */
#define TALKS_BYTES	(1024 * 1024)		/* of all */

struct talk {
	TAILQ_ENTRY(talk)	 link;
	bool			 busy;		/* a turn runs */
	char			*messages;	/* without the system prompt, as JSON; NULL: from the session file */
	size_t			 bytes;		/* of messages */
	size_t			 turns;		/* of the session file that messages stand for */
	bool			 foreign;	/* text of others stands in the messages, or shaped them */
	json_t			*loaded;	/* a set of tool names; NULL while no turn runs: none */
	struct todo		 todo;
	char			 session[];
};

TAILQ_HEAD(talks, talk);			/* used last comes first */

/* The conversation of a session, made when there is none; it is busy until talk_release. */
struct talk *talk_take(struct talks *all, const char *session);
/* What is remembered of a session, NULL: nothing. Borrowed. */
struct talk *talk_find(const struct talks *all, const char *session);
/* The messages that are remembered; new reference, NULL: none are. */
json_t	*talk_messages(const struct talk *t);
/* The turn ended: keep these messages (NULL: none), which stand for `turns` turns; t may be gone after it. */
void	 talk_release(struct talks *all, struct talk *t, const json_t *messages, size_t turns, bool foreign);
/* Forget one (it was deleted), or all. A busy one keeps its list but loses its messages. */
void	 talk_forget(struct talks *all, const char *session);
void	 talk_clear(struct talks *all);

#endif

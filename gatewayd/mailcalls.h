/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the tool `email`, by key, from tool.exec to their result. One that
 * changes something is on disk before the account hears of it (mailbook.h);
 * one that writes or deletes mails is shown to a person first, who must allow
 * it: this one, once. Whether a turn may make calls at all its grant says.
 */
#ifndef ALPI_GATEWAYD_MAILCALLS_H
#define ALPI_GATEWAYD_MAILCALLS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/dispatch.h"
#include "common/error.h"
#include "proto/proto.h"

#define MAILCALLS_ASK_S		300	/* a question's time; silence denies */

struct audit;
struct db;
struct gateway;
struct mailcalls;

struct mailcalls *mailcalls_new(struct gateway *g, struct db *db, struct audit *audit);
void	 mailcalls_free(struct mailcalls *all);		/* NULL is fine */
/* An account is at work on something that changes it. */
bool	 mailcalls_acting(const struct mailcalls *all);

/* A call whose grant allows it; borrowed. */
struct mailcall_order {
	const char	*key, *turn, *who;
	bool		 approver;			/* somebody can be asked */
	json_t		*args;
};

/* Take it on; it begins with the first mailcalls_next. 1: the key is known, 0: new, -1: nothing came of it. */
int	 mailcalls_take(struct mailcalls *all, const struct mailcall_order *o, struct error *e);
/* How a call stands; strings in r are valid during the function. */
typedef void mailcalls_told(void *arg, const struct tool_next_reply *r);
/* Tell when it stands otherwise than after `after`, or after wait_ms. Exactly once. */
void	 mailcalls_next(struct mailcalls *all, const char *key, int64_t after, int64_t wait_ms, mailcalls_told *fn, void *arg);
/* End one that changes nothing yet. True if there was one. */
bool	 mailcalls_cancel(struct mailcalls *all, const char *key);
/* A person's sealed answer. 1: taken, 0: no such question (any more), -1: the seal does not fit. */
int	 mailcalls_answer(struct mailcalls *all, const char *ticket, const char *choice, const char *seal, struct error *e);
/* Is it the key of a file of a call that was taken on? Then the file stays as it is. */
bool	 mailcalls_has_file(const struct mailcalls *all, const char *key);

/* Handlers of tool.exec, tool.next, tool.cancel and tool.approve. */
int	 mailcalls_exec_asked(struct call *c, const void *in, struct error *e);
int	 mailcalls_next_asked(struct call *c, const void *in, struct error *e);
int	 mailcalls_cancel_asked(struct call *c, const void *in, struct error *e);
int	 mailcalls_approve_asked(struct call *c, const void *in, struct error *e);

#endif

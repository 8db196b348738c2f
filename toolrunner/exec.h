/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of tools, by key, from tool.exec to their result: running, asking a
 * person, done. A key begins one call, ever: while it is known here it is
 * found, and who asks for one that is not known is told so and never has it
 * begun for him. Results are kept for a while, so that an engined that was
 * away finds them.
 */
#ifndef ALPI_EXEC_H
#define ALPI_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "proto/proto.h"
#include "toolrunner/runner.h"

#define EXEC_OPEN_MAX	512		/* calls running or asking at once */
#define EXEC_DONE_MAX	256		/* results kept, */
#define EXEC_DONE_MS	(10 * 60 * 1000)	/* and for how long */
#define EXEC_ASK_S	60		/* a question's time; silence denies */
#define EXEC_WANTED_MS	60000		/* nobody waits for a call for so long: it is not begun any more */
#define EXEC_COMMAND_MAX 65536		/* bytes of a command; a longer one could not be shown to a person */

/* A call that was admitted: grant, policy, arguments and workspace are checked. All borrowed. */
struct exec_order {
	const char		*key, *turn, *workspace;
	const char		*origin, *session, *who;	/* of the grant */
	bool			 approver;			/* somebody can be asked */
	bool			 job;				/* it is a job's script, and no call of a turn */
	enum tool_net		 net;				/* the most the grant allows */
	const struct tool	*tool;
	json_t			*args;
	const char		*skill;				/* the folder of the skill that it works on, or NULL */
	json_t			*env;				/* variables of its own, or NULL */
};

/*
 * Take a call on: it is judged, and a worker gets ready for it. NULL: nothing
 * came of it and the key stays unknown.
 */
struct exec *exec_take(struct runner *r, const struct exec_order *o, struct error *e);
/*
 * What was taken on goes its way: onto disk (blocks for that), then a worker,
 * a question, or a refusal as its result. It begins with the first exec_next,
 * which says that whoever asks has it on disk that it may have begun.
 */
void	 exec_pass(struct exec *x);
/* 1: the key is known and is this turn's and tool's; 0: unknown; -1 with ERR_conflict: it is another call's. */
int	 exec_known(const struct runner *r, const char *key, const char *turn, const char *tool, struct error *e);

/* How a call stands; strings in reply are valid during the function. */
typedef void exec_answer_fn(void *arg, const struct tool_next_reply *reply);
/* Answer when the call stands otherwise than after `after`, or after wait_ms; at once for unknown and done ones. Exactly once. */
void	 exec_next(struct runner *r, const char *key, int64_t after, int64_t wait_ms, exec_answer_fn *fn, void *arg);
/* End a call that is not done. True if there was one. */
bool	 exec_cancel(struct runner *r, const char *key);
/* A person's sealed answer. 1 taken, 0 no such question (any more), -1 the seal does not fit. */
int	 exec_answer(struct runner *r, const char *ticket, const char *choice, const char *seal, struct error *e);

/* What time has ended: questions, waits, old results. The timer calls it; tests do too. */
void	 exec_expire(struct runner *r);
/* Calls that run or ask. */
size_t	 exec_open(const struct runner *r);
/* End all of them. */
void	 exec_cancel_all(struct runner *r);
/* Forget everything, answering nobody. */
void	 exec_clear(struct runner *r);

#endif

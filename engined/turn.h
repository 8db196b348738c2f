/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn: one request of a person (or job, or peer) and everything the model
 * does about it. A state machine that is driven by the loop:
 *
 *   PREPARE --> STEP --> STREAM --> TOOLS --> STEP ... --> OVER
 *
 * turn.c prepares and keeps it, step.c asks the model, calls.c runs the
 * tools (runner.c through toolrunner, ask.c through a person, peer.c through
 * alpd, agent.c through turns of their own, past.c and indexing.c in the
 * indexes of sessions and files), fold.c makes the conversation fit,
 * finish.c ends it, resume.c builds it again from the journal.
 * What is an obligation stands in the journal before the next thing happens.
 */
#ifndef ALPI_ENGINED_TURN_H
#define ALPI_ENGINED_TURN_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/call.h"
#include "common/error.h"
#include "engined/events.h"
#include "engined/journal.h"
#include "engined/provider.h"
#include "engined/target.h"
#include "engined/tools.h"
#include "proto/proto.h"

struct engine;
struct indexing;
struct looking;
struct mailing;
struct meaning_question;
struct notice;
struct posting;
struct recall_wait;
struct scouting;
struct talk;

enum turn_state { TURN_PREPARE, TURN_STEP, TURN_STREAM, TURN_TOOLS, TURN_OVER };

/* The tool call that runs. */
struct turn;
struct toolcall {
	char			 id[192];	/* "step.index", what clients know it by; a mention's names the peer */
	char			*key;		/* what a neighbour knows it by */
	const char		*name;		/* of the model's call; borrowed from turn.calls */
	json_t			*args;
	int64_t			 began_ms;	/* monotonic */
	double			 at;
	const struct neighbour	*neighbour;	/* that carries it out; NULL: none was asked */
	struct request		*request;	/* to it */
	struct event		*timer;
	int64_t			 seq;		/* progress seen so far */
	int64_t			 lost_ms;	/* since when the neighbour does not answer, monotonic; 0: it does */
	bool			 sent;		/* the order may have arrived */
	bool			 cancelled;	/* it was told to stop */
	bool			 settled;	/* the question was answered */
	json_t			*asking;	/* the question that a person has before them, NULL: none */
	void			(*decided)(struct turn *t, bool yes);	/* it is engined's own, about this call; NULL: it is not */
	struct recall_wait	*wait;		/* for the index of the sessions, NULL: not */
	struct meaning_question	*question;	/* about them, NULL: none */
	struct indexing		*indexing;	/* at work on the index of files, NULL: not */
	struct looking		*looking;	/* at an image, NULL: not */
	struct posting		*posting;	/* a message, NULL: not */
	struct notice		*notice;	/* to the person, NULL: not */
	struct mailing		*mailing;	/* files of mails, NULL: not */
	struct scouting		*scouting;	/* for malware, NULL: not */
};

struct turn {
	LIST_ENTRY(turn)	 link;
	struct engine		*engine;
	struct journal_turn	 row;
	enum turn_state		 state;
	struct event		*kick;		/* runs the state's function, once, from the loop */
	struct event		*saver;		/* a turn that lasts is saved unfinished */
	struct events		 events;
	struct talk		*talk;		/* NULL: it waits for an earlier turn of its session */
	bool			 resumed;	/* begun by a process that died */

	/* as asked; borrowed from row.request */
	const char		*text, *surface, *workspace;
	const json_t		*agent;		/* what it does for another turn (agent.c); NULL: it is nobody's child */
	const char		*thread, *peer;	/* of a peer that asks us: what was said before, whose turn it is; NULL: none */
	bool			 no_save, interactive;
	bool			 foreign;	/* text that others wrote came with it: by a call, a file, or earlier in its conversation */
	int64_t			 deadline_ms;	/* wall clock; 0: none */

	/* the conversation */
	struct target	 target;
	json_t			*messages;
	json_t			*schema;	/* tools; made again when one is loaded */
	json_t			*record;	/* of this turn in the session file */

	/* the step */
	int			 step, ceiling;	/* steps count from 1 */
	struct provider_call	*stream;
	const char		*wrapping;	/* the last answer is asked for, because of this limit; NULL: not yet */
	struct buf		 said, thought;	/* of this answer so far */
	struct buf		 reasoning;	/* of the turn, parts joined by a blank line */
	int64_t			 began_ms;	/* monotonic */
	int			 nudges;	/* in a row without a call in between */
	bool			 routed;	/* it was looked whether the request is for a peer */

	/* the batch of calls */
	json_t			*calls;		/* of the newest assistant message */
	size_t			 call;		/* index of the next or running one */
	struct toolcall		 now;
	json_t			*mutations;	/* of the batch */
	json_t			*produced;	/* files that go with the answer */
	char			*answer;	/* a call of the batch gave the turn's answer; NULL: none */
	char			*shown_skills;	/* names, a blank between: their variables are for this turn's commands; NULL: none */
	char			*failure;	/* what the newest failed call showed; NULL: none failed */
	char			*step_reasoning; /* goes with the batch's first call; NULL: none or gone */

	/* the conversation made shorter (fold.c) */
	struct fold		*fold;		/* it is under way */
	struct ollama_probe	*probe;		/* the window is asked for */
	bool			 probed, unfoldable;	/* it was asked for; there is no use in trying again */
	int			 folded;	/* the step before which it was done or tried last */
	char			*fold_note;	/* what came of it, for people; NULL: nothing did */
	json_t			*folds;		/* of a process that died, step -> row; NULL: none */
	char			*gone;		/* what was said in the part that went (review.c); NULL: nothing */

	/* sums */
	int64_t			 tokens_in, tokens_out, context_tokens;
	double			 cost;
	int			 tool_count;
	char			*last_tool;
	int64_t			 ended_ms;	/* monotonic */
	bool			 saved;		/* the session file has it */
	json_t			*unclosed;	/* ended, but not yet in the journal: the outcome */
};

/* turn.c */
/* Write a new turn down, then begin it; row is taken, id and time are given. NULL: nobody was told of it. */
struct turn *turn_begin(struct engine *en, struct journal_turn *row, struct error *e);
/* Begin (or with resumed take up) a turn; row is taken. NULL: its events cannot be written, row is cleared. */
struct turn *turn_new(struct engine *en, struct journal_turn *row, bool resumed, struct error *e);
void	 turn_free(struct turn *t);
/* Go on in the state, soon. */
void	 turn_kick(struct turn *t);
void	 turn_go(struct turn *t, enum turn_state state);
/* Stop it: written down, then observed. 0 or -1. */
int	 turn_cancel(struct turn *t, const char *reason, struct error *e);
/* Replace the grants. 0 or -1. */
int	 turn_grants(struct turn *t, const json_t *grants, struct error *e);
/* What it may use of the tools. */
struct tools_policy turn_policy(const struct turn *t);
/* Does the surface have a person on the other side, and nobody else? */
bool	 turn_of_person(const struct turn *t);
/* Did it come as a message from outside, whose answer goes back there? */
bool	 turn_of_gateway(const struct turn *t);
/* Did the first `upto` turns of a conversation bring text that others wrote? */
bool	 turn_foreign_before(const json_t *session, size_t upto);
/* The workspace a turn without one of its own gets: the configured one or NULL; borrowed. */
const char *turn_workspace(const struct engine *en, const char *asked);

/* step.c */
void	 step_begin(struct turn *t);
/* Take over a recorded step: messages, sums, reasoning. */
void	 step_apply(struct turn *t, const json_t *row);
/* The step that a model would have made, of this one call: written down, and on with it. */
void	 step_made(struct turn *t, const char *id, const char *tool, const json_t *args);
/* What follows a step whose message is appended: tools, a nudge and another step, or the end. */
void	 step_next(struct turn *t);
void	 step_nudge(struct turn *t);
/* What one answer used, of which no step's row tells, is added to the turn. */
void	 step_count(struct turn *t, const struct provider_result *r);
/* Tell clients what one answer, or a call, used; they add it up. USD. */
void	 step_usage(struct turn *t, int64_t tokens_in, int64_t tokens_out, double cost);
/* A cancelled stream: what was said so far is the answer. */
void	 step_cancel(struct turn *t);

/* place.c: the call t->now begins where its tool runs */
void	 place_begin(struct turn *t, enum tool_place place);

/* calls.c */
void	 calls_continue(struct turn *t);
/* Take over a recorded result of the call at t->call. */
void	 calls_apply(struct turn *t, const json_t *row);
/* The batch is complete: the model is told of changed files. */
void	 calls_batch_done(struct turn *t);
/* The call at t->call had started when the process died; shown: a set of the ids whose start clients have seen. */
void	 calls_find(struct turn *t, const json_t *shown);
/* The running call is over: written down, shown, and on to the next. r is cleared. */
void	 calls_end(struct turn *t, struct tool_result *r);
void	 calls_fail(struct turn *t, const char *why);
void	 calls_cancel(struct turn *t);
/* Does what this tool returns come from the person and us alone? */
bool	 calls_ours(const char *tool);
void	 calls_tool_start(struct turn *t);
void	 calls_tool_state(struct turn *t, const char *text);
void	 calls_tool_end(struct turn *t, bool ok, const char *output);
/* Free what the running call holds. */
void	 toolcall_clear(struct turn *t);
/* What clients know the call at t->call by. */
void	 toolcall_name(const struct turn *t, char *out, size_t size);

/* runner.c: a call that toolrunner carries out, or, of email, gatewayd */
const char *runner_of(const struct turn *t);	/* which of them */
void	 runner_begin(struct turn *t);
/* It was begun by a process that died: ask how it stands, never begin it again. */
void	 runner_find(struct turn *t);
void	 runner_cancel(struct turn *t);

/* peer.c: what a peer is asked */
#define MENTION_CALL	"mention"	/* the id of the one call of a request that is for a peer */
/* Is the request itself for a peer? True: it was taken over, or that is being found out, and STEP follows if it is not. */
bool	 peer_route(struct turn *t);
/* Are the calls those of such a request? */
bool	 peer_mentioned(const struct turn *t);
void	 peer_begin(struct turn *t);		/* the peer tool */
void	 peer_find(struct turn *t);
void	 peer_cancel(struct turn *t);

/* remember_call.c: the tool memory, after the person was asked where text of others is behind it */
void	 memory_begin(struct turn *t);

/* schedule.c: jobs, through scheduled */
void	 schedule_begin(struct turn *t);
void	 schedule_find(struct turn *t);
void	 schedule_cancel(struct turn *t);

/* message.c: a message to somebody, through gatewayd */
void	 message_begin(struct turn *t);
void	 message_find(struct turn *t);
void	 message_cancel(struct turn *t);
void	 posting_free(struct posting *p);

/* email.c: the owner's mailbox, through gatewayd, and the files on both sides of it */
bool	 email_is(const char *tool);
void	 email_begin(struct turn *t);
void	 email_find(struct turn *t);
void	 email_cancel(struct turn *t);
/* The arguments as gatewayd gets them; borrowed. */
json_t	*email_args(const struct turn *t);
void	 mailing_free(struct mailing *m);

/* agent.c: what turns of their own do for a call, research and delegate */
bool	 agent_is(const char *tool);
void	 agent_begin(struct turn *t);
/* It had begun: what became of it. What was not begun yet is. */
void	 agent_find(struct turn *t);
void	 agent_cancel(struct turn *t);
/* The parent's grants are new. */
void	 agent_grants(struct turn *t);
/* Of a child: has its parent ended without it? Its messages; a step of it begins; a result as it reads it; it has ended. */
bool	 agent_orphan(const struct turn *t);
json_t	*agent_messages(struct turn *t);
void	 agent_step(struct turn *t);
void	 agent_payload(const struct turn *t, struct tool_result *r);
void	 agent_over(struct turn *t);

/* lasting.c: what is trusted later; decided is called with yes at once, or with a person's word, or the call fails */
void	 lasting_change(struct turn *t, const char *what, void (*decided)(struct turn *t, bool yes));

/* ask.c: what a person is asked */
void	 ask_begin(struct turn *t);		/* the ask_user tool */
/* Ask a person whether the call may be carried out; silence and all else but their word is no. */
void	 ask_permission(struct turn *t, const char *question, void (*decided)(struct turn *t, bool yes));
void	 ask_cancel(struct turn *t);
/* 0, or -1: not one of the answers offered. */
int	 ask_answer(struct turn *t, const char *choice, struct error *e);
/* toolrunner waits for a decision; and: it has one, or waits no longer. */
void	 ask_approval(struct turn *t, const struct tool_next_reply *r);
void	 ask_approved(struct turn *t, const char *choice, const char *responder);
/* Is this the ticket or question that a person has before them? */
bool	 ask_is(const struct turn *t, const char *id);

/* notify.c: the person is called */
void	 notify_begin(struct turn *t);
void	 notify_cancel(struct turn *t);

/* skill_order.c: a person tries a skill */
/* Is that the request? True: it was taken over. */
bool	 skill_order(struct turn *t);
/* Are the calls those of such a request? */
bool	 skill_ordered(const struct turn *t);
/* Then its output is the answer. */
void	 skill_answer(struct turn *t, struct tool_result *r);

/* skill_turn.c: the tool skill */
void	 skill_begin(struct turn *t);
/*
 * What Python says of a skill's scripts is there, r, or why it is not: the call ends with all that is wrong with the skill.
 * Takes r's strings. skill_validates: is it such a call that toolrunner has?
 */
void	 skill_validated(struct turn *t, struct tool_result *r);
bool	 skill_validates(const struct turn *t);
/* A call that went well may have shown a skill. */
void	 skill_note(struct turn *t, const json_t *args);
/* Is it a file that is put whole into a skill? Doing that again is doing it once. */
bool	 skill_repeats(const struct turn *t);
/* The skills as the prompt lists them, and the hint for what is asked; the caller frees both, NULL: none. */
char	*skill_turn_index(struct turn *t, char **hint);

/* past.c: looking back into this profile's conversations */
void	 past_begin(struct turn *t);

/* fold.c */
/* Before a step: true when the conversation is being made shorter, or was as a person asked; STEP follows, or the end. */
bool	 fold_begin(struct turn *t);
/* Is the request itself to do that? */
bool	 fold_wanted(const struct turn *t);
/* Take over what the journal knows. */
void	 fold_apply(struct turn *t, const json_t *row);
void	 fold_clear(struct turn *t);

/* looking.c: what a model sees in an image */
void	 looking_begin(struct turn *t);
void	 looking_cancel(struct turn *t);
void	 looking_free(struct looking *x);

/*
 * skill_osv.c: the packages that a script imports are looked up. Then go, with what is to be said of it (NULL: nothing is
 * imported), or the call has failed.
 */
void	 scouting_begin(struct turn *t, void (*go)(struct turn *t, const char *note));
void	 scouting_cancel(struct turn *t);
void	 scouting_free(struct scouting *x);

/* indexing.c: the index of the workspace's files */
void	 indexing_begin(struct turn *t);
/* learn_file has put a document into the workspace; the call ends when that is indexed. r is taken. */
void	 indexing_learned(struct turn *t, struct tool_result *r);
void	 indexing_cancel(struct turn *t);
void	 indexing_free(struct indexing *x);

/* finish.c */
/* Save the session with this turn as it stands, ended or not. 0 or -1. */
int	 finish_save(struct turn *t, bool ended, struct error *e);
void	 finish_reply(struct turn *t, const char *text);
void	 finish_error(struct turn *t, const struct error *e);
void	 finish_interrupted(struct turn *t, const char *partial);
/* Make the file safe and close the turn in the journal; unclosed stays when that fails. */
void	 finish_close(struct turn *t);

/* resume.c */
/* Replay the journal's steps into a prepared turn and go on behind them. */
void	 resume_replay(struct turn *t);

#endif

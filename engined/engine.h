/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all turns of this profile share: configuration, provider, journal,
 * ledger, tools, conversations and their index, and the list of turns. One
 * per process, on one thread. What a turn does is turn.h's.
 */
#ifndef ALPI_ENGINED_ENGINE_H
#define ALPI_ENGINED_ENGINE_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/daemon.h"
#include "common/error.h"
#include "engined/eligible.h"
#include "engined/talk.h"
#include "engined/tools.h"

#define ENGINE_KEEP_TURNS	8			/* finished turns whose frames stay in memory; of all the sidecar has them */
#define ENGINE_KEEP_MS		(10 * 60 * 1000)
#define ENGINE_RESERVE		(8 * 1024 * 1024)	/* bytes that must be free before a turn begins */

struct listening;
struct project;
struct review;
struct turn;
struct engine_waiter;
LIST_HEAD(turns, turn);
LIST_HEAD(engine_waiters, engine_waiter);
LIST_HEAD(listenings, listening);
LIST_HEAD(reviews, review);
TAILQ_HEAD(projects, project);

struct engine {
	struct daemon		*daemon;
	struct event_base	*base;
	const char		*home;
	char			*zone;		/* IANA name of the local zone */
	struct settings		*settings;	/* NULL: the configuration does not change (tests) */
	json_t			*config;
	json_t			*own_config;	/* what stands in the file itself */
	char			*config_error;	/* the file does not load; config is the last that did */
	struct journal		*journal;
	struct ledger		*ledger;
	struct provider		*provider;
	struct catalog		*catalog;
	struct skill_cache	*skills;
	struct recall		*recall;
	struct meaning		*meaning;	/* of what recall finds */
	struct workspace	*workspace;

	struct tools		 tools;
	struct request		*tools_asked;	/* tool.list is on its way */
	int64_t			 tools_ms;	/* when it was asked last, monotonic */
	struct engine_waiters	 waiters;	/* for the first answer */
	json_t			*schema[32];	/* of all tools with nothing loaded, by what a policy allows; NULL: to be made */
	json_t			*prompt;	/* the newest system prompt, shared by turns that have the same */

	struct talks		 talks;
	struct turns		 turns;		/* newest first; running ones, and ended ones that are kept */
	size_t			 open;
	struct projects		 projects;	/* what AGENTS.md says (project.c) */
	struct reviews		 reviews;	/* what was said is looked at (review.c) */
	struct listenings	 listenings;	/* recordings are listened to (speech.c) */
	struct event		*tidy;		/* lets ended turns go */
	bool			 tidy_soon;	/* it is set for less than the age of a turn */
	struct event		*closer;	/* makes what ended turns have written safe, and closes them in the journal */
	struct event		*saver;		/* puts what was spent into the ledger's file (spend.c) */
	bool			 draining;
};

/* ---- engine.c -------------------------------------------------------------------------------------- */

/* After the fields a caller sets (daemon, base, home, config, journal, ledger, provider) are set. */
void	 engine_init(struct engine *en);
void	 engine_clear(struct engine *en);

/* Read config.yaml again if it changed (or when forced). A file that does not load leaves the last good one in force. */
void	 engine_config(struct engine *en, bool force);
const char *engine_secret(void *engine, const char *name);	/* a target_secret */

/* What decides whether a skill can be used here; borrowed from the engine (skill_turn.c). */
struct eligible engine_eligible(const struct engine *en);
/* Is there this daemon ("alpd") for our profile? */
bool	 engine_has(const struct engine *en, const char *daemon);
/* A text as a JSON string, shared with the last one when it is the same. New reference. */
json_t	*engine_prompt(struct engine *en, const char *text);

/* The running turn of a session; the turn with an id or a key, running or kept. NULL: none. */
struct turn *engine_running(const struct engine *en, const char *session);
struct turn *engine_by_id(const struct engine *en, const char *id);
struct turn *engine_by_key(const struct engine *en, const char *owner, const char *key);

/* Tell hostd's clients; data is taken. Best effort. */
void	 engine_push(struct engine *en, const char *kind, json_t *data);

/* ---- engine_tools.c -------------------------------------------------------------------------------- */

/* Ask toolrunner for its tools unless that was done within a minute. Turns that wait for the first answer are woken. */
void	 engine_tools(struct engine *en, bool force);
/* Run fn when toolrunner has answered for the first time or cannot be asked: at once when that was before (1), else later (0). */
int	 engine_when_tools(struct engine *en, void (*fn)(void *arg), void *arg);
/* The tools as a provider is told of them; new reference. */
json_t	*engine_schema(struct engine *en, const struct tools_policy *p, const json_t *loaded);

/* ---- engine_ended.c -------------------------------------------------------------------------------- */

/* A turn ended: it is kept for a while. */
void	 engine_ended(struct engine *en, struct turn *t);
/* Close in the journal all that ended, now. */
void	 engine_close(struct engine *en);

/* ---- engine_resume.c ------------------------------------------------------------------------------- */

/* Take up what the journal holds open; remove sidecars that belong to nothing. */
int	 engine_resume(struct engine *en, struct error *e);

#endif

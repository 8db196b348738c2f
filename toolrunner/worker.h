/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main process's side of a worker, which is one fresh process per call,
 * inside the sandbox: start a call, hear of its progress and end, cancel it.
 * Everything here is on the event loop and nothing blocks.
 */
#ifndef ALPI_WORKER_H
#define ALPI_WORKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "toolrunner/tool.h"

struct launcher;
struct worker;

/* What the configuration opens beyond the tool's own class; all borrowed. */
struct sandbox_policy {
	const char *const *read;		/* sandbox.read: further readable paths, NULL-terminated; NULL: none */
	const char *const *write;		/* sandbox.write: further writable paths */
	const char *const *allow_missing;	/* sandbox.allow_missing: layers that need not hold */
	enum tool_net	   net;			/* sandbox.network; a worker gets the lesser of this and its tool's class */
};

/* A call to start; all borrowed, copied as needed before worker_start returns. */
struct worker_job {
	const char			*key;		/* the call's key, for log lines */
	const struct tool		*tool;
	const json_t			*args;		/* checked */
	const char			*skill;		/* the folder of the skill that it works on, or NULL */
	const json_t			*env;		/* variables of its own beside those of every call, or NULL; secrets */
	const char			*workspace;	/* absolute; made by the launcher when it is HOME/workspace and missing */
	const struct sandbox_policy	*policy;
	int64_t				 timeout_ms;	/* > 0; then the call's processes are killed: "Timed out after Ns", code "timeout" */
};

/* How a call ended. Borrowed, valid during done(). Strings are valid UTF-8 without NUL. */
struct worker_result {
	bool		 ok;
	const char	*output;	/* "" when there is none; at most TOOL_OUTPUT_MAX bytes (more once cleaned to UTF-8) */
	const char	*error;		/* one line when not ok, else "" */
	const char	*code;		/* wire name of the reason when not ok, else "" */
	json_t		*mutations;	/* array or NULL; take a reference to keep it, and the next */
	json_t		*produced;	/* object or NULL */
};

struct worker_events {
	void	(*progress)(void *arg, const char *line);
	/*
	 * Once, last: the tool's result, or how it failed (worker crashed or was killed: "internal", timeout, cancelled,
	 * launcher gone: "outcome-unknown"). All processes of the call are gone by now, background commands excepted.
	 * The handle is dead.
	 */
	void	(*done)(void *arg, const struct worker_result *r);
};

/*
 * Have a worker put its sandbox on for a call; the call itself is kept back until worker_go, so nothing of it has any
 * effect before. No callback runs before this returns. NULL: nothing was started, and nothing will be. The handle
 * dies with done().
 */
struct worker *worker_start(struct launcher *l, const struct worker_job *job, const struct worker_events *ev, void *arg, struct error *e);
/* Let the call begin; its time limit does too. */
void	 worker_go(struct worker *w);
/* End a worker that was not let go; done() does not follow. */
void	 worker_drop(struct worker *w);
/* End a call's processes; done() follows on the loop with code "cancelled" (or with its result, when that came first). */
void	 worker_cancel(struct worker *w);

/* Have a fresh worker try its own sandbox, for some milliseconds; the result's output is what probe.h says, as JSON. As worker_start. */
struct worker *worker_probe(struct launcher *l, const struct sandbox_policy *policy, const struct worker_events *ev, void *arg, struct error *e);

#endif

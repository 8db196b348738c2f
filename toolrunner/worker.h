/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main process's side of the launcher and of the workers it makes: start
 * a call, hear of its progress and end, cancel it. Everything here is on the
 * event loop and nothing blocks but what says so. The launcher is a tiny
 * process of our own, started before the main process gives up its rights;
 * a worker is one fresh process per call, inside the sandbox.
 */
#ifndef ALPI_WORKER_H
#define ALPI_WORKER_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/boot.h"
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
	json_t		*mutations;	/* array or NULL; take a reference to keep it */
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

/* One layer of the sandbox, and whether the self-test found that it holds. */
struct worker_layer {
	char	name[32];		/* "user-namespace", "landlock", "seccomp", ... : the names of sandbox.allow_missing */
	bool	held;
	char	detail[200];		/* what the kernel lacked or let through; "" */
};

#define WORKER_LAYERS_MAX 32

/*
 * Start `alpi-toolrunner --launch`. Call before the process has threads and before restrict_self.
 * The launcher learns home, root, libexec and the person's home from boot. NULL on error.
 */
struct launcher *launcher_start(const struct boot *boot, struct event_base *base, struct error *e);
/* End the launcher and every worker; no further callbacks. NULL is fine. Blocks until the launcher is gone. */
void	 launcher_stop(struct launcher *l);
/* Run the self-test of the sandbox with the same code that makes workers. The number of layers, or -1. Blocks, some milliseconds; before the loop runs. */
int	 launcher_selftest(struct launcher *l, const struct sandbox_policy *policy, struct worker_layer layers[WORKER_LAYERS_MAX], struct error *e);
/* A read-only descriptor of HOME/config.yaml as it is now (the main process cannot open it); the caller closes. -1: ERR_not_found when there is none. Blocks shortly. */
int	 launcher_config(struct launcher *l, struct error *e);
/* Called on the loop when the launcher died by itself: nothing can be started any more. The main process then ends, init restarts it. */
void	 launcher_on_gone(struct launcher *l, void (*gone)(void *arg), void *arg);

/*
 * Start a call. No callback runs before this returns. NULL: nothing was started, and nothing will be.
 * The handle dies with done().
 */
struct worker *worker_start(struct launcher *l, const struct worker_job *job, const struct worker_events *ev, void *arg, struct error *e);
/* End a call's processes; done() follows on the loop with code "cancelled" (or with its result, when that came first). */
void	 worker_cancel(struct worker *w);

#endif

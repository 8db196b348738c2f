/* SPDX-License-Identifier: Apache-2.0 */
/* What the main process holds: the daemon's context. */
#ifndef ALPI_RUNNER_H
#define ALPI_RUNNER_H

#include <event2/event.h>
#include <stdbool.h>

#include "common/audit.h"
#include "common/boot.h"
#include "common/dispatch.h"
#include "toolrunner/launcher.h"
#include "toolrunner/settings.h"
#include "toolrunner/worker.h"

#define RUNNER_LAYERS_MAX 32

struct document;
struct exec;
struct session;

/* One layer of the sandbox, and whether the self-test found that it holds. */
struct sandbox_state {
	char	name[32];		/* as sandbox.allow_missing knows it */
	bool	held;
	char	detail[200];		/* what the kernel lacks and what covers it, or what was let through; "" */
};

struct runner {
	struct daemon		*daemon;
	const struct boot	*boot;		/* the daemon's */
	struct event_base	*base;		/* the daemon's; NULL in tests */
	struct launcher		*launcher;
	struct audit		*audit;
	int			 approval_fd;	/* logs/approval.log */
	struct settings		 settings;
	struct sandbox_state	 layers[RUNNER_LAYERS_MAX];
	size_t			 nlayers;
	struct worker		*testing;	/* selftest.c's: it is not over */
	char			 untested[ERROR_TEXT_MAX];	/* why there are none */
	char			*stop;		/* a layer does not hold: why no tool runs, or NULL */
	struct exec		*calls;		/* exec.c's: oldest first */
	size_t			 ncalls;
	struct document		*documents;	/* document.c's: newest first */
	struct event		*timer;
	struct session		*sessions;	/* consent.c's: what was allowed for a session */
	bool			 draining;
	void			(*idle)(struct runner *);	/* set when draining: no call runs any more */
};

extern const struct handler tool_handlers[];

/* The launcher and the two logs. 0 or -1. */
int	runner_open(struct runner *r, struct error *e);
/* Give up all that is not needed from here on. 0 or -1. */
int	runner_fence(struct error *e);

#endif

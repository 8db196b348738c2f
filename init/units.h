/* SPDX-License-Identifier: Apache-2.0 */
/* THE process table: which daemons there are, and which units (a daemon of a profile) are wanted. */
#ifndef INIT_UNITS_H
#define INIT_UNITS_H

#include <sys/types.h>

#include "init/logs.h"
#include "init/secrets.h"

enum daemon {
#define DAEMON(name, scope) D_##name,
#include "proto/channels.def"
	DAEMONS
};

struct unit_kind {
	const char	*daemon;
	const char	*user;			/* when init runs as root with -u */
	enum { PROFILE, MACHINE } scope;
	unsigned	 after;			/* bits of the daemons that stop after this one */
	enum share	 secrets;
	int		 verifies;		/* grants: shares a key with each origin of proto/caps.def */
};

extern const struct unit_kind unit_kinds[DAEMONS];

enum state { STARTING, READY, BACKOFF, STOPPING, STOPPED, FAILED, STATES };

#define DEATHS_MAX 5

struct unit {
	struct unit	*next;
	enum daemon	 daemon;
	char		 profile[80], name[96], home[1024];
	char		 keys[DAEMONS][KEY_HEX];	/* of grants, by origin; they outlive the process */
	unsigned long long stamp;		/* of config.yaml and .env as handed over; 0: never started */
	int		 wanted;		/* number of the last plan that names it */

	enum state	 state;
	int64_t		 due;			/* when its state has lasted too long, or long enough; 0: never */
	int		 stop;			/* is to stop, when those that stop first have */
	int		 again, leave;		/* once stopped: start again; forget it */
	int		 restarts;
	int64_t		 deaths[DEATHS_MAX];	/* the newest first */
	pid_t		 pid;			/* 0: no process */
	int64_t		 began, ready;		/* of this process; ready 0: not yet */
	struct source	 boot;			/* our end of its descriptor 3, */
	FILE		*out;			/* to write on it without waiting, */
	char		 buffer[4096];		/* through memory that is wiped */
	struct tail	 tail;			/* its stderr */
};

extern struct unit *units;

enum { CALLS = 1, MINTS = 2, AFTER = 4 };
/* What a is to b: calls it, mints grants that it verifies, stops before it. */
int	 unit_relation(const struct unit *a, const struct unit *b);
void	 unit_forget(struct unit *u);
/* The lines of a plan (they are cut up): units come, go, reload. */
void	 units_apply(char *lines);
/* At first and when something changed, ask alpi-init-plan. When to call again; 0: when an event came. */
int64_t	 units_round(void);
/* X is the name of a unit or of a profile, or "all". Each unit of X in turn, from NULL to NULL. */
struct unit *units_next(struct unit *u, const char *x);
/* Have the units of X settled, with no change waiting? Then 1, and *why says what failed, "" if nothing. */
int	 units_settled(const char *x, char *why, size_t size);

#endif

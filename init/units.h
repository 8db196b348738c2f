/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE process table: which daemons there are, and which units of them are
 * wanted. A unit is one daemon of one profile, named <profile>/<daemon>.
 */
#ifndef INIT_UNITS_H
#define INIT_UNITS_H

#include <sys/types.h>

#include "init/logs.h"
#include "init/loop.h"
#include "init/secrets.h"

enum daemon {
#define DAEMON(name, scope) D_##name,
#include "proto/channels.def"
	DAEMONS
};

enum scope { PROFILE, MACHINE };

struct unit_kind {
	const char	*daemon;
	const char	*user;		/* when init runs as root with -u */
	enum scope	 scope;
	unsigned	 after;		/* bits of the daemons that stop after this one */
	enum share	 secrets;
	int		 verifies;	/* grants, so shares a key with each origin of proto/caps.def */
};

extern const struct unit_kind unit_kinds[DAEMONS];

enum state { STARTING, READY, BACKOFF, STOPPING, STOPPED, FAILED, STATES };

#define DEATHS_MAX	5		/* in DEATHS_MS: failed */
#define DEATHS_MS	60000

struct unit {
	struct unit		*next;
	const struct unit_kind	*kind;
	char			 name[160], profile[128], home[1024];
	char			 keys[DAEMONS][KEY_HEX];	/* of grants, by their origin; for our whole life */
	unsigned long long	 stamp;		/* of config.yaml and .env when they were last handed over */
	int			 wanted;	/* mark of the newest plan */

	enum state		 state;
	int			 stop;		/* told to stop, waits for those that stop first */
	int			 again;		/* start again once stopped */
	int			 leave;		/* forget it once stopped */
	pid_t			 pid;		/* 0: no process */
	int64_t			 began, was_ready;	/* of this process; was_ready 0: not yet */
	int64_t			 deaths[DEATHS_MAX];	/* the latest, newest first */
	int			 restarts;
	struct stream		 boot;		/* our end of its descriptor 3 */
	struct timer		 timer;
	struct tail		 tail;		/* its stderr */
};

extern struct unit *units;			/* in table order, "default" first */

/* The wanted unit by its profile and daemon; made when new. NULL: no such daemon, or a name too long for a socket. */
struct unit *unit_want(const char *run, const char *profile, const char *daemon, const char *home);
void	 unit_forget(struct unit *u);
/* Do a message, a grant or a stop order run from a to b? 1 or 0. */
int	 unit_calls(const struct unit *a, const struct unit *b);
int	 unit_mints(const struct unit *a, const struct unit *b);
int	 unit_after(const struct unit *a, const struct unit *b);
/* X of the control words: a unit's name, a profile's, or "all". */
int	 unit_matches(const struct unit *u, const char *x);

#endif

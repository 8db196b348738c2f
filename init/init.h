/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-init on one page: what its files show each other. init works in the root home, so paths of its own files
 * are relative to that. What is broken beyond repair (no memory, no descriptors, no randomness) ends it: the
 * units end with it, and the service manager begins anew.
 */
#ifndef ALPI_INIT_H
#define ALPI_INIT_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/boot.h"
#include "common/buf.h"
#include "common/logfile.h"
#include "common/loop.h"
#include "common/tail.h"

#define KEY_HEX		(2 * BOOT_KEY_BYTES + 1)
#define DEATHS_MAX	5
#define SERVICE_LOG	"logs/service.log"

/* ---- logs.c: what units write to stderr becomes lines of logs/service.log ----------------------- */

/* From here on log_info() and its like write there; `terminal`: and, as all lines, on our stderr's terminal. 0 or -1. */
int	 logs_open(int terminal, struct error *e);
/* A line of a unit; the name is "alpi.engined[work]". file NULL, or not to be written: logs/service.log. */
void	 logs_put(const char *file, const char *name, const char *text);

/* ---- units.c: THE process table; which units (a daemon of a profile) are wanted ----------------- */

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
	const char *const *secrets;		/* names in .env that it gets, then NULL; NULL: none */
	int		 told_names;		/* of all variables in .env that are set, without their values */
	int		 verifies;		/* grants: shares a key with each origin of proto/caps.def */
	int		 anew;			/* reads its settings once: a change of them starts it anew */
	int		 drains;		/* ends by itself when init dies, a little later; the others are killed */
	const char	*log;			/* of its lines, below the profile's home; NULL: logs/service.log */
};

enum state { STARTING, READY, BACKOFF, STOPPING, STOPPED, FAILED, STATES };

struct unit {
	struct unit	*next;
	enum daemon	 daemon;
	char		*profile, *name, *home;
	char		 keys[DAEMONS][KEY_HEX];	/* of grants, by origin; they outlive the process */
	uint64_t	 stamp;			/* of the files that it was told to read; 0: never started */
	char		**needs;		/* names of the secrets that its skills declare, then NULL */
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

extern const struct unit_kind unit_kinds[DAEMONS];
extern struct unit *units;

enum { CALLS = 1, MINTS = 2, AFTER = 4 };
/* What a is to b: calls it, mints grants that it verifies, stops before it. */
int	 unit_relation(const struct unit *a, const struct unit *b);
void	 unit_forget(struct unit *u);
/* X is the name of a unit or of a profile, or "all". Each unit of X in turn, from NULL to NULL. */
struct unit *units_next(struct unit *u, const char *x);
/* At first, and when something changed: ask alpi-init-plan; units come, go, read their settings again. */
void	 units_round(void);
/* Tell it to reload, and have its plan made anew at the next round. */
void	 unit_reload(struct unit *u);
/* Have the units of X settled, with no change waiting? Then 1, and `why` says what failed, nothing if nothing. */
int	 units_settled(const char *x, struct buf *why);

/* ---- spawn.c: a unit's process, what it learns on descriptor 3, what it inherits ---------------- */

extern struct site {				/* the same for every unit; main sets it first */
	char	*root, *run, *libexec;
	int	 debug, drop;			/* ALPI_DEBUG, -u */
} site;

/* Is there room in a socket's address for the inboxes of a profile? */
int	 spawn_fits(const char *profile);
/* Compose the boot message, tell the neighbours, execute. 0 or -1 with errno; then, or at its end, spawn_clear. */
int	 spawn_unit(struct unit *u, void (*on_boot)(void *arg));
void	 spawn_clear(struct unit *u);
/* Tell a unit to reload, with its present secrets; tell the neighbours of one that is gone to forget it. */
void	 spawn_reload(struct unit *u);
/* Its skills declare these secrets now (taken over). The old ones are taken from it; the new go with its next reload. */
void	 spawn_needs(struct unit *u, char **needs);
void	 spawn_drop(struct unit *u);
/* Run alpi-init-plan and take its lines as they come. 0, or -1: it did not come to its end. */
int	 spawn_plan(void (*take)(const char *line));

/* ---- supervise.c: state x event -> action; who stops before whom, who starts again and when ----- */

enum event {
	EV_START,		/* an order, or newly wanted */
	EV_STOP,		/* an order, and its turn */
	EV_READY,		/* its ready byte */
	EV_EXIT,		/* its process is gone */
	EV_DUE,			/* its state has lasted too long, or long enough */
	EVENTS
};

extern void (*const unit_actions[STATES][EVENTS])(struct unit *u);
extern const char *const state_names[STATES];

/* How long after the newest death the next start is, in ms; random is any number. */
int64_t	 backoff_ms(const struct unit *u, int64_t now, unsigned random);
/* Orders. Those that start also clear `failed` and the deaths so far. */
void	 unit_start(struct unit *u);
void	 unit_stop(struct unit *u);
void	 unit_restart(struct unit *u);
/* Reap what died: units, and orphans where init is process 1. */
void	 supervise_reap(void);
/* After each event: who is due, whose turn it is to stop, who is forgotten. */
void	 supervise_round(void);

/* ---- control.c: orders of people on run/init.sock ----------------------------------------------- */

#define CONTROL_PATH "run/init.sock"

struct order;

/* The order in a line without its newline (it is cut up), and its X, "all" without. NULL: not in the grammar. */
const struct order *control_parse(char *line, const char **x);
int	 control_open(struct error *e);
/* After each event: answer those whose units have settled, and when init is `over` everybody. */
void	 control_round(int over);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a unit: state x event -> action; who stops before whom; who is started again, and when. */
#ifndef INIT_SUPERVISE_H
#define INIT_SUPERVISE_H

#include "init/units.h"

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
/* After each event: who is due, whose turn it is to stop, who is forgotten. When to call again; 0: at the next event. */
int64_t	 supervise_round(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a unit: state x event -> action. Order among units exists only
 * when they stop; they start side by side, because a daemon that calls one
 * that is not up yet gets an error and asks again.
 */
#ifndef INIT_SUPERVISE_H
#define INIT_SUPERVISE_H

#include <stdint.h>

#include "init/units.h"

enum event {
	EV_START,		/* an order, or newly wanted */
	EV_STOP,		/* an order, and it is its turn */
	EV_READY,		/* its ready byte */
	EV_EXIT,		/* its process is gone */
	EV_TIMER,		/* what the state waits for took too long, or long enough */
	EVENTS
};

typedef void unit_action(struct unit *u);
extern unit_action *const unit_actions[STATES][EVENTS];

const char *state_name(enum state s);
/* How long to wait before the start after the newest death, in ms; `random` is any number. */
int64_t	 backoff_ms(const struct unit *u, int64_t now, unsigned random);

void	 unit_event(struct unit *u, enum event ev);
/* An order to start, which also clears `failed` and the deaths so far. */
void	 unit_start(struct unit *u);
/* Stop it when those that stop first have; then start it again, or forget it. */
void	 unit_stop(struct unit *u, int again, int leave);
/* Nothing is under way with it: ready, stopped or failed. */
int	 unit_settled(const struct unit *u);
/* Reap what died, units and orphans. Returns the exit status of `plan` when it was among them, else -1. */
int	 supervise_reap(pid_t plan);
/* After each batch of events: whose turn it is to stop, who is forgotten. */
void	 supervise_round(void);

#endif

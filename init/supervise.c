/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unit's word counts for one thing here: that it is ready. Units start side by side, for one
 * that calls a daemon that is not up yet asks again; only stopping has an order.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "init/init.h"

#define READY_MS	30000			/* from start to ready */
#define STOP_MS		10000			/* from TERM to KILL */
#define BETWEEN_MS	1000			/* between two starts */
#define STEADY_MS	10000			/* after this long as ready, the next start has no delay */
#define BACKOFF_MAX	60000
#define DEATHS_MS	60000			/* DEATHS_MAX within this: failed */

const char *const state_names[STATES] = {
	[STARTING] = "starting", [READY] = "ready", [BACKOFF] = "backoff",
	[STOPPING] = "stopping", [STOPPED] = "stopped", [FAILED] = "failed",
};

int64_t
backoff_ms(const struct unit *u, int64_t now, unsigned random)
{
	int64_t delay = BETWEEN_MS;
	int recent = 0;

	while (recent < DEATHS_MAX && u->deaths[recent] != 0 && now - u->deaths[recent] < DEATHS_MS)
		recent++;
	if (u->ready != 0 && (recent <= 1 || now - u->ready > STEADY_MS))
		return now - u->began < BETWEEN_MS ? BETWEEN_MS - (now - u->began) : 0;
	for (int i = 1; i < recent && delay < BACKOFF_MAX; i++)
		delay *= 2;
	delay += delay * (random % 256) / 1024;		/* up to a quarter more: units do not march in step */
	return delay < BACKOFF_MAX ? delay : BACKOFF_MAX;
}

static void
enter(struct unit *u, enum state s, int64_t limit_ms)
{
	u->state = s;
	u->due = limit_ms < 0 ? 0 : clock_mono_ms() + limit_ms;
}

/* ---- actions ---------------------------------------------------------------------------------- */

static void
nothing(struct unit *u)
{
}

static void
died(struct unit *u)
{
	int64_t now = clock_mono_ms(), delay;

	memmove(u->deaths + 1, u->deaths, sizeof(u->deaths) - sizeof(u->deaths[0]));
	u->deaths[0] = now;
	delay = backoff_ms(u, now, (unsigned)random());
	if (u->deaths[DEATHS_MAX - 1] != 0 && now - u->deaths[DEATHS_MAX - 1] < DEATHS_MS) {
		log_error("%s failed: %d deaths within %d s", u->name, DEATHS_MAX, DEATHS_MS / 1000);
		enter(u, FAILED, -1);
	} else {
		log_warn("%s starts again in %lld ms", u->name, (long long)delay);
		enter(u, BACKOFF, delay);
	}
}

static void
hear(void *arg)
{
	struct unit *u = arg;
	char bytes[64];
	ssize_t n = read(u->boot.fd, bytes, sizeof(bytes));

	if (n <= 0)
		source_close(&u->boot);
	else if (memchr(bytes, 'R', (size_t)n) != NULL)
		unit_actions[u->state][EV_READY](u);
}

static void
launch(struct unit *u)
{
	u->restarts += u->deaths[0] != 0;
	u->began = clock_mono_ms();
	u->ready = 0;
	enter(u, STARTING, READY_MS);
	if (spawn_unit(u, hear) == 0)
		return;
	log_error("cannot start %s: %m", u->name);
	spawn_clear(u);
	died(u);
}

static void
forgive(struct unit *u)
{
	memset(u->deaths, 0, sizeof(u->deaths));
}

static void
start(struct unit *u)
{
	forgive(u);
	launch(u);
}

static void
ready(struct unit *u)
{
	u->ready = clock_mono_ms();
	enter(u, READY, -1);
	log_info("%s ready after %lld ms", u->name, (long long)(u->ready - u->began));
}

static void
terminate(struct unit *u)
{
	enter(u, STOPPING, STOP_MS);
	kill(u->pid, SIGTERM);
}

static void
end(struct unit *u)
{
	log_error("%s is %s for too long: killed", u->name, state_names[u->state]);
	kill(-u->pid, SIGKILL);
}

static void
halt(struct unit *u)
{
	enter(u, STOPPED, -1);
	if (u->again)
		start(u);
	u->again = 0;
}

void (*const unit_actions[STATES][EVENTS])(struct unit *u) = {
	/*             EV_START  EV_STOP    EV_READY  EV_EXIT  EV_DUE */
	[STARTING] = { forgive,  terminate, ready,    died,    end     },
	[READY] =    { forgive,  terminate, nothing,  died,    nothing },
	[BACKOFF] =  { start,    halt,      nothing,  nothing, launch  },
	[STOPPING] = { nothing,  nothing,   nothing,  halt,    end     },
	[STOPPED] =  { start,    halt,      nothing,  nothing, nothing },
	[FAILED] =   { start,    halt,      nothing,  nothing, nothing },
};

/* ---- orders and events ------------------------------------------------------------------------ */

void
unit_start(struct unit *u)
{
	if (u->stop || u->state == STOPPING)
		u->again = 1;
	else
		unit_actions[u->state][EV_START](u);
}

void
unit_stop(struct unit *u)
{
	u->stop = u->state != STOPPING;
	u->again = 0;
}

void
unit_restart(struct unit *u)
{
	unit_stop(u);
	u->again = 1;
}

static void
ended(struct unit *u, const siginfo_t *how)
{
	const char *by = how->si_code == CLD_EXITED ? "exit" : "signal";

	spawn_clear(u);
	if (u->state == STOPPING)
		log_info("%s ended by %s %d", u->name, by, how->si_status);
	else
		log_warn("%s ended by %s %d", u->name, by, how->si_status);
	unit_actions[u->state][EV_EXIT](u);
}

void
supervise_reap(void)
{
	siginfo_t how = { 0 };
	struct unit *u;

	/* Looked at, killed as a group while its id cannot be anybody else's, then reaped. */
	while (waitid(P_ALL, 0, &how, WEXITED | WNOHANG | WNOWAIT) == 0 && how.si_pid != 0) {
		for (u = units; u != NULL && u->pid != how.si_pid;)
			u = u->next;
		if (u != NULL)
			kill(-u->pid, SIGKILL);
		waitpid(how.si_pid, NULL, 0);
		if (u != NULL)
			ended(u, &how);
		how.si_pid = 0;
	}
}

/* Is somebody up, or about to stop, who stops before u? */
static int
must_wait(const struct unit *u)
{
	for (const struct unit *v = units; v != NULL; v = v->next)
		if ((v->stop || v->state == STOPPING) && unit_relation(v, u) & AFTER)
			return 1;
	return 0;
}

void
supervise_round(void)
{
	int moved = 0;

	for (struct unit *u = units, *after; u != NULL; u = after) {
		after = u->next;
		if (u->due != 0 && u->due <= clock_mono_ms()) {
			u->due = 0;
			unit_actions[u->state][EV_DUE](u);
		}
		if (u->stop && !must_wait(u)) {
			u->stop = 0;
			moved = 1;
			unit_actions[u->state][EV_STOP](u);
		}
		loop_until(u->due);
		if (u->leave && !u->stop && u->state == STOPPED) {
			spawn_drop(u);
			unit_forget(u);
		}
	}
	if (moved)				/* which may have let another's turn come */
		supervise_round();
}

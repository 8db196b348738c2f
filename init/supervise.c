/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See supervise.h. A unit's word counts for one thing here: that it is ready.
 * Whether it lives, and when it is started again, init alone decides.
 */
#include "init/supervise.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "init/logs.h"
#include "init/spawn.h"

#define READY_MS	30000		/* from start to ready */
#define STOP_MS		10000		/* from TERM to KILL */
#define BETWEEN_MS	1000		/* between two starts */
#define STEADY_MS	10000		/* one that was ready this long starts again without delay */
#define BACKOFF_MAX	60000

static const char *const state_names[STATES] = {
	[STARTING] = "starting", [READY] = "ready", [BACKOFF] = "backoff",
	[STOPPING] = "stopping", [STOPPED] = "stopped", [FAILED] = "failed",
};

const char *
state_name(enum state s)
{
	return state_names[s];
}

int
unit_settled(const struct unit *u)
{
	return !u->stop && (u->state == READY || u->state == STOPPED || u->state == FAILED);
}

static void
enter(struct unit *u, enum state s, int64_t timer_ms)
{
	u->state = s;
	if (timer_ms >= 0)
		timer_set(&u->timer, timer_ms);
	else
		timer_clear(&u->timer);
}

int64_t
backoff_ms(const struct unit *u, int64_t now, unsigned random)
{
	int64_t delay = BETWEEN_MS, since = now - u->began;
	int recent = 0;

	while (recent < DEATHS_MAX && u->deaths[recent] != 0 && now - u->deaths[recent] < DEATHS_MS)
		recent++;
	if (u->was_ready != 0 && (recent <= 1 || now - u->was_ready > STEADY_MS))
		return since < BETWEEN_MS ? BETWEEN_MS - since : 0;
	for (int i = 1; i < recent && delay < BACKOFF_MAX; i++)
		delay *= 2;
	delay += delay * (random % 256) / 1024;		/* up to a quarter, so that units do not march in step */
	return delay < BACKOFF_MAX ? delay : BACKOFF_MAX;
}

/* ---- actions ---------------------------------------------------------------------------------- */

static void	died(struct unit *u);

static void
nothing(struct unit *u)
{
}

static void
on_word(void *arg)
{
	struct unit *u = arg;
	char bytes[64];
	ssize_t n = recv(u->boot.fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0 && memchr(bytes, 'R', (size_t)n) != NULL)
		unit_event(u, EV_READY);
	else if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		stream_close(&u->boot);
}

/* What is left of a process: its last lines. */
static void
no_process(struct unit *u)
{
	tail_close(&u->tail);
	stream_close(&u->boot);
	u->pid = 0;
}

static void
launch(struct unit *u)
{
	u->began = now_ms();
	u->was_ready = 0;
	enter(u, STARTING, READY_MS);
	if (spawn_unit(u, on_word) == -1) {
		no_process(u);
		died(u);
	}
}

/* An order to start also forgives the deaths so far. */
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
come_back(struct unit *u)
{
	u->restarts++;
	launch(u);
}

static void
ready(struct unit *u)
{
	u->was_ready = now_ms();
	enter(u, READY, -1);
	logs_say("INFO", "%s ready after %lld ms", u->name, (long long)(u->was_ready - u->began));
}

static void
died(struct unit *u)
{
	int64_t now = now_ms(), delay;
	unsigned random;

	memmove(u->deaths + 1, u->deaths, sizeof(u->deaths) - sizeof(u->deaths[0]));
	u->deaths[0] = now;
	if (u->deaths[DEATHS_MAX - 1] != 0 && now - u->deaths[DEATHS_MAX - 1] < DEATHS_MS) {
		logs_say("ERROR", "%s failed: %d deaths within %d s", u->name, DEATHS_MAX, DEATHS_MS / 1000);
		enter(u, FAILED, -1);
		return;
	}
	if (getentropy(&random, sizeof(random)) == -1)
		random = 0;
	delay = backoff_ms(u, now, random);
	logs_say("WARNING", "%s starts again in %lld ms", u->name, (long long)delay);
	enter(u, BACKOFF, delay);
}

static void
terminate(struct unit *u)
{
	kill(u->pid, SIGTERM);
	enter(u, STOPPING, STOP_MS);
}

static void
late(struct unit *u)
{
	logs_say("ERROR", "%s not ready after %d s: killed", u->name, READY_MS / 1000);
	kill(-u->pid, SIGKILL);
}

static void
hung(struct unit *u)
{
	logs_say("ERROR", "%s did not stop within %d s: killed", u->name, STOP_MS / 1000);
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

static void
start_again(struct unit *u)
{
	u->again = 1;
}

unit_action *const unit_actions[STATES][EVENTS] = {
	/*             EV_START     EV_STOP    EV_READY  EV_EXIT  EV_TIMER */
	[STARTING] = { nothing,     terminate, ready,    died,    late      },
	[READY] =    { forgive,     terminate, nothing,  died,    nothing   },
	[BACKOFF] =  { start,       halt,      nothing,  nothing, come_back },
	[STOPPING] = { start_again, nothing,   nothing,  halt,    hung      },
	[STOPPED] =  { start,       halt,      nothing,  nothing, nothing   },
	[FAILED] =   { start,       halt,      nothing,  nothing, nothing   },
};

/* ---- events ----------------------------------------------------------------------------------- */

static void
on_timer(void *arg)
{
	unit_event(arg, EV_TIMER);
}

void
unit_event(struct unit *u, enum event ev)
{
	u->timer.fn = on_timer;
	unit_actions[u->state][ev](u);
}

void
unit_start(struct unit *u)
{
	if (u->stop)
		u->again = 1;
	else
		unit_event(u, EV_START);
}

void
unit_stop(struct unit *u, int again, int leave)
{
	u->stop = u->state != STOPPING;
	u->again = again;
	u->leave |= leave;
}

static void
exited(struct unit *u, const siginfo_t *si)
{
	no_process(u);
	if (si->si_code == CLD_EXITED)
		logs_say(si->si_status == 0 ? "INFO" : "WARNING", "%s exited with %d", u->name, si->si_status);
	else
		logs_say("WARNING", "%s ended by signal %d", u->name, si->si_status);
	unit_event(u, EV_EXIT);
}

int
supervise_reap(pid_t plan)
{
	int status = -1;
	siginfo_t si;

	/* Looked at, then killed as a group while its id cannot be anybody else's, then reaped. */
	while (si.si_pid = 0, waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid != 0) {
		struct unit *u = units;

		while (u != NULL && u->pid != si.si_pid)
			u = u->next;
		if (u != NULL)
			kill(-si.si_pid, SIGKILL);
		waitpid(si.si_pid, NULL, 0);
		if (u != NULL)
			exited(u, &si);
		else if (si.si_pid == plan)
			status = si.si_code == CLD_EXITED ? si.si_status : 255;
	}
	return status;
}

/* Is somebody still up, or about to stop, that stops before u? */
static int
must_wait(const struct unit *u)
{
	for (const struct unit *v = units; v != NULL; v = v->next)
		if (unit_after(v, u) && (v->stop || v->state == STOPPING))
			return 1;
	return 0;
}

/* One pass; 1 when something moved, which may have let another unit's turn come. */
static int
pass(void)
{
	struct unit *next;
	int moved = 0;

	for (struct unit *u = units; u != NULL; u = next) {
		next = u->next;
		if (u->stop && !must_wait(u)) {
			u->stop = 0;
			unit_event(u, EV_STOP);
			moved = 1;
		}
		if (u->leave && !u->stop && u->state == STOPPED) {
			spawn_drop(u);
			unit_forget(u);
		}
	}
	return moved;
}

void
supervise_round(void)
{
	while (pass())
		;
}

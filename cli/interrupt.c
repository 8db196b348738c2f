/* SPDX-License-Identifier: Apache-2.0 */
/* See interrupt.h. */
#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

static volatile sig_atomic_t count, newest;
static sigset_t before;
static int catching;

static void
caught(int number)
{
	count++;
	newest = number;
}

void
interrupt_catch(void)
{
	struct sigaction act = { .sa_handler = caught };
	sigset_t set;

	sigemptyset(&act.sa_mask);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	if (!catching)
		sigprocmask(SIG_BLOCK, &set, &before);
	catching = 1;
}

void
interrupt_release(void)
{
	if (!catching)
		return;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	catching = 0;
}

int
interrupt_count(void)
{
	return count;
}

int
interrupt_newest(void)
{
	return newest;
}

void
interrupt_reset(void)
{
	count = 0;
}

int
interrupt_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct timespec t = { timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000 };
	int ready;

	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = 0;
	ready = ppoll(fds, n, timeout_ms < 0 ? NULL : &t, catching ? &before : NULL);
	return ready < 0 ? 0 : ready;
}

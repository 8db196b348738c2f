/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop. epoll is Linux's; another kernel gets another file like this one. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "init/init.h"

static int loop = -1;
static int64_t until;

int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
source_open(struct source *s, int fd, void (*fn)(void *arg), void *arg)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };

	*s = (struct source){ fd, fn, arg };
	if (loop == -1)
		loop = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &ev) == -1)
		abort();
}

void
source_close(struct source *s)
{
	if (s->fd != -1) {
		epoll_ctl(loop, EPOLL_CTL_DEL, s->fd, NULL);	/* a child may hold a copy until its exec */
		close(s->fd);
	}
	s->fd = -1;
}

void
loop_until(int64_t when)
{
	if (when != 0 && (until == 0 || when < until))
		until = when;
}

/* One event at a time, and the kernel takes turns: nothing is called after it was closed, nobody comes twice. */
void
loop_wait(void)
{
	int64_t now = now_ms(), wait = until == 0 ? -1 : until > now ? until - now : 0;
	struct epoll_event ev;

	until = 0;
	if (epoll_wait(loop, &ev, 1, (int)wait) == 1) {
		struct source *s = ev.data.ptr;

		s->fn(s->arg);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See loop.h. epoll is Linux's; another kernel gets another file like this one. */
#include "init/loop.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static int loop = -1;

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
		abort();		/* out of memory or descriptors: the service manager begins anew */
}

void
source_close(struct source *s)
{
	if (s->fd == -1)
		return;
	epoll_ctl(loop, EPOLL_CTL_DEL, s->fd, NULL);	/* a child may hold a copy until its exec */
	close(s->fd);
	s->fd = -1;
}

/* One event at a time, and the kernel takes turns: nothing is called after it was closed, nobody comes twice. */
void
loop_wait(int64_t due)
{
	int64_t wait = due == 0 ? -1 : due <= now_ms() ? 0 : due - now_ms();
	struct epoll_event ev;
	struct source *s;

	if (epoll_wait(loop, &ev, 1, (int)wait) == 1) {
		s = ev.data.ptr;
		s->fn(s->arg);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See loop.h. All of it is Linux's way; another kernel gets another file like this one. */
#include "common/loop.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/paths.h"

static int loop = -1;
static int64_t until;
static struct source signals, folders;
static void (*on_signal)(int number);
static changed_fn *on_change;

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

static void
read_signal(void *arg)
{
	struct signalfd_siginfo si;

	if (read(signals.fd, &si, sizeof(si)) == sizeof(si))
		on_signal((int)si.ssi_signo);
}

void
loop_signals(const int *list, void (*fn)(int number))
{
	sigset_t set;

	sigemptyset(&set);
	while (*list != 0)
		sigaddset(&set, *list++);
	sigprocmask(SIG_SETMASK, &set, NULL);
	on_signal = fn;
	source_open(&signals, signalfd(-1, &set, SFD_CLOEXEC), read_signal, NULL);
}

static void
read_changes(void *arg)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(folders.fd, events, sizeof(events));
	const struct inotify_event *ev;

	for (char *p = events; p < events + n; p += sizeof(*ev) + ev->len) {
		ev = (const struct inotify_event *)p;
		on_change(ev->wd, ev->len > 0 ? ev->name : "");
	}
}

int
loop_watch(const char *dir, changed_fn *fn)
{
	if (on_change == NULL)
		source_open(&folders, inotify_init1(IN_CLOEXEC | IN_NONBLOCK), read_changes, NULL);
	on_change = fn;
	return inotify_add_watch(folders.fd, dir, IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR);
}

int
loop_watch_below(const char *dir, changed_fn *fn)
{
	int folder = loop_watch(dir, fn);	/* first: what comes while we look is seen */
	DIR *handle = opendir(dir);
	struct dirent *d;

	while (handle != NULL && (d = readdir(handle)) != NULL) {
		cleanup_free char *path = path_join(dir, d->d_name);

		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			loop_watch(path, fn);
	}
	if (handle != NULL)
		closedir(handle);
	return folder;
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
	int64_t now = clock_mono_ms(), wait = -1;
	struct epoll_event ev;

	if (until != 0)
		wait = until > now ? until - now : 0;
	until = 0;
	if (epoll_wait(loop, &ev, 1, (int)wait) == 1) {
		struct source *s = ev.data.ptr;

		s->fn(s->arg);
	}
}

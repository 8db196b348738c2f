/* SPDX-License-Identifier: Apache-2.0 */
/* See loop.h. poll(2) and two small tables: init has a handful of descriptors and wakes up rarely. */
#include "init/loop.h"

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STREAM_MAX (8 * 1024 * 1024)

static struct watcher {
	void	(*fn)(void *arg, short revents);
	void	*arg;
} *watchers;
static struct pollfd *fds;		/* one for each watcher; fd -1 was forgotten */
static size_t nfds;
static struct timer *timers;
static int running;

int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void *
need(void *p)
{
	if (p == NULL)
		_exit(70);
	return p;
}

void
wipe(void *p, size_t len)
{
	if (p != NULL)
		explicit_bzero(p, len);
	free(p);
}

void
loop_fd(int fd, short events, void (*fn)(void *arg, short revents), void *arg)
{
	size_t i = 0;

	while (i < nfds && fds[i].fd != fd)
		i++;
	if (i == nfds && events != 0) {
		fds = need(reallocarray(fds, ++nfds, sizeof(*fds)));
		watchers = need(reallocarray(watchers, nfds, sizeof(*watchers)));
		fds[i].revents = 0;
	}
	if (i == nfds)
		return;
	fds[i].fd = events != 0 ? fd : -1;
	fds[i].events = events;
	watchers[i] = (struct watcher){ fn, arg };
}

void
timer_clear(struct timer *t)
{
	for (struct timer **p = &timers; *p != NULL; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			break;
		}
	t->at = 0;
}

void
timer_set(struct timer *t, int64_t in_ms)
{
	struct timer **p = &timers;

	timer_clear(t);
	t->at = now_ms() + in_ms;
	while (*p != NULL && (*p)->at <= t->at)
		p = &(*p)->next;
	t->next = *p;
	*p = t;
}

/* Forgotten descriptors leave the tables between two polls, never while one is being walked. */
static void
compact(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < nfds; i++)
		if (fds[i].fd != -1) {
			fds[kept] = fds[i];
			watchers[kept++] = watchers[i];
		}
	nfds = kept;
}

static void
run_timers(void)
{
	struct timer *t;

	while ((t = timers) != NULL && t->at <= now_ms()) {
		timer_clear(t);
		t->fn(t->arg);
	}
}

void
loop_run(void (*round)(void))
{
	for (running = 1; running; round()) {
		int wait = timers == NULL ? -1 : timers->at <= now_ms() ? 0 : (int)(timers->at - now_ms());

		compact();
		if (poll(fds, (nfds_t)nfds, wait) > 0)
			for (size_t i = 0, n = nfds; i < n; i++)
				if (fds[i].fd != -1 && fds[i].revents != 0)
					watchers[i].fn(watchers[i].arg, fds[i].revents);
		run_timers();
	}
}

void
loop_end(void)
{
	running = 0;
}

static void
stream_event(void *arg, short revents)
{
	struct stream *s = arg;

	if (revents & POLLOUT)
		stream_flush(s);
	if (revents & ~POLLOUT)
		s->fn(s->arg);
}

void
stream_open(struct stream *s, int fd, void (*fn)(void *arg), void *arg)
{
	*s = (struct stream){ .fd = fd, .fn = fn, .arg = arg };
	loop_fd(fd, POLLIN, stream_event, s);
}

void
stream_send(struct stream *s, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	need(n < 0 ? NULL : text);
	if (s->fd != -1 && s->len + (size_t)n > STREAM_MAX)
		stream_close(s);
	if (s->fd != -1) {
		char *both = need(malloc(s->len + (size_t)n));

		memcpy(both, s->len > 0 ? s->out : "", s->len);
		memcpy(both + s->len, text, (size_t)n);
		wipe(s->out, s->len);
		s->out = both;
		s->len += (size_t)n;
		loop_fd(s->fd, POLLIN | POLLOUT, stream_event, s);
	}
	wipe(text, (size_t)n);
}

void
stream_flush(struct stream *s)
{
	ssize_t n;

	if (s->fd == -1 || s->len == 0)
		return;
	n = send(s->fd, s->out, s->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		n = (ssize_t)s->len;		/* nobody will read it; our own reading side learns of the end */
	if (n > 0) {
		memmove(s->out, s->out + n, s->len - (size_t)n);
		s->len -= (size_t)n;
		explicit_bzero(s->out + s->len, (size_t)n);
	}
	loop_fd(s->fd, (short)(POLLIN | (s->len > 0 ? POLLOUT : 0)), stream_event, s);
}

void
stream_close(struct stream *s)
{
	if (s->fd == -1)
		return;
	loop_fd(s->fd, 0, NULL, NULL);
	close(s->fd);
	wipe(s->out, s->len);
	*s = (struct stream){ .fd = -1 };
}

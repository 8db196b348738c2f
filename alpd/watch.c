/* SPDX-License-Identifier: Apache-2.0 */
/* See watch.h: inotify(7) with IN_ONESHOT. Elsewhere nothing is heard, and anchors are made when alpd ends. */
#include "alpd/watch.h"

#include <unistd.h>

#include "common/mem.h"

#ifdef __linux__

#include <sys/inotify.h>

struct watch {
	int		 fd;
	char		*dir;
	struct event	*readable;
	void		(*fn)(void *arg);
	void		*arg;
};

/* One change, and that the watch is over; what exactly, nobody asks. */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	char events[4096];
	struct watch *w = arg;

	if (read(fd, events, sizeof(events)) > 0)
		w->fn(w->arg);
}

struct watch *
watch_new(struct event_base *base, const char *dir, void (*fn)(void *arg), void *arg, struct error *e)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct watch *w;

	if (fd == -1) {
		error_errno(e, "inotify");
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct watch){ .fd = fd, .dir = xstrdup(dir), .fn = fn, .arg = arg };
	w->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, w);
	event_add(w->readable, NULL);
	return w;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	event_free(w->readable);
	close(w->fd);
	free(w->dir);
	free(w);
}

int
watch_next(struct watch *w, struct error *e)
{
	if (inotify_add_watch(w->fd, w->dir, IN_MODIFY | IN_ONESHOT | IN_ONLYDIR) == -1)
		return error_errno(e, "watch %s", w->dir);
	return 0;
}

#else

struct watch {
	int	 none;
};

struct watch *
watch_new(struct event_base *base, const char *dir, void (*fn)(void *arg), void *arg, struct error *e)
{
	return xcalloc(1, sizeof(struct watch));
}

void
watch_free(struct watch *w)
{
	free(w);
}

int
watch_next(struct watch *w, struct error *e)
{
	return 0;
}

#endif

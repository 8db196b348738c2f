/* SPDX-License-Identifier: Apache-2.0 */
/* See init.h. What init says is believed; it is bounded all the same. */
#include "hostd/init.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/buf.h"
#include "common/daemon.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/host.h"

#define ANSWER_MAX (1024 * 1024)

struct order {
	int		 fd;
	struct event	*readable;
	struct buf	 in;
	init_done	*done;
	void		*arg;
};

static void
finish(struct order *o, const char *lines, const struct error *e)
{
	o->done(o->arg, lines, e);
	if (o->readable != NULL)
		event_free(o->readable);
	if (o->fd != -1)
		close(o->fd);
	buf_clear(&o->in);
	free(o);
}

/* The whole answer is there: its last line says how it went. */
static void
judge(struct order *o)
{
	struct error e = { 0 };
	char *text = o->in.data, *last;

	while (o->in.len > 0 && text[o->in.len - 1] == '\n')
		text[--o->in.len] = '\0';
	last = o->in.len == 0 ? NULL : strrchr(text, '\n');
	last = last == NULL ? text : last + 1;
	if (last != NULL && strcmp(last, "ok") == 0) {
		*last = '\0';
		finish(o, text, NULL);
		return;
	}
	if (last != NULL && strncmp(last, "error ", 6) == 0)
		error_set(&e, ERR_busy, "init: %s", last + 6);
	else
		error_set(&e, ERR_gone, "init: the answer was cut off");
	finish(o, NULL, &e);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct order *o = arg;
	struct error e = { .code = ERR_timeout, .text = "init does not answer" };
	char chunk[4096];
	ssize_t n;

	if (what & EV_TIMEOUT) {
		finish(o, NULL, &e);
		return;
	}
	n = read(fd, chunk, sizeof(chunk));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || buf_add(&o->in, chunk, (size_t)n) == -1)
		judge(o);
}

static int
open_order(struct order *o, const char *run, const char *line, struct error *e)
{
	cleanup_free char *path = path_join(run, "init.sock");
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(at.sun_path))
		return error_set(e, ERR_invalid, "%s: longer than a socket's name may be", path);
	strcpy(at.sun_path, path);
	if ((o->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return error_errno(e, "socket");
	if (connect(o->fd, (struct sockaddr *)&at, sizeof(at)) == -1)
		return error_errno(e, "%s", path);
	if (send(o->fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line))
		return error_errno(e, "%s", path);
	return 0;
}

void
init_order(struct host *h, const char *order, int timeout_s, init_done *done, void *arg)
{
	struct order *o = xcalloc(1, sizeof(*o));
	cleanup_free char *line = xasprintf("%s\n", order);
	struct error e = { 0 };

	*o = (struct order){ .fd = -1, .in = BUF(ANSWER_MAX), .done = done, .arg = arg };
	if (open_order(o, h->daemon->boot.run, line, &e) == -1) {
		finish(o, NULL, &e);
		return;
	}
	o->readable = event_new(h->daemon->base, o->fd, EV_READ | EV_PERSIST, on_readable, o);
	event_add(o->readable, &(struct timeval){ timeout_s, 0 });
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See init.h: ask.h's client, on our loop. What init says is believed; it is bounded all the same. */
#include "hostd/init.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/ask.h"
#include "common/buf.h"
#include "common/daemon.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/unixsock.h"
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

static void
judge(struct order *o)
{
	struct error e = { 0 };

	if (ask_verdict(&o->in, &e) == 0) {
		finish(o, buf_str(&o->in), NULL);
		return;
	}
	if (e.code == ERR_denied)
		e.code = ERR_busy;	/* what init refuses now it may do later */
	error_add(&e, "init");
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

	if ((o->fd = unix_connect(path, e)) == -1)
		return -1;
	fcntl(o->fd, F_SETFL, O_NONBLOCK);
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

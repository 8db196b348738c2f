/* SPDX-License-Identifier: Apache-2.0 */
/* See control.h. An order is begun when its line is there, and answered when its units have settled. */
#include "init/control.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init/loop.h"
#include "init/scan.h"
#include "init/spawn.h"
#include "init/supervise.h"
#include "init/system.h"

#define CLIENTS_MAX 16

struct client {
	struct stream	 s;
	char		 line[CONTROL_LINE_MAX];
	size_t		 len;
	const struct order *order;		/* NULL: its line is not complete */
	const char	*x;			/* in line */
	int		 answered;
	int64_t		 since;
};

struct order {
	const char	*word;
	enum { ALONE, NAMED } form;
	enum { NOW, SETTLED, AT_END } answer;
	void		(*begin)(struct client *c);	/* may be NULL */
	void		(*each)(struct unit *u);	/* for the units that X names; may be NULL */
};

static struct client clients[CLIENTS_MAX];
static int listener = -1;
static int64_t began;

static void
list(struct client *c)
{
	int64_t now = now_ms();

	stream_send(&c->s, "init %d %lld\n", (int)getpid(), (long long)(now - began));
	for (const struct unit *u = units; u != NULL; u = u->next)
		stream_send(&c->s, "unit %s %s %d %lld %d %ld\n", u->name, state_name(u->state), (int)u->pid,
		    (long long)(u->pid != 0 ? now - u->began : 0), u->restarts, u->pid != 0 ? system_rss_kb(u->pid) : 0);
	for (const struct unit *u = units; u != NULL; u = u->next)
		for (int i = 0; (u->state == BACKOFF || u->state == FAILED) && i < TAIL_LINES; i++)
			if (tail_line(&u->tail, i) != NULL)
				stream_send(&c->s, "stderr %s %s\n", u->name, tail_line(&u->tail, i));
}

static void
stop(struct unit *u)
{
	unit_stop(u, 0, 0);
}

static void
restart(struct unit *u)
{
	unit_stop(u, 1, 0);
}

static void
shut_down(struct client *c)
{
	kill(getpid(), SIGTERM);
}

static const struct order orders[] = {
	/* word        form   answered  begin      for each unit of X */
	{ "list",      ALONE, NOW,      list,      NULL         },
	{ "start",     NAMED, SETTLED,  NULL,      unit_start   },
	{ "stop",      NAMED, SETTLED,  NULL,      stop         },
	{ "restart",   NAMED, SETTLED,  NULL,      restart      },
	{ "reload",    NAMED, NOW,      NULL,      spawn_reload },
	{ "shutdown",  ALONE, AT_END,   shut_down, NULL         },
	{ "wait",      ALONE, SETTLED,  NULL,      NULL         },
};

const struct order *
control_parse(char *line, const char **x)
{
	char *blank = strchr(line, ' ');

	*x = blank != NULL ? blank + 1 : "";
	if (blank != NULL)
		*blank = '\0';
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (strcmp(orders[i].word, line) == 0)
			return (orders[i].form == NAMED) == (**x != '\0') && strchr(*x, ' ') == NULL &&
			    (blank == NULL || **x != '\0') ? &orders[i] : NULL;
	return NULL;
}

int
control_settled(const char *x, char *why, size_t size)
{
	size_t n = 0;

	why[0] = '\0';
	for (const struct unit *u = units; u != NULL; u = u->next) {
		if (!unit_matches(u, x))
			continue;
		if (!unit_settled(u))
			return 0;
		if (u->state == FAILED && n < size)
			n += (size_t)snprintf(why + n, size - n, "%s%s", n > 0 ? ", " : "failed: ", u->name);
	}
	if (units == NULL && scan_settled())
		snprintf(why, size, "there is nothing to run: %s", scan_warning());
	return scan_settled();
}

static void
answer(struct client *c, const char *why)
{
	stream_send(&c->s, *why != '\0' ? "error %s\n" : "ok\n", why);
	stream_flush(&c->s);
	c->answered = 1;
}

static void
begin(struct client *c)
{
	int matched = 0;

	if ((c->order = control_parse(c->line, &c->x)) == NULL) {
		answer(c, "not an order: list, wait, shutdown, or start, stop, restart, reload with a unit, a profile or all");
		return;
	}
	for (struct unit *u = units; u != NULL; u = u->next)
		if (c->order->form == NAMED && unit_matches(u, c->x)) {
			matched = 1;
			c->order->each(u);
		}
	if (c->order->begin != NULL)
		c->order->begin(c);
	if (c->order->form == NAMED && !matched)
		answer(c, "no such unit or profile");
	else if (c->order->answer == NOW)
		answer(c, "");
}

static void
client_read(void *arg)
{
	struct client *c = arg;
	char spare[64], *into = c->order == NULL ? c->line + c->len : spare, *eol;
	size_t room = c->order == NULL ? sizeof(c->line) - c->len : sizeof(spare);
	ssize_t n = recv(c->s.fd, into, room, MSG_DONTWAIT);

	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		stream_close(&c->s);
	if (n <= 0 || c->order != NULL || c->answered)
		return;
	c->len += (size_t)n;
	if ((eol = memchr(c->line, '\n', c->len)) != NULL) {
		*eol = '\0';
		begin(c);
	} else if (c->len == sizeof(c->line))
		answer(c, "line too long");
}

/* A free place; else that of the one who has kept silent longest; NULL when all have orders under way. */
static struct client *
place(void)
{
	struct client *oldest = NULL;

	for (struct client *c = clients; c < clients + CLIENTS_MAX; c++) {
		if (c->s.fd == -1)
			return c;
		if (c->order == NULL && (oldest == NULL || c->since < oldest->since))
			oldest = c;
	}
	if (oldest != NULL)
		stream_close(&oldest->s);
	return oldest;
}

static void
client_new(void *arg, short revents)
{
	int fd = accept(listener, NULL, NULL);
	struct client *c;
	uid_t peer;

	if (fd == -1)
		return;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (((peer = system_peer(fd)) != geteuid() && peer != 0) || (c = place()) == NULL) {
		close(fd);
		return;
	}
	memset(c, 0, sizeof(*c));
	c->since = now_ms();
	stream_open(&c->s, fd, client_read, c);
}

void
control_round(void)
{
	char why[1024];

	for (struct client *c = clients; c < clients + CLIENTS_MAX; c++) {
		if (c->s.fd != -1 && c->order != NULL && c->order->answer == SETTLED && !c->answered &&
		    control_settled(c->order->form == NAMED ? c->x : "all", why, sizeof(why)))
			answer(c, why);
		if (c->answered && c->s.len == 0)
			stream_close(&c->s);
	}
}

int
control_open(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	for (int i = 0; i < CLIENTS_MAX; i++)
		clients[i].s.fd = -1;
	began = now_ms();
	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	unlink(path);
	if ((listener = socket(AF_UNIX, SOCK_STREAM, 0)) == -1 ||
	    fcntl(listener, F_SETFD, FD_CLOEXEC) == -1 || fcntl(listener, F_SETFL, O_NONBLOCK) == -1 ||
	    bind(listener, (struct sockaddr *)&a, sizeof(a)) == -1 || listen(listener, CLIENTS_MAX) == -1)
		return -1;
	loop_fd(listener, POLLIN, client_new, NULL);
	return 0;
}

void
control_close(void)
{
	for (struct client *c = clients; c < clients + CLIENTS_MAX; c++) {
		if (c->order != NULL && !c->answered)
			answer(c, c->order->answer == AT_END ? "" : "init is stopping");
		stream_close(&c->s);
	}
	close(listener);
}

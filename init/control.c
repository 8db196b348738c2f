/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders of people. Only our own user and root are heard; a client that is slow, silent or gone holds nobody
 * up. An order is begun when its line is there, and answered when the units that it names have settled.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "init/init.h"

static struct client {
	struct source	 source;
	FILE		*out;			/* does not wait: what does not fit into the socket is lost */
	char		 line[256];
	size_t		 len;
	const struct order *order;		/* NULL: none is under way */
	const char	*x;			/* in line */
} clients[16];
static struct source listener;
static int64_t began;

static long
rss_kb(pid_t pid)
{
	char path[64];
	long pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	if (fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
list(FILE *out)
{
	int64_t now = now_ms();

	fprintf(out, "init %d %lld\n", (int)getpid(), (long long)(now - began));
	for (const struct unit *u = units; u != NULL; u = u->next) {
		unsigned first = u->tail.count < TAIL_LINES ? 0 : u->tail.count - TAIL_LINES;

		fprintf(out, "unit %s %s %d %lld %d %ld\n", u->name, state_names[u->state], (int)u->pid,
		    u->pid != 0 ? (long long)(now - u->began) : 0, u->restarts, u->pid != 0 ? rss_kb(u->pid) : 0);
		for (unsigned i = first; (u->state == BACKOFF || u->state == FAILED) && i < u->tail.count; i++)
			fprintf(out, "stderr %s %s\n", u->name, u->tail.last[i % TAIL_LINES]);
	}
}

static void
shut_down(FILE *out)
{
	kill(getpid(), SIGTERM);
}

static const struct order {
	const char	*word;
	void		(*each)(struct unit *u);	/* of the units that X names; NULL: there is no X */
	void		(*once)(FILE *out);
	enum { AT_ONCE, SETTLED, OVER } answer;
} orders[] = {
	{ "list",     NULL,         list,      AT_ONCE },
	{ "wait",     NULL,         NULL,      SETTLED },
	{ "start",    unit_start,   NULL,      SETTLED },
	{ "stop",     unit_stop,    NULL,      SETTLED },
	{ "restart",  unit_restart, NULL,      SETTLED },
	{ "reload",   spawn_reload, NULL,      AT_ONCE },
	{ "shutdown", NULL,         shut_down, OVER    },
};

const struct order *
control_parse(char *line, const char **x)
{
	char *blank = strchr(line, ' ');

	*x = blank != NULL ? blank + 1 : "all";
	if (blank != NULL)
		*blank = '\0';
	for (size_t i = 0; i < COUNT(orders); i++)
		if (strcmp(orders[i].word, line) == 0 && (blank != NULL) == (orders[i].each != NULL) && **x != '\0')
			return &orders[i];
	return NULL;
}

static void
leave(struct client *c)
{
	source_close(&c->source);
	if (c->out != NULL)
		fclose(c->out);
	*c = (struct client){ .source.fd = -1 };
}

static void
answer(struct client *c, const char *why)
{
	fprintf(c->out, *why != '\0' ? "error %s\n" : "ok\n", why);
	leave(c);
}

static void
begin(struct client *c)
{
	struct unit *u = NULL;

	if ((c->order = control_parse(c->line, &c->x)) == NULL)
		answer(c, "not an order: list, wait, shutdown; start, stop, restart, reload and a unit, a profile or all");
	else if (c->order->each != NULL && units_next(NULL, c->x) == NULL)
		answer(c, "no such unit or profile");
	else {
		while (c->order->each != NULL && (u = units_next(u, c->x)) != NULL)
			c->order->each(u);
		if (c->order->once != NULL)
			c->order->once(c->out);
		if (c->order->answer == AT_ONCE)
			answer(c, "");
	}
}

static void
hear(void *arg)
{
	struct client *c = arg;
	ssize_t n = read(c->source.fd, c->line + c->len, sizeof(c->line) - c->len);
	char *eol;

	c->len += n > 0 ? (size_t)n : 0;
	eol = memchr(c->line, '\n', c->len);
	if (n <= 0 || c->order != NULL || (eol == NULL && c->len == sizeof(c->line)))
		leave(c);			/* gone, talks out of turn, or without end */
	else if (eol != NULL) {
		*eol = '\0';
		begin(c);
	}
}

/* In turn every place is given away again, but for those with an order under way: the silent go first. */
static void
greet(void *arg)
{
	int fd = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer = { .uid = (uid_t)-1 };
	static size_t place;
	struct client *c;

	for (size_t i = 0; i < COUNT(clients) && clients[place].order != NULL; i++)
		place = (place + 1) % COUNT(clients);
	c = &clients[place];
	place = (place + 1) % COUNT(clients);
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &(socklen_t){ sizeof(peer) });
	if (fd != -1 && c->order == NULL && (peer.uid == geteuid() || peer.uid == 0)) {
		leave(c);
		source_open(&c->source, fd, hear, c);
		if ((c->out = fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 0), "w")) == NULL)
			leave(c);
	} else if (fd != -1)
		close(fd);
}

int
control_open(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct sockaddr_un at = { AF_UNIX, CONTROL_PATH };

	began = now_ms();
	for (size_t i = 0; i < COUNT(clients); i++)
		clients[i].source.fd = -1;
	unlink(at.sun_path);
	if (fd == -1 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) == -1 || chmod(at.sun_path, 0600) == -1 ||
	    listen(fd, COUNT(clients)) == -1)
		return -1;
	source_open(&listener, fd, greet, NULL);
	return 0;
}

void
control_round(int over)
{
	char why[1024];

	for (struct client *c = clients; c < clients + COUNT(clients); c++)
		if (c->order != NULL && c->order->answer == SETTLED && units_settled(c->x, why, sizeof(why)))
			answer(c, why);
		else if (c->order != NULL && over)
			answer(c, c->order->answer == OVER ? "" : "init is stopping");
}

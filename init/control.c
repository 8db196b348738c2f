/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders of people. Only our own user and root are heard; a client that is slow, silent or gone holds nobody
 * up. An order is begun when its line is there, and answered when the units that it names have settled.
 */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/process.h"
#include "common/unixsock.h"
#include "init/init.h"

static struct client {
	struct source	 source;
	char		 line[256];
	size_t		 len;
	const struct order *order;		/* NULL: none is under way */
	const char	*x;			/* in line */
} clients[16];
static struct source listener;
static int64_t began;

static void
list_tail(struct buf *out, const struct unit *u)
{
	unsigned first = u->tail.count < TAIL_LINES ? 0 : u->tail.count - TAIL_LINES;

	for (unsigned i = first; i < u->tail.count; i++)
		buf_addf(out, "stderr %s %s\n", u->name, u->tail.last[i % TAIL_LINES]);
}

static void
list(struct buf *out)
{
	int64_t now = clock_mono_ms(), up;

	buf_addf(out, "init %d %lld\n", (int)getpid(), (long long)(now - began));
	for (const struct unit *u = units; u != NULL; u = u->next) {
		up = u->pid != 0 ? now - u->began : 0;
		buf_addf(out, "unit %s %s %d %lld %d %ld\n", u->name, state_names[u->state], (int)u->pid, (long long)up,
		    u->restarts, u->pid != 0 ? process_rss_kb(u->pid) : 0);
		if (u->state == BACKOFF || u->state == FAILED)
			list_tail(out, u);
	}
}

static void
shut_down(struct buf *out)
{
	kill(getpid(), SIGTERM);
}

static const struct order {
	const char	*word;
	void		(*each)(struct unit *u);	/* of the units that X names; NULL: there is no X */
	void		(*once)(struct buf *out);
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
	*c = (struct client){ .source.fd = -1 };
}

/* Does not wait: what does not fit into the socket is lost. */
static void
answer(struct client *c, struct buf *lines, const char *why)
{
	buf_addf(lines, *why != '\0' ? "error %s\n" : "ok\n", why);
	if (write(c->source.fd, lines->data, lines->len) != -1)
		shutdown(c->source.fd, SHUT_WR);
	leave(c);
}

static void
begin(struct client *c)
{
	cleanup_buf struct buf out = BUF(0);
	struct unit *u = NULL;

	if ((c->order = control_parse(c->line, &c->x)) == NULL) {
		answer(c, &out, "not an order: list, wait, shutdown; start, stop, restart, reload and a unit, a profile or all");
		return;
	}
	if (c->order->each != NULL && units_next(NULL, c->x) == NULL) {
		answer(c, &out, "no such unit or profile");
		return;
	}
	while (c->order->each != NULL && (u = units_next(u, c->x)) != NULL)
		c->order->each(u);
	if (c->order->once != NULL)
		c->order->once(&out);
	if (c->order->answer == AT_ONCE)
		answer(c, &out, "");
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
static struct client *
place(void)
{
	static size_t next;

	for (size_t i = 0; i < COUNT(clients); i++) {
		struct client *c = &clients[next++ % COUNT(clients)];

		if (c->order == NULL)
			return c;
	}
	return NULL;
}

static void
greet(void *arg)
{
	int fd = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c = place();
	uid_t uid;

	if (fd == -1)
		return;
	if (c == NULL || !unix_peer_is_own(fd, &uid)) {
		close(fd);
		return;
	}
	leave(c);
	source_open(&c->source, fd, hear, c);
}

int
control_open(struct error *e)
{
	int fd = unix_listen(CONTROL_PATH, e);

	if (fd == -1)
		return -1;
	began = clock_mono_ms();
	for (size_t i = 0; i < COUNT(clients); i++)
		clients[i].source.fd = -1;
	source_open(&listener, fd, greet, NULL);
	return 0;
}

void
control_round(int over)
{
	cleanup_buf struct buf why = BUF(0), none = BUF(0);

	for (struct client *c = clients; c < clients + COUNT(clients); c++) {
		buf_reset(&none);
		if (c->order != NULL && c->order->answer == SETTLED && units_settled(c->x, &why))
			answer(c, &none, buf_str(&why));
		else if (c->order != NULL && over)
			answer(c, &none, c->order->answer == OVER ? "" : "init is stopping");
	}
}

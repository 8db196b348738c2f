/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See sock.h. Bytes are bounded per line, per client and in total; a client
 * that is silent holds nothing but a descriptor, and gives that up to a newer
 * one when there are too many. What lines mean is client.c's business.
 */
#include "hostd/sock.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/buf.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/unixsock.h"
#include "hostd/client.h"
#include "hostd/host.h"

#define READ_CHUNK	65536

struct conn {
	TAILQ_ENTRY(conn)	 link;
	struct sock		*sock;
	struct client		 client;
	int			 fd;
	struct event		*readable, *writable;
	struct buf		 in, out;
	size_t			 sent;		/* bytes of out that were taken */
	size_t			 messages;	/* in what was not taken yet */
	bool			 asked;		/* the request line is in */
	bool			 ended;		/* answered: close when all is taken */
};

TAILQ_HEAD(conns, conn);

struct sock {
	struct host	*host;
	int		 fd;
	char		*path;
	struct event	*acceptable;
	struct conns	 conns;		/* oldest first */
	size_t		 nconns;
	size_t		 bytes;		/* buffered for all of them */
};

static void
free_conn(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	buf_clear(&c->in);
	buf_clear(&c->out);
	event_free(c->readable);
	event_free(c->writable);
	free(c);
}

/* The memory goes later: whoever led here may still hold the connection in its hand. */
static void
drop(struct conn *c)
{
	struct sock *s = c->sock;

	if (c->fd == -1)
		return;
	event_del(c->readable);
	event_del(c->writable);
	close(c->fd);
	c->fd = -1;
	TAILQ_REMOVE(&s->conns, c, link);
	s->nconns--;
	s->bytes -= c->in.len + c->out.len;
	client_gone(&c->client);
	event_base_once(s->host->daemon->base, -1, EV_TIMEOUT, free_conn, c, &(struct timeval){ 0 });
}

static size_t
count_lines(const char *data, size_t len)
{
	const char *end = data + len, *nl;
	size_t n = 0;

	while (data < end && (nl = memchr(data, '\n', (size_t)(end - data))) != NULL) {
		n++;
		data = nl + 1;
	}
	return n;
}

/* 1 all taken, 0 some is left, -1 the peer is gone. */
static int
write_some(struct conn *c)
{
	ssize_t n;

	while (c->sent < c->out.len) {
		n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
		c->messages -= count_lines(c->out.data + c->sent, (size_t)n);
		c->sent += (size_t)n;
	}
	c->sock->bytes -= c->out.len;
	c->sent = 0;
	if (c->out.cap > READ_CHUNK)
		buf_clear(&c->out);	/* an idle stream does not keep what its largest answer needed */
	else
		buf_reset(&c->out);
	return 1;
}

static void
flush(struct conn *c)
{
	int all = write_some(c);

	if (all == -1 || (all == 1 && c->ended))
		drop(c);
	else if (all == 0 && !event_pending(c->writable, EV_WRITE, NULL))
		event_add(c->writable, &(struct timeval){ SOCK_STALL_S, 0 });
	else if (all == 1)
		event_del(c->writable);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	if (what & EV_TIMEOUT) {
		log_info("client dropped, it takes nothing queued=%zu", c->out.len - c->sent);
		drop(c);
		return;
	}
	flush(c);
	if (c->fd != -1 && c->out.len == 0)
		client_drained(&c->client);
}

static int
conn_send(void *conn, const char *text, size_t len)
{
	struct conn *c = conn;

	if (c->fd == -1 || c->ended)
		return -1;
	if (c->sock->bytes + len > SOCK_BYTES_MAX || buf_add(&c->out, text, len) == -1 ||
	    buf_addc(&c->out, '\n') == -1) {
		log_warn("client dropped, too much is queued bytes=%zu", c->out.len - c->sent);
		drop(c);
		return -1;
	}
	c->sock->bytes += len + 1;
	c->messages++;
	if (!event_pending(c->writable, EV_WRITE, NULL))
		flush(c);
	return c->fd == -1 ? -1 : 0;
}

static size_t
conn_queued_bytes(const void *conn)
{
	const struct conn *c = conn;

	return c->out.len - c->sent;
}

static size_t
conn_queued_messages(const void *conn)
{
	return ((const struct conn *)conn)->messages;
}

static void
conn_end(void *conn)
{
	struct conn *c = conn;

	c->ended = true;
	if (c->fd != -1 && c->out.len == 0)
		drop(c);
}

static const struct transport local_transport = {
	.send = conn_send,
	.queued_bytes = conn_queued_bytes,
	.queued_messages = conn_queued_messages,
	.end = conn_end,
};

/* The line is whole: nothing else is read as a request on this connection. */
static void
take_line(struct conn *c, size_t len)
{
	struct buf line = c->in;

	c->in = (struct buf){ 0 };
	c->asked = true;
	c->sock->bytes -= line.len;
	if (client_request(&c->client, line.data, len) == -1)
		drop(c);
	buf_clear(&line);
}

static void
take_bytes(struct conn *c, const char *data, size_t n)
{
	const char *nl = memchr(data, '\n', n);
	size_t before = c->in.len, upto = nl == NULL ? n : (size_t)(nl - data);

	if (before + upto > MESSAGE_MAX || c->sock->bytes + upto > SOCK_BYTES_MAX) {
		log_info("client dropped, its line is too long bytes=%zu", before + upto);
		drop(c);
		return;
	}
	buf_add(&c->in, data, upto);
	c->sock->bytes += upto;
	if (nl != NULL)
		take_line(c, c->in.len);
}

/*
 * Nothing more will come. A client that only closed its sending half still
 * waits for its answer; one that is gone altogether shows as a hang-up.
 */
static void
end_of_input(struct conn *c)
{
	struct pollfd p = { .fd = c->fd };

	if (!c->asked || poll(&p, 1, 0) == -1 || (p.revents & (POLLHUP | POLLERR)))
		drop(c);
	else
		event_del(c->readable);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static char chunk[READ_CHUNK];
	struct conn *c = arg;
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1)
		drop(c);
	else if (n == 0)
		end_of_input(c);
	else if (!c->asked)
		take_bytes(c, chunk, (size_t)n);
}

static int
peer_allowed(int fd)
{
	uid_t uid = (uid_t)-1;

	if (unix_peer_is_own(fd, &uid))
		return 1;
	log_warn("client refused uid=%d", (int)uid);
	return 0;
}

/* Room for one more: a client that has asked nothing yet gives way, the oldest first. */
static int
make_room(struct sock *s)
{
	struct conn *c;

	TAILQ_FOREACH(c, &s->conns, link)
		if (!c->asked) {
			drop(c);
			return 1;
		}
	return 0;
}

static void
add_conn(struct sock *s, int fd)
{
	struct event_base *base = s->host->daemon->base;
	struct conn *c = xcalloc(1, sizeof(*c));

	c->sock = s;
	c->fd = fd;
	c->in.max = c->out.max = MESSAGE_MAX + 1;
	c->client = (struct client){ .host = s->host, .transport = &local_transport, .conn = c,
		.role = ROLE_ADMIN, .local = true, .connection = "host" };
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	TAILQ_INSERT_TAIL(&s->conns, c, link);
	s->nconns++;
	event_add(c->readable, NULL);
}

static void
on_acceptable(evutil_socket_t listener, short what, void *arg)
{
	struct sock *s = arg;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) != -1 ||
	    ((errno == EMFILE || errno == ENFILE) && make_room(s))) {
		if (fd == -1)
			continue;
		if (!peer_allowed(fd) || (s->nconns >= SOCK_CLIENTS_MAX && !make_room(s)))
			close(fd);
		else
			add_conn(s, fd);
	}
}

struct sock *
sock_listen(struct host *h, const char *root, struct error *e)
{
	cleanup_free char *path = path_join(root, "host/host.sock");
	int fd = unix_listen(path, e);
	struct sock *s;

	if (fd == -1)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->host = h;
	s->path = steal(path);
	s->fd = fd;
	TAILQ_INIT(&s->conns);
	return s;
}

void
sock_serve(struct sock *s)
{
	s->acceptable = event_new(s->host->daemon->base, s->fd, EV_READ | EV_PERSIST, on_acceptable, s);
	event_add(s->acceptable, NULL);
}

void
sock_close(struct sock *s)
{
	if (s == NULL)
		return;
	if (s->acceptable != NULL)
		event_free(s->acceptable);
	while (!TAILQ_EMPTY(&s->conns))
		drop(TAILQ_FIRST(&s->conns));
	unlink(s->path);
	close(s->fd);
	free(s->path);
	free(s);
}

size_t
sock_clients(const struct sock *s)
{
	return s->nconns;
}

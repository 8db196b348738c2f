/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See bus.h. The inbox is a REP socket with one context per question, so
 * that many are held and answered late, in any order; each peer is a REQ
 * socket of its own, so that one that hangs delays no other.
 *
 * Not the raw REP socket with its descriptor, which would need no contexts:
 * it silently drops the answers beyond 64 that one caller has not read yet,
 * and a process that answers a few hundred long polls at once gets there
 * (test_bus: a_burst_of_answers_arrives_whole). A context's send waits.
 *
 * Callbacks of nng run on its threads. They touch only the item that
 * finished, put it on the queue under the lock and wake the loop; a question
 * is received only when the one before is on the queue, which keeps the
 * order of each caller. A socket is never closed from a callback.
 */
#include "common/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#ifdef __linux__
#include <sys/eventfd.h>
#endif

#include "common/mem.h"
#include "proto/proto.h"

#define STACK_BYTES	(256 * 1024)	/* of nng's threads; a huge page under the default of 8 MB costs 2 MB each */
#define INBOX_QUEUE_MAX	256		/* questions taken from nng that the loop has not seen */
#define FINISHED_MAX	64		/* sent answers that wait to be freed without waking the loop for them */
#define RECONNECT_MS	10
#define RECONNECT_MAX_MS 200
#define DIAL_S		3		/* nobody there for so long and nobody asking: stop looking */
#define FLUSH_MS	1000

/* What nng's threads hand to the loop. */
struct item {
	struct item	*next;
	void		(*run)(struct item *);
};

struct bus {
	struct event_base	*base;
	struct event		*wake;
	int			 wake_read, wake_write;	/* the same descriptor with eventfd */
	bus_request_fn		*on_request;
	void			*arg;
	nng_socket		 inbox;
	int			 listening, ending;
	struct bus_peer		*peers;
	size_t			 held, answering, unsent;	/* questions, answers under way, their bytes */

	pthread_mutex_t		 lock;			/* for all below */
	struct item		*first, **last;
	size_t			 finished, unseen;
	int			 woken, loud;		/* loud: wake for everything */
	int			 paused;		/* too many unseen: the loop takes receiving up again */
	struct bus_message	*receiver;		/* who waited for a question last */
};

struct bus_message {
	struct item	 item;			/* first: an item is its message */
	struct bus	*bus;
	nng_ctx		 ctx;
	nng_aio		*aio;
	nng_msg		*msg;
	size_t		 answer_len;
};

struct bus_peer {
	struct item	 item;
	struct bus	*bus;
	struct bus_peer	*next;
	char		*url;
	nng_socket	 sock;
	nng_dialer	 dialer;
	int		 dialing;
	struct event	*idle;
	atomic_int	 pipes, queued;
	size_t		 asks, bytes;
};

struct bus_ask {
	struct item	 item;
	struct bus_peer	*peer;
	nng_ctx		 ctx;
	nng_aio		*aio;
	atomic_int	 sent;
	int		 open, result;
	nng_msg		*reply;
	size_t		 len;
	bus_done_fn	*done;
	void		*arg;
};

static int
nng_error(struct error *e, enum error_code code, const char *what, int rv)
{
	return error_set(e, rv == NNG_ENOMEM ? ERR_internal : code, "%s: %s", what, nng_strerror(rv));
}

/* ---- from nng's threads to the loop --------------------------------------------------------- */

static void
ring(struct bus *b)
{
	uint64_t one = 1;

	/* A full pipe has woken the loop already; nothing else can go wrong here. */
	while (write(b->wake_write, &one, sizeof(one)) == -1 && errno == EINTR)
		;
}

/* Wake the loop, if `wake` or if enough has gathered. The lock is held. */
static void
enqueue(struct bus *b, struct item *i, int wake)
{
	i->next = NULL;
	*b->last = i;
	b->last = &i->next;
	if (!wake && !b->loud && ++b->finished < FINISHED_MAX)
		return;
	if (!b->woken)
		ring(b);
	b->woken = 1;
}

static void
push(struct bus *b, struct item *i, int wake)
{
	pthread_mutex_lock(&b->lock);
	enqueue(b, i, wake);
	pthread_mutex_unlock(&b->lock);
}

static void	receive(struct bus *);

static void
run_queue(struct bus *b)
{
	struct item *i, *next;
	int resume;

	pthread_mutex_lock(&b->lock);
	i = b->first;
	b->first = NULL;
	b->last = &b->first;
	b->finished = b->unseen = 0;
	resume = b->paused;
	b->woken = b->paused = 0;
	pthread_mutex_unlock(&b->lock);
	for (; i != NULL; i = next) {
		next = i->next;
		i->run(i);
	}
	if (resume)
		receive(b);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	char drain[512];

	while (read(fd, drain, sizeof(drain)) == (ssize_t)sizeof(drain))
		;
	run_queue(arg);
}

#ifdef __linux__
static int
wake_open(struct bus *b)
{
	b->wake_read = b->wake_write = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return b->wake_read == -1 ? -1 : 0;
}
#else
static int
wake_open(struct bus *b)
{
	int fds[2];

	if (pipe(fds) == -1)
		return -1;
	for (int i = 0; i < 2; i++) {
		fcntl(fds[i], F_SETFD, FD_CLOEXEC);
		fcntl(fds[i], F_SETFL, O_NONBLOCK);
	}
	b->wake_read = fds[0];
	b->wake_write = fds[1];
	return 0;
}
#endif

static void
small_stacks(void)
{
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) != 0)
		return;
	if (pthread_attr_setstacksize(&attr, STACK_BYTES) == 0)
		pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
#endif
}

struct bus *
bus_new(struct event_base *base, bus_request_fn *on_request, void *arg, struct error *e)
{
	struct bus *b = xcalloc(1, sizeof(*b));

	small_stacks();
	b->base = base;
	b->on_request = on_request;
	b->arg = arg;
	b->last = &b->first;
	pthread_mutex_init(&b->lock, NULL);
	if (wake_open(b) == -1) {
		error_errno(e, "bus");
		free(b);
		return NULL;
	}
	b->wake = event_new(base, b->wake_read, EV_READ | EV_PERSIST, on_wake, b);
	event_add(b->wake, NULL);
	return b;
}

/* ---- the inbox ------------------------------------------------------------------------------ */

static void
message_free(struct bus_message *m)
{
	nng_ctx_close(m->ctx);
	nng_aio_free(m->aio);		/* waits for a callback that is just returning */
	if (m->msg != NULL)
		nng_msg_free(m->msg);
	free(m);
}

/* The loop: a question is here. */
static void
run_message(struct item *i)
{
	struct bus_message *m = (struct bus_message *)i;

	m->bus->held++;
	m->bus->on_request(m->bus->arg, m);
}

/* The loop: an answer is on its way, or the inbox was closed. */
static void
run_finished(struct item *i)
{
	struct bus_message *m = (struct bus_message *)i;

	if (m->answer_len > 0) {
		m->bus->answering--;
		m->bus->unsent -= m->answer_len;
	}
	message_free(m);
}

/* An nng thread: the receiver got a question. */
static void
on_question(struct bus_message *m)
{
	struct bus *b = m->bus;
	int paused;

	m->msg = nng_aio_get_msg(m->aio);
	nng_aio_set_msg(m->aio, NULL);
	m->item.run = run_message;
	pthread_mutex_lock(&b->lock);
	b->receiver = NULL;
	enqueue(b, &m->item, 1);
	paused = b->paused = ++b->unseen >= INBOX_QUEUE_MAX;
	pthread_mutex_unlock(&b->lock);
	if (!paused)
		receive(b);
}

/* An nng thread: receiving or answering ended. */
static void
on_message_aio(void *arg)
{
	struct bus_message *m = arg;
	int rv = nng_aio_result(m->aio);

	if (rv == 0 && m->answer_len == 0) {
		on_question(m);
		return;
	}
	m->item.run = run_finished;
	m->msg = rv != 0 && m->answer_len > 0 ? nng_aio_get_msg(m->aio) : NULL;
	push(m->bus, &m->item, 0);
}

/* Wait for one more question. Whoever took the last one does this, or the loop after a pause: there is one receiver at most. */
static void
receive(struct bus *b)
{
	struct bus_message *m = xcalloc(1, sizeof(*m));

	m->bus = b;
	m->item.run = run_finished;
	if (nng_aio_alloc(&m->aio, on_message_aio, m) != 0 || nng_ctx_open(&m->ctx, b->inbox) != 0) {
		nng_aio_free(m->aio);		/* the inbox is being closed */
		free(m);
		return;
	}
	pthread_mutex_lock(&b->lock);
	b->receiver = m;
	pthread_mutex_unlock(&b->lock);
	nng_ctx_recv(m->ctx, m->aio);
}

/* A path in the file system is a whole URL to nng, whatever bytes it holds. */
static char *
url_of(const char *path)
{
	return xasprintf("ipc://%s", path);
}

/* The socket's mode comes from the mask: no moment passes in which it is open to others. */
static int
listen_private(struct bus *b, const char *path)
{
	cleanup_free char *url = url_of(path);
	mode_t mask = umask(0177);
	int rv = nng_listen(b->inbox, url, NULL, 0);

	umask(mask);
	return rv;
}

int
bus_listen(struct bus *b, const char *path, struct error *e)
{
	int rv;

	if (unlink(path) == -1 && errno != ENOENT)
		return error_errno(e, "%s", path);
	if ((rv = nng_rep0_open(&b->inbox)) != 0)
		return nng_error(e, ERR_internal, "inbox", rv);
	if ((rv = nng_socket_set_size(b->inbox, NNG_OPT_RECVMAXSZ, PROTO_MESSAGE_MAX)) != 0 ||
	    (rv = listen_private(b, path)) != 0) {
		nng_close(b->inbox);
		return nng_error(e, ERR_unavailable, path, rv);
	}
	b->listening = 1;
	receive(b);
	return 0;
}

const char *
bus_message_text(const struct bus_message *m, size_t *len)
{
	*len = m->msg != NULL ? nng_msg_len(m->msg) : 0;
	return m->msg != NULL ? nng_msg_body(m->msg) : NULL;
}

void
bus_message_read(struct bus_message *m)
{
	if (m->msg != NULL)
		nng_msg_free(m->msg);
	m->msg = NULL;
}

long
bus_message_uid(const struct bus_message *m)
{
	uint64_t uid;

	if (m->msg == NULL || nng_pipe_get_uint64(nng_msg_get_pipe(m->msg), NNG_OPT_IPC_PEER_UID, &uid) != 0)
		return -1;
	return (long)uid;
}

int
bus_answer(struct bus_message *m, const char *text, size_t len, int must)
{
	struct bus *b = m->bus;
	nng_msg *msg;

	if (!must && b->unsent + len > BUS_BYTES_MAX)
		return -1;
	if (nng_msg_alloc(&msg, len) != 0)
		abort();		/* like every small allocation; a large one met its limit */
	memcpy(nng_msg_body(msg), text, len);
	bus_message_read(m);
	b->held--;
	b->answering++;
	b->unsent += m->answer_len = len;
	nng_aio_set_msg(m->aio, msg);
	nng_ctx_send(m->ctx, m->aio);
	return 0;
}

void
bus_ignore(struct bus_message *m)
{
	m->bus->held--;
	message_free(m);
}

size_t
bus_held(const struct bus *b)
{
	return b->held;
}

/* ---- peers ---------------------------------------------------------------------------------- */

/*
 * A peer that is away is looked for as long as somebody asks, and a little
 * longer: a timer that runs forever would keep the machine awake.
 */
static void
watch_idle(struct bus_peer *p)
{
	const struct timeval after = { .tv_sec = DIAL_S };

	if (!p->dialing || bus_peer_connected(p))
		event_del(p->idle);
	else if (!event_pending(p->idle, EV_TIMEOUT, NULL))
		event_add(p->idle, &after);
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct bus_peer *p = arg;

	if (p->dialing && p->asks == 0 && !bus_peer_connected(p)) {
		nng_dialer_close(p->dialer);
		p->dialing = 0;
	}
	watch_idle(p);
}

/* The loop: a connection came or went. */
static void
run_peer(struct item *i)
{
	struct bus_peer *p = (struct bus_peer *)i;

	atomic_store(&p->queued, 0);
	watch_idle(p);
}

/* An nng thread. */
static void
on_pipe(nng_pipe pipe, nng_pipe_ev ev, void *arg)
{
	struct bus_peer *p = arg;

	atomic_fetch_add(&p->pipes, ev == NNG_PIPE_EV_ADD_POST ? 1 : -1);
	if (atomic_exchange(&p->queued, 1) == 0)
		push(p->bus, &p->item, 1);
}

static int
dial(struct bus_peer *p, struct error *e)
{
	int rv;

	if (p->dialing)
		return 0;
	if ((rv = nng_dialer_create(&p->dialer, p->sock, p->url)) != 0)
		return nng_error(e, ERR_invalid, p->url, rv);
	nng_dialer_set_ms(p->dialer, NNG_OPT_RECONNMINT, RECONNECT_MS);
	nng_dialer_set_ms(p->dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
	if ((rv = nng_dialer_start(p->dialer, NNG_FLAG_NONBLOCK)) != 0) {
		nng_dialer_close(p->dialer);
		return nng_error(e, ERR_unavailable, p->url, rv);
	}
	p->dialing = 1;
	watch_idle(p);
	return 0;
}

/* Resending is off on each socket: what was sent once is never sent again, not even to a successor. */
static int
peer_open(struct bus_peer *p)
{
	int rv;

	if ((rv = nng_req0_open(&p->sock)) != 0)
		return rv;
	if ((rv = nng_socket_set_ms(p->sock, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE)) != 0 ||
	    (rv = nng_socket_set_size(p->sock, NNG_OPT_RECVMAXSZ, PROTO_MESSAGE_MAX)) != 0 ||
	    (rv = nng_pipe_notify(p->sock, NNG_PIPE_EV_ADD_POST, on_pipe, p)) != 0 ||
	    (rv = nng_pipe_notify(p->sock, NNG_PIPE_EV_REM_POST, on_pipe, p)) != 0)
		nng_close(p->sock);
	return rv;
}

struct bus_peer *
bus_peer(struct bus *b, const char *path, struct error *e)
{
	cleanup_free char *url = url_of(path);
	struct bus_peer *p;
	int rv;

	for (p = b->peers; p != NULL; p = p->next)
		if (strcmp(p->url, url) == 0)
			return p;
	p = xcalloc(1, sizeof(*p));
	p->bus = b;
	p->item.run = run_peer;
	if ((rv = peer_open(p)) != 0) {
		nng_error(e, ERR_internal, path, rv);
		free(p);
		return NULL;
	}
	p->url = steal(url);
	p->idle = evtimer_new(b->base, on_idle, p);
	p->next = b->peers;
	b->peers = p;
	return p;
}

int
bus_peer_connected(const struct bus_peer *p)
{
	return atomic_load(&p->pipes) > 0;
}

/* ---- questions that go out ------------------------------------------------------------------ */

static void
ask_close(struct bus_ask *a)
{
	if (a->open)
		nng_ctx_close(a->ctx);
	a->open = 0;
}

static void
ask_free(struct bus_ask *a)
{
	ask_close(a);
	nng_aio_free(a->aio);
	if (a->reply != NULL)
		nng_msg_free(a->reply);
	free(a);
}

static void
ask_report(struct bus_ask *a)
{
	struct error e = { 0 };

	if (a->result == 0) {
		a->done(a->arg, nng_msg_body(a->reply), nng_msg_len(a->reply), NULL);
		return;
	}
	if (bus_ask_sent(a))
		error_set(&e, ERR_gone, "it went away while it worked on this");
	else
		error_set(&e, ERR_unavailable, "it is not there");
	a->done(a->arg, NULL, 0, &e);
}

/* The loop: a question ended, one way or the other. */
static void
run_ask(struct item *i)
{
	struct bus_ask *a = (struct bus_ask *)i;

	a->peer->asks--;
	a->peer->bytes -= a->len;
	if (a->done != NULL && !a->peer->bus->ending)
		ask_report(a);
	ask_free(a);
}

/* An nng thread: the question left, then the answer came; or either failed. */
static void
on_ask_aio(void *arg)
{
	struct bus_ask *a = arg;
	nng_msg *msg = nng_aio_get_msg(a->aio);

	a->result = nng_aio_result(a->aio);
	if (!bus_ask_sent(a) && a->result == 0) {
		atomic_store(&a->sent, 1);
		nng_aio_set_msg(a->aio, NULL);
		nng_ctx_recv(a->ctx, a->aio);
		return;
	}
	if (a->result == 0)
		a->reply = msg;
	else if (!bus_ask_sent(a) && msg != NULL)
		nng_msg_free(msg);
	push(a->peer->bus, &a->item, 1);
}

static int
ask_send(struct bus_ask *a, const char *text, struct error *e)
{
	nng_msg *msg;
	int rv;

	if ((rv = nng_aio_alloc(&a->aio, on_ask_aio, a)) != 0 || (rv = nng_ctx_open(&a->ctx, a->peer->sock)) != 0)
		return nng_error(e, ERR_internal, "ask", rv);
	a->open = 1;
	if ((rv = nng_ctx_set_ms(a->ctx, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE)) != 0 ||
	    (rv = nng_msg_alloc(&msg, a->len)) != 0)
		return nng_error(e, ERR_internal, "ask", rv);
	memcpy(nng_msg_body(msg), text, a->len);
	nng_aio_set_msg(a->aio, msg);
	a->peer->asks++;
	a->peer->bytes += a->len;
	nng_ctx_send(a->ctx, a->aio);
	return 0;
}

struct bus_ask *
bus_ask(struct bus_peer *p, const char *text, size_t len, bus_done_fn *done, void *arg, struct error *e)
{
	struct bus_ask *a;

	if (len > PROTO_MESSAGE_MAX) {
		error_set(e, ERR_too_large, "the message is larger than %d bytes", PROTO_MESSAGE_MAX);
		return NULL;
	}
	if (p->asks >= BUS_ASKS_MAX || p->bytes + len > BUS_BYTES_MAX) {
		error_set(e, ERR_busy, "too many open requests");
		return NULL;
	}
	if (dial(p, e) == -1)
		return NULL;
	a = xcalloc(1, sizeof(*a));
	*a = (struct bus_ask){ .item = { .run = run_ask }, .peer = p, .len = len, .done = done, .arg = arg };
	if (ask_send(a, text, e) == 0)
		return a;
	ask_free(a);
	return NULL;
}

int
bus_ask_sent(const struct bus_ask *a)
{
	return atomic_load(&a->sent);
}

/* Closing the context ends whatever it is doing; its callback puts it on the queue, and the loop frees it there. */
void
bus_ask_end(struct bus_ask *a)
{
	ask_close(a);
}

void
bus_ask_cancel(struct bus_ask *a)
{
	a->done = NULL;
	ask_close(a);
}

/* ---- the end -------------------------------------------------------------------------------- */

static size_t
open_asks(const struct bus *b)
{
	size_t n = 0;

	for (const struct bus_peer *p = b->peers; p != NULL; p = p->next)
		n += p->asks;
	return n;
}

/* Run the queue until nothing is left, or for a second. */
static void
settle(struct bus *b, size_t (*left)(const struct bus *))
{
	struct pollfd pfd = { .fd = b->wake_read, .events = POLLIN };

	pthread_mutex_lock(&b->lock);
	b->loud = 1;
	pthread_mutex_unlock(&b->lock);
	for (int i = 0; i < FLUSH_MS / 10 && (run_queue(b), left(b) > 0); i++)
		if (poll(&pfd, 1, 10) == 1)
			on_wake(b->wake_read, EV_READ, b);
}

static size_t
answering(const struct bus *b)
{
	return b->answering;
}

static void
drop_request(void *arg, struct bus_message *m)
{
	bus_ignore(m);
}

static void
inbox_close(struct bus *b)
{
	struct bus_message *receiver;

	b->on_request = drop_request;
	settle(b, answering);
	nng_close(b->inbox);
	b->listening = 0;
	pthread_mutex_lock(&b->lock);
	receiver = b->receiver;
	pthread_mutex_unlock(&b->lock);
	if (receiver != NULL)
		nng_aio_wait(receiver->aio);
	settle(b, answering);
}

static void
peers_close(struct bus *b)
{
	struct bus_peer *p;

	for (p = b->peers; p != NULL; p = p->next)
		nng_close(p->sock);
	settle(b, open_asks);
	while ((p = b->peers) != NULL) {
		b->peers = p->next;
		event_free(p->idle);
		free(p->url);
		free(p);
	}
}

void
bus_free(struct bus *b)
{
	if (b == NULL)
		return;
	b->ending = 1;
	if (b->listening)
		inbox_close(b);
	peers_close(b);
	event_free(b->wake);
	close(b->wake_read);
	if (b->wake_write != b->wake_read)
		close(b->wake_write);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox of bus.h: a REP socket with one context per question, so that
 * many are held and answered late, in any order. A question is received only
 * when the one before is on the queue, which keeps the order of each caller.
 * Callers are not known here but by their user, as the kernel tells it.
 *
 * Not the raw REP socket with its descriptor, which would need no contexts:
 * it silently drops the answers beyond 64 that one caller has not read yet,
 * and a process that answers a few hundred long polls at once gets there
 * (test_bus: a_burst_of_answers_arrives_whole). A context's send waits.
 */
#include "common/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>

#include "common/bus_queue.h"
#include "common/mem.h"
#include "proto/proto.h"

#define INBOX_QUEUE_MAX	256		/* questions taken from nng that the loop has not seen */

struct bus_message {
	struct item	 item;			/* first: an item is its message */
	struct bus	*bus;
	nng_ctx		 ctx;
	nng_aio		*aio;
	nng_msg		*msg;
	size_t		 answer_len;
};

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
	bus_enqueue(b, &m->item, 1);
	paused = b->paused = ++b->unseen >= INBOX_QUEUE_MAX;
	pthread_mutex_unlock(&b->lock);
	if (!paused)
		bus_inbox_receive(b);
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
	bus_push(m->bus, &m->item, 0);
}

/* Whoever took the last question does this, or the loop after a pause. */
void
bus_inbox_receive(struct bus *b)
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

/* The socket's mode comes from the mask: no moment passes in which it is open to others. */
static int
listen_private(struct bus *b, const char *path)
{
	cleanup_free char *url = bus_url(path);
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
		return bus_nng_error(e, ERR_internal, "inbox", rv);
	if ((rv = nng_socket_set_size(b->inbox, NNG_OPT_RECVMAXSZ, PROTO_MESSAGE_MAX)) != 0 ||
	    (rv = listen_private(b, path)) != 0) {
		nng_close(b->inbox);
		return bus_nng_error(e, ERR_unavailable, path, rv);
	}
	b->listening = 1;
	bus_inbox_receive(b);
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

/* ---- the end ------------------------------------------------------------------------------- */

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

void
bus_inbox_close(struct bus *b)
{
	struct bus_message *receiver;

	b->on_request = drop_request;
	bus_settle(b, answering);
	nng_close(b->inbox);
	b->listening = 0;
	pthread_mutex_lock(&b->lock);
	receiver = b->receiver;
	pthread_mutex_unlock(&b->lock);
	if (receiver != NULL)
		nng_aio_wait(receiver->aio);
	bus_settle(b, answering);
}

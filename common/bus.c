/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See bus.h and bus_queue.h: how what happens on nng's threads gets to the
 * loop, and how a bus begins and ends. What is asked and answered is in
 * bus_inbox.c and bus_ask.c.
 */
#include "common/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif

#include "common/bus_queue.h"
#include "common/mem.h"

#define STACK_BYTES	(256 * 1024)	/* of nng's threads; a huge page under the default of 8 MB costs 2 MB each */
#define FINISHED_MAX	64		/* sent answers that wait to be freed without waking the loop for them */
#define FLUSH_MS	1000

int
bus_nng_error(struct error *e, enum error_code code, const char *what, int rv)
{
	return error_set(e, rv == NNG_ENOMEM ? ERR_internal : code, "%s: %s", what, nng_strerror(rv));
}

/* A path in the file system is a whole URL to nng, whatever bytes it holds. */
char *
bus_url(const char *path)
{
	return xasprintf("ipc://%s", path);
}

/* ---- the queue ----------------------------------------------------------------------------- */

static void
ring(struct bus *b)
{
	uint64_t one = 1;

	/* A full pipe has woken the loop already; nothing else can go wrong here. */
	while (write(b->wake_write, &one, sizeof(one)) == -1 && errno == EINTR)
		;
}

void
bus_enqueue(struct bus *b, struct item *i, int wake)
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

void
bus_push(struct bus *b, struct item *i, int wake)
{
	pthread_mutex_lock(&b->lock);
	bus_enqueue(b, i, wake);
	pthread_mutex_unlock(&b->lock);
}

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
		bus_inbox_receive(b);
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

void
bus_settle(struct bus *b, size_t (*left)(const struct bus *))
{
	struct pollfd pfd = { .fd = b->wake_read, .events = POLLIN };

	pthread_mutex_lock(&b->lock);
	b->loud = 1;
	pthread_mutex_unlock(&b->lock);
	for (int i = 0; i < FLUSH_MS / 10 && (run_queue(b), left(b) > 0); i++)
		if (poll(&pfd, 1, 10) == 1)
			on_wake(b->wake_read, EV_READ, b);
}

/* ---- beginning and end --------------------------------------------------------------------- */

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

void
bus_free(struct bus *b)
{
	if (b == NULL)
		return;
	b->ending = 1;
	if (b->listening)
		bus_inbox_close(b);
	bus_peers_close(b);
	event_free(b->wake);
	close(b->wake_read);
	if (b->wake_write != b->wake_read)
		close(b->wake_write);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

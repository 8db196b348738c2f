/* SPDX-License-Identifier: Apache-2.0 */
/* See ask.h. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ask.h"
#include "common/mem.h"
#include "common/unixsock.h"

static struct asker askers[16];
static struct source listener;
static void (*on_line)(struct asker *a);

static void
leave(struct asker *a)
{
	source_close(&a->source);
	*a = (struct asker){ .source.fd = -1 };
}

/* Does not wait: what does not fit into the socket is lost. */
void
ask_answer(struct asker *a, const char *lines, const char *why)
{
	cleanup_buf struct buf out = BUF(0);

	buf_addf(&out, *why != '\0' ? "%serror %s\n" : "%sok\n", lines, why);
	send(a->source.fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	leave(a);
}

static void
hear(void *arg)
{
	struct asker *a = arg;
	ssize_t n = read(a->source.fd, a->line + a->len, sizeof(a->line) - a->len);
	char *eol;

	a->len += n > 0 ? (size_t)n : 0;
	eol = memchr(a->line, '\n', a->len);
	if (n <= 0 || a->order != NULL || (eol == NULL && a->len == sizeof(a->line)))
		leave(a);			/* gone, talks out of turn, or without end */
	else if (eol != NULL) {
		*eol = '\0';
		on_line(a);
	}
}

/* In turn every place is given away again, but for those with an order under way: the silent go first. */
static struct asker *
place(void)
{
	static size_t next;

	for (size_t i = 0; i < COUNT(askers); i++) {
		struct asker *a = &askers[next++ % COUNT(askers)];

		if (a->order == NULL)
			return a;
	}
	return NULL;
}

static void
greet(void *arg)
{
	int fd = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct asker *a = place();
	uid_t uid;

	if (fd == -1)
		return;
	if (a == NULL || !unix_peer_is_own(fd, &uid)) {
		close(fd);
		return;
	}
	leave(a);
	source_open(&a->source, fd, hear, a);
}

int
ask_serve(const char *path, void (*fn)(struct asker *a), struct error *e)
{
	int fd = unix_listen(path, e);

	if (fd == -1)
		return -1;
	on_line = fn;
	for (size_t i = 0; i < COUNT(askers); i++)
		askers[i].source.fd = -1;
	source_open(&listener, fd, greet, NULL);
	return 0;
}

struct asker *
ask_next(struct asker *a)
{
	for (a = a == NULL ? askers : a + 1; a < askers + COUNT(askers); a++)
		if (a->order != NULL)
			return a;
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See tail.h. */
#include "common/tail.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "common/log.h"

static void
finish(struct tail *t)
{
	char *kept = t->last[t->count++ % TAIL_LINES];

	log_clean(t->line, t->len);
	t->line[t->len] = '\0';
	t->len = 0;
	snprintf(kept, sizeof(t->last[0]), "%.*s", (int)sizeof(t->last[0]) - 1, t->line);
	t->put(t->file, t->name, t->line);
}

void
tail_read(void *tail)
{
	struct tail *t = tail;
	char bytes[16384];
	ssize_t n = read(t->pipe.fd, bytes, sizeof(bytes));

	if (n <= 0)
		source_close(&t->pipe);
	for (ssize_t i = 0; i < n; i++)
		if (bytes[i] == '\n')
			finish(t);
		else if (t->len < sizeof(t->line) - 1)
			t->line[t->len++] = bytes[i];
}

void
tail_close(struct tail *t)
{
	/* A full pipe is four reads; a grandchild that still writes is not waited for. */
	for (int i = 0; i < 5 && poll(&(struct pollfd){ t->pipe.fd, POLLIN, 0 }, 1, 0) == 1; i++)
		tail_read(t);
	if (t->len > 0)
		finish(t);
	source_close(&t->pipe);
}

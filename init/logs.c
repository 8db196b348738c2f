/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text is a daemon's, and a daemon may be compromised: it can neither put control characters into the file
 * or on a terminal, nor make up the time or another unit's name, nor keep init busy.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "init/init.h"

static int mirror = -1;

static void
put(const char *name, const char *text)
{
	cleanup_free char *line = logfile_line(name, text);

	logfile_add(SERVICE_LOG, line, NULL);
	if (mirror != -1 && write(mirror, line, strlen(line)) == -1 && errno != EAGAIN)
		mirror = -1;
}

static void
put_own(const char *line)
{
	put("alpi.init", line);
}

int
logs_open(int terminal, struct error *e)
{
	cleanup_close int fd = logfile_open(SERVICE_LOG, e);

	if (fd == -1)
		return -1;
	/* Opened anew: a terminal that is held must not hold us, and the shell's descriptor is not ours to change. */
	if (terminal && isatty(STDERR_FILENO))
		mirror = open(ttyname(STDERR_FILENO), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	log_to(put_own);
	return 0;
}

static void
finish(struct tail *t)
{
	char *kept = t->last[t->count++ % TAIL_LINES];

	log_clean(t->line, t->len);
	t->line[t->len] = '\0';
	t->len = 0;
	snprintf(kept, sizeof(t->last[0]), "%.*s", (int)sizeof(t->last[0]) - 1, t->line);
	put(t->name, t->line);
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

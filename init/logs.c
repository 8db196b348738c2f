/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text is a daemon's, and a daemon may be compromised: it can neither put control characters into the file
 * or on a terminal, nor make up the time or another unit's name, nor keep init busy.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "init/init.h"

static int mirror = -1;

void
logs_put(const char *file, const char *name, const char *text)
{
	cleanup_free char *line = logfile_line(name, text);

	if (file == NULL || logfile_add(file, line, NULL) == -1)
		logfile_add(SERVICE_LOG, line, NULL);
	if (mirror != -1 && write(mirror, line, strlen(line)) == -1 && errno != EAGAIN)
		mirror = -1;
}

static void
put_own(const char *line)
{
	logs_put(NULL, "alpi.init", line);
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

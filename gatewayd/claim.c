/* SPDX-License-Identifier: Apache-2.0 */
/* See claim.h. */
#include "gatewayd/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "common/log.h"
#include "common/mem.h"

int
claim_open(const char *run, const char *bot)
{
	cleanup_free char *path = xasprintf("%s/telegram-%s.lock", run, bot);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd == -1)
		log_info("telegram: whether another profile polls this bot cannot be known: %s", path);
	return fd;
}

bool
claim_take(int fd)
{
	return fd == -1 || flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See notify.h. */
#include "common/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/clock.h"
#include "common/mem.h"

static struct sockaddr_un manager;
static socklen_t manager_len;			/* 0: there is none */
static int64_t pulse, next_beat;

void
notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC");
	size_t n = path == NULL ? 0 : strlen(path);

	pulse = usec == NULL ? 0 : atoll(usec) / 2000;
	if (n == 0 || n >= sizeof(manager.sun_path))
		return;
	manager.sun_family = AF_UNIX;
	memcpy(manager.sun_path, path, n);
	if (*path == '@')			/* a name that is no file */
		manager.sun_path[0] = '\0';
	manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

void
notify_send(const char *fmt, ...)
{
	cleanup_close int fd = -1;
	char text[2048];
	va_list ap;

	if (manager_len == 0 || (fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&manager, manager_len);
}

int64_t
notify_beat(void)
{
	int64_t now = clock_mono_ms();

	if (pulse > 0 && now >= next_beat) {
		next_beat = now + pulse;
		notify_send("WATCHDOG=1");
	}
	return next_beat;
}

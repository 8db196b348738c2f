/* SPDX-License-Identifier: Apache-2.0 */
/* See notify.h. A datagram that cannot be sent is lost: the service manager is never waited for. */
#include "init/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/loop.h"

static struct sockaddr_un manager = { .sun_family = AF_UNIX };
static socklen_t manager_len;
static int fd = -1;
static int64_t pulse_ms;

static void
pulse(void *arg)
{
	static struct timer next = { .fn = pulse };

	notify_send("WATCHDOG=1");
	timer_set(&next, pulse_ms);
}

void
notify_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	size_t n = name != NULL ? strlen(name) : 0;

	if (n < 2 || n >= sizeof(manager.sun_path) || (fd = socket(AF_UNIX, SOCK_DGRAM, 0)) == -1)
		return;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	memcpy(manager.sun_path, name, n);
	if (name[0] == '@')
		manager.sun_path[0] = '\0';		/* Linux: the abstract name space */
	manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	pulse_ms = usec != NULL && (pid == NULL || atol(pid) == getpid()) ? atoll(usec) / 2000 : 0;
	if (pulse_ms > 0)
		pulse(NULL);
}

void
notify_send(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	if (fd == -1)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sendto(fd, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL,
	    (struct sockaddr *)&manager, manager_len);
}

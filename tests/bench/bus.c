/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A round trip of 512 bytes between two processes: over the bus with every
 * check (token, channel, codec both ways), and over a bare Unix stream
 * socket, taken in turns in the same run. Prints "name value unit floor
 * ratio", separated by tabs; medians.
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bus.h"
#include "common/call.h"
#include "common/clock.h"
#include "common/dispatch.h"
#include "common/inbox.h"
#include "common/mem.h"

#define BYTES	512
#define ROUNDS	40
#define BATCH	100
#define TOKEN	"1111111111111111111111111111111111111111111111111111111111111111"

extern char **environ;

/* ---- the other process ---------------------------------------------------------------------- */

static int
take_event(struct call *c, const void *in, struct error *e)
{
	return call_reply(c, &(struct event_push_reply){ .seq = 1 });
}

static const struct handler handlers[] = {
	{ MSG_event_push, take_event, CAP_none },
	{ 0 }
};

static int
serve_bus(char *name)
{
	struct daemon d = DAEMON("hostd", handlers);
	struct error e = { 0 };

	if (daemon_boot(&d, 1, &name, &e) == -1)
		return daemon_fail(&d, &e);
	return daemon_serve(&d, NULL);
}

static int
serve_raw(void)
{
	char text[BYTES];

	while (recv(BOOT_FD, text, sizeof(text), MSG_WAITALL) == BYTES)
		if (send(BOOT_FD, text, sizeof(text), MSG_NOSIGNAL) != BYTES)
			return 1;
	return 0;
}

/* Start ourselves in a role with a socket on descriptor 3; the other end. */
static int
start(const char *role, pid_t *pid)
{
	char *argv[] = { "bus", (char *)role, NULL };
	posix_spawn_file_actions_t fa;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1)
		return -1;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, fds[1], BOOT_FD);
	if (posix_spawn(pid, "/proc/self/exe", &fa, NULL, argv, environ) != 0)
		return -1;
	posix_spawn_file_actions_destroy(&fa);
	close(fds[1]);
	return fds[0];
}

/* ---- measuring ------------------------------------------------------------------------------ */

static int waiting;

static void
on_reply(void *arg, const void *reply, const struct error *e)
{
	if (e != NULL) {
		fprintf(stderr, "bench bus: %s\n", e->text);
		exit(1);
	}
	waiting = 0;
}

static double
bus_round(struct daemon *d, json_t *data)
{
	const struct event_push m = { .kind = "bench", .data = data };
	struct error e = { 0 };
	int64_t from = clock_mono_ns();

	waiting = 1;
	if (request_send(d, "hostd", MSG_event_push, &m, NULL, 10000, on_reply, NULL, &e) == NULL)
		on_reply(NULL, NULL, &e);
	while (waiting)
		event_base_loop(d->base, EVLOOP_ONCE);
	return (double)(clock_mono_ns() - from) / 1000;
}

static double
raw_round(int fd)
{
	char text[BYTES] = { 0 };
	int64_t from = clock_mono_ns();

	if (send(fd, text, sizeof(text), MSG_NOSIGNAL) != BYTES || recv(fd, text, sizeof(text), MSG_WAITALL) != BYTES)
		exit(1);
	return (double)(clock_mono_ns() - from) / 1000;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

static void
measure(struct daemon *d, int raw)
{
	static double bus_us[ROUNDS * BATCH], raw_us[ROUNDS * BATCH];
	char text[BYTES + 1];
	json_t *data;
	double floor_us, us;

	memset(text, 'x', BYTES);
	text[BYTES] = '\0';
	data = json_string(text);
	bus_round(d, data);		/* connects */
	for (int i = 0; i < ROUNDS * BATCH; i++) {
		if (i / BATCH % 2 == 0)
			bus_us[i / 2 / BATCH * BATCH + i % BATCH] = bus_round(d, data);
		else
			raw_us[i / 2 / BATCH * BATCH + i % BATCH] = raw_round(raw);
	}
	us = median(bus_us, ROUNDS * BATCH / 2);
	floor_us = median(raw_us, ROUNDS * BATCH / 2);
	printf("bus_round_trip_512\t%.1f\tus\t%.1f\t%.2f\n", us, floor_us, us / floor_us);
	json_decref(data);
}

/* ---- setting up ----------------------------------------------------------------------------- */

static void
boot_self(struct daemon *d, const char *home)
{
	static const char *const lines[] = { "unit default/engined", "root %s", "home %s", "run %s/run", "libexec %s",
	    ("call default/hostd " TOKEN), "end" };
	char line[512];
	struct error e = { 0 };

	for (size_t i = 0; i < COUNT(lines); i++) {
		snprintf(line, sizeof(line), lines[i], home);
		if (boot_line(&d->boot, line, &e) == -1)
			exit(1);
	}
	d->base = event_base_new();
	d->bus = bus_new(d->base, inbox_take, d);
}

static void
boot_other(int fd, const char *home)
{
	char byte;

	dprintf(fd, "alpi-boot 1\nunit default/hostd\nroot %s\nhome %s\nrun %s/run\nlibexec %s\n"
	    "accept default/engined " TOKEN "\nend\n", home, home, home, home);
	if (read(fd, &byte, 1) != 1)
		exit(1);
}

static void
remove_home(const char *home)
{
	static const char *const names[] = { "run/default/hostd.ipc", "run/default", "run", "" };
	char path[512];

	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", home, names[i]);
		remove(path);
	}
}

int
main(int argc, char *argv[])
{
	struct daemon d = DAEMON("engined", handlers);
	char home[] = "/tmp/alpi-bench-XXXXXX";
	pid_t bus_pid, raw_pid;
	int bus_fd, raw_fd;

	if (argc == 2)
		return strcmp(argv[1], "--bus") == 0 ? serve_bus(argv[0]) : serve_raw();
	if (mkdtemp(home) == NULL || (bus_fd = start("--bus", &bus_pid)) == -1 ||
	    (raw_fd = start("--raw", &raw_pid)) == -1)
		return 1;
	boot_other(bus_fd, home);
	boot_self(&d, home);
	measure(&d, raw_fd);
	close(bus_fd);
	close(raw_fd);
	waitpid(bus_pid, NULL, 0);
	waitpid(raw_pid, NULL, 0);
	bus_free(d.bus);
	event_base_free(d.base);
	boot_clear(&d.boot);
	remove_home(home);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-init: starts, watches and restarts the units of one root home. One
 * thread, no library but libc. It trusts its own user's files and orders,
 * and no unit: a unit's word is that it is ready, and lines for the log.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/control.h"
#include "init/logs.h"
#include "init/notify.h"
#include "init/scan.h"
#include "init/spawn.h"
#include "init/supervise.h"
#include "init/system.h"

static const char usage[] =
    "usage: alpi-init [-d] [-u] [-x DIR] ROOT\n"
    "  -d  return when every unit is ready, with 1 when one is not\n"
    "  -u  as root: run each unit as its own user (see alpi-init(8))\n";

static int signals[2], settled, stopping, parent = -1;
static char pid_file[1100], socket_path[1100];

static void
on_signal(int sig)
{
	unsigned char byte = (unsigned char)sig;
	int saved = errno;

	if (write(signals[1], &byte, 1) == -1)
		errno = saved;		/* full: it will be read, and one of each kind is enough */
}

static void
shut_down(void)
{
	if (stopping++)
		return;
	logs_say("INFO", "stopping");
	notify_send("STOPPING=1");
	scan_end();
	for (struct unit *u = units; u != NULL; u = u->next)
		unit_stop(u, 0, 0);
}

static void
reload(void)
{
	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now_ms() * 1000);
	for (struct unit *u = units; u != NULL; u = u->next)
		spawn_reload(u);
	notify_send("READY=1");
}

static void
take_signals(void *arg, short revents)
{
	unsigned char bytes[64];
	ssize_t n = read(signals[0], bytes, sizeof(bytes));
	int status;

	for (ssize_t i = 0; i < n; i++)
		if (bytes[i] == SIGHUP)
			reload();
		else if (bytes[i] != SIGCHLD)
			shut_down();
	if ((status = supervise_reap(scan_pid())) != -1)
		scan_exited(status);
}

static void
catch_signals(void)
{
	static const int caught[] = { SIGCHLD, SIGHUP, SIGINT, SIGTERM };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (pipe2(signals, O_CLOEXEC | O_NONBLOCK) == -1)
		err(1, "pipe");
	sigprocmask(SIG_SETMASK, &sa.sa_mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaction(caught[i], &sa, NULL);
	loop_fd(signals[0], POLLIN, take_signals, NULL);
}

/* The lock decides who runs; the pid file only tells others, and holds the start time because pids return. */
static void
lock(void)
{
	char path[1100];
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s/service.lock", site.root);
	if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) == -1)
		err(1, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		errx(1, "already running for %s", site.root);
	snprintf(pid_file, sizeof(pid_file), "%s/service.pid", site.root);
	snprintf(path, sizeof(path), "%s/service.pid.new", site.root);
	if ((f = fopen(path, "we")) == NULL || fprintf(f, "%d %llu\n", (int)getpid(), system_start_time(getpid())) < 0 ||
	    fclose(f) == EOF || rename(path, pid_file) == -1)
		err(1, "%s", pid_file);
}

static void
folders(void)
{
	char dir[1100];

	snprintf(site.run, sizeof(site.run), "%s/run", site.root);
	snprintf(socket_path, sizeof(socket_path), "%s/init.sock", site.run);
	if (strlen(site.run) + strlen("/default/toolrunner.ipc") >= 108)
		errx(1, "%s: the path is too long for a socket below it (at most 80 bytes)", site.root);
	snprintf(dir, sizeof(dir), "%s/logs", site.root);
	if ((mkdir(site.run, 0700) == -1 && errno != EEXIST) || (mkdir(dir, 0700) == -1 && errno != EEXIST))
		err(1, "%s", site.root);
	lock();
	if (logs_open(dir, parent == -1) == -1)
		err(1, "%s/service.log", dir);
	if (control_open(socket_path) == -1)
		err(1, "%s", socket_path);
}

/* -d: the parent leaves with what the child says when its units have settled. */
static void
detach(void)
{
	int fd[2];
	char verdict = 1;

	if (pipe2(fd, O_CLOEXEC) == -1)
		err(1, "pipe");
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		setsid();
		close(fd[0]);
		parent = fd[1];
		return;
	}
	close(fd[1]);
	_exit(read(fd[0], &verdict, 1) == 1 ? verdict : 1);
}

static void
release(const char *why)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char verdict = *why != '\0';

	if (verdict)
		warnx("%s", why);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close(null);
	if (write(parent, &verdict, 1) == -1)
		logs_say("WARNING", "nobody waits for the start any more");
	close(parent);
	parent = -1;
}

static void
each_round(void)
{
	char why[1024];
	int up = 1;

	supervise_round();
	if (!settled && control_settled("all", why, sizeof(why))) {
		settled = 1;
		notify_send("READY=1\nSTATUS=%s", *why ? why : "every unit is ready");
		if (parent != -1)
			release(why);
	}
	control_round();
	for (const struct unit *u = units; u != NULL; u = u->next)
		up &= u->state == STOPPED || u->state == FAILED;
	if (stopping && (units == NULL || up) && scan_pid() == 0)
		loop_end();
}

int
main(int argc, char *argv[])
{
	const char *dir = NULL;
	int opt, background = 0;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("alpi-init " ALPI_VERSION) < 0;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0;
	while ((opt = getopt(argc, argv, "dux:")) != -1)
		if (opt == 'd')
			background = 1;
		else if (opt == 'u')
			site.drop = 1;
		else if (opt == 'x')
			dir = optarg;
		else
			errx(2, "%s", usage);
	if (optind + 1 != argc)
		errx(2, "%s", usage);
	if ((site.root = realpath(argv[optind], NULL)) == NULL)
		err(1, "%s", argv[optind]);
	site.libexec = dir != NULL ? need(realpath(dir, NULL)) : system_libexec(argv[0]);
	site.person = getenv("HOME") != NULL ? getenv("HOME") : "/";
	site.debug = getenv("ALPI_DEBUG") != NULL;

	umask(077);
	system_confine();
	if (background)
		detach();
	folders();
	if (chdir("/") == -1)
		err(1, "/");
	catch_signals();
	notify_open();
	logs_say("INFO", "version %s, root %s", ALPI_VERSION, site.root);
	scan_begin();
	loop_run(each_round);

	unlink(pid_file);
	unlink(socket_path);
	control_close();
	logs_say("INFO", "stopped");
	return 0;
}

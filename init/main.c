/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-init: starts, watches and restarts the units of one root home. One thread, no library but libc. It
 * trusts its own user's files and orders, and no unit: a unit says that it is ready, and lines for the log.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/confine.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/notify.h"
#include "common/paths.h"
#include "common/process.h"
#include "init/init.h"

#define PID_FILE	"service.pid"
#define NOFILE		8192			/* some systems begin with 256 */

static const char usage[] =
    "usage: alpi-init [-d] [-u] ROOT\n"
    "  -d  leave when every unit is ready, with 1 when one is not\n"
    "  -u  as root: run each unit as a user of its own, see alpi-init(8)\n";

static int detach, parent = -1, settled, stopping;

/* ---- parse ------------------------------------------------------------------------------------ */

static void
parse(int argc, char *argv[])
{
	const char *dir = NULL;
	int opt;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		exit(puts("alpi-init " ALPI_VERSION) < 0);
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		exit(fputs(usage, stdout) < 0);
	while ((opt = getopt(argc, argv, "dux:")) != -1 && opt != '?') {
		detach |= opt == 'd';
		site.drop |= opt == 'u';
		dir = opt == 'x' ? optarg : dir;	/* the tests' programs */
	}
	if (opt == '?' || optind + 1 != argc) {
		fputs(usage, stderr);
		exit(2);
	}
	if ((site.root = realpath(argv[optind], NULL)) == NULL || chdir(site.root) == -1)
		err(1, "%s", argv[optind]);
	site.run = path_join(site.root, "run");
	if (!spawn_fits("default"))
		errx(1, "%s: too long a path for the sockets below it", site.root);
	if ((site.libexec = realpath(dir != NULL ? dir : "/proc/self/exe", NULL)) == NULL)
		err(1, "%s", dir != NULL ? dir : argv[0]);
	if (dir == NULL)
		*strrchr(site.libexec, '/') = '\0';
	site.debug = getenv("ALPI_DEBUG") != NULL;
	notify_open();
}

/* ---- restrict: what is not needed is given up here, and units inherit all of it ---------------- */

static void
confine(void)
{
	static const char *const kept[] = {
		"PATH=", "LANG=", "LC_", "TZ=", "HOME=", "ALPI_RESTRICT_DEBUG=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", NULL };
	struct error e = { 0 };
	struct rlimit files;

	confine_environment(kept);
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);	/* units: pieces that are free go back with their pages */
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < NOFILE ? files.rlim_max : NOFILE;
	setrlimit(RLIMIT_NOFILE, &files);
	umask(077);
	if (confine_self(&e) == -1)
		errx(1, "%s", e.text);
	confine_descriptors(BOOT_FD);		/* so none of ours has a number that one of a unit's will have */
}

/* ---- open ------------------------------------------------------------------------------------- */

/* -d: the parent leaves with the child's first word, or with its end. */
static void
split(void)
{
	char verdict = 1;
	pid_t pid;
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		err(1, "cannot detach");
	close(fd[pid == 0 ? 0 : 1]);
	if (pid != 0)
		_exit(read(fd[0], &verdict, 1) == 1 ? verdict : 1);
	setsid();
	parent = fd[1];
}

/* As systemd's notify-reload protocol wants it: with the time at which the reload began. */
static void
reload_all(void)
{
	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_mono_ns() / 1000));
	for (struct unit *u = units; u != NULL; u = u->next)
		unit_reload(u);
	notify_send("READY=1");
}

static void
stop_all(void)
{
	if (stopping)
		return;
	stopping = 1;
	log_info("stopping");
	notify_send("STOPPING=1");
	for (struct unit *u = units; u != NULL; u = u->next)
		unit_stop(u);
}

static void
on_signal(int number)
{
	if (number == SIGCHLD)
		supervise_reap();
	else if (number == SIGHUP)
		reload_all();
	else
		stop_all();
}

static void
open_all(void)
{
	static const int caught[] = { SIGCHLD, SIGHUP, SIGINT, SIGTERM, 0 };
	struct error e = { 0 };

	/* The lock decides who runs. The pid file only tells. */
	if (lock_take("service.lock", &e) == -1)
		errx(1, e.code == ERR_busy ? "already running for %s" : "%s: %s", site.root, e.text);
	mkdir("run", 0700);
	mkdir("logs", 0700);
	if (pidfile_write(PID_FILE, &e) == -1 || logs_open(!detach, &e) == -1 || control_open(&e) == -1)
		errx(1, "%s: %s", site.root, e.text);
	signal(SIGPIPE, SIG_IGN);
	loop_signals(caught, on_signal);
	log_info("version %s, root %s", ALPI_VERSION, site.root);
}

/* ---- serve ------------------------------------------------------------------------------------ */

/* The first time that every unit is ready or failed: say so to whoever waits for that. */
static void
tell_start(void)
{
	cleanup_buf struct buf why = BUF(0);
	int failed;

	if (settled || !units_settled("all", &why))
		return;
	settled = 1;
	failed = why.len > 0;
	notify_send("READY=1\nSTATUS=%s", failed ? buf_str(&why) : "every unit is ready");
	if (parent == -1)
		return;
	if (failed)
		warnx("%s", buf_str(&why));
	dup2(STDIN_FILENO, STDERR_FILENO);
	if (write(parent, failed ? "\1" : "", 1) == -1)
		log_warn("nobody waits for the start any more");
	close(parent);
}

/* What has to be done after each event; 1 when everything has stopped. */
static int
after_event(void)
{
	int up = 0;

	if (!stopping)
		units_round();
	supervise_round();
	tell_start();
	control_round(0);
	loop_until(notify_beat());
	for (const struct unit *u = units; u != NULL; u = u->next)
		up |= u->pid != 0 || u->stop;
	return stopping && !up;
}

int
main(int argc, char *argv[])
{
	parse(argc, argv);
	confine();
	if (detach)
		split();
	open_all();
	while (!after_event())
		loop_wait();
	unlink(CONTROL_PATH);
	unlink(PID_FILE);
	control_round(1);
	log_info("stopped");
	return 0;
}

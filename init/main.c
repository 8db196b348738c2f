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
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "init/init.h"

#define PID_FILE	"service.pid"
#define NOFILE		8192			/* some systems begin with 256 */
#define SIX		"%*s %*s %*s %*s %*s %*s "	/* fields of /proc/self/stat */

static const char usage[] =
    "usage: alpi-init [-d] [-u] ROOT\n"
    "  -d  leave when every unit is ready, with 1 when one is not\n"
    "  -u  as root: run each unit as a user of its own, see alpi-init(8)\n";

static struct source signals;
static int detach, parent = -1, settled, stopping;
static const char *manager;			/* the service manager's socket, NULL: there is none */
static int64_t pulse, pulse_at;			/* of its watchdog, in ms; pulse 0: it wants none */

/* sd_notify without its library. What cannot be sent at once is lost. */
static void
notify(const char *text)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = manager != NULL ? strlen(manager) : 0;
	cleanup_close int fd = n > 0 && n < sizeof(to.sun_path) ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

	if (fd == -1)
		return;
	memcpy(to.sun_path, manager, n);
	if (*manager == '@')
		to.sun_path[0] = '\0';
	sendto(fd, text, strlen(text), MSG_DONTWAIT, (struct sockaddr *)&to,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
}

/* ---- parse ------------------------------------------------------------------------------------ */

static void
parse(int argc, char *argv[])
{
	const char *dir = NULL, *usec = getenv("WATCHDOG_USEC");
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
	if (!spawn_fits("default"))
		errx(1, "%s: too long a path for the sockets below it", site.root);
	if ((site.libexec = realpath(dir != NULL ? dir : "/proc/self/exe", NULL)) == NULL)
		err(1, "%s", dir != NULL ? dir : argv[0]);
	if (dir == NULL)
		*strrchr(site.libexec, '/') = '\0';
	site.debug = getenv("ALPI_DEBUG") != NULL;
	manager = getenv("NOTIFY_SOCKET");
	pulse = usec != NULL ? atoll(usec) / 2000 : 0;
}

/* ---- restrict: what is not needed is given up here, and units inherit all of it ---------------- */

static void
confine(void)
{
	static const char *const kept[] = {
		"PATH=", "LANG=", "LC_", "TZ=", "HOME=", "ALPI_RESTRICT_DEBUG=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=" };
	struct rlimit files;
	char **to = environ;

	for (char **from = environ; *from != NULL; from++)
		for (size_t i = 0; i < COUNT(kept); i++)
			if (strncmp(*from, kept[i], strlen(kept[i])) == 0)
				*to++ = *from;
	*to = NULL;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < NOFILE ? files.rlim_max : NOFILE;
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	umask(077);
	closefrom(STDERR_FILENO + 1);
	/* 0, 1 and 3 stay taken, so that no descriptor of ours has a number that a unit's will have. */
	for (int fd = STDIN_FILENO; fd <= BOOT_FD; fd++)
		if (fd != STDERR_FILENO)
			dup2(open("/dev/null", O_RDWR), fd);
	closefrom(BOOT_FD + 1);
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

/* The lock decides who runs. The pid file only tells; with the start time, because pids come again. */
static void
lock(void)
{
	int fd = open("service.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	unsigned long long start = 0;
	FILE *f;

	if (fd == -1)
		err(1, "%s/service.lock", site.root);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		errx(1, "already running for %s", site.root);
	if ((f = fopen("/proc/self/stat", "re")) != NULL) {
		if (fscanf(f, "%*s %*s %*s " SIX SIX SIX "%llu", &start) != 1)
			start = 0;
		fclose(f);
	}
	if ((f = fopen(PID_FILE ".new", "we")) == NULL || fprintf(f, "%d %llu\n", (int)getpid(), start) < 0 ||
	    fclose(f) == EOF || rename(PID_FILE ".new", PID_FILE) == -1)
		err(1, "%s/" PID_FILE, site.root);
}

static void
on_signal(void *arg)
{
	struct signalfd_siginfo si;

	if (read(signals.fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGCHLD)
		supervise_reap();
	else if (si.ssi_signo == SIGHUP) {
		notify("RELOADING=1");
		for (struct unit *u = units; u != NULL; u = u->next)
			spawn_reload(u);
		notify("READY=1");
	} else if (!stopping) {
		stopping = 1;
		logs_say("INFO stopping");
		notify("STOPPING=1");
		for (struct unit *u = units; u != NULL; u = u->next)
			unit_stop(u);
	}
}

static void
open_all(void)
{
	static const int caught[] = { SIGCHLD, SIGHUP, SIGINT, SIGTERM };
	sigset_t set;

	lock();
	mkdir("run", 0700);
	mkdir("logs", 0700);
	if (logs_open(!detach) == -1)
		err(1, "%s/logs/service.log", site.root);
	if (control_open() == -1)
		err(1, "%s/" CONTROL_PATH, site.root);
	sigemptyset(&set);
	for (size_t i = 0; i < COUNT(caught); i++)
		sigaddset(&set, caught[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	source_open(&signals, signalfd(-1, &set, SFD_CLOEXEC), on_signal, NULL);
	logs_say("INFO version %s, root %s", ALPI_VERSION, site.root);
}

/* ---- serve ------------------------------------------------------------------------------------ */

/* The first time that every unit is ready or failed: say so to whoever waits for that. */
static void
tell_start(void)
{
	char why[1024], text[1100];

	if (settled || !units_settled("all", why, sizeof(why)))
		return;
	settled = 1;
	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s", *why != '\0' ? why : "every unit is ready");
	notify(text);
	if (parent == -1)
		return;
	if (*why != '\0')
		warnx("%s", why);
	dup2(STDIN_FILENO, STDERR_FILENO);
	if (write(parent, *why != '\0' ? "\1" : "", 1) == -1)
		logs_say("WARNING nobody waits for the start any more");
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
	if (pulse > 0 && now_ms() >= pulse_at) {
		pulse_at = now_ms() + pulse;
		notify("WATCHDOG=1");
	}
	loop_until(pulse_at);
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
	logs_say("INFO stopped");
	return 0;
}

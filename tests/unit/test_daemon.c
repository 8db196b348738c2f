/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a daemon, in a process of its own: this program, run with
 * --unit, boots as hostd and tells on its standard output what it is told.
 */
#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/dispatch.h"
#include "common/mem.h"

#define KEY "0000000000000000000000000000000000000000000000000000000000000000"

extern char **environ;

/* ---- the unit ------------------------------------------------------------------------------- */

static const struct handler no_handlers[] = { { 0 } };

static void
on_ready(struct daemon *d)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	printf("ready %s files %d mask %o\n", d->boot.unit, r.rlim_cur == r.rlim_max || r.rlim_cur >= 8192, umask(0));
	fflush(stdout);
}

static void
on_reload(struct daemon *d)
{
	const char *secret = boot_secret(&d->boot, "A");

	printf("reload %s\n", secret != NULL ? secret : "(none)");
	fflush(stdout);
}

static void
on_unit(struct daemon *d, const char *unit, int present)
{
	printf("unit %s %d\n", unit, present);
	fflush(stdout);
}

static void
on_drain(struct daemon *d)
{
	printf("drain %d\n", d->draining);
	fflush(stdout);
	if (getenv("DRAIN_WAITS") == NULL)
		daemon_exit(d, 7);
}

static void
on_end(struct daemon *d)
{
	printf("end bus %d\n", d->bus != NULL);
	fflush(stdout);
}

static int
unit_main(int argc, char *argv[])
{
	struct daemon d = DAEMON("hostd", no_handlers);
	struct error e = { 0 };

	d.on_ready = on_ready;
	d.on_reload = on_reload;
	d.on_unit = on_unit;
	d.on_drain = getenv("NO_DRAIN") == NULL ? on_drain : NULL;
	d.on_end = getenv("TELL_END") != NULL ? on_end : NULL;
	if (daemon_boot(&d, argc, argv, &e) == -1)
		return daemon_fail(&d, &e);
	return daemon_serve(&d, NULL);
}

/* ---- its parent ----------------------------------------------------------------------------- */

struct unit {
	pid_t	 pid;
	int	 fd;		/* to its descriptor 3 */
	FILE	*out;		/* what it prints, errors too */
	char	*home;
};

/* Start ourselves as a unit; `argument` is passed on, `fd3` says whether there is a descriptor 3. */
static struct unit
launch(char *argument, int fd3)
{
	char *argv[] = { "test_daemon", "--unit", argument, NULL };
	posix_spawn_file_actions_t fa;
	struct unit u = { .home = temp_home() };
	int control[2], out[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	posix_spawn_file_actions_adddup2(&fa, out[1], 2);
	if (fd3)
		posix_spawn_file_actions_adddup2(&fa, control[1], BOOT_FD);
	else
		posix_spawn_file_actions_addopen(&fa, BOOT_FD, "/dev/null", O_RDWR, 0);
	assert_int_equal(posix_spawn(&u.pid, "/proc/self/exe", &fa, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&fa);
	close(control[1]);
	close(out[1]);
	u.fd = control[0];
	u.out = fdopen(out[0], "r");
	return u;
}

static void
tell(const struct unit *u, const char *text)
{
	assert_int_equal(write(u->fd, text, strlen(text)), strlen(text));
}

static void
boot(const struct unit *u, const char *name)
{
	cleanup_free char *text = xasprintf("alpi-boot 1\nunit default/%s\nroot %s\nhome %s\nrun %s/run\nlibexec %s\n"
	    "call default/engined " KEY "\nend\n", name, u->home, u->home, u->home, u->home);

	tell(u, text);
}

static void
says(const struct unit *u, const char *want)
{
	char line[512] = "(nothing)";

	if (fgets(line, sizeof(line), u->out) != NULL)
		line[strcspn(line, "\n")] = '\0';
	assert_string_equal(line, want);
}

static struct unit
start(void)
{
	struct unit u = launch(NULL, 1);
	char byte = 0;

	boot(&u, "hostd");
	assert_int_equal(read(u.fd, &byte, 1), 1);
	assert_int_equal(byte, 'R');
	says(&u, "ready default/hostd files 1 mask 77");
	return u;
}

static int
end(struct unit *u)
{
	int status;

	assert_int_equal(waitpid(u->pid, &status, 0), u->pid);
	close(u->fd);
	fclose(u->out);
	free(u->home);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
test_it_tells_of_units_that_come_and_go(void **state)
{
	struct unit u = start();

	tell(&u, "call work/engined " KEY "\ncall default/engined " KEY "\naccept work/engined " KEY "\n");
	says(&u, "unit work/engined 1");
	tell(&u, "drop work/engined\n");
	says(&u, "unit work/engined 0");
	kill(u.pid, SIGTERM);
	says(&u, "drain 1");
	assert_int_equal(end(&u), 7);
}

static void
test_a_reload_comes_with_its_secrets(void **state)
{
	struct unit u = start();

	tell(&u, "reload\nsecret A=one\n");
	says(&u, "reload one");
	tell(&u, "sec");			/* a line in two pieces */
	tell(&u, "ret A=\n");
	says(&u, "reload (none)");
	kill(u.pid, SIGINT);
	says(&u, "drain 1");
	assert_int_equal(end(&u), 7);
}

static void
test_a_line_that_is_not_understood_changes_nothing(void **state)
{
	struct unit u = start();

	tell(&u, "gibberish\nreload\n");
	says(&u, "ERROR init says what is not understood: boot line of an unknown kind");
	says(&u, "reload (none)");
	close(u.fd);
	u.fd = -1;
	says(&u, "drain 1");
	assert_int_equal(end(&u), 7);
}

/* 0, or why not. */
static int
reach(const struct unit *u)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/run/default/hostd.ipc", u->home);
	return connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 ? 0 : errno;
}

/* A service manager tells all processes of a service to end, each of which init tells as well. */
static void
test_a_drain_is_not_cut_short_by_being_asked_for_again(void **state)
{
	struct unit u;

	setenv("DRAIN_WAITS", "1", 1);
	u = start();
	kill(u.pid, SIGTERM);
	says(&u, "drain 1");
	kill(u.pid, SIGTERM);
	tell(&u, "reload\n");
	says(&u, "reload (none)");
	assert_int_equal(reach(&u), 0);
	kill(u.pid, SIGKILL);
	assert_int_equal(end(&u), -SIGKILL);
	unsetenv("DRAIN_WAITS");
}

/* Who comes then is of the next init, and would be refused for good where it has only to wait. */
static void
test_it_drains_when_init_is_gone_and_nobody_new_is_heard(void **state)
{
	struct unit u;

	setenv("DRAIN_WAITS", "1", 1);
	u = start();
	assert_int_equal(reach(&u), 0);
	shutdown(u.fd, SHUT_WR);
	says(&u, "drain 1");
	assert_int_equal(reach(&u), ECONNREFUSED);
	kill(u.pid, SIGKILL);
	assert_int_equal(end(&u), -SIGKILL);
	unsetenv("DRAIN_WAITS");
}

static void
test_one_that_lost_init_before_it_was_ready_does_not_begin(void **state)
{
	struct unit u = launch(NULL, 1);

	boot(&u, "hostd");
	shutdown(u.fd, SHUT_WR);
	says(&u, "ERROR hostd does not start: init is gone");
	assert_int_equal(end(&u), 1);
}

static void
test_what_a_daemon_holds_goes_before_the_bus(void **state)
{
	struct unit u;

	setenv("TELL_END", "1", 1);
	u = start();
	kill(u.pid, SIGTERM);
	says(&u, "drain 1");
	says(&u, "end bus 1");
	assert_int_equal(end(&u), 7);
	unsetenv("TELL_END");
}

static void
test_without_anything_to_hand_back_it_ends_at_once(void **state)
{
	struct unit u;

	setenv("NO_DRAIN", "1", 1);
	u = start();
	kill(u.pid, SIGTERM);
	assert_int_equal(end(&u), 0);
	unsetenv("NO_DRAIN");
}

static void
test_the_inbox_is_private_and_replaces_a_stale_one(void **state)
{
	struct unit u = launch(NULL, 1);
	cleanup_free char *dir = xasprintf("%s/run/default", u.home), *run = xasprintf("%s/run", u.home);
	cleanup_free char *path = xasprintf("%s/hostd.ipc", dir);
	struct stat st;
	char byte;

	mkdir(run, 0700);
	mkdir(dir, 0700);
	put_file(dir, "hostd.ipc", "left by a dead process");
	boot(&u, "hostd");
	assert_int_equal(read(u.fd, &byte, 1), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	kill(u.pid, SIGKILL);
	assert_int_equal(end(&u), -SIGKILL);
}

static void
test_it_starts_only_under_init_and_under_its_own_name(void **state)
{
	struct unit u = launch(NULL, 0);

	says(&u, "ERROR hostd does not start: alpi-init starts this program; by hand: alpi daemon start");
	assert_int_equal(end(&u), 1);
	u = launch(NULL, 1);
	boot(&u, "engined");
	says(&u, "ERROR hostd does not start: boot: meant for engined, this is alpi-hostd");
	assert_int_equal(end(&u), 1);
	u = launch(NULL, 1);
	tell(&u, "hello\n");
	says(&u, "ERROR hostd does not start: boot: the boot message does not begin with alpi-boot 1");
	assert_int_equal(end(&u), 1);
}

static void
test_it_knows_two_arguments(void **state)
{
	struct unit u = launch("--version", 1);

	says(&u, "alpi-hostd " ALPI_VERSION);
	assert_int_equal(end(&u), 0);
	u = launch("--help", 1);
	says(&u, "alpi-hostd " ALPI_VERSION);
	assert_int_equal(end(&u), 0);
	u = launch("--verbose", 1);
	says(&u, "ERROR hostd does not start: --verbose is no argument of alpi-hostd");
	assert_int_equal(end(&u), 1);
}

static long
switches(pid_t pid)
{
	cleanup_free char *command = xasprintf("cat /proc/%d/task/*/status | awk '/ctxt_switches/ { n += $2 } END { print n }'", (int)pid);
	FILE *f = popen(command, "r");
	long n = -1;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld", &n), 1);
	pclose(f);
	return n;
}

/* Timers that run without need would show as soon as one of them fires; nothing else can wake it here. */
static void
test_it_sleeps_while_nobody_speaks(void **state)
{
	struct unit u = start();
	long before, after;

	do {					/* its threads have all gone to sleep */
		before = switches(u.pid);
		poll(NULL, 0, 200);
		after = switches(u.pid);
	} while (before != after);
	poll(NULL, 0, 500);
	assert_int_equal(switches(u.pid), after);
	kill(u.pid, SIGTERM);
	assert_int_equal(end(&u), 7);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		TEST(test_it_tells_of_units_that_come_and_go),
		TEST(test_a_reload_comes_with_its_secrets),
		TEST(test_a_line_that_is_not_understood_changes_nothing),
		TEST(test_a_drain_is_not_cut_short_by_being_asked_for_again),
		TEST(test_it_drains_when_init_is_gone_and_nobody_new_is_heard),
		TEST(test_one_that_lost_init_before_it_was_ready_does_not_begin),
		TEST(test_what_a_daemon_holds_goes_before_the_bus),
		TEST(test_without_anything_to_hand_back_it_ends_at_once),
		TEST(test_the_inbox_is_private_and_replaces_a_stale_one),
		TEST(test_it_starts_only_under_init_and_under_its_own_name),
		TEST(test_it_knows_two_arguments),
		TEST(test_it_sleeps_while_nobody_speaks),
	};

	if (argc > 1 && strcmp(argv[1], "--unit") == 0)
		return unit_main(argc - 1, argv + 1);
	return RUN(tests);
}

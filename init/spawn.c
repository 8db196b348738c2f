/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See spawn.h. Tokens are made fresh for both ends whenever one of them
 * starts, and kept nowhere here. Neighbours hear of theirs before the new
 * process exists, so none of them can refuse it. One thread: fork is safe.
 */
#include "init/spawn.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "init/logs.h"
#include "init/system.h"

#define NOFILE 8192		/* macOS starts programs with 256 */

struct site site;

static void
tell(struct unit *to, const char *word, const struct unit *about, const char *key)
{
	stream_send(&to->boot, "%s %s %s\n", word, about->name, key);
}

/* What a and b share when a may ask b: a token; when a mints grants that b verifies: the key. */
static void
introduce(struct unit *a, struct unit *b)
{
	const char *key = b->keys[a->kind - unit_kinds];
	char token[KEY_HEX];

	if (unit_calls(a, b)) {
		secrets_key(token);
		tell(a, "call", b, token);
		tell(b, "accept", a, token);
		explicit_bzero(token, sizeof(token));
	}
	if (unit_mints(a, b)) {
		tell(a, "mint", b, key);
		tell(b, "verify", a, key);
	}
}

static void
tell_secret(void *arg, const char *name, const char *value, size_t len)
{
	struct unit *u = arg;

	stream_send(&u->boot, "secret %s=%.*s\n", name, (int)len, value);
}

static void
compose(struct unit *u)
{
	stream_send(&u->boot, "alpi-boot 1\nunit %s\nroot %s\nhome %s\nrun %s\nlibexec %s\noption person %s\n",
	    u->name, site.root, u->home, site.run, site.libexec, site.person);
	if (site.debug)
		stream_send(&u->boot, "option debug 1\n");
	for (struct unit *v = units; v != NULL; v = v->next) {
		introduce(u, v);
		introduce(v, u);
		if (v != u)
			stream_flush(&v->boot);
	}
	secrets_each(u->home, u->kind->secrets, 0, tell_secret, u);
	stream_send(&u->boot, "end\n");
}

void
spawn_reload(struct unit *u)
{
	stream_send(&u->boot, "reload\n");
	secrets_each(u->home, u->kind->secrets, 1, tell_secret, u);
}

void
spawn_drop(struct unit *u)
{
	for (struct unit *v = units; v != NULL; v = v->next)
		if (unit_calls(u, v) || unit_calls(v, u) || unit_mints(u, v) || unit_mints(v, u))
			stream_send(&v->boot, "drop %s\n", u->name);
}

/* Nothing of ours but what a program needs to find its files and its language. */
static char **
environment(void)
{
	static const char *const kept[] = { "PATH=", "LANG=", "LC_", "TZ=", "HOME=", "ALPI_RESTRICT_DEBUG=",
	    "ASAN_OPTIONS=", "UBSAN_OPTIONS=" };
	static char *env[64];
	size_t n = 0;

	for (char **e = environ; *e != NULL; e++)
		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]) && n < 63; i++)
			if (strncmp(*e, kept[i], strlen(kept[i])) == 0)
				env[n++] = *e;
	env[n] = NULL;
	return env;
}

/* The user of the row. 0 when it became that user, or was not asked to; -1 when it could not. */
static int
become(const struct unit_kind *kind)
{
	const struct passwd *pw;

	if (!site.drop || geteuid() != 0 || (pw = getpwnam(kind->user)) == NULL)
		return 0;
	if (setgroups(1, &pw->pw_gid) == -1 || setgid(pw->pw_gid) == -1 || setuid(pw->pw_uid) == -1)
		return -1;
	return 0;
}

static void
limits(void)
{
	struct rlimit r;

	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max != RLIM_INFINITY && r.rlim_max < NOFILE ? r.rlim_max : NOFILE;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/*
 * Everything of ours is close-on-exec, so only 0 to `last` reach the program. The copies go above
 * the targets first: a source may itself have one of those numbers.
 */
static void
descriptors(const int from[], int last)
{
	int high[4];

	for (int i = 0; i <= last; i++)
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i <= last; i++)
		dup2(high[i], i);
}

/* A pair of descriptors that no program inherits. */
static int
pair(int fd[2], int sockets)
{
	if ((sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, fd) : pipe(fd)) == -1)
		return -1;
	fcntl(fd[0], F_SETFD, FD_CLOEXEC);
	fcntl(fd[1], F_SETFD, FD_CLOEXEC);
	return 0;
}

/* The child's side. What goes wrong is said on the descriptor that is its stderr by then. */
static _Noreturn void
execute(const struct unit_kind *kind, pid_t init, char *argv[])
{
	setsid();
	limits();
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	if (kind != NULL && become(kind) == -1)
		dprintf(STDERR_FILENO, "ERROR cannot become %s: %s\n", kind->user, strerror(errno));
	else if (system_follow_parent(init) == 0) {
		execve(argv[0], argv, environment());
		dprintf(STDERR_FILENO, "ERROR cannot execute %s: %s\n", argv[0], strerror(errno));
	}
	_exit(127);
}

/* Run LIBEXEC/alpi-NAME with these descriptors as its 1, 2 (and 3); 0 is /dev/null. The pid, or -1. */
static pid_t
run(const char *name, const struct unit_kind *kind, int out, int err, int boot)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int from[] = { null, out == -1 ? null : out, err, boot };
	char program[1200], *argv[] = { program, (char *)site.root, NULL };
	pid_t init = getpid(), pid;

	snprintf(program, sizeof(program), "%s/alpi-%s", site.libexec, name);
	if (kind != NULL)
		argv[1] = NULL;
	if (null == -1 || (pid = fork()) == -1)
		return -1;
	if (pid > 0)
		return pid;
	descriptors(from, boot == -1 ? 2 : 3);
	execute(kind, init, argv);
}

int
spawn_unit(struct unit *u, void (*on_boot)(void *arg))
{
	char dir[1200];
	int err[2] = { -1, -1 }, boot[2] = { -1, -1 };

	snprintf(dir, sizeof(dir), "%s/%s", site.run, u->profile);
	if ((mkdir(dir, 0700) == 0 || errno == EEXIST) && pair(err, 0) == 0 && pair(boot, 1) == 0) {
		tail_open(&u->tail, err[0]);
		stream_open(&u->boot, boot[0], on_boot, u);
		compose(u);
		u->pid = run(u->kind->daemon, u->kind, -1, err[1], boot[1]);
	} else
		u->pid = -1;
	if (u->pid == -1)
		logs_say("ERROR", "cannot start %s: %s", u->name, strerror(errno));
	close(err[1]);
	close(boot[1]);
	return u->pid == -1 ? -1 : 0;
}

pid_t
spawn_plan(int *out)
{
	int fd[2];
	pid_t pid;

	if (pair(fd, 0) == -1)
		return -1;
	if ((pid = run("init-plan", NULL, fd[1], fd[1], -1)) == -1)
		close(fd[0]);
	close(fd[1]);
	*out = fd[0];
	return pid;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens are made fresh for both ends whenever one of them starts, and kept nowhere here; nor is a secret, which is
 * read when a unit starts or reloads. Neighbours hear of theirs before the new process exists, so none can refuse it.
 * One thread: fork is safe.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/env.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/unixsock.h"
#include "init/init.h"

#define BOOT_BYTES	(1024 * 1024)		/* what the kernel gives of it is enough for a thousand profiles */
#define VALUE_MAX	(BOOT_LINE_MAX - 256)	/* with its word and name still one boot line */
#define PLAN_SECONDS	10

struct site site;

int
spawn_fits(const char *profile)
{
	return strlen(site.root) + strlen(profile) + strlen("/run//toolrunner.ipc") <= UNIX_PATH_BYTES;
}

/* ---- what a unit is told ---------------------------------------------------------------------- */

void
secrets_write(FILE *to, const char *home, const char *const *names, int all)
{
	size_t size, len = 0;
	const char *value;
	char *text;

	if (names == NULL)
		return;
	text = env_read(home, &size);
	for (; *names != NULL; names++) {
		value = env_value(text, size, *names, &len);
		if (value != NULL && (len > VALUE_MAX || memchr(value, '\0', len) != NULL))
			value = NULL;			/* no boot line */
		if (value != NULL)
			fprintf(to, "secret %s=%.*s\n", *names, (int)len, value);
		else if (all)
			fprintf(to, "secret %s=\n", *names);
	}
	env_free(text, size);
}

/* One that does not read what it is told is cut off: it ends, and learns everything at its next start. */
static void
flush(struct unit *u)
{
	if (u->out != NULL && fflush(u->out) == EOF)
		shutdown(u->boot.fd, SHUT_RDWR);
	explicit_bzero(u->buffer, sizeof(u->buffer));
}

static void
tell(struct unit *u, const char *word, const struct unit *about, const char *key)
{
	if (u->out != NULL)
		fprintf(u->out, "%s %s%s%s\n", word, about->name, *key != '\0' ? " " : "", key);
}

/* What a and b share when a may ask b: a token; when a mints grants that b verifies: the key. */
static void
introduce(struct unit *a, struct unit *b)
{
	int relation = unit_relation(a, b);
	char token[KEY_HEX];

	if (relation & CALLS) {
		random_hex(token, BOOT_KEY_BYTES);
		tell(a, "call", b, token);
		tell(b, "accept", a, token);
	}
	if (relation & MINTS) {
		tell(a, "mint", b, b->keys[a->daemon]);
		tell(b, "verify", a, b->keys[a->daemon]);
	}
}

static void
compose(struct unit *u)
{
	const char *person = getenv("HOME");

	fprintf(u->out, "alpi-boot 1\nunit %s\nroot %s\nhome %s\n", u->name, site.root, u->home);
	fprintf(u->out, "run %s/run\nlibexec %s\n", site.root, site.libexec);
	fprintf(u->out, "option person %s\n", person != NULL ? person : "/");
	if (site.debug)
		fprintf(u->out, "option debug 1\n");
	for (struct unit *v = units; v != NULL; v = v->next) {
		introduce(u, v);
		introduce(v, u);
		if (v != u)
			flush(v);
	}
	secrets_write(u->out, u->home, unit_kinds[u->daemon].secrets, 0);
	fprintf(u->out, "end\n");
	flush(u);
}

void
spawn_reload(struct unit *u)
{
	if (u->out == NULL)
		return;
	log_info("%s reloads", u->name);
	fprintf(u->out, "reload\n");
	secrets_write(u->out, u->home, unit_kinds[u->daemon].secrets, 1);
	flush(u);
}

void
spawn_drop(struct unit *u)
{
	for (struct unit *v = units; v != NULL; v = v->next)
		if (unit_relation(u, v) | unit_relation(v, u)) {
			tell(v, "drop", u, "");
			flush(v);
		}
}

/* ---- its process ------------------------------------------------------------------------------ */

/* Become the user of the row, when -u asked for that and there is one. */
static int
change_user(const char *name)
{
	const struct passwd *user = site.drop ? getpwnam(name) : NULL;

	if (user == NULL)
		return 0;
	if (setgroups(1, &user->pw_gid) == -1 || setgid(user->pw_gid) == -1)
		return -1;
	return setuid(user->pw_uid);
}

/*
 * Run alpi-NAME. Its stderr is `err`; `boot` is its descriptor 3, without one `err` is its output too. main holds
 * 0 to 3, and all else closes on exec.
 */
static pid_t
run(const char *name, const char *user, int err, int boot)
{
	cleanup_free char *program = xasprintf("%s/alpi-%s", site.libexec, name);
	char *argv[] = { program, boot == -1 ? site.root : NULL, NULL };
	pid_t init = getpid(), pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	dup2(err, STDERR_FILENO);
	dup2(boot != -1 ? boot : err, boot != -1 ? BOOT_FD : STDOUT_FILENO);
	setsid();
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Die with init, and not by TERM: one that hangs would keep its inbox beside the next init's unit. */
	if (chdir("/") == 0 && change_user(user) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == init)
		execv(program, argv);
	dprintf(STDERR_FILENO, "ERROR cannot run %s: %s\n", program, strerror(errno));
	_exit(127);
}

/* Our end of its descriptor 3. It is written through a stream of its own, so that source and stream close apart. */
static int
open_boot(struct unit *u, int fd, void (*on_boot)(void *arg))
{
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ BOOT_BYTES }, sizeof(int));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	source_open(&u->boot, fd, on_boot, u);
	if ((u->out = fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 0), "w")) == NULL)
		return -1;
	return setvbuf(u->out, u->buffer, _IOFBF, sizeof(u->buffer));
}

int
spawn_unit(struct unit *u, void (*on_boot)(void *arg))
{
	const struct unit_kind *kind = &unit_kinds[u->daemon];
	cleanup_free char *inboxes = xasprintf("run/%s", u->profile);
	int err[2], boot[2] = { -1, -1 };

	mkdir(inboxes, 0700);
	if (pipe2(err, O_CLOEXEC) == -1)
		return -1;
	source_open(&u->tail.pipe, err[0], tail_read, &u->tail);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, boot) == 0 && open_boot(u, boot[0], on_boot) == 0) {
		compose(u);
		u->pid = run(kind->daemon, kind->user, err[1], boot[1]);
	}
	close(err[1]);
	close(boot[1]);
	return u->pid > 0 ? 0 : -1;
}

void
spawn_clear(struct unit *u)
{
	tail_close(&u->tail);
	source_close(&u->boot);
	if (u->out != NULL)
		fclose(u->out);
	u->out = NULL;
	u->pid = 0;
}

/* A small confined program of ours is waited for, with a limit, because what it reads is anybody's. */
int
spawn_plan(void (*take)(const char *line))
{
	cleanup_free char *line = NULL;
	int fd[2], status = -1;
	size_t room = 0;
	ssize_t n;
	FILE *f;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == -1 || (f = fdopen(fd[0], "r")) == NULL)
		abort();
	setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ PLAN_SECONDS, 0 }, sizeof(struct timeval));
	pid = run("init-plan", "_alpi_plan", fd[1], -1);
	close(fd[1]);
	while ((n = getline(&line, &room, f)) > 0) {
		line[n - (line[n - 1] == '\n')] = '\0';
		take(line);
	}
	if (ferror(f) && pid > 0)
		kill(pid, SIGKILL);
	fclose(f);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens are made fresh for both ends whenever one of them starts, and kept nowhere here. Neighbours hear of
 * theirs before the new process exists, so none can refuse it. One thread: fork is safe.
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
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/init.h"

#define BOOT_BYTES	(1024 * 1024)		/* what the kernel gives of it is enough for a thousand profiles */
#define PLAN_SECONDS	10

struct site site;

int
spawn_fits(const char *profile)
{
	return strlen(site.root) + strlen(profile) + sizeof("/run//toolrunner.ipc") <= sizeof(((struct sockaddr_un *)0)->sun_path);
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
		secrets_key(token);
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
	fprintf(u->out, "alpi-boot 1\nunit %s\nroot %s\nhome %s%s\nrun %s/run\nlibexec %s\n%s", u->name, site.root, site.root,
	    u->home + 1, site.root, site.libexec, site.debug ? "option debug 1\n" : "");
	fprintf(u->out, "option person %s\n", getenv("HOME") != NULL ? getenv("HOME") : "/");
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
	logs_say("INFO %s reloads", u->name);
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

/*
 * Run alpi-NAME as the user of its row, when -u asked for that and there is one. Its stderr is `err`; `boot`
 * is its descriptor 3, without one `err` is its output too. main holds 0 to 3, and all else closes on exec.
 */
static pid_t
run(const char *name, const char *user, int err, int boot)
{
	char program[1200], *argv[] = { program, boot == -1 ? site.root : NULL, NULL };
	const struct passwd *pw;
	pid_t init = getpid(), pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	snprintf(program, sizeof(program), "%s/alpi-%s", site.libexec, name);
	dup2(err, STDERR_FILENO);
	dup2(boot != -1 ? boot : err, boot != -1 ? BOOT_FD : STDOUT_FILENO);
	setsid();
	sigprocmask(SIG_SETMASK, (sigemptyset(&none), &none), NULL);
	signal(SIGPIPE, SIG_DFL);
	if (chdir("/") == -1 || (site.drop && (pw = getpwnam(user)) != NULL &&
	    (setgroups(1, &pw->pw_gid) == -1 || setgid(pw->pw_gid) == -1 || setuid(pw->pw_uid) == -1)))
		_exit(126);
	/* Die with init, and not by TERM: one that hangs would keep its inbox beside the next init's unit. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == init)
		execv(program, argv);
	dprintf(STDERR_FILENO, "ERROR cannot run %s: %s\n", program, strerror(errno));
	_exit(127);
}

int
spawn_unit(struct unit *u, void (*on_boot)(void *arg))
{
	const struct unit_kind *kind = &unit_kinds[u->daemon];
	int err[2], boot[2] = { -1, -1 };
	char dir[160];

	snprintf(dir, sizeof(dir), "run/%s", u->profile);
	mkdir(dir, 0700);
	if (pipe2(err, O_CLOEXEC) == -1)
		return -1;
	source_open(&u->tail.pipe, err[0], tail_read, &u->tail);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, boot) == 0) {
		setsockopt(boot[0], SOL_SOCKET, SO_SNDBUF, &(int){ BOOT_BYTES }, sizeof(int));
		fcntl(boot[0], F_SETFL, O_NONBLOCK);
		source_open(&u->boot, boot[0], on_boot, u);
		u->out = fdopen(fcntl(boot[0], F_DUPFD_CLOEXEC, 0), "w");
	}
	if (u->out != NULL) {
		setvbuf(u->out, u->buffer, _IOFBF, sizeof(u->buffer));
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
char *
spawn_plan(char *why, size_t size)
{
	int fd[2], status = -1;
	char *text = NULL;
	size_t room = 0;
	FILE *f;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == -1 || (f = fdopen(fd[0], "r")) == NULL)
		abort();
	setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ PLAN_SECONDS, 0 }, sizeof(struct timeval));
	pid = run("init-plan", "_alpi_plan", fd[1], -1);
	close(fd[1]);
	if (getdelim(&text, &room, '\0', f) == -1 && ferror(f) && pid > 0)
		kill(pid, SIGKILL);
	fclose(f);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
		return text;
	snprintf(why, size, "alpi-init-plan failed: %.*s", text != NULL ? (int)strcspn(text, "\n") : 0, text);
	free(text);
	return NULL;
}

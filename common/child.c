/* SPDX-License-Identifier: Apache-2.0 */
/* See child.h. */
#include "common/child.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/time.h>
#include <sys/wait.h>

#include "common/mem.h"

static int
change_user(const char *name)
{
	const struct passwd *user = name == NULL ? NULL : getpwnam(name);

	if (user == NULL)
		return 0;
	if (setgroups(1, &user->pw_gid) == -1 || setgid(user->pw_gid) == -1)
		return -1;
	return setuid(user->pw_uid);
}

/* Not by TERM: one that hangs would stay beside what comes after us. */
static int
die_with(pid_t parent)
{
#ifdef __linux__
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		return -1;
#endif
	return getppid() == parent ? 0 : -1;
}

pid_t
child_start(const struct child *c)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	for (int i = 0; i < (int)COUNT(c->fds); i++)
		if (c->fds[i] != -1)
			dup2(c->fds[i], i);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	if (chdir("/") == 0 && change_user(c->user) == 0 && (!c->bound || die_with(parent) == 0))
		execv(c->argv[0], c->argv);
	dprintf(STDERR_FILENO, "ERROR cannot run %s: %s\n", c->argv[0], strerror(errno));
	_exit(127);
}

int
child_lines(const struct child *c, int seconds, void (*take)(const char *line))
{
	struct timeval limit = { .tv_sec = seconds };
	cleanup_free char *line = NULL;
	struct child with = *c;
	int fd[2], status = -1;
	size_t room = 0;
	ssize_t n;
	FILE *f;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == -1)
		return -1;
	setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	with.fds[STDOUT_FILENO] = with.fds[STDERR_FILENO] = fd[1];
	pid = child_start(&with);
	close(fd[1]);
	if ((f = fdopen(fd[0], "r")) == NULL)
		abort();
	while ((n = getline(&line, &room, f)) > 0) {
		line[n - (line[n - 1] == '\n')] = '\0';
		take(line);
	}
	if (ferror(f) && pid > 0)
		kill(pid, SIGKILL);
	fclose(f);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time whole processes: run a command N times, one after the other, and print
 * the minimum, median and maximum in microseconds from spawn to reaped.
 *   spawn N COMMAND [ARG ...]
 * With N negative each run gets fresh user, mount, pid, ipc, uts and network
 * namespaces: the floor of a sandboxed worker.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

extern char **environ;

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static pid_t
spawn_plain(char *argv[])
{
	posix_spawn_file_actions_t fa;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ) != 0)
		exit(1);
	posix_spawn_file_actions_destroy(&fa);
	return pid;
}

static pid_t
spawn_isolated(char *argv[])
{
	long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | SIGCHLD;
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid == -1)
		exit(1);
	return pid;
}

int
main(int argc, char *argv[])
{
	int n = argc > 2 ? atoi(argv[1]) : 0, isolated = n < 0, status;
	double *times;

	if (n == 0) {
		fprintf(stderr, "usage: spawn N COMMAND [ARG ...]\n");
		return 2;
	}
	n = abs(n);
	times = xcalloc((size_t)n, sizeof(*times));
	for (int i = 0; i < n; i++) {
		int64_t start = clock_mono_ns();
		pid_t pid = isolated ? spawn_isolated(argv + 2) : spawn_plain(argv + 2);

		if (waitpid(pid, &status, 0) != pid || status != 0) {
			fprintf(stderr, "%s: status %d\n", argv[2], status);
			return 1;
		}
		times[i] = (double)(clock_mono_ns() - start) / 1000;
	}
	qsort(times, (size_t)n, sizeof(*times), by_value);
	printf("%.0f %.0f %.0f\n", times[0], times[n / 2], times[n - 1]);
	free(times);
	return 0;
}

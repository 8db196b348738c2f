/* SPDX-License-Identifier: Apache-2.0 */
/* What toolrunner's main process can still do once it is restricted: tried in a child behind the very fence of main(). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/check.h"
#include "toolrunner/runner.h"

static char *home;

/* 0, or the number of the line that found a hole or a wall where none may be. */
static int
behind_the_fence(const char *libexec)
{
	struct boot boot = { .home = home, .root = home, .libexec = (char *)libexec };
	struct runner r = { .boot = &boot, .base = event_base_new(), .approval_fd = -1 };
	cleanup_free char *config = xasprintf("%s/config.yaml", home), *env = xasprintf("%s/.env", home);
	cleanup_free char *file = xasprintf("%s/workspace/file", home), *made = xasprintf("%s/workspace/made", home);
	cleanup_free char *note = xasprintf("%s/run/bg/note", home), *audit = xasprintf("%s/logs/audit/toolrunner.jsonl", home);
	const char *const closed[] = { config, env, file, audit, home, "/etc/passwd", "/proc/self/environ", "/" };
	char *argv[] = { (char *)"true", NULL }, *none[] = { NULL };
	struct error e = { 0 };

	if (runner_open(&r, &e) == -1 || runner_fence(&e) == -1) {
		fprintf(stderr, "%s\n", e.text);
		return __LINE__ % 250;
	}
	for (size_t i = 0; i < COUNT(closed); i++)
		if (open(closed[i], O_RDONLY) != -1 || errno != EACCES) {
			fprintf(stderr, "%s: %s\n", closed[i], strerror(errno));
			return __LINE__ % 250;
		}
	if (open(made, O_WRONLY | O_CREAT, 0600) != -1 || errno != EACCES || open(file, O_WRONLY) != -1 || errno != EACCES)
		return __LINE__ % 250;
	if (execve("/bin/true", argv, none) != -1 || (errno != EPERM && errno != EACCES))
		return __LINE__ % 250;
	if (truncate(file, 0) != -1 || rename(file, note) != -1 || unlink(file) != -1)
		return __LINE__ % 250;
	if (socket(AF_INET, SOCK_STREAM, 0) != -1 || kill(getppid(), 0) != -1)
		return __LINE__ % 250;
	/* and what it lives on */
	if (open(note, O_WRONLY | O_CREAT, 0600) == -1 || socket(AF_UNIX, SOCK_STREAM, 0) == -1 ||
	    audit_add(r.audit, "test", "test", "test", NULL, &e) == -1)
		return __LINE__ % 250;
	return 0;
}

static void
test_main_opens_no_file_and_runs_no_program(void **state)
{
	cleanup_free char *libexec = NULL, *launcher = NULL, *workspace = NULL;
	int status;
	pid_t pid;

	home = temp_home();
	libexec = xasprintf("%s/libexec", home);
	launcher = xasprintf("%s/alpi-worker", libexec);
	workspace = xasprintf("%s/workspace", home);
	mkdir(libexec, 0700);
	mkdir(workspace, 0700);
	put_file(home, "config.yaml", "model: x\n");
	put_file(home, ".env", "KEY=secret\n");
	put_file(workspace, "file", "text");
	assert_int_equal(symlink("/bin/true", launcher), 0);	/* a launcher that ends at once */
	if ((pid = fork()) == 0)
		_exit(behind_the_fence(libexec));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	free(home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_main_opens_no_file_and_runs_no_program),
	};

	return RUN(tests);
}

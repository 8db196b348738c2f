/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon can still do after restrict: each claim in a child process of its own. */
#include "tests/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/restrict.h"

static char *home;

/* A sanitizer's run time needs more calls than the words give; what they refuse is then not measurable. */
#if defined(__SANITIZE_ADDRESS__)
#define NEEDS_PLAIN_BUILD skip()
#else
#define NEEDS_PLAIN_BUILD
#endif

/* Run fn in a child under these words, with read and write below home. The child's exit status. */
static int
under(const char *words, int (*fn)(void))
{
	struct error e = { 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (restrict_path(home, "rw!", &e) == -1 || restrict_self(words, &e) == -1) {
			dprintf(2, "%s\n", e.text);
			_exit(99);
		}
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
reads_outside(void)
{
	return open("/etc/passwd", O_RDONLY) != -1;
}

static int
writes_home(void)
{
	cleanup_free char *path = xasprintf("%s/file", home);
	cleanup_free char *other = xasprintf("%s/other", home);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	return !(fd != -1 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && rename(path, other) == 0 && unlink(other) == 0);
}

static int
writes_tmp(void)
{
	return open("/tmp/alpi-test-outside", O_WRONLY | O_CREAT, 0600) != -1;
}

static int
dials(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	/* Nobody listens on port 1: refused means that the call itself went through. */
	return fd != -1 && connect(fd, (void *)&a, sizeof(a)) == -1 && errno == ECONNREFUSED;
}

static int
starts_program(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == -1)
		return 0;
	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
starts_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0;
}

static int
signals_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static int
maps_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static int
is_dumpable(void)
{
	return prctl(PR_GET_DUMPABLE) == 1 || prctl(PR_GET_NO_NEW_PRIVS) != 1;
}

static void
test_files_are_only_those_named(void **state)
{
	assert_int_equal(under("files", reads_outside), 0);
	assert_int_equal(under("files", writes_tmp), 0);
	assert_int_equal(under("files", writes_home), 0);
}

static void
test_stdio_opens_nothing(void **state)
{
	NEEDS_PLAIN_BUILD;
	assert_int_equal(under("stdio", writes_home), 1);
}

static void
test_network_needs_its_word(void **state)
{
	assert_int_equal(under("stdio bus files", dials), 0);
	assert_int_equal(under("stdio net", dials), 1);
}

static void
test_programs_and_threads_need_their_words(void **state)
{
	NEEDS_PLAIN_BUILD;
	assert_int_equal(under("files bus", starts_program), 0);
	assert_int_equal(under("stdio", starts_thread), 0);
	assert_int_equal(under("bus", starts_thread), 0);
	assert_int_equal(under("net", starts_thread), 1);
}

static void
test_signals_stay_inside(void **state)
{
	assert_int_equal(under("stdio", signals_parent), 0);
	assert_int_equal(under("stdio proc", signals_parent), 0);
}

static void
test_memory_is_never_writable_and_executable(void **state)
{
	assert_int_equal(under("stdio", maps_code), 0);
}

static void
test_launcher_filter_forbids_by_name(void **state)
{
	assert_int_equal(under("sandbox proc exec", starts_program), 1);
	assert_int_equal(under("sandbox", reads_outside), 1);
}

static void
test_unknown_word_is_refused(void **state)
{
	assert_int_equal(under("stdio everything", is_dumpable), 99);
}

static void
test_debug_mode_names_the_call(void **state)
{
	int fds[2], status;
	char text[512] = "";
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		struct error e = { 0 };

		dup2(fds[1], STDERR_FILENO);
		setenv("ALPI_RESTRICT_DEBUG", "1", 1);
		if (restrict_self("stdio", &e) == 0)
			syscall(SYS_sethostname, "never", 5);
		_exit(0);
	}
	close(fds[1]);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	waitpid(pid, &status, 0);
	close(fds[0]);
	assert_non_null(strstr(text, "sethostname"));
	assert_int_equal(WEXITSTATUS(status), 159);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_files_are_only_those_named),
		TEST(test_stdio_opens_nothing),
		TEST(test_network_needs_its_word),
		TEST(test_programs_and_threads_need_their_words),
		TEST(test_signals_stay_inside),
		TEST(test_memory_is_never_writable_and_executable),
		TEST(test_launcher_filter_forbids_by_name),
		TEST(test_unknown_word_is_refused),
		TEST(test_debug_mode_names_the_call),
	};

	home = temp_home();
	return RUN(tests);
}

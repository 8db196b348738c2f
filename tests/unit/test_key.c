/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key child as a program: what it does with questions that are none, and
 * what is left of it after restrict. For that this program stands in for
 * alpi-alpd, and its own crypto_scalarmult for a child that was taken over:
 * asked with a certain public key it tries what a thief would.
 */
#include "tests/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alpd/key_wire.h"
#include "common/mem.h"
#include "common/paths.h"

#if defined(__SANITIZE_ADDRESS__)
#define NEEDS_PLAIN_BUILD skip()
#else
#define NEEDS_PLAIN_BUILD
#endif

#define PROBE "probe of the key child, row "

/* ---- the thief ---------------------------------------------------------------------------------------- */

static long
opens_a_file(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long
opens_a_path(void)
{
	return open("/", O_PATH | O_DIRECTORY);
}

static long
makes_a_file(void)
{
	return open("/tmp/alpi-key-was-here", O_WRONLY | O_CREAT, 0600);
}

static long
looks_at_a_file(void)
{
	struct stat st;

	return stat("/etc/passwd", &st);
}

static long
makes_a_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long
makes_a_tcp_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long
makes_a_pair(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static long
makes_a_pipe(void)
{
	int fds[2];

	return pipe(fds);
}

static long
doubles_its_socket(void)
{
	return dup(STDIN_FILENO);
}

static long
sends_a_descriptor(void)
{
	struct msghdr m = { 0 };

	return sendmsg(STDIN_FILENO, &m, 0);
}

static long
forks(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static long
runs_a_program(void)
{
	char *argv[] = { (char *)"true", NULL };

	return execv("/bin/true", argv);
}

static long
maps_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static long
makes_its_memory_executable(void)
{
	return mprotect((void *)((uintptr_t)&maps_code & ~4095UL), 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long
signals_its_parent(void)
{
	return kill(getppid(), 0);
}

static long
traces_its_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static long
becomes_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long
reads_its_parent(void)
{
	return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static const struct {
	const char	*name;
	long		(*try)(void);
} thief[] = {
	{ "opens a file", opens_a_file }, { "opens a path", opens_a_path }, { "makes a file", makes_a_file },
	{ "looks at a file", looks_at_a_file }, { "makes a Unix socket", makes_a_unix_socket },
	{ "makes a TCP socket", makes_a_tcp_socket }, { "makes a pair", makes_a_pair }, { "makes a pipe", makes_a_pipe },
	{ "doubles its socket", doubles_its_socket }, { "sends a descriptor", sends_a_descriptor }, { "forks", forks },
	{ "runs a program", runs_a_program }, { "maps code", maps_code },
	{ "makes its memory executable", makes_its_memory_executable }, { "signals its parent", signals_its_parent },
	{ "traces its parent", traces_its_parent }, { "becomes dumpable", becomes_dumpable },
	{ "reads its parent", reads_its_parent },
};

/* In place of libsodium's: key.c calls it for KEY_DH. */
int
crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
	size_t row = p[KEY_BYTES - 1];

	if (memcmp(p, PROBE, strlen(PROBE)) != 0 || row >= COUNT(thief))
		return crypto_scalarmult_curve25519(q, n, p);
	memset(q, 0, KEY_BYTES);
	errno = 0;
	q[0] = thief[row].try() == -1 && errno == EPERM;
	return 0;
}

static struct identity *
start_at(const char *program, const char *home, struct error *e)
{
	struct identity *id = identity_spawn(program, home, e);

	if (id == NULL || identity_meet(id, e) == 0)
		return id;
	identity_stop(id);
	return NULL;
}

/* This program as the child of a new home. */
static struct identity *
start(struct error *e)
{
	cleanup_free char *home = temp_home();

	return start_at("/proc/self/exe", home, e);
}

static void
test_a_child_that_was_taken_over_can_do_nothing(void **state)
{
	struct error e = { 0 };
	struct identity *id;

	NEEDS_PLAIN_BUILD;
	if ((id = start(&e)) == NULL)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < COUNT(thief); i++) {
		uint8_t question[KEY_BYTES] = PROBE, answer[KEY_BYTES];

		question[KEY_BYTES - 1] = (uint8_t)i;
		if (identity_dh(id, question, answer, &e) == -1)
			fail_msg("%s: %s", thief[i].name, e.text);
		if (!answer[0])
			fail_msg("it %s", thief[i].name);
	}
	identity_stop(id);
}

/* ---- from outside -------------------------------------------------------------------------------------- */

/* Our only child. */
static pid_t
child(void)
{
	cleanup_free char *path = xasprintf("/proc/self/task/%d/children", getpid());
	FILE *f = fopen(path, "r");
	int pid = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

/* The number behind NAME in the child's status. */
static long
status_of(const char *name)
{
	cleanup_free char *path = xasprintf("/proc/%d/status", child());
	FILE *f = fopen(path, "r");
	char line[256];
	long value = -1;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			value = strtol(line + strlen(name) + 1, NULL, 10);
	fclose(f);
	return value;
}

static void
test_the_child_is_restricted_and_its_key_locked_in_memory(void **state)
{
	struct error e = { 0 };
	struct identity *id = start(&e);

	assert_non_null(id);
	assert_int_equal(status_of("NoNewPrivs"), 1);
	assert_int_equal(status_of("Seccomp"), 2);
#if !defined(__SANITIZE_ADDRESS__)		/* which has no mlock */
	assert_true(status_of("VmLck") > 0);
#endif
	assert_int_equal(status_of("Threads"), 1);
	identity_stop(id);
}

/* As root we may look; anybody else may not, which is the point. */
static void
test_the_child_holds_its_socket_and_stderr_and_no_more(void **state)
{
	int leaked = open("/dev/null", O_RDONLY);	/* not closed on exec */
	struct error e = { 0 };
	struct identity *id = start(&e);
	cleanup_free char *path = xasprintf("/proc/%d/fd", child());
	DIR *d = opendir(path);
	const struct dirent *row;

	assert_non_null(id);
	if (geteuid() != 0)
		assert_null(d);
	while (d != NULL && (row = readdir(d)) != NULL)
		assert_true(atoi(row->d_name) <= STDERR_FILENO);
	if (d != NULL)
		closedir(d);
	identity_stop(id);
	close(leaked);
}

static void
test_the_child_ends_with_us_and_not_by_a_signal_to_all(void **state)
{
	struct error e = { 0 };
	struct identity *id = start(&e);
	uint8_t sig[SIGNATURE_BYTES];

	assert_non_null(id);
	kill(child(), SIGTERM);
	kill(child(), SIGINT);
	assert_int_equal(identity_sign(id, "{}", 2, sig, &e), 0);
	identity_stop(id);				/* waits for its end */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void
test_the_identity_is_the_same_after_a_restart(void **state)
{
	cleanup_free char *home = temp_home();
	char first[IDENTITY_BYTES];
	struct error e = { 0 };
	struct identity *id = start_at("/proc/self/exe", home, &e);

	assert_non_null(id);
	strcpy(first, identity_name(id));
	identity_stop(id);
	id = start_at("/proc/self/exe", home, &e);
	assert_non_null(id);
	assert_string_equal(identity_name(id), first);
	identity_stop(id);
}

static void
test_a_start_that_fails_says_why(void **state)
{
	cleanup_free char *home = temp_home(), *dir = path_join(home, "alp/secrets");
	struct error e = { 0 };

	assert_int_equal(make_dirs(dir, 0700, &e), 0);
	put_file(home, "alp/secrets/alp_key.pem", "rubbish\n");
	assert_null(start_at("/proc/self/exe", home, &e));
	assert_non_null(strstr(e.text, "alp_key.pem: no PRIVATE KEY block; no new identity is made"));
	assert_non_null(strstr(e.text, "move it away to begin as a new one"));	/* to the end */
	assert_null(start_at("/nonexistent/alpi-alpd", home, &e));
	assert_int_equal(e.code, ERR_gone);
}

/* ---- questions that are none ------------------------------------------------------------------------- */

struct served {
	int	fd, log;
	pid_t	pid;
};

static struct served
serve(void)
{
	static const uint8_t seed[KEY_BYTES] = { 1 };
	struct served s;
	int pair[2], err[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(err), 0);
	if ((s.pid = fork()) == 0) {
		dup2(pair[1], STDIN_FILENO);
		dup2(err[1], STDERR_FILENO);
		closefrom(STDERR_FILENO + 1);
		_exit(key_serve(STDIN_FILENO, seed));
	}
	close(pair[1]);
	close(err[1]);
	s.fd = pair[0];
	s.log = err[0];
	return s;
}

/* Send this, then nothing more. Its exit status, what it said on stderr, and how many answers came. */
static int
after(const void *data, size_t len, char said[256], size_t *answers)
{
	struct served s = serve();
	struct key_answer a;
	ssize_t n;
	int status;

	assert_int_equal(key_receive(s.fd, &a, sizeof(a)), sizeof(a));
	key_send(s.fd, data, len);
	shutdown(s.fd, SHUT_WR);
	for (*answers = 0; key_receive(s.fd, &a, sizeof(a)) == sizeof(a); ++*answers)
		continue;
	n = read(s.log, said, 255);
	said[n > 0 ? n : 0] = '\0';
	assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
	close(s.fd);
	close(s.log);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_the_end_of_questions_is_a_quiet_end(void **state)
{
	struct { struct key_head h; char text[2]; } sign = { { KEY_SIGN, 2 }, "{}" };
	char said[256];
	size_t answers;

	assert_int_equal(after("", 0, said, &answers), 0);
	assert_string_equal(said, "");
	assert_int_equal(after(&sign, sizeof(sign.h) + 2, said, &answers), 0);
	assert_string_equal(said, "");
	assert_int_equal(answers, 1);
}

static void
test_a_question_in_no_known_form_ends_the_child(void **state)
{
	static const struct key_head bad[] = {
		{ KEY_OPS, 0 }, { KEY_OPS, 32 }, { 0xffffffff, 0 },
		{ KEY_SIGN, KEY_TEXT_MAX + 1 }, { KEY_SIGN, 0xffffffff },
		{ KEY_DH, 0 }, { KEY_DH, 31 }, { KEY_DH, 33 },
		{ KEY_UNSEAL, 91 }, { KEY_UNSEAL, 93 }, { KEY_ANCHOR, 0 }, { KEY_ANCHOR, sizeof(struct key_anchor) + 1 },
	};
	char said[256], text[sizeof(struct key_head) + 200] = { 0 };
	size_t answers;

	for (size_t i = 0; i < COUNT(bad); i++) {
		memcpy(text, &bad[i], sizeof(bad[i]));
		if (after(text, sizeof(text), said, &answers) != 1 || answers != 0)
			fail_msg("row %zu", i);
		assert_string_equal(said, "ERROR the key child was asked in no known form, and ends\n");
	}
}

static void
test_a_question_that_breaks_off_ends_the_child(void **state)
{
	struct { struct key_head h; char text[KEY_BYTES]; } dh = { { KEY_DH, KEY_BYTES }, { 9 } };
	char said[256];
	size_t answers;

	for (size_t n = 1; n < sizeof(dh.h) + KEY_BYTES; n++) {
		assert_int_equal(after(&dh, n, said, &answers), 1);
		assert_int_equal(answers, 0);
		assert_string_equal(said, "ERROR the key child was asked in no known form, and ends\n");
	}
	assert_int_equal(after(&dh, sizeof(dh), said, &answers), 0);
	assert_int_equal(answers, 1);
}

/* A refusal holds nothing of what was on its way into the answer. */
static void
test_a_refusal_is_empty(void **state)
{
	struct { struct key_head h; uint8_t text[SEALED_BYTES]; } q = { { KEY_UNSEAL, SEALED_BYTES }, { 9 } };
	struct served s = serve();
	struct key_answer a;

	assert_int_equal(key_receive(s.fd, &a, sizeof(a)), sizeof(a));
	assert_int_equal(key_send(s.fd, &q, sizeof(q)), 0);
	assert_int_equal(key_receive(s.fd, &a, sizeof(a)), sizeof(a));
	assert_int_equal(a.ok, 0);
	assert_true(sodium_is_zero(a.bytes, sizeof(a.bytes)));
	close(s.fd);
	close(s.log);
	waitpid(s.pid, NULL, 0);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_child_that_was_taken_over_can_do_nothing),
		TEST(test_the_child_is_restricted_and_its_key_locked_in_memory),
		TEST(test_the_child_holds_its_socket_and_stderr_and_no_more),
		TEST(test_the_child_ends_with_us_and_not_by_a_signal_to_all),
		TEST(test_the_identity_is_the_same_after_a_restart),
		TEST(test_a_start_that_fails_says_why),
		TEST(test_the_end_of_questions_is_a_quiet_end),
		TEST(test_a_question_in_no_known_form_ends_the_child),
		TEST(test_a_question_that_breaks_off_ends_the_child),
		TEST(test_a_refusal_is_empty),
	};

	if (argc > 1 && strcmp(argv[1], "--key") == 0)
		_exit(key_main(argc, argv));	/* nobody may look for leaks in there */
	return sodium_init() == -1 ? 1 : RUN(tests);
}

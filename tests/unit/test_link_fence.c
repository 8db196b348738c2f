/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever takes over alpd's main process does not reach the key, whichever
 * way is tried, while alp/ around it stays usable. Each claim in a process of
 * its own, as we are and, if we are root, as nobody.
 */
#include "tests/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alpd/alpd.h"
#include "common/mem.h"
#include "common/paths.h"

#define NOBODY		65534
#define NO_NAMESPACES	95		/* then there is nothing to measure, and alpd says so */

static const char secret[] = "-----BEGIN PRIVATE KEY-----\n";

static char *root, *other;	/* other: a second way to alp/, where the kernel lets us make one */
static int before = -1;		/* a file of the key's folder that was open before */

#if defined(__SANITIZE_ADDRESS__)
#define NEEDS_PLAIN_BUILD skip()
#else
#define NEEDS_PLAIN_BUILD
#endif

static char *
at(const char *name)
{
	return path_join(root, name);
}

static void
new_home(void)
{
	static const char *const dirs[] = { "alp", "alp/secrets", "alp/blobs", "logs", "logs/audit", "run", "sessions" };

	root = temp_home();
	for (size_t i = 0; i < COUNT(dirs); i++) {
		cleanup_free char *path = at(dirs[i]);

		assert_int_equal(mkdir(path, 0700), 0);
	}
	put_file(root, "alp/secrets/alp_key.pem", secret);
	put_file(root, "alp/secrets/replay.jsonl", "");
	put_file(root, "alp/peers.yaml", "[]\n");
	put_file(root, "logs/audit/engined.jsonl", "{}\n");
	put_file(root, ".env", "KEY=1\n");
	other = temp_home();
}

static void
give_to_nobody(void)
{
	cleanup_free char *command = xasprintf("chown -R %d:%d %s %s", NOBODY, NOBODY, root, other);

	assert_int_equal(system(command), 0);
}

static void
put_map(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);

	if (fd == -1 || write(fd, text, strlen(text)) == -1)
		_exit(97);
	close(fd);
}

/* Before it restricts itself: alp/ in a second place, and a file held open. */
static void
prepare(void)
{
	cleanup_free char *alp = at("alp"), *replay = at("alp/secrets/replay.jsonl");
	cleanup_free char *users = xasprintf("%u %u 1", geteuid(), geteuid());
	cleanup_free char *groups = xasprintf("%u %u 1", getegid(), getegid());

	before = open(replay, O_RDWR | O_APPEND);
	prctl(PR_SET_DUMPABLE, 1);		/* a change of user takes it away */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1)
		_exit(NO_NAMESPACES);
	put_map("/proc/self/setgroups", "deny");
	put_map("/proc/self/uid_map", users);
	put_map("/proc/self/gid_map", groups);
	if (mount(alp, other, NULL, MS_BIND, NULL) == -1)
		_exit(96);
}

/* Run fn behind the fence, in a process of its own: its exit status. */
static int
behind(bool as_nobody, int (*fn)(void))
{
	cleanup_free char *run = at("run");
	struct error e = { 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (as_nobody && (setgroups(0, NULL) == -1 || setgid(NOBODY) == -1 || setuid(NOBODY) == -1))
			_exit(98);
		prepare();
		if (alpd_hide(root, root, &e) == -1 || alpd_fence(root, run, &e) == -1) {
			dprintf(2, "%s\n", e.text);
			_exit(99);
		}
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
check(int (*fn)(void))
{
	int found;

	new_home();
	if ((found = behind(false, fn)) == NO_NAMESPACES)
		skip();
	assert_int_equal(found, 0);
	if (geteuid() == 0) {
		give_to_nobody();
		assert_int_equal(behind(true, fn), 0);
	}
}

static bool
opens(const char *path)
{
	return open(path, O_RDONLY) != -1 || open(path, O_WRONLY) != -1 || open(path, O_PATH) != -1;
}

/* The number of the way that led to the key; 0: none did. */
static int
open_key(void)
{
	char *const ways[] = {
		at("alp/secrets/alp_key.pem"), at("alp/../alp/secrets/alp_key.pem"), path_join(other, "secrets/alp_key.pem"),
		xasprintf("/proc/%d/root%s/alp/secrets/alp_key.pem", (int)getppid(), root),
		xasprintf("/proc/%d/cwd/../..%s/alp/secrets/alp_key.pem", (int)getppid(), root),
		xasprintf("/proc/self/root%s/alp/secrets/alp_key.pem", root),
		xasprintf("/proc/self/fd/%d", before), xasprintf("/dev/fd/%d/../alp_key.pem", before),
		xasprintf("../../../../../..%s/alp/secrets/alp_key.pem", root),
	};

	for (size_t i = 0; i < COUNT(ways); i++)
		if (opens(ways[i]))
			return (int)i + 1;
	return openat(before, "../alp_key.pem", O_RDONLY) != -1 ? 50 : 0;
}

static int
move_key(void)
{
	char *key = at("alp/secrets/alp_key.pem"), *secrets = at("alp/secrets"), *to = at("alp/x"), *in = at("alp/secrets/new");
	char *peers = at("alp/peers.yaml");

	if (rename(key, to) == 0)
		return 1;
	if (rename(secrets, to) == 0)
		return 2;
	if (link(key, to) == 0)
		return 3;
	if (unlink(key) == 0)
		return 4;
	if (rmdir(secrets) == 0)
		return 5;
	if (truncate(key, 0) == 0)
		return 6;
	if (rename(peers, key) == 0)
		return 7;
	if (open(in, O_WRONLY | O_CREAT, 0600) != -1)
		return 8;
	if (chmod(key, 0666) == 0)
		return 9;
	return renameat2(AT_FDCWD, secrets, AT_FDCWD, peers, RENAME_EXCHANGE) == 0 ? 10 : 0;
}

static int
undo(void)
{
	char *secrets = at("alp/secrets");

	if (umount2(secrets, MNT_DETACH) == 0 || mount("none", secrets, NULL, MS_REMOUNT, NULL) == 0)
		return 1;
	if (mount("none", secrets, "tmpfs", 0, NULL) == 0 || chroot("/") == 0)
		return 2;
	if (unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWNS) == 0)
		return 3;
	return 0;
}

static int
use_alp(void)
{
	char *file = at("alp/file"), *renamed = at("alp/peers.yaml"), *chain = at("logs/audit/engined.jsonl"), *run = at("run");
	char *blob = at("alp/blobs/b");
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd == -1 || write(fd, "x", 1) != 1 || fsync(fd) == -1 || rename(file, renamed) == -1)
		return 1;
	if (open(renamed, O_RDONLY) == -1 || unlink(renamed) == -1 || open(blob, O_RDWR | O_CREAT, 0600) == -1)
		return 2;
	if (open(chain, O_RDONLY) == -1 || open(chain, O_WRONLY) != -1)
		return 3;
	if (open(run, O_RDONLY | O_DIRECTORY) == -1)
		return 4;
	return write(before, "{}\n", 3) == 3 && ftruncate(before, 0) == 0 ? 0 : 5;
}

static int
read_others(void)
{
	char *const files[] = { at(".env"), at("sessions"), xstrdup("/etc/passwd"), xstrdup("/tmp"), xstrdup("/") };

	for (size_t i = 0; i < COUNT(files); i++)
		if (open(files[i], O_RDONLY) != -1)
			return (int)i + 1;
	return 0;
}

static int
use_network(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1 || connect(fd, (void *)&a, sizeof(a)) != -1 || errno != ECONNREFUSED)
		return 1;			/* nobody listens on port 1: refused says that the call went through */
	a.sin_port = 0;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	return bind(fd, (void *)&a, sizeof(a)) == 0 || execl("/bin/true", "true", (char *)NULL) == 0 ? 2 : 0;
}

static void
test_no_way_opens_the_key(void **state)
{
	NEEDS_PLAIN_BUILD;
	check(open_key);
}

static void
test_the_key_is_neither_moved_linked_removed_nor_replaced(void **state)
{
	cleanup_free char *text = NULL;

	NEEDS_PLAIN_BUILD;
	check(move_key);
	text = get_file(root, "alp/secrets/alp_key.pem");
	assert_string_equal(text, secret);
}

static void
test_what_hides_the_key_cannot_be_taken_away(void **state)
{
	NEEDS_PLAIN_BUILD;
	check(undo);
}

static void
test_alp_the_chains_and_run_stay_usable(void **state)
{
	NEEDS_PLAIN_BUILD;
	check(use_alp);
}

static void
test_no_other_file_is_read(void **state)
{
	NEEDS_PLAIN_BUILD;
	check(read_others);
}

static void
test_peers_are_dialled_and_no_port_is_opened(void **state)
{
	NEEDS_PLAIN_BUILD;
	check(use_network);
}

static void
test_a_folder_that_was_left_open_is_found(void **state)
{
	struct error e = { 0 };
	int fd, status;
	pid_t pid;

	NEEDS_PLAIN_BUILD;
	new_home();
	if ((pid = fork()) == 0) {
		fd = open(root, O_RDONLY | O_DIRECTORY);
		_exit(fd != -1 && alpd_hide(root, root, &e) == -1 && strstr(e.text, "open folder") != NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_way_opens_the_key),
		TEST(test_the_key_is_neither_moved_linked_removed_nor_replaced),
		TEST(test_what_hides_the_key_cannot_be_taken_away),
		TEST(test_alp_the_chains_and_run_stay_usable),
		TEST(test_no_other_file_is_read),
		TEST(test_peers_are_dialled_and_no_port_is_opened),
		TEST(test_a_folder_that_was_left_open_is_found),
	};

	return RUN(tests);
}

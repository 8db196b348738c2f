/* SPDX-License-Identifier: Apache-2.0 */
/* Each test enters a sandbox in a child and tries something there; the child's exit status says what came of it. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/check.h"
#include "toolrunner/namespace.h"
#include "toolrunner/sandbox.h"
#include "toolrunner/view.h"

#define REFUSED 100		/* sandbox_enter failed; its text is in `said` */

static char *base, *workspace, *root, *person, *other;
static char *said;		/* shared with the child */

static int
setup(void **state)
{
	char *home = temp_home();

	base = realpath(home, NULL);
	free(home);
	person = xasprintf("%s/home", base);
	root = xasprintf("%s/.alpi", person);
	workspace = xasprintf("%s/project", person);
	other = xasprintf("%s/other", base);
	mkdir(person, 0755);
	mkdir(root, 0700);
	mkdir(workspace, 0755);
	mkdir(other, 0755);
	put_file(root, ".env", "KEY=secret\n");
	put_file(workspace, "file", "text");
	put_file(other, "file", "text");
	put_file(person, "notes", "text");
	said = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return 0;
}

static int
teardown(void **state)
{
	munmap(said, 4096);
	free(base);
	free(workspace);
	free(root);
	free(person);
	free(other);
	return 0;
}

static struct sandbox
box(enum tool_fs fs)
{
	return (struct sandbox){ .box = { fs, NET_NONE, true, SKILL_NONE }, .workspace = workspace, .root = root, .person = person };
}

static int
enter_and_try(struct sandbox *s, int (*attempt)(const char *), const char *arg)
{
	int pidfd, status;
	pid_t pid = namespace_fork(s->namespaces, &pidfd);

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		struct error e = { 0 };

		sandbox_prepare(s->namespaces);
		if (sandbox_enter(s, &e) == -1) {
			snprintf(said, 4096, "%s", e.text);
			_exit(REFUSED);
		}
		_exit(attempt(arg));
	}
	close(pidfd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* As enter_and_try with everything this kernel has. A kernel without namespaces has its own test below. */
static int
try_in(struct sandbox s, int (*attempt)(const char *), const char *arg)
{
	if ((s.namespaces = namespace_probe()) == 0)
		skip();
	return enter_and_try(&s, attempt, arg);
}

/* ---- attempts: 0 when it worked, else errno --------------------------------------------------------- */

static int
do_read(const char *path)
{
	int fd = open(path, O_RDONLY);

	return fd == -1 ? errno : 0;
}

static int
do_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	return fd == -1 ? errno : 0;
}

static int
do_run(const char *path)
{
	execl(path, path, (char *)NULL);
	return errno;
}

static int
do_connect(const char *nothing)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1 ? errno : 0;
}

static int
do_truncate(const char *path)
{
	return truncate(path, 1) == -1 ? errno : 0;
}

static int
do_socket(const char *family)
{
	return socket(atoi(family), SOCK_RAW, 0) == -1 ? errno : 0;
}

static int
do_socketpair(const char *type)
{
	int fds[2];

	return socketpair(AF_UNIX, atoi(type), 0, fds) == -1 ? errno : 0;
}

static int
do_call(const char *number)
{
	return syscall(atol(number), 0, 0, 0, 0, 0) == -1 ? errno : 0;
}

static int
do_unshare(const char *nothing)
{
	return syscall(SYS_unshare, 0x10000000) == -1 ? errno : 0;
}

static int
do_signal(const char *pid)
{
	return kill(atoi(pid), 0) == -1 ? errno : 0;
}

static int
count_processes(const char *nothing)
{
	int n = 0;

	for (int pid = 1; pid < 300; pid++)
		n += kill(pid, 0) == 0;
	return n;
}

static int
is_root_of_files(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid == geteuid() ? 0 : 1;
}

static int
has_no_capability(const char *nothing)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	unsigned long long caps;
	int left = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "Cap", 3) == 0 && sscanf(line + 7, "%llx", &caps) == 1)
			left |= caps != 0;
	return f == NULL ? 1 : left;
}

/* ---- claims ------------------------------------------------------------------------------------------ */

static void
test_workspace_is_writable_and_keeps_its_owner(void **state)
{
	cleanup_free char *made = xasprintf("%s/made", workspace);

	assert_int_equal(try_in(box(FS_WRITE), do_write, made), 0);
	assert_int_equal(access(made, F_OK), 0);
	assert_int_equal(try_in(box(FS_WRITE), is_root_of_files, made), 0);
}

static void
test_workspace_is_read_only_for_readers(void **state)
{
	cleanup_free char *made = xasprintf("%s/made", workspace), *file = xasprintf("%s/file", workspace);

	assert_int_equal(try_in(box(FS_READ), do_read, file), 0);
	assert_int_not_equal(try_in(box(FS_READ), do_write, made), 0);
	assert_int_not_equal(try_in(box(FS_READ), do_write, file), 0);
}

static void
test_nothing_of_the_home_is_there(void **state)
{
	cleanup_free char *env = xasprintf("%s/.env", root), *notes = xasprintf("%s/notes", person);
	cleanup_free char *file = xasprintf("%s/file", other);

	assert_int_equal(try_in(box(FS_WRITE), do_read, env), ENOENT);
	assert_int_equal(try_in(box(FS_WRITE), do_read, notes), ENOENT);
	assert_int_equal(try_in(box(FS_WRITE), do_read, file), ENOENT);
	assert_int_equal(try_in(box(FS_WRITE), do_read, "/etc/shadow"), ENOENT);
}

static void
test_the_home_is_empty_and_writable_and_not_the_real_one(void **state)
{
	cleanup_free char *made = xasprintf("%s/made", person);

	assert_int_equal(try_in(box(FS_WRITE), do_write, made), 0);
	assert_int_equal(access(made, F_OK), -1);
}

static void
test_system_is_readable_not_writable(void **state)
{
	assert_int_equal(try_in(box(FS_WRITE), do_run, "/bin/true"), 0);
	assert_int_not_equal(try_in(box(FS_WRITE), do_write, "/usr/made"), 0);
	assert_int_not_equal(try_in(box(FS_WRITE), do_write, "/made"), 0);
	assert_int_not_equal(try_in(box(FS_WRITE), do_write, "/proc/sys/kernel/core_pattern"), 0);
	assert_int_equal(try_in(box(FS_WRITE), do_write, "/tmp/made"), 0);
	assert_int_equal(try_in(box(FS_WRITE), do_write, "/dev/null"), 0);
}

static void
test_configuration_opens_paths(void **state)
{
	cleanup_free char *file = xasprintf("%s/file", other);
	const char *const paths[] = { other, NULL };
	struct sandbox read = box(FS_WRITE), write = box(FS_WRITE);

	read.read = paths;
	write.write = paths;
	assert_int_equal(try_in(read, do_read, file), 0);
	assert_int_not_equal(try_in(read, do_write, file), 0);
	assert_int_equal(try_in(write, do_write, file), 0);
}

/* What every worker sees is in place before the configuration is known; a directory above it comes over it. */
static void
test_a_path_above_what_every_call_sees_hides_nothing_of_it(void **state)
{
	static const char *const paths[] = { "/etc", "/dev", NULL };
	struct sandbox s = box(FS_WRITE);

	s.read = paths;
	assert_int_equal(try_in(s, do_read, "/etc/hosts"), 0);
	assert_int_equal(try_in(s, do_read, "/etc/passwd"), 0);
	assert_int_not_equal(try_in(s, do_write, "/etc/hosts"), 0);
	assert_int_equal(try_in(s, do_write, "/dev/null"), 0);
	assert_int_equal(try_in(s, do_read, "/usr/bin/env"), 0);
}

static void
test_each_call_has_its_own_proc(void **state)
{
	static const char *const paths[] = { "/proc", NULL };
	struct sandbox s = box(FS_WRITE);

	s.read = paths;
	assert_int_equal(try_in(s, do_read, "/proc/self/status"), REFUSED);
	assert_non_null(strstr(said, "/proc of its own"));
}

static void
test_configuration_cannot_open_alpis_home(void **state)
{
	const char *const paths[] = { root, NULL };
	struct sandbox s = box(FS_WRITE);

	s.read = paths;
	assert_int_equal(try_in(s, do_read, "/"), REFUSED);
	assert_non_null(strstr(said, "alpi's own home"));
}

static void
test_alpis_home_is_covered_in_a_shown_home(void **state)
{
	cleanup_free char *env = xasprintf("%s/.env", root), *notes = xasprintf("%s/notes", person);
	cleanup_free char *ssh = xasprintf("%s/.ssh", person), *key = xasprintf("%s/.ssh/id_ed25519", person);
	struct sandbox s = box(FS_WRITE);

	mkdir(ssh, 0700);
	put_file(ssh, "id_ed25519", "KEY");
	s.workspace = person;
	assert_int_equal(try_in(s, do_read, notes), 0);
	assert_int_equal(try_in(s, do_read, env), ENOENT);
	assert_int_equal(try_in(s, do_read, key), ENOENT);
	assert_int_not_equal(try_in(s, do_write, env), 0);
}

static void
test_own_workspace_is_the_one_thing_shown_of_alpis_home(void **state)
{
	cleanup_free char *own = xasprintf("%s/workspace", root), *made = xasprintf("%s/made", own);
	cleanup_free char *env = xasprintf("%s/.env", root);
	struct sandbox s = box(FS_WRITE);

	mkdir(own, 0700);
	s.workspace = own;
	assert_int_equal(try_in(s, do_write, made), 0);
	assert_int_equal(access(made, F_OK), 0);
	assert_int_equal(try_in(s, do_read, env), ENOENT);
	s.workspace = root;
	assert_int_equal(try_in(s, do_read, "/"), REFUSED);
}

static void
test_a_workspace_named_through_a_link_is_found_by_both_names(void **state)
{
	cleanup_free char *link = xasprintf("%s/link", base), *file = xasprintf("%s/file", link);
	struct sandbox s = box(FS_WRITE);

	assert_int_equal(symlink(workspace, link), 0);
	s.workspace = link;
	assert_int_equal(try_in(s, do_write, file), 0);
	free(file);
	file = xasprintf("%s/file", workspace);
	assert_int_equal(try_in(s, do_write, file), 0);
}

static void
test_the_whole_machine_is_no_workspace(void **state)
{
	struct sandbox s = box(FS_READ);

	s.workspace = "/";
	assert_int_equal(try_in(s, do_read, "/"), REFUSED);
}

static void
test_network_is_closed(void **state)
{
	assert_int_equal(try_in(box(FS_WRITE), do_connect, NULL), EACCES);
	assert_int_equal(try_in(box(FS_WRITE), do_socket, "1"), EACCES);		/* AF_UNIX */
	assert_int_equal(try_in(box(FS_WRITE), do_socket, "16"), EAFNOSUPPORT);	/* AF_NETLINK */
	assert_int_equal(try_in(box(FS_WRITE), do_socket, "17"), EAFNOSUPPORT);	/* AF_PACKET */
	assert_int_equal(try_in(box(FS_WRITE), do_socket, "40"), EAFNOSUPPORT);	/* AF_VSOCK */
	assert_int_equal(try_in(box(FS_WRITE), do_socketpair, "1"), 0);
	assert_int_equal(try_in(box(FS_WRITE), do_socketpair, "2"), EACCES);	/* of datagrams */
}

static void
test_filter_refuses_calls(void **state)
{
	static const long calls[] = {
		SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_bpf,
		SYS_keyctl, SYS_add_key, SYS_request_key, SYS_userfaultfd, SYS_io_uring_setup, SYS_kexec_load, SYS_init_module,
		SYS_perf_event_open, SYS_setns, SYS_open_by_handle_at, SYS_clock_settime, SYS_open_tree, SYS_pidfd_getfd,
	};

	for (size_t i = 0; i < COUNT(calls); i++) {
		cleanup_free char *number = xasprintf("%ld", calls[i]);

		if (try_in(box(FS_WRITE), do_call, number) != EPERM)
			fail_msg("system call %s was not refused", number);
	}
	assert_int_equal(try_in(box(FS_WRITE), do_unshare, NULL), EPERM);
	cleanup_free char *clone3 = xasprintf("%ld", (long)SYS_clone3);
	assert_int_equal(try_in(box(FS_WRITE), do_call, clone3), ENOSYS);
}

static void
test_nobody_else_can_be_signalled(void **state)
{
	cleanup_free char *pid = xasprintf("%d", getpid());

	assert_int_equal(kill(getpid(), 0), 0);
	assert_int_not_equal(try_in(box(FS_WRITE), do_signal, pid), 0);
	assert_int_equal(try_in(box(FS_WRITE), count_processes, NULL), 1);
}

static void
test_no_capability_is_left(void **state)
{
	assert_int_equal(try_in(box(FS_WRITE), has_no_capability, NULL), 0);
}

static void
test_a_class_without_exec_runs_nothing(void **state)
{
	struct sandbox s = box(FS_WRITE);

	s.box.exec = false;
	assert_int_equal(try_in(s, do_run, "/bin/true"), EPERM);
}

static void
test_a_missing_layer_is_refused_by_name(void **state)
{
	struct sandbox s = box(FS_WRITE);

	assert_int_equal(enter_and_try(&s, do_read, "/"), REFUSED);
	assert_non_null(strstr(said, "sandbox.allow_missing: [namespaces]"));
}

static void
test_landlock_and_filter_hold_alone(void **state)
{
	static const char *const allowed[] = { "namespaces", "mounts", NULL };
	cleanup_free char *env = xasprintf("%s/.env", root), *notes = xasprintf("%s/notes", person);
	cleanup_free char *made = xasprintf("%s/made", workspace), *pid = xasprintf("%d", getpid());
	struct sandbox s = box(FS_WRITE);

	s.allow_missing = allowed;
	assert_int_equal(enter_and_try(&s, do_write, made), 0);
	assert_int_equal(enter_and_try(&s, do_run, "/bin/true"), 0);
	assert_int_equal(enter_and_try(&s, do_read, env), EACCES);
	assert_int_equal(enter_and_try(&s, do_read, notes), EACCES);
	assert_int_equal(enter_and_try(&s, do_read, "/etc/shadow"), EACCES);
	assert_int_equal(enter_and_try(&s, do_write, "/tmp/alpi-made"), EACCES);
	assert_int_equal(enter_and_try(&s, do_connect, NULL), EACCES);
	assert_int_equal(enter_and_try(&s, do_signal, pid), EPERM);
	assert_int_equal(enter_and_try(&s, do_socket, "1"), EACCES);
}

/* ---- kernels of other ages --------------------------------------------------------------------------- */

#define NEWEST 7

static int
kernel_landlock(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
}

static void
test_every_landlock_holds_inside_of_namespaces(void **state)
{
	cleanup_free char *made = xasprintf("%s/made", workspace), *pid = xasprintf("%d", getpid());
	cleanup_free char *env = xasprintf("%s/.env", root), *shown = xasprintf("%s/file", other);
	const char *const readable[] = { other, NULL };
	struct sandbox s = box(FS_WRITE);

	s.read = readable;
	for (s.landlock_max = 1; s.landlock_max <= NEWEST; s.landlock_max++) {
		assert_int_equal(try_in(s, do_write, made), 0);
		assert_int_equal(try_in(s, do_read, env), ENOENT);
		assert_int_not_equal(try_in(s, do_connect, NULL), 0);
		assert_int_not_equal(try_in(s, do_signal, pid), 0);
		assert_int_equal(try_in(s, do_socket, "1"), EACCES);
		assert_int_not_equal(try_in(s, do_truncate, shown), 0);
	}
}

/* What the operator must allow beside namespaces and mounts where there are none. */
static void
test_without_namespaces_nothing_covers_for_an_old_landlock(void **state)
{
	static const char *const refused[NEWEST + 1] = {
		[1] = "landlock-files", [2] = "landlock-files", [3] = "landlock-net", [4] = "landlock-scope",
		[5] = "landlock-scope",
	};
	static const char *const allowed[] = { "namespaces", "mounts", NULL };
	cleanup_free char *made = xasprintf("%s/made", workspace);
	struct sandbox s = box(FS_WRITE);

	s.allow_missing = allowed;
	for (s.landlock_max = 1; s.landlock_max <= NEWEST && s.landlock_max <= kernel_landlock(); s.landlock_max++) {
		int status = enter_and_try(&s, do_write, made);

		assert_int_equal(status, refused[s.landlock_max] == NULL ? 0 : REFUSED);
		if (status == REFUSED)
			assert_non_null(strstr(said, refused[s.landlock_max]));
	}
}

/* Version of Landlock (0: none), other layers that are missing; which then do not hold, and one detail. */
static void
test_a_layer_is_missing_when_its_cover_is_too(void **state)
{
	enum { NS = 1 << LAYER_namespaces, MNT = 1 << LAYER_mounts, SC = 1 << LAYER_seccomp, FILES = 1 << LAYER_landlock_files,
	    NET = 1 << LAYER_landlock_net, SCOPE = 1 << LAYER_landlock_scope };
	static const struct {
		int		 abi;
		unsigned	 missing, unheld;
		enum layer	 layer;
		const char	*detail;
	} rows[] = {
		{ 0, 0, FILES, LAYER_landlock_files, "the kernel has no Landlock, or it is switched off" },
		{ 0, 0, FILES, LAYER_landlock_net, "the kernel has no Landlock, or it is switched off; covered by namespaces" },
		{ 0, NS | MNT, FILES | NET | SCOPE, LAYER_landlock_net, "the kernel has no Landlock, or it is switched off" },
		{ 1, 0, 0, LAYER_landlock_files, "the kernel's Landlock (ABI 1) lets any file be truncated; covered by mounts" },
		{ 2, 0, 0, LAYER_landlock_net, "the kernel's Landlock (ABI 2) knows no network rules; covered by namespaces" },
		{ 2, 0, 0, LAYER_landlock_scope, "the kernel's Landlock (ABI 2) knows no scopes; covered by namespaces and seccomp" },
		{ 2, NS | MNT, FILES | NET | SCOPE, LAYER_landlock_net, "the kernel's Landlock (ABI 2) knows no network rules" },
		{ 2, SC, SCOPE, LAYER_landlock_net, "the kernel's Landlock (ABI 2) knows no network rules; covered by namespaces" },
		{ 3, NS | MNT, NET | SCOPE, LAYER_landlock_files, "" },
		{ 3, 0, 0, LAYER_landlock_files, "" },
		{ 4, NS | MNT, SCOPE, LAYER_landlock_net, "" },
		{ 5, NS, SCOPE, LAYER_landlock_scope, "the kernel's Landlock (ABI 5) knows no scopes" },
		{ 5, 0, 0, LAYER_landlock_scope, "the kernel's Landlock (ABI 5) knows no scopes; covered by namespaces and seccomp" },
		{ 6, NS | MNT | SC, 0, LAYER_landlock_scope, "" },
		{ 7, NS | MNT | SC, 0, LAYER_landlock_net, "" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct layers l = { 0 };
		char detail[256];
		unsigned unheld = 0;

		layer_landlock(&l, rows[i].abi, true);
		for (enum layer n = 0; n < LAYER_COUNT; n++)
			if (rows[i].missing & 1u << n)
				layer_lacks(&l, n, "taken away");
		for (enum layer n = 0; n < LAYER_COUNT; n++)
			unheld |= layer_holds(&l, n) ? 0 : 1u << n;
		layer_detail(&l, rows[i].layer, detail, sizeof(detail));
		assert_int_equal(unheld, rows[i].missing | rows[i].unheld);
		assert_string_equal(detail, rows[i].detail);
	}
}

static void
test_an_open_network_needs_no_rules(void **state)
{
	struct layers l = { 0 };

	layer_landlock(&l, 2, false);
	assert_true(layer_stands(&l, LAYER_landlock_net));
	assert_false(layer_stands(&l, LAYER_landlock_scope));
}

/* The self-test's finding: nobody covers for a wall that is there and lets something through. */
static void
test_a_hole_has_no_cover(void **state)
{
	struct layers l = { 0 };

	layer_landlock(&l, 2, true);
	assert_true(layer_holds(&l, LAYER_landlock_net));
	layer_lacks(&l, LAYER_landlock_net, "a TCP connection was not refused");
	assert_false(layer_holds(&l, LAYER_landlock_net));
}

static void
test_landlock_alone_shows_no_directory_that_holds_alpis_home(void **state)
{
	static const char *const allowed[] = { "namespaces", "mounts", NULL };
	struct sandbox s = box(FS_WRITE);

	s.allow_missing = allowed;
	s.workspace = person;
	assert_int_equal(enter_and_try(&s, do_read, "/"), REFUSED);
	assert_non_null(strstr(said, "would be visible"));
}

#define SANDBOX_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SANDBOX_TEST(test_workspace_is_writable_and_keeps_its_owner),
		SANDBOX_TEST(test_workspace_is_read_only_for_readers),
		SANDBOX_TEST(test_nothing_of_the_home_is_there),
		SANDBOX_TEST(test_the_home_is_empty_and_writable_and_not_the_real_one),
		SANDBOX_TEST(test_system_is_readable_not_writable),
		SANDBOX_TEST(test_configuration_opens_paths),
		SANDBOX_TEST(test_a_path_above_what_every_call_sees_hides_nothing_of_it),
		SANDBOX_TEST(test_each_call_has_its_own_proc),
		SANDBOX_TEST(test_configuration_cannot_open_alpis_home),
		SANDBOX_TEST(test_alpis_home_is_covered_in_a_shown_home),
		SANDBOX_TEST(test_own_workspace_is_the_one_thing_shown_of_alpis_home),
		SANDBOX_TEST(test_a_workspace_named_through_a_link_is_found_by_both_names),
		SANDBOX_TEST(test_the_whole_machine_is_no_workspace),
		SANDBOX_TEST(test_network_is_closed),
		SANDBOX_TEST(test_filter_refuses_calls),
		SANDBOX_TEST(test_nobody_else_can_be_signalled),
		SANDBOX_TEST(test_no_capability_is_left),
		SANDBOX_TEST(test_a_class_without_exec_runs_nothing),
		SANDBOX_TEST(test_a_missing_layer_is_refused_by_name),
		SANDBOX_TEST(test_landlock_and_filter_hold_alone),
		SANDBOX_TEST(test_every_landlock_holds_inside_of_namespaces),
		SANDBOX_TEST(test_without_namespaces_nothing_covers_for_an_old_landlock),
		TEST(test_a_layer_is_missing_when_its_cover_is_too),
		TEST(test_an_open_network_needs_no_rules),
		TEST(test_a_hole_has_no_cover),
		SANDBOX_TEST(test_landlock_alone_shows_no_directory_that_holds_alpis_home),
	};

	return RUN(tests);
}

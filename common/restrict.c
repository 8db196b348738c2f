/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See restrict.h. Three tables say everything: the system calls of each
 * word, the paths that a word needs by itself, and the rights of r, w and x.
 * A word list with "sandbox" belongs to the launcher of tool workers, whose
 * children inherit the filter: it forbids by name instead of allowing by name
 * and leaves files to the workers' own layers (mount is not possible under
 * Landlock).
 */
#include "common/restrict.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/log.h"
#include "common/mem.h"

/* What a header older than the kernel does not know yet (linux/landlock.h, ABI 2 to 6). */
#define FS_REFER		(1ULL << 13)
#define FS_TRUNCATE		(1ULL << 14)
#define FS_IOCTL_DEV		(1ULL << 15)
#define NET_BIND_TCP		(1ULL << 0)
#define NET_CONNECT_TCP		(1ULL << 1)
#define SCOPE_ABSTRACT_UNIX	(1ULL << 0)
#define SCOPE_SIGNAL		(1ULL << 1)

struct ruleset {
	uint64_t	fs, net, scope;
};

#define FS_FILE	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | \
    FS_TRUNCATE)
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_REFER | LANDLOCK_ACCESS_FS_MAKE_REG | \
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
    LANDLOCK_ACCESS_FS_REMOVE_DIR)
#define FS_ALL ((1ULL << 16) - 1)

enum word { TALK, STDIO, BUS, FILES, DB, NET, UNIX, PROC, EXEC, SANDBOX, WORDS };

static const char *const word_names[WORDS] = {
	"talk", "stdio", "bus", "files", "db", "net", "unix", "proc", "exec", "sandbox",
};

/* The system calls of a word; a trailing '*' says that filter() adds a condition on the arguments. */
static const char *const calls[WORDS] = {
	[TALK] = "read write recv send recvfrom sendto ioctl* madvise munlock rt_sigreturn restart_syscall exit exit_group",
	[STDIO] = "read write readv writev close lseek fstat newfstatat mmap* mprotect* munmap mremap madvise brk mlock "
	    "munlock rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait sigaltstack clock_gettime clock_getres "
	    "clock_nanosleep nanosleep gettimeofday time getpid gettid getppid getuid geteuid getgid getegid getrandom "
	    "exit exit_group futex sched_yield sched_getaffinity set_robust_list rseq restart_syscall poll ppoll select "
	    "pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd2 timerfd_create "
	    "timerfd_settime timerfd_gettime signalfd4 pipe pipe2 fcntl ioctl* dup dup2 dup3 getrlimit prlimit64* "
	    "getrusage uname sysinfo tgkill* membarrier prctl* sendmsg recvmsg sendto recvfrom shutdown getsockopt",
	[BUS] = "socket* socketpair bind connect listen accept accept4 getsockopt setsockopt getsockname getpeername unlink unlinkat "
	    "mkdir mkdirat chmod fchmod fchmodat access faccessat faccessat2 stat lstat umask",
	[FILES] = "open openat stat lstat statx access faccessat faccessat2 getdents64 rename renameat renameat2 link linkat unlink "
	    "unlinkat mkdir mkdirat rmdir fsync fdatasync sync_file_range ftruncate fallocate chmod fchmod "
	    "fchmodat utimensat readlink readlinkat statfs fstatfs getcwd pread64 pwrite64 preadv pwritev fadvise64 "
	    "copy_file_range sendfile flock umask inotify_init1 inotify_add_watch inotify_rm_watch",
	[DB] = "open openat stat lstat statx access faccessat faccessat2 unlink unlinkat fsync fdatasync ftruncate "
	    "fallocate fchmod fchown pread64 pwrite64 getcwd readlink mkdir rmdir umask utimes utimensat",
	[NET] = "socket* socketpair bind connect getsockopt setsockopt getsockname getpeername sendmmsg recvmmsg clone* "
	    "open openat stat lstat statx access faccessat faccessat2 readlink readlinkat getdents64 pread64 "
	    "set_tid_address sched_getparam sched_getscheduler statfs fstatfs",
	[UNIX] = "socket* bind connect listen accept accept4 setsockopt getsockname getpeername unlink unlinkat chmod "
	    "fchmod fchmodat umask stat lstat",
	[PROC] = "clone* vfork wait4 waitid kill pidfd_open pidfd_send_signal setpgid setsid getpgrp close_range",
	[EXEC] = "execve execveat",
};

/* What nobody needs and a worker's command must not have either (the launcher's filter). */
static const char forbidden[] =
    "ptrace process_vm_readv process_vm_writev bpf keyctl add_key request_key userfaultfd io_uring_setup "
    "io_uring_enter io_uring_register kexec_load kexec_file_load init_module finit_module delete_module "
    "clock_settime clock_adjtime settimeofday adjtimex perf_event_open open_by_handle_at reboot swapon swapoff "
    "acct quotactl nfsservctl lookup_dcookie iopl ioperm";

/* Files that a word's libraries open by themselves. */
static const struct {
	enum word	 word;
	const char	*rights, *path;
} word_paths[] = {
	{ FILES, "r", "/etc/localtime" }, { FILES, "r", "/usr/share/zoneinfo" },
	{ NET, "r", "/etc/resolv.conf" }, { NET, "r", "/etc/hosts" }, { NET, "r", "/etc/nsswitch.conf" },
	{ NET, "r", "/etc/host.conf" }, { NET, "r", "/etc/gai.conf" }, { NET, "r", "/etc/services" },
	{ NET, "r", "/etc/ssl" }, { NET, "r", "/etc/ca-certificates" }, { NET, "r", "/etc/pki" },
	{ NET, "r", "/usr/share/ca-certificates" }, { NET, "r", "/usr/lib/ssl" }, { NET, "r", "/etc/localtime" },
	{ NET, "r", "/run/systemd/resolve" }, { NET, "rx", "/lib" }, { NET, "rx", "/usr/lib" }, { NET, "rx", "/lib64" },
	{ NET, "r", "/etc/ld.so.cache" },
};

static struct allowed {
	char		*path;
	uint64_t	 rights;
	struct allowed	*next;
} *paths;

static char report[160];

int
restrict_path(const char *path, const char *rights, struct error *e)
{
	struct allowed *a;
	struct stat st;
	uint64_t mask = 0;

	if (stat(path, &st) == -1)
		return strchr(rights, '!') == NULL ? 0 : error_errno(e, "%s", path);
	mask |= strchr(rights, 'r') != NULL ? FS_READ : 0;
	mask |= strchr(rights, 'w') != NULL ? FS_WRITE : 0;
	mask |= strchr(rights, 'x') != NULL ? LANDLOCK_ACCESS_FS_EXECUTE : 0;
	a = xcalloc(1, sizeof(*a));
	a->path = xstrdup(path);
	a->rights = S_ISDIR(st.st_mode) ? mask : mask & FS_FILE;
	a->next = paths;
	paths = a;
	return 0;
}

/* ---- words --------------------------------------------------------------------------------------- */

static int
parse_words(const char *text, unsigned *out, struct error *e)
{
	cleanup_free char *copy = xstrdup(text);
	char *rest = copy, *name;
	int w;

	*out = 0;
	while ((name = strsep(&rest, " ")) != NULL) {
		for (w = 0; w < WORDS && strcmp(word_names[w], name) != 0; w++)
			continue;
		if (w == WORDS)
			return error_set(e, ERR_internal, "restrict: no word '%s'", name);
		*out |= 1U << w;
	}
	if (*out != 1U << TALK)
		*out |= 1U << STDIO;
	if (*out & 1U << DB)
		*out |= 1U << FILES;	/* restrict.h: "db" is files and what sqlite needs beyond */
	return 0;
}

/* ---- Landlock: files, TCP, signals ----------------------------------------------------------------- */

/* The rights that an ABI knows; what it does not know cannot be taken away. */
static struct ruleset
rights_of(int abi, unsigned words)
{
	struct ruleset r = { .fs = FS_ALL };

	if (abi < 2)
		r.fs &= ~FS_REFER;
	if (abi < 3)
		r.fs &= ~FS_TRUNCATE;
	if (abi < 5)
		r.fs &= ~FS_IOCTL_DEV;
	if (abi >= 4)
		r.net = words & 1U << NET ? NET_BIND_TCP : NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 6)
		r.scope = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return r;
}

static int
add_paths(int ruleset, uint64_t handled, struct error *e)
{
	struct landlock_path_beneath_attr rule;
	struct allowed *a;

	while ((a = paths) != NULL) {
		cleanup_close int fd = open(a->path, O_PATH | O_CLOEXEC);

		rule.allowed_access = a->rights & handled;
		rule.parent_fd = fd;
		if (fd != -1 && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == -1)
			return error_errno(e, "landlock %s", a->path);
		paths = a->next;
		free(a->path);
		free(a);
	}
	return 0;
}

static int
landlock(unsigned words, struct error *e)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	struct ruleset r;
	cleanup_close int fd = -1;

	if (abi < 1) {
		snprintf(report, sizeof(report), "no landlock in this kernel");
		return 0;
	}
	r = rights_of(abi, words);
	if ((fd = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0)) == -1)
		return error_errno(e, "landlock");
	for (size_t i = 0; i < COUNT(word_paths); i++)
		if (words & 1U << word_paths[i].word && restrict_path(word_paths[i].path, word_paths[i].rights, e) == -1)
			return -1;
	if (add_paths(fd, r.fs, e) == -1)
		return -1;
	if (syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		return error_errno(e, "landlock");
	snprintf(report, sizeof(report), "landlock abi %d", abi);
	return 0;
}

/* ---- seccomp: system calls --------------------------------------------------------------------------- */

/* Debug mode: say which call was refused, then die. */
static void
on_refused(int sig, siginfo_t *info, void *context)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, info->si_syscall);

	log_error("restrict refused system call %s (%d)", name == NULL ? "?" : name, info->si_syscall);
	_exit(159);
}

/* Argument n has this value. */
#define IS(n, value) ((struct scmp_arg_cmp){ .arg = (n), .op = SCMP_CMP_EQ, .datum_a = (value) })
#define ALLOW(n, ...) seccomp_rule_add_array(f, SCMP_ACT_ALLOW, call, n, (struct scmp_arg_cmp[]){ __VA_ARGS__ })

/* Families of sockets a word list may make. */
static int
allow_socket(scmp_filter_ctx f, int call, unsigned words)
{
	int r = 0;

	if (words & (1U << BUS | 1U << UNIX | 1U << NET))
		r |= ALLOW(1, IS(0, AF_UNIX));
	if (words & 1U << NET) {
		r |= ALLOW(1, IS(0, AF_INET));
		r |= ALLOW(1, IS(0, AF_INET6));
		r |= ALLOW(2, IS(0, AF_NETLINK), IS(2, 0));	/* getaddrinfo asks for addresses */
	}
	return r;
}

/* Threads; with "proc" also processes, never namespaces. */
static int
allow_clone(scmp_filter_ctx f, int call, unsigned words)
{
	uint64_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
	    CLONE_NEWNET;

	if (words & 1U << PROC)
		return ALLOW(1, SCMP_A0(SCMP_CMP_MASKED_EQ, spaces, 0));
	return ALLOW(1, SCMP_A0(SCMP_CMP_MASKED_EQ, spaces | CLONE_THREAD, CLONE_THREAD));
}

/* Memory is writable or executable, never both. */
static int
allow_memory(scmp_filter_ctx f, int call, unsigned words)
{
	uint64_t both = PROT_WRITE | PROT_EXEC;
	int r = 0;

	r |= ALLOW(1, SCMP_A2(SCMP_CMP_MASKED_EQ, both, 0));
	r |= ALLOW(1, SCMP_A2(SCMP_CMP_MASKED_EQ, both, PROT_WRITE));
	r |= ALLOW(1, SCMP_A2(SCMP_CMP_MASKED_EQ, both, PROT_EXEC));
	return r;
}

static int
allow_ioctl(scmp_filter_ctx f, int call, unsigned words)
{
	return ALLOW(1, IS(1, 0x541B /* FIONREAD */)) | ALLOW(1, IS(1, 0x5421 /* FIONBIO */)) |
	    ALLOW(1, IS(1, 0x5401 /* TCGETS, isatty */));
}

static int
allow_prctl(scmp_filter_ctx f, int call, unsigned words)
{
	return ALLOW(1, IS(0, PR_SET_NAME)) | ALLOW(1, IS(0, PR_GET_NAME)) |
	    ALLOW(1, IS(0, PR_SET_VMA));
}

/* Limits can be read, of this process. */
static int
allow_prlimit(scmp_filter_ctx f, int call, unsigned words)
{
	return ALLOW(2, IS(0, 0), IS(2, 0));
}

static int
allow_tgkill(scmp_filter_ctx f, int call, unsigned words)
{
	return ALLOW(1, IS(0, (scmp_datum_t)getpid()));
}

static const struct {
	const char	*name;
	int		(*allow)(scmp_filter_ctx, int, unsigned);
} conditions[] = {
	{ "socket", allow_socket }, { "clone", allow_clone }, { "mmap", allow_memory }, { "mprotect", allow_memory },
	{ "ioctl", allow_ioctl }, { "prctl", allow_prctl }, { "prlimit64", allow_prlimit }, { "tgkill", allow_tgkill },
};

static int
allow(scmp_filter_ctx f, char *name, unsigned words)
{
	char *star = strchr(name, '*');
	int call;

	if (star != NULL)
		*star = '\0';
	if ((call = seccomp_syscall_resolve_name(name)) == __NR_SCMP_ERROR)
		return 0;		/* not on this architecture */
	for (size_t i = 0; star != NULL && i < COUNT(conditions); i++)
		if (strcmp(conditions[i].name, name) == 0)
			return conditions[i].allow(f, call, words);
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 0);
}

static int
each_call(scmp_filter_ctx f, const char *list, unsigned words)
{
	cleanup_free char *copy = xstrdup(list);
	char *rest = copy, *name;
	int r = 0, call;

	while (r == 0 && (name = strsep(&rest, " ")) != NULL) {
		if (words != 1U << SANDBOX)
			r = allow(f, name, words);
		else if ((call = seccomp_syscall_resolve_name(name)) != __NR_SCMP_ERROR)
			r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), call, 0);
		if (r == -EEXIST)		/* an earlier word brought it already */
			r = 0;
	}
	return r;
}

/* glibc asks for clone3 first and falls back to clone, whose flags a filter can see. */
static int
build_filter(scmp_filter_ctx f, unsigned words)
{
	int r = 0;

	if (words & 1U << SANDBOX)
		return each_call(f, forbidden, 1U << SANDBOX);
	r |= seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
#if defined(__SANITIZE_ADDRESS__)
	words |= 1U << STDIO | 1U << FILES;	/* the sanitizer's run time reads /proc/self and writes its report */
	r |= each_call(f, "personality clone rt_tgsigqueueinfo process_vm_readv", words);
#endif
	for (int w = 0; w < WORDS; w++)
		if (words & 1U << w && calls[w] != NULL)
			r |= each_call(f, calls[w], words);
	return r;
}

static int
seccomp(unsigned words, struct error *e)
{
	const char *debug = getenv("ALPI_RESTRICT_DEBUG");
	struct sigaction action = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO };
	uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
	scmp_filter_ctx f;
	int r;

	if (debug != NULL && strcmp(debug, "1") == 0) {
		sigaction(SIGSYS, &action, NULL);
		refuse = SCMP_ACT_TRAP;
	}
	if ((f = seccomp_init(words & 1U << SANDBOX ? SCMP_ACT_ALLOW : refuse)) == NULL)
		return error_set(e, ERR_unsupported, "seccomp: not available");
	r = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);	/* a tree: few comparisons per call */
	if (r == 0 && (r = build_filter(f, words)) == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	if (r != 0)
		return error_set(e, ERR_unsupported, "seccomp: %s", strerror(-r));
	snprintf(report + strlen(report), sizeof(report) - strlen(report), "%sseccomp", report[0] ? ", " : "");
	return 0;
}

static int
platform_restrict(const char *text, struct error *e)
{
	unsigned words;

	if (parse_words(text, &words, e) == -1)
		return -1;
	if (!(words & 1U << SANDBOX) && landlock(words, e) == -1)
		return -1;
	return seccomp(words, e);
}

#else	/* other systems: the portable part only, and a report that says so */

static char report[160];

int
restrict_path(const char *path, const char *rights, struct error *e)
{
	return 0;
}

static int
platform_restrict(const char *words, struct error *e)
{
	snprintf(report, sizeof(report), "no confinement on this system: only core dumps are off");
	return 0;
}

#endif

int
restrict_self(const char *words, struct error *e)
{
	return confine_self(e) == -1 ? -1 : platform_restrict(words, e);
}

const char *
restrict_report(void)
{
	return report;
}

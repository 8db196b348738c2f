/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See sandbox.h. The layers in the order in which they can be put on: what
 * needs rights first (limits, mounts), what takes rights away last. Linux
 * only: elsewhere every layer is reported missing and no tool runs unless
 * the operator allows that.
 */
#include "toolrunner/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <limits.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/mem.h"
#include "toolrunner/namespace.h"
#include "toolrunner/view.h"

/* Of this process, once it is inside. */
static struct view shown;
static struct sock_fprog filter, exec_filter;
static enum tool_net network = NET_ANY;
static struct error unlimited;		/* why there are no limits */

/* ---- limits -------------------------------------------------------------------------------------- */

#define MB (1024ULL * 1024)

static const struct {
	int	 resource;
	rlim_t	 limit;
} limits[] = {
	{ RLIMIT_CORE, 0 },
	{ RLIMIT_NOFILE, 4096 },
	{ RLIMIT_NPROC, 1024 },		/* counted within the user namespace */
	{ RLIMIT_FSIZE, 4096 * MB },
	{ RLIMIT_MEMLOCK, 8 * MB },
	{ RLIMIT_RTPRIO, 0 },
};

static void
put_number(const char *path, long number)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	char text[32];

	snprintf(text, sizeof(text), "%ld", number);
	if (fd != -1 && write(fd, text, strlen(text)) == -1)
		return;
}

/* Root is exempt from RLIMIT_NPROC; since Linux 6.14 the process namespace has a maximum of its own. */
static void
limit_processes(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	if (uname(&u) == 0 && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	    (major > 6 || (major == 6 && minor >= 14)))
		put_number("/proc/sys/kernel/pid_max", 1024);
}

/* Half of the machine's memory for each process, at most 4 GB. */
static rlim_t
memory_limit(void)
{
	struct sysinfo info;
	rlim_t half = 512 * MB;

#if defined(__SANITIZE_ADDRESS__)
	return RLIM_INFINITY;		/* its shadow is larger than any machine */
#endif
	if (sysinfo(&info) == 0)
		half = (rlim_t)info.totalram * info.mem_unit / 2;
	return half < 4096 * MB ? half : 4096 * MB;
}

static int
set_limit(int resource, rlim_t limit)
{
	struct rlimit r;

	if (getrlimit(resource, &r) == -1)
		return -1;
	if (r.rlim_max < limit)		/* already stricter */
		limit = r.rlim_max;
	r.rlim_cur = r.rlim_max = limit;
	return setrlimit(resource, &r);
}

/* Those of every call. */
static void
set_limits(unsigned namespaces, struct error *e)
{
	for (size_t i = 0; i < COUNT(limits); i++)
		if (set_limit(limits[i].resource, limits[i].limit) == -1)
			error_errno(e, "sandbox limit %d", limits[i].resource);
	if (set_limit(RLIMIT_DATA, memory_limit()) == -1)
		error_errno(e, "sandbox limit data");
	put_number("/proc/self/oom_score_adj", 800);	/* when memory runs out it is a command that goes, not a daemon */
	if (namespaces & NAMESPACE_REST)
		limit_processes();
}

static int
limit_time(int seconds, struct error *e)
{
	if (unlimited.code != ERR_none)
		return error_set(e, unlimited.code, "%s", unlimited.text);
	if (seconds > 0 && set_limit(RLIMIT_CPU, (rlim_t)seconds * 4 + 10) == -1)
		return error_errno(e, "sandbox limit cpu");
	return 0;
}

/* ---- Landlock ------------------------------------------------------------------------------------ */

/* What a header older than the kernel does not know yet. */
#define ACCESS_TRUNCATE		(1ULL << 14)
#define ACCESS_IOCTL_DEV	(1ULL << 15)
#define ACCESS_NET_TCP		3ULL		/* bind and connect */
#define SCOPE_ALL		3ULL		/* abstract sockets and signals */

#define ACCESS_READ	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_RUN	(ACCESS_READ | LANDLOCK_ACCESS_FS_EXECUTE)
/* Neither devices nor sockets are ever made by a tool. */
#define ACCESS_WRITE	(ACCESS_RUN | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | ACCESS_TRUNCATE)
#define ACCESS_FILE	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | \
    ACCESS_TRUNCATE | ACCESS_IOCTL_DEV)
#define ACCESS_DEVICE	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | ACCESS_TRUNCATE | ACCESS_IOCTL_DEV)
#define ACCESS_ALL	((1ULL << 16) - 1)

struct ruleset {
	uint64_t	fs, net, scope;
};

static struct ruleset
ruleset_of(const struct sandbox *s, int abi)
{
	struct ruleset r = { .fs = ACCESS_ALL };

	if (abi < 2)
		r.fs &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
	if (abi < 3)
		r.fs &= ~ACCESS_TRUNCATE;
	if (abi < 5)
		r.fs &= ~ACCESS_IOCTL_DEV;
	if (abi >= 4 && s->box.net == NET_NONE)
		r.net = ACCESS_NET_TCP;
	if (abi >= 6)
		r.scope = SCOPE_ALL;
	return r;
}

static int
allow_path(int ruleset, const char *path, bool directory, uint64_t rights, const struct ruleset *r)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights & r->fs };
	cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);

	if (!directory)
		rule.allowed_access &= ACCESS_FILE;
	rule.parent_fd = fd;
	if (fd == -1 || syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == -1)
		return -1;
	return 0;
}

/* With a mount view all that is visible may be read; without it each path is named. */
static int
allow_view(int ruleset, const struct view *v, const struct ruleset *r, bool mounted, struct error *e)
{
	static const uint64_t rights[] = {
		[VIEW_PRIVATE] = ACCESS_WRITE, [VIEW_READ] = ACCESS_RUN, [VIEW_WRITE] = ACCESS_WRITE,
		[VIEW_DEVICE] = ACCESS_DEVICE, [VIEW_LINK] = 0,
		[VIEW_DATA] = ACCESS_READ, [VIEW_STATE] = ACCESS_WRITE & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE,
	};

	if (mounted && allow_path(ruleset, "/", true, ACCESS_RUN, r) == -1)
		return error_errno(e, "sandbox: landlock /");
	if (!mounted && allow_path(ruleset, "/proc", true, ACCESS_READ, r) == -1)
		return error_errno(e, "sandbox: landlock /proc");
	for (size_t i = 0; i < v->count; i++) {
		const struct view_entry *row = &v->rows[i];

		if (rights[row->kind] == 0 || (!mounted && row->kind == VIEW_PRIVATE))
			continue;
		if (allow_path(ruleset, mounted ? row->path : row->source, row->directory, rights[row->kind], r) == -1)
			return error_errno(e, "sandbox: landlock %s", row->path);
	}
	return 0;
}

static int
landlock(struct sandbox *s, const struct view *v, bool mounted, struct error *e)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	cleanup_close int fd = -1;
	struct ruleset r;

	if (s->landlock_max != 0 && abi > s->landlock_max)
		abi = s->landlock_max;
	layer_landlock(&s->layers, abi, s->box.net == NET_NONE);
	if (abi < 1)
		return 0;
	r = ruleset_of(s, abi);
	fd = (int)syscall(SYS_landlock_create_ruleset, &r, abi >= 6 ? 24 : abi >= 4 ? 16 : 8, 0);
	if (fd == -1)
		return error_errno(e, "sandbox: landlock");
	if (allow_view(fd, v, &r, mounted, e) == -1)
		return -1;
	return syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? 0 : error_errno(e, "sandbox: landlock");
}

/* ---- seccomp ------------------------------------------------------------------------------------- */

#define NEW_NAMESPACES	{ CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET }
#define ANY		{ .arg = UINT32_MAX }
#define FAMILY(af)	{ 0, SCMP_CMP_EQ, (af), 0 }

/* What fails, with which error; where a condition stands, only then. */
static const struct {
	int			call, error;
	struct scmp_arg_cmp	when;
} refused[] = {
	/* other processes' memory */
	{ SCMP_SYS(ptrace), EPERM, ANY }, { SCMP_SYS(process_vm_readv), EPERM, ANY },
	{ SCMP_SYS(process_vm_writev), EPERM, ANY }, { SCMP_SYS(process_madvise), EPERM, ANY },
	{ SCMP_SYS(pidfd_getfd), EPERM, ANY }, { SCMP_SYS(kcmp), EPERM, ANY },
	/* another view of the file system */
	{ SCMP_SYS(mount), EPERM, ANY }, { SCMP_SYS(umount2), EPERM, ANY }, { SCMP_SYS(pivot_root), EPERM, ANY },
	{ SCMP_SYS(chroot), EPERM, ANY }, { SCMP_SYS(open_tree), EPERM, ANY }, { SCMP_SYS(move_mount), EPERM, ANY },
	{ SCMP_SYS(fsopen), EPERM, ANY }, { SCMP_SYS(fsconfig), EPERM, ANY }, { SCMP_SYS(fsmount), EPERM, ANY },
	{ SCMP_SYS(fspick), EPERM, ANY }, { SCMP_SYS(mount_setattr), EPERM, ANY },
	{ SCMP_SYS(open_by_handle_at), EPERM, ANY }, { SCMP_SYS(name_to_handle_at), EPERM, ANY },
	/* namespaces; the flags of clone3 cannot be seen, so libraries are sent back to clone */
	{ SCMP_SYS(unshare), EPERM, ANY }, { SCMP_SYS(setns), EPERM, ANY }, { SCMP_SYS(clone3), ENOSYS, ANY },
	/* parts of the kernel with a long record of holes */
	{ SCMP_SYS(bpf), EPERM, ANY }, { SCMP_SYS(perf_event_open), EPERM, ANY }, { SCMP_SYS(userfaultfd), EPERM, ANY },
	{ SCMP_SYS(io_uring_setup), EPERM, ANY }, { SCMP_SYS(io_uring_enter), EPERM, ANY },
	{ SCMP_SYS(io_uring_register), EPERM, ANY }, { SCMP_SYS(keyctl), EPERM, ANY }, { SCMP_SYS(add_key), EPERM, ANY },
	{ SCMP_SYS(request_key), EPERM, ANY }, { SCMP_SYS(vmsplice), EPERM, ANY },
	/* the machine */
	{ SCMP_SYS(kexec_load), EPERM, ANY }, { SCMP_SYS(kexec_file_load), EPERM, ANY },
	{ SCMP_SYS(init_module), EPERM, ANY }, { SCMP_SYS(finit_module), EPERM, ANY },
	{ SCMP_SYS(delete_module), EPERM, ANY }, { SCMP_SYS(reboot), EPERM, ANY }, { SCMP_SYS(swapon), EPERM, ANY },
	{ SCMP_SYS(swapoff), EPERM, ANY }, { SCMP_SYS(acct), EPERM, ANY }, { SCMP_SYS(quotactl), EPERM, ANY },
	{ SCMP_SYS(syslog), EPERM, ANY }, { SCMP_SYS(clock_settime), EPERM, ANY }, { SCMP_SYS(clock_adjtime), EPERM, ANY },
	{ SCMP_SYS(settimeofday), EPERM, ANY }, { SCMP_SYS(adjtimex), EPERM, ANY }, { SCMP_SYS(sethostname), EPERM, ANY },
	{ SCMP_SYS(setdomainname), EPERM, ANY }, { SCMP_SYS(iopl), EPERM, ANY }, { SCMP_SYS(ioperm), EPERM, ANY },
	/* keystrokes into somebody's terminal; the kernel looks at 32 bits */
	{ SCMP_SYS(ioctl), EPERM, { 1, SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCSTI } },
	{ SCMP_SYS(ioctl), EPERM, { 1, SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCLINUX } },
	/* sockets are IPv4 or IPv6; a pair is harmless, but one of datagrams could be pointed elsewhere */
	{ SCMP_SYS(socket), EACCES, FAMILY(AF_UNIX) },
	{ SCMP_SYS(socket), EAFNOSUPPORT, FAMILY(AF_UNSPEC) }, { SCMP_SYS(socket), EAFNOSUPPORT, FAMILY(AF_AX25) },
	{ SCMP_SYS(socket), EAFNOSUPPORT, FAMILY(AF_IPX) }, { SCMP_SYS(socket), EAFNOSUPPORT, FAMILY(AF_APPLETALK) },
	{ SCMP_SYS(socket), EAFNOSUPPORT, FAMILY(AF_NETROM) }, { SCMP_SYS(socket), EAFNOSUPPORT, FAMILY(AF_BRIDGE) },
	{ SCMP_SYS(socket), EAFNOSUPPORT, FAMILY(AF_ATMPVC) }, { SCMP_SYS(socket), EAFNOSUPPORT, FAMILY(AF_X25) },
	{ SCMP_SYS(socket), EAFNOSUPPORT, { 0, SCMP_CMP_GT, AF_INET6, 0 } },
	{ SCMP_SYS(socketpair), EACCES, { 1, SCMP_CMP_MASKED_EQ, 0xf, SOCK_DGRAM } },
};

static int
refuse_namespaces(scmp_filter_ctx f)
{
	static const uint64_t flags[] = NEW_NAMESPACES;
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT(flags); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	return r;
}

static int
add_refused(scmp_filter_ctx f)
{
	int r = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);	/* a tree: few comparisons per call */

	for (size_t i = 0; r == 0 && i < COUNT(refused); i++)
		r = seccomp_rule_add_array(f, SCMP_ACT_ERRNO(refused[i].error), refused[i].call,
		    refused[i].when.arg != UINT32_MAX, &refused[i].when);
	return r == 0 ? refuse_namespaces(f) : r;
}

/* For tools that run nothing. */
static int
add_exec(scmp_filter_ctx f)
{
	int r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(execve), 0);

	return r == 0 ? seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(execveat), 0) : r;
}

/* Without a network namespace: Landlock knows TCP only, so no socket for any other protocol either. */
static int
add_inet(scmp_filter_ctx f)
{
	static const struct scmp_arg_cmp families[] = { FAMILY(AF_INET), FAMILY(AF_INET6) };
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT(families); i++)
		r = seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, &families[i]);
	return r;
}

/* A filter as the kernel takes it; len 0 when it cannot be made. */
static struct sock_fprog
compile(int (*add)(scmp_filter_ctx))
{
	struct sock_fprog p = { 0 };
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	cleanup_close int fd = memfd_create("filter", MFD_CLOEXEC);
	off_t size = -1;

	if (f != NULL && add(f) == 0 && seccomp_export_bpf(f, fd) == 0)
		size = lseek(fd, 0, SEEK_END);
	seccomp_release(f);
	if (size <= 0 || size / (off_t)sizeof(*p.filter) > USHRT_MAX)
		return p;
	p.filter = xmalloc((size_t)size);
	if (pread(fd, p.filter, (size_t)size, 0) == size)
		p.len = (unsigned short)(size / (off_t)sizeof(*p.filter));
	return p;
}

static void
load(struct sandbox *s, struct sock_fprog p)
{
	if (p.len == 0)
		layer_lacks(&s->layers, LAYER_seccomp, "no filter could be made for this machine");
	else if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p) == -1)
		layer_lacks(&s->layers, LAYER_seccomp, "the kernel refused the filter (%s)", strerror(errno));
	free(p.filter);
}

static void
filter_calls(struct sandbox *s)
{
	if (!s->box.exec)
		load(s, exec_filter);
	if (s->box.net == NET_NONE && !(s->namespaces & NAMESPACE_NET))
		load(s, compile(add_inet));
	load(s, filter);
	filter = (struct sock_fprog){ 0 };
}

/* ---- all together -------------------------------------------------------------------------------- */

/* Landlock alone can show a directory but not hide what lies in it. */
static int
check_unmounted(const struct view *v, struct error *e)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->rows[i].kind == VIEW_HIDE_DIR || v->rows[i].kind == VIEW_HIDE_FILE)
			return error_set(e, ERR_unsupported, "%s would be visible: without the layer \"mounts\" "
			    "no directory above it can be shown to tools", v->rows[i].path);
	return 0;
}

static int
enter_view(struct sandbox *s, struct view *v, bool mounted, struct error *e)
{
	static const char refused_text[] = "the kernel lets this user make no namespaces";

	if (mounted)
		return view_enter(v, s, e);
	layer_lacks(&s->layers, LAYER_namespaces, refused_text);
	layer_lacks(&s->layers, LAYER_mounts, refused_text);
	return check_unmounted(v, e);
}

void
sandbox_prepare(unsigned namespaces)
{
	set_limits(namespaces, &unlimited);
	view_begin(&shown, namespaces & NAMESPACE_REST);
	filter = compile(add_refused);
	exec_filter = compile(add_exec);
}

int
sandbox_enter(struct sandbox *s, struct error *e)
{
	bool mounted = s->namespaces & NAMESPACE_REST;

	if (limit_time(s->limit_s, e) == -1 || view_plan(&shown, s, e) == -1 || enter_view(s, &shown, mounted, e) == -1)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		layer_lacks(&s->layers, LAYER_no_new_privs, "%s", strerror(errno));
	if (landlock(s, &shown, mounted, e) == -1)
		return -1;
	/* Those of the namespace that built the view; as root without one, the real ones. */
	if (namespace_drop_rights(0) == -1)
		return error_errno(e, "sandbox: capabilities");
	filter_calls(s);
	/* What runs beside us in here must not read our memory or talk through our descriptors. */
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		return error_errno(e, "sandbox: undumpable");
	network = s->box.net;
	return layer_judge(&s->layers, s->allow_missing, e);
}

enum tool_net
sandbox_network(void)
{
	return network;
}

enum tool_fs
sandbox_shows(const char *path)
{
	/* What is private to this call is neither the person's nor kept. */
	static const enum tool_fs means[] = {
		[VIEW_PRIVATE] = FS_NONE, [VIEW_READ] = FS_READ, [VIEW_WRITE] = FS_WRITE, [VIEW_DEVICE] = FS_WRITE,
		[VIEW_LINK] = FS_READ, [VIEW_DATA] = FS_READ, [VIEW_STATE] = FS_WRITE,
	};
	enum tool_fs best = shown.count == 0 ? FS_WRITE : FS_NONE;

	for (size_t i = 0; i < shown.count; i++)	/* parents come first, so the last that holds it decides */
		if (view_holds(&shown.rows[i], path))
			best = means[shown.rows[i].kind];
	return best;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See probe.h. Each row of the table is one attempt and the layer it speaks
 * for; a layer held when all its attempts came out as they must. An attempt
 * returns NULL when the wall stood, else what went through it.
 */
#include "toolrunner/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/namespace.h"

struct probe {
	const json_t	*targets;
	pid_t		 outsider;	/* a process that is not in our Landlock domain */
	struct stat	 root;		/* "/" as it was before */
};

static pid_t
make_outsider(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close_range(0, ~0u, 0);
		for (;;)
			pause();
	}
	return pid;
}

struct probe *
probe_prepare(const json_t *targets)
{
	struct probe *p = xcalloc(1, sizeof(*p));

	p->targets = targets;
	p->outsider = make_outsider();
	stat("/", &p->root);
	return p;
}

/* ---- attempts ------------------------------------------------------------------------------------ */

static const char *
own_processes(struct probe *p, const struct sandbox *s)
{
	return getpid() == 1 ? NULL : "other processes are visible";
}

static const char *
outside_signals(struct probe *p, const struct sandbox *s)
{
	json_t *value;
	size_t i;

	json_array_foreach(json_object_get(p->targets, "pids"), i, value)
		if (json_integer_value(value) > 2 && kill((pid_t)json_integer_value(value), 0) == 0)
			return "a process outside could be signalled";
	return NULL;
}

static const char *
outside_environment(struct probe *p, const struct sandbox *s)
{
	static const char *const names[] = { "environ", "mem", "root", "cwd" };
	char path[64];
	json_t *value;
	size_t i;

	json_array_foreach(json_object_get(p->targets, "pids"), i, value)
		for (size_t n = 0; json_integer_value(value) > 2 && n < COUNT(names); n++) {
			snprintf(path, sizeof(path), "/proc/%lld/%s", json_integer_value(value), names[n]);
			cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd != -1)
				return "a process outside could be read through /proc";
		}
	return NULL;
}

static const char *
other_root(struct probe *p, const struct sandbox *s)
{
	struct stat st;

	if (stat("/", &st) == -1 || (st.st_dev == p->root.st_dev && st.st_ino == p->root.st_ino))
		return "the real root is still there";
	return mkdir("/probe", 0700) == 0 ? "the root is writable" : NULL;
}

static const char *
hidden_paths(struct probe *p, const struct sandbox *s)
{
	json_t *value;
	size_t i;

	json_array_foreach(json_object_get(p->targets, "paths"), i, value) {
		cleanup_close int fd = open(json_string_value(value), O_RDONLY | O_CLOEXEC | O_NONBLOCK);

		if (fd != -1)
			return "a file of alpi's own home could be opened";
	}
	return NULL;
}

/* The mount view gives a writable /tmp; only Landlock refuses to make a socket's name in it. */
static const char *
file_rules(struct probe *p, const struct sandbox *s)
{
	if ((s->namespaces & NAMESPACE_REST) == 0)
		return NULL;
	return mknod("/tmp/.probe", S_IFSOCK | 0600, 0) == -1 && errno == EACCES ? NULL :
	    "a name was made that no rule allows";
}

static const char *
tcp_rules(struct probe *p, const struct sandbox *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || (connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1 &&
	    (errno == EACCES || !layer_stands(&s->layers, LAYER_landlock_net))))
		return NULL;
	return "a TCP connection was not refused";
}

static const char *
signal_scope(struct probe *p, const struct sandbox *s)
{
	/* Where namespaces cover for it, the outsider is inside of them. */
	if (!layer_stands(&s->layers, LAYER_landlock_scope) || (kill(p->outsider, 0) == -1 && errno == EPERM))
		return NULL;
	return "a process outside the domain could be signalled";
}

static const char *
unix_sockets(struct probe *p, const struct sandbox *s)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd == -1 ? NULL : "a Unix socket could be made";
}

static const char *
netlink_sockets(struct probe *p, const struct sandbox *s)
{
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);

	return fd == -1 ? NULL : "a netlink socket could be made";
}

/* Calls that a kernel grants to anybody and our filter does not. */
static const char *
filtered_calls(struct probe *p, const struct sandbox *s)
{
	char memory[8];
	char params[256] = { 0 };

	if (syscall(SYS_ptrace, PTRACE_ATTACH, p->outsider, NULL, NULL) == 0)
		return "ptrace";
	if (syscall(SYS_io_uring_setup, 1, params) != -1)
		return "io_uring_setup";
	if (syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 0) != -1)
		return "keyctl";
	if (syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */) == 0)
		return "unshare";
	if (mount("none", "/tmp", "tmpfs", 0, NULL) == 0)
		return "mount";
	if (syscall(SYS_process_vm_readv, p->outsider, &(struct iovec){ memory, 8 }, 1,
	    &(struct iovec){ (void *)memory, 8 }, 1, 0) > 0)
		return "process_vm_readv";
	return NULL;
}

static const char *
no_capabilities(struct probe *p, const struct sandbox *s)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data) == -1 || data[0].effective != 0 || data[0].permitted != 0 ||
	    data[0].inheritable != 0 || data[1].effective != 0 || data[1].permitted != 0)
		return "capabilities are left";
	return NULL;
}

static const char *
no_new_rights(struct probe *p, const struct sandbox *s)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? NULL : "programs may still gain rights";
}

static const struct {
	enum layer	 layer;
	const char	*(*attempt)(struct probe *, const struct sandbox *);
} attempts[] = {
	{ LAYER_namespaces,     own_processes },
	{ LAYER_namespaces,     outside_signals },
	{ LAYER_namespaces,     outside_environment },
	{ LAYER_mounts,         other_root },
	{ LAYER_mounts,         hidden_paths },
	{ LAYER_landlock_files, file_rules },
	{ LAYER_landlock_files, hidden_paths },
	{ LAYER_landlock_net,   tcp_rules },
	{ LAYER_landlock_scope, signal_scope },
	{ LAYER_seccomp,        unix_sockets },
	{ LAYER_seccomp,        netlink_sockets },
	{ LAYER_seccomp,        filtered_calls },
	{ LAYER_capabilities,   no_capabilities },
	{ LAYER_no_new_privs,   no_new_rights },
};

/* ---- what must work ------------------------------------------------------------------------------ */

/* NULL, or what a command could not do that it must be able to. */
static const char *
must_work(const struct sandbox *s)
{
	char name[] = "sh", flag[] = "-c", nothing[] = ":", *argv[] = { name, flag, nothing, NULL }, *env[] = { NULL };
	int status = 1;
	pid_t pid;

	if (chdir(s->workspace) == -1)
		return "the workspace cannot be entered";
	if ((pid = fork()) == 0) {
		execve("/bin/sh", argv, env);
		_exit(127);
	}
	if (pid == -1 || waitpid(pid, &status, 0) == -1 || status != 0)
		return "/bin/sh does not run";
	return NULL;
}

static void
add_row(json_t *list, const char *name, bool held, const char *detail)
{
	json_array_append_new(list, json_pack("{s:s s:b s:s}", "name", name, "held", held, "detail", detail));
}

json_t *
probe_run(struct probe *p, const struct sandbox *s, const struct error *entered)
{
	struct layers found = s->layers;
	char detail[2 * LAYER_DETAIL_MAX];
	json_t *list = json_array();
	const char *hole;

	for (size_t i = 0; i < COUNT(attempts); i++)
		if (layer_holds(&found, attempts[i].layer) && (hole = attempts[i].attempt(p, s)) != NULL)
			layer_lacks(&found, attempts[i].layer, "%s", hole);
	for (enum layer l = 0; l < LAYER_COUNT; l++) {
		layer_detail(&found, l, detail, sizeof(detail));
		add_row(list, layer_names[l], layer_holds(&found, l), detail);
	}
	/* A sandbox that could not be entered at all, or in which nothing runs, is as good as none. */
	hole = entered->code != ERR_none && entered->code != ERR_unsupported ? entered->text : must_work(s);
	add_row(list, "sandbox", hole == NULL, hole == NULL ? "" : hole);
	if (p->outsider > 0)
		kill(p->outsider, SIGKILL);
	return list;
}

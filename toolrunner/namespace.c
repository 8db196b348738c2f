/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See namespace.h. Runs in the launcher, which has one thread and no secret.
 * What the kernel gives is found once by trying, because some kernels give
 * the namespace and then refuse its use; a worker never gets less than that
 * without the call failing.
 */
#include "toolrunner/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"

static const struct {
	unsigned	made;
	uint64_t	flags;
} kinds[] = {
	{ NAMESPACE_USER, CLONE_NEWUSER },
	{ NAMESPACE_REST, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS },
	{ NAMESPACE_NET,  CLONE_NEWNET },
};

/* From the most to the least; the second is for root where user namespaces are switched off. */
static const unsigned attempts[] = {
	NAMESPACE_USER | NAMESPACE_REST | NAMESPACE_NET,
	NAMESPACE_REST | NAMESPACE_NET,
};

static int
put_line(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd == -1 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -1;
	return 0;
}

/* The caller stays who it was: files of the workspace keep their owner on both sides. */
static int
map_ids(uid_t uid, gid_t gid)
{
	char users[64], groups[64];

	snprintf(users, sizeof(users), "%u %u 1", uid, uid);
	snprintf(groups, sizeof(groups), "%u %u 1", gid, gid);
	/* Of an undumpable process these files belong to root; nothing else of the launcher is in the new namespaces. */
	if (prctl(PR_SET_DUMPABLE, 1) == -1 || put_line("/proc/self/setgroups", "deny") == -1 ||
	    put_line("/proc/self/uid_map", users) == -1 || put_line("/proc/self/gid_map", groups) == -1)
		return -1;
	return 0;
}

/* An exec by anyone but root drops all capabilities that are not ambient. */
static int
keep_rights_over_exec(void)
{
	static const int needed[] = { CAP_SYS_ADMIN, CAP_SETPCAP };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) == -1)
		return -1;
	for (size_t i = 0; i < COUNT(needed); i++)
		data[0].inheritable |= data[0].permitted & (1u << needed[i]);
	if (syscall(SYS_capset, &head, data) == -1)
		return -1;
	for (size_t i = 0; i < COUNT(needed); i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, needed[i], 0, 0) == -1)
			return -1;
	return 0;
}

static pid_t
clone_with(unsigned want, int *pidfd)
{
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)pidfd, .exit_signal = SIGCHLD };

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (want & kinds[i].made)
			args.flags |= kinds[i].flags;
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

pid_t
namespace_fork(unsigned want, int *pidfd)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid = clone_with(want, pidfd);

	if (pid != 0)
		return pid;
	if ((want & NAMESPACE_USER) && map_ids(uid, gid) == -1)
		_exit(125);
	if (want != 0 && keep_rights_over_exec() == -1)
		_exit(125);
	return 0;
}

unsigned
namespace_probe(void)
{
	int pidfd, status;
	pid_t pid;

	for (size_t i = 0; i < COUNT(attempts); i++) {
		if ((pid = namespace_fork(attempts[i], &pidfd)) == 0)
			_exit(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1);
		if (pid == -1)
			continue;
		close(pidfd);
		if (waitpid(pid, &status, 0) == pid && status == 0)
			return attempts[i];
	}
	return 0;
}

int
namespace_drop_rights(unsigned keep)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int cap = 0; ; cap++)
		if ((cap > 31 || !(keep & 1u << cap)) && prctl(PR_CAPBSET_DROP, cap) == -1)
			break;		/* EINVAL after the last; EPERM at once for one who has none */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 || syscall(SYS_capget, &head, data) == -1)
		return -1;
	data[0].permitted &= keep;
	data[0].effective &= keep;
	data[0].inheritable = data[1].effective = data[1].permitted = data[1].inheritable = 0;
	return (int)syscall(SYS_capset, &head, data);
}

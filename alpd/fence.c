/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left to the process that strangers speak to (alpd.h). Landlock
 * allows a folder with all that is in it, and alp/ must be writable for its
 * files are replaced by renaming; so the key's folder inside it has to go in
 * another way: a mount namespace whose root holds the root home alone, with
 * an empty, read-only file system over alp/secrets. No other way leads to the
 * key then: not another mount of the same disk, not a folder opened before,
 * not /proc, which is not there. The way back (mount, setns, unshare) is
 * closed by seccomp and, twice, by Landlock and by having no capability.
 */
#include "alpd/alpd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"

#ifdef __linux__

#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE		1
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH	4
#endif
#define TREE_RECURSIVE		0x8000	/* AT_RECURSIVE */

/* A descriptor of a folder would lead past everything that is mounted here. */
static int
holds_no_folder(struct error *e)
{
	const struct dirent *row;
	struct stat st;
	int found = -1, fd;
	DIR *d = opendir("/proc/self/fd");

	if (d == NULL)
		return error_errno(e, "/proc/self/fd");
	while ((row = readdir(d)) != NULL) {
		fd = atoi(row->d_name);
		if (row->d_name[0] != '.' && fd != dirfd(d) && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
			found = fd;
	}
	closedir(d);
	return found == -1 ? 0 : error_set(e, ERR_internal, "descriptor %d is an open folder", found);
}

static int
put_line(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd != -1 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* We stay who we are; what we may do to mounts holds in here only. */
static int
own_namespace(struct error *e)
{
	char users[64], groups[64];

	snprintf(users, sizeof(users), "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
	snprintf(groups, sizeof(groups), "%u %u 1", (unsigned)getegid(), (unsigned)getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1)
		return error_errno(e, "user namespace");
	if (put_line("/proc/self/setgroups", "deny") == -1 || put_line("/proc/self/uid_map", users) == -1 ||
	    put_line("/proc/self/gid_map", groups) == -1 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		return error_errno(e, "mount namespace");
	return 0;
}

/*
 * A root that holds the root home at its place and nothing else. It is made
 * on top of the root home itself, which is the one folder that is surely there.
 */
static int
change_root(const char *root, struct error *e)
{
	cleanup_close int tree = (int)syscall(SYS_open_tree, AT_FDCWD, root, OPEN_TREE_CLONE | TREE_RECURSIVE | O_CLOEXEC);
	cleanup_free char *place = path_join(root, root);

	if (tree == -1)
		return error_errno(e, "open_tree %s", root);
	if (mount("none", root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=64k") == -1)
		return error_errno(e, "mount on %s", root);
	if (make_dirs(place, 0700, e) == -1)
		return -1;
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) == -1)
		return error_errno(e, "move_mount");
	if (chdir(root) == -1 || syscall(SYS_pivot_root, ".", ".") == -1 || umount2(".", MNT_DETACH) == -1 || chdir("/") == -1)
		return error_errno(e, "pivot_root");
	return mount("none", "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=64k") == -1 ?
	    error_errno(e, "read-only root") : 0;
}

static int
cover(const char *home, struct error *e)
{
	cleanup_free char *secrets = path_join(home, "alp/secrets");

	if (mount("none", secrets, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "mode=0,size=4k") == -1)
		return error_errno(e, "mount on %s", secrets);
	return 0;
}

/* None, and none to be had again. */
static int
drop_rights(struct error *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };
	int cap = 0;

	while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
		cap++;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) == -1 ? error_errno(e, "capabilities") : 0;
}

/* Every path that is needed later leads through the root home as it is spelled. */
static int
lies_within(const char *root, const char *home, struct error *e)
{
	cleanup_free char *alp = path_join(home, "alp"), *real = realpath(alp, NULL), *real_root = realpath(root, NULL);
	size_t n = strlen(root);

	if (real == NULL || real_root == NULL)
		return error_errno(e, "%s", alp);
	if (root[0] != '/' || strncmp(home, root, n) != 0 || strncmp(real, real_root, strlen(real_root)) != 0 ||
	    strcmp(real + strlen(real_root), alp + n) != 0)
		return error_set(e, ERR_unsupported, "%s is a symbolic link, or leads through one", alp);
	return 0;
}

int
alpd_hide(const char *root, const char *home, struct error *e)
{
	struct error why = { 0 };

	if (holds_no_folder(e) == -1)
		return -1;
	if (lies_within(root, home, &why) == -1 || own_namespace(&why) == -1) {
		log_warn("the key's folder cannot be hidden from this process: %s", why.text);
		return 0;
	}
	if (change_root(root, e) == -1 || cover(home, e) == -1)
		return -1;
	return drop_rights(e);
}

#else

int
alpd_hide(const char *root, const char *home, struct error *e)
{
	log_warn("the key's folder cannot be hidden from this process on this system");
	return 0;
}

#endif

int
alpd_fence(const char *home, const char *run, struct error *e)
{
	cleanup_free char *alp = path_join(home, "alp"), *chains = path_join(home, "logs/audit");

	if (restrict_path(alp, "rw!", e) == -1 || restrict_path(run, "r!", e) == -1 || restrict_path(chains, "r", e) == -1)
		return -1;
	return restrict_self("files bus unix net", e);
}

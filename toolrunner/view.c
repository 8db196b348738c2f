/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See view.h. Each path of the plan (view_plan.c) is taken as a detached
 * mount and attached in a tmpfs that becomes our root. What every worker sees
 * is there before the call is known, the rest comes when the old root has
 * been let go.
 */
#include "toolrunner/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/paths.h"

/* Where the new root is put together: a place where nothing is that a call could want to see. */
#define NEW_ROOT "/proc"

/* Names that programs expect and that stand for something else here. */
static const struct {
	const char	*path, *target;
} links[] = {
	{ "/dev/fd", "/proc/self/fd" }, { "/dev/stdin", "/proc/self/fd/0" }, { "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" }, { "/dev/shm", "/tmp" }, { "/var/tmp", "/tmp" },
};

static bool
needs_mount(const struct view_entry *row)
{
	return row->kind == VIEW_READ || row->kind == VIEW_WRITE || row->kind == VIEW_DEVICE || row->kind == VIEW_DATA ||
	    row->kind == VIEW_STATE;
}

/* A detached copy of what is mounted at a row's source, with the rights its kind has. */
static int
take(struct view_entry *row)
{
	static const uint64_t rights[] = {
		[VIEW_READ]   = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		[VIEW_WRITE]  = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		[VIEW_DEVICE] = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
		[VIEW_DATA]   = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		[VIEW_STATE]  = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	};
	struct mount_attr attr = { .attr_set = rights[row->kind], .propagation = MS_PRIVATE };

	row->fd = open_tree(AT_FDCWD, row->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (row->fd == -1)
		return -1;
	return mount_setattr(row->fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr));
}

/*
 * A new /proc of our process namespace, detached. Where the outer one is partly covered (in a container) the kernel
 * gives only the part about processes, or none; programs then do without.
 */
static int
take_proc(void)
{
	static const char *const subsets[] = { NULL, "pid" };
	int fs, fd = -1;

	for (size_t i = 0; i < COUNT(subsets) && fd == -1; i++) {
		if ((fs = fsopen("proc", FSOPEN_CLOEXEC)) == -1)
			return -1;
		if (subsets[i] == NULL || fsconfig(fs, FSCONFIG_SET_STRING, "subset", subsets[i], 0) == 0)
			if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
				fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
				    MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
		close(fs);
	}
	return fd;
}

/* The point where something is attached: a directory or an empty file, with its parents. */
static int
make_point(const char *path, bool directory, struct error *e)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *parent = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));

	for (int attempt = 0; attempt < 2; attempt++) {
		if ((directory ? mkdir(path, 0755) : mknod(path, S_IFREG | 0444, 0)) == 0 || errno == EEXIST)
			return 0;
		if (make_dirs(parent, 0755, e) == -1)
			return -1;
	}
	return error_errno(e, "sandbox view: %s", path);
}

static int
make_link(const char *target, const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *parent = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));

	if (symlink(target, path) == 0 || errno == EEXIST)
		return 0;
	if (make_dirs(parent, 0755, e) == 0 && symlink(target, path) == 0)
		return 0;
	return error_errno(e, "sandbox view: %s", path);
}

/* Attach a row's mount below `root`, which is "" once it is ours. */
static int
attach(struct view_entry *row, const char *root, struct error *e)
{
	cleanup_free char *path = xasprintf("%s%s", root, row->path);
	int status = 0;

	if (row->kind == VIEW_LINK)
		return make_link(row->source, path, e);
	if (make_point(path, row->directory, e) == -1)
		return -1;
	if (row->fd != -1)
		status = move_mount(row->fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
	else if (row->kind == VIEW_PRIVATE)
		status = mount("none", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700,size=25%");
	else if (row->kind == VIEW_HIDE_DIR)
		status = mount("none", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64k");
	else if (row->kind == VIEW_HIDE_FILE)
		status = mount("/dev/null", path, NULL, MS_BIND, NULL);
	row->attached = status == 0;
	return status == 0 ? 0 : error_errno(e, "sandbox view: %s", row->path);
}

static int
put_text(const char *path, const char *text, struct error *e)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	if (fd == -1 && errno == EEXIST)
		return 0;		/* the operator shows the machine's own */
	if (fd == -1 || write(fd, text, strlen(text)) == -1)
		return error_errno(e, "sandbox view: %s", path);
	return 0;
}

/* Names for the ids that programs meet here: ours and root's, none of the machine's other accounts. */
static int
write_accounts(const struct sandbox *s, struct error *e)
{
	const char *name = geteuid() == 0 ? "root" : s->user == NULL ? "user" : s->user;
	cleanup_free char *users = xasprintf("%s:x:%u:%u::%s:/bin/sh\n%s", name, geteuid(), getegid(),
	    s->person == NULL ? "/tmp" : s->person, geteuid() == 0 ? "" : "root:x:0:0::/:/bin/sh\n");
	cleanup_free char *groups = xasprintf("%s:x:%u:\n%s", name, getegid(), getegid() == 0 ? "" : "root:x:0:\n");

	if (put_text("/etc/passwd", users, e) == -1)
		return -1;
	return put_text("/etc/group", groups, e);
}

/* What every root has. */
static int
furnish(const struct view *v, struct error *e)
{
	static const char *const directories[] = { "/proc", "/etc", "/run", "/var" };

	for (size_t i = 0; i < COUNT(directories); i++) {
		cleanup_free char *path = xasprintf(NEW_ROOT "%s", directories[i]);

		if (make_point(path, true, e) == -1)
			return -1;
	}
	if (v->proc != -1 && move_mount(v->proc, "", AT_FDCWD, NEW_ROOT "/proc", MOVE_MOUNT_F_EMPTY_PATH) == -1)
		return error_errno(e, "sandbox view: /proc");
	for (size_t i = 0; i < COUNT(links); i++) {
		cleanup_free char *path = xasprintf(NEW_ROOT "%s", links[i].path);

		if (make_link(links[i].target, path, e) == -1)
			return -1;
	}
	return 0;
}

/* The new root, with what is known already. */
static int
begin(struct view *v, struct error *e)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		return error_errno(e, "sandbox view: private mounts");
	for (size_t i = 0; i < v->count; i++)
		if (needs_mount(&v->rows[i]) && take(&v->rows[i]) == -1)
			return error_errno(e, "sandbox view: %s", v->rows[i].path);
	if (mount("none", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=4m") == -1)
		return error_errno(e, "sandbox view: new root");
	for (size_t i = 0; i < v->count; i++)
		if (attach(&v->rows[i], NEW_ROOT, e) == -1)
			return -1;
	return furnish(v, e);
}

void
view_begin(struct view *v, bool mounted)
{
	v->proc = mounted ? take_proc() : -1;
	view_everyone(v);
	if (mounted)
		v->begun = begin(v, &v->why) == 0;
}

/* The root itself and what hides something need no writer any more. */
static int
seal(const struct view *v, struct error *e)
{
	unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;

	for (size_t i = 0; i < v->count; i++)
		if (v->rows[i].kind == VIEW_HIDE_DIR && mount(NULL, v->rows[i].path, NULL, flags | MS_NOEXEC, NULL) == -1)
			return error_errno(e, "sandbox view: %s", v->rows[i].path);
	return mount(NULL, "/", NULL, flags, NULL) == 0 ? 0 : error_errno(e, "sandbox view: /");
}

/* What was taken is in its place; the descriptors would only keep it from going. */
static void
let_go(struct view *v)
{
	for (size_t i = 0; i < v->count; i++) {
		if (v->rows[i].fd != -1)
			close(v->rows[i].fd);
		v->rows[i].fd = -1;
	}
	if (v->proc != -1)
		close(v->proc);
	v->proc = -1;
}

/* Everything but what was taken is let go. */
static int
enter_root(struct error *e)
{
	if (chdir(NEW_ROOT) == -1 || syscall(SYS_pivot_root, ".", ".") == -1 || umount2(".", MNT_DETACH) == -1 ||
	    chdir("/") == -1)
		return error_errno(e, "sandbox view: new root");
	return 0;
}

/* Was something just attached over a place where this row already is? */
static bool
is_covered(const struct view *v, size_t row, const bool *late)
{
	for (size_t i = 0; i < row; i++)
		if (late[i] && v->rows[i].kind != VIEW_LINK && view_holds(&v->rows[i], v->rows[row].path))
			return true;
	return false;
}

/* What the call adds to what is there. Parents come first; a mount that one of them covers moves to the top again. */
static int
attach_rest(struct view *v, struct error *e)
{
	cleanup_free bool *late = xcalloc(v->count + 1, sizeof(*late));

	for (size_t i = 0; i < v->count; i++) {
		late[i] = !v->rows[i].attached;
		if ((late[i] || is_covered(v, i, late)) && attach(&v->rows[i], "", e) == -1)
			return -1;
	}
	return 0;
}

int
view_enter(struct view *v, const struct sandbox *s, struct error *e)
{
	if (!v->begun)
		return error_set(e, v->why.code, "%s", v->why.text);
	for (size_t i = 0; i < v->count; i++)
		if (needs_mount(&v->rows[i]) && v->rows[i].fd == -1 && take(&v->rows[i]) == -1)
			return error_errno(e, "sandbox view: %s", v->rows[i].path);
	if (enter_root(e) == -1 || attach_rest(v, e) == -1 || write_accounts(s, e) == -1)
		return -1;
	let_go(v);
	return seal(v, e);
}

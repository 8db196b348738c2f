/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher: makes one worker process per call, tells the main process
 * how it ended, and kills what it is told to. It exists because a process
 * under Landlock may not mount. It
 * trusts the main process and nobody else; it reads no JSON, no bus and no
 * user's file. When the main process is gone it ends, and every worker with
 * it: the first process of each process namespace dies with its parent.
 */
#include "toolrunner/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/restrict.h"
#include "common/skill.h"
#include "toolrunner/namespace.h"

#define FD_PROGRAM	4		/* in the child: what it execs, closed by that */
#define FD_HIGH		16		/* our own descriptors begin here */

/* We end when the main process does, not before it. */
static const int ignored[] = { SIGPIPE, SIGTERM, SIGINT, SIGHUP };

/*
 * To make a worker ready takes longer than many a call. So while calls come one waits in store, in namespaces of its
 * own like any other; after some idle seconds it is let go. It is made when the one before it is inside its sandbox:
 * both change mounts, and would wait for each other.
 */
#define STORE_MS	5000

struct child {
	uint32_t	id;		/* 0: in store */
	pid_t		pid;
	int		pidfd;
	int		handover;	/* it waits here for its descriptors; -1 once it has them */
};

struct launcher_state {
	const char	*home;
	int		 program;	/* this program, opened at start: an upgrade does not mix versions */
	int		 null;
	int		 entering;	/* the handover of the latest worker, until it is inside; -1 */
	unsigned	 namespaces;	/* what the kernel gives */
	char		*env[4];	/* a worker's environment: nothing, but the sanitizers' settings */
	size_t		 count;
	struct child	 children[LAUNCH_CHILDREN_MAX];
};

static void
send_with(int to, const void *data, size_t len, const int *fds, size_t nfds)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	union { struct cmsghdr align; char room[CMSG_SPACE(LAUNCH_FDS_MAX * sizeof(int))]; } control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (nfds > 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(*fds));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(*fds));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(*fds));
	}
	while (sendmsg(to, &msg, MSG_NOSIGNAL) == -1 && errno == EINTR)
		continue;
}

static void
tell(const struct launch_news *news, int fd)
{
	send_with(LAUNCH_FD_CONTROL, news, sizeof(*news), &fd, fd != -1);
}

/* The child's last steps before it is a worker. */
static _Noreturn void
become_worker(struct launcher_state *l, unsigned namespaces, int handover)
{
	char name[] = "alpi-worker", face[] = "--worker", layers[16];
	char *argv[] = { name, face, layers, NULL };
	sigset_t none;

	snprintf(layers, sizeof(layers), "%u", namespaces);
	sigemptyset(&none);
	for (size_t i = 0; i < COUNT(ignored); i++)
		signal(ignored[i], SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || setsid() == -1 || sigprocmask(SIG_SETMASK, &none, NULL) == -1)
		_exit(125);
	/* Ours are high, so none is overwritten before it is copied. */
	if (dup2(handover, WORK_FD_TALK) == -1 || dup2(l->null, STDOUT_FILENO) == -1 ||
	    dup2(l->null, WORK_FD_LOG) == -1 || dup3(l->program, FD_PROGRAM, O_CLOEXEC) == -1 ||
	    close_range(FD_PROGRAM + 1, ~0u, 0) == -1)
		_exit(125);
	syscall(SYS_execveat, FD_PROGRAM, "", argv, l->env, AT_EMPTY_PATH);
	_exit(126);
}

/* A new worker without a call. NULL with errno. */
static struct child *
make_worker(struct launcher_state *l, unsigned namespaces)
{
	struct child *c = &l->children[l->count];
	int pair[2];

	errno = EAGAIN;
	if (l->count == LAUNCH_CHILDREN_MAX || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return NULL;
	if ((c->pid = namespace_fork(namespaces, &c->pidfd)) == 0)
		become_worker(l, namespaces, pair[1]);
	close(pair[1]);
	if (c->pid == -1) {
		close(pair[0]);
		return NULL;
	}
	c->id = 0;
	c->handover = pair[0];
	l->count++;
	return c;
}

static struct child *
find_child(struct launcher_state *l, uint32_t id)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->children[i].id == id)
			return &l->children[i];
	return NULL;
}

static void
make_workspace(const char *home)
{
	char path[4096];

	/* A failure shows when the worker enters it. */
	if ((size_t)snprintf(path, sizeof(path), "%s/workspace", home) < sizeof(path))
		mkdir(path, 0700);
}

/* The worker for a call: from the store when that one fits. NULL with errno. */
static struct child *
worker_for(struct launcher_state *l, uint32_t flags)
{
	struct child *stored = find_child(l, 0);

	if (flags & LAUNCH_OWN_NET)
		return stored != NULL ? stored : make_worker(l, l->namespaces);
	return make_worker(l, l->namespaces & ~NAMESPACE_NET);
}

static void
let_enter(struct launcher_state *l, int handover)
{
	if (l->entering != -1)
		close(l->entering);
	l->entering = handover;
}

static void
fill_store(struct launcher_state *l)
{
	let_enter(l, -1);
	if (find_child(l, 0) == NULL)
		make_worker(l, l->namespaces);
}

static void
start(struct launcher_state *l, const struct launch_order *o, const int fds[LAUNCH_FDS_MAX])
{
	struct launch_news news = { .kind = LAUNCH_STARTED, .id = o->id, .pid = -1, .status = EINVAL };
	struct child *c = NULL;

	if (o->flags & LAUNCH_MAKE_WORKSPACE)
		make_workspace(l->home);
	if (fds[0] != -1 && (c = worker_for(l, o->flags)) == NULL)
		news.status = errno;
	if (c != NULL) {
		c->id = o->id;
		news.pid = c->pid;
		send_with(c->handover, "", 1, fds, fds[1] == -1 ? 1 : 2);	/* one that died says so by its end */
		let_enter(l, c->handover);
		c->handover = -1;
	}
	tell(&news, -1);
}

static void
signal_child(struct launcher_state *l, const struct launch_order *o, const int fds[LAUNCH_FDS_MAX])
{
	struct child *c = o->id == 0 ? NULL : find_child(l, o->id);

	if (c != NULL)
		syscall(SYS_pidfd_send_signal, c->pidfd, o->signal, NULL, 0);
}

static void
give_config(struct launcher_state *l, const struct launch_order *o, const int fds[LAUNCH_FDS_MAX])
{
	struct launch_news news = { .kind = LAUNCH_OPENED, .id = o->id, .pid = -1, .status = ENAMETOOLONG };
	char path[4096];
	cleanup_close int fd = -1;

	if ((size_t)snprintf(path, sizeof(path), "%s/config.yaml", l->home) < sizeof(path)) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		news.status = fd == -1 ? errno : 0;
	}
	tell(&news, fd);
}

/* ELOOP where the folder or the file is a link: what a skill is shown lies in its own place. */
static int
open_skill(const char *home, const char *category, const char *name)
{
	char path[4096];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/skills/%s/%s", home, category, name);

	errno = ENAMETOOLONG;
	if (n < 0 || (size_t)n + sizeof("/SKILL.md") > sizeof(path) || lstat(path, &st) == -1)
		return -1;
	errno = ELOOP;
	if (S_ISLNK(st.st_mode))
		return -1;
	strcpy(path + n, "/SKILL.md");
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
}

static void
give_skill(struct launcher_state *l, const struct launch_order *o, const int fds[LAUNCH_FDS_MAX])
{
	struct launch_news news = { .kind = LAUNCH_OPENED, .id = o->id, .pid = -1, .status = ENOENT };
	cleanup_close int fd = -1;

	for (int i = 0; skill_categories[i] != NULL && fd == -1 && news.status == ENOENT; i++) {
		fd = open_skill(l->home, skill_categories[i], o->name);
		news.status = fd == -1 ? errno : 0;
		news.pid = i;
	}
	tell(&news, fd);
}

typedef void order_fn(struct launcher_state *, const struct launch_order *, const int fds[LAUNCH_FDS_MAX]);

static order_fn *const orders[] = {
	[LAUNCH_START]  = start,
	[LAUNCH_SIGNAL] = signal_child,
	[LAUNCH_CONFIG] = give_config,
	[LAUNCH_SKILL]  = give_skill,
};

/* One order and its descriptors. 1, or 0 when the main process is gone. */
static int
take_order(struct launcher_state *l)
{
	struct launch_order order;
	struct iovec iov = { .iov_base = &order, .iov_len = sizeof(order) };
	union { struct cmsghdr align; char room[CMSG_SPACE(LAUNCH_FDS_MAX * sizeof(int))]; } control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
	    .msg_controllen = sizeof(control.room) };
	int fds[LAUNCH_FDS_MAX] = { -1, -1 };
	ssize_t n = recvmsg(LAUNCH_FD_CONTROL, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	if (n <= 0)
		return n == -1 && (errno == EINTR || errno == EAGAIN);
	for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	if (n == sizeof(order) && order.kind < COUNT(orders))
		orders[order.kind](l, &order, fds);
	for (size_t i = 0; i < LAUNCH_FDS_MAX; i++)
		if (fds[i] != -1)
			close(fds[i]);
	return 1;
}

static bool
is_worker(const struct launcher_state *l, pid_t pid)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->children[i].pid == pid)
			return true;
	return false;
}

/* One sweep over our children; true when one of them was no worker. */
static bool
end_stray(const struct launcher_state *l)
{
	char path[64], text[4096], *end;
	bool found = false;
	ssize_t n;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || (n = read(fd, text, sizeof(text) - 1)) <= 0)
		return false;
	text[n] = '\0';
	for (char *p = text; (pid = (pid_t)strtol(p, &end, 10)) > 0 && end != p; p = end)
		if (!is_worker(l, pid) && kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid)
			found = true;
	return found;
}

static void
reap(struct launcher_state *l, size_t i)
{
	struct child *c = &l->children[i];
	struct launch_news news = { .kind = LAUNCH_ENDED, .id = c->id, .pid = c->pid };

	if (waitpid(news.pid, &news.status, 0) == -1)
		news.status = 0;
	close(c->pidfd);
	if (c->handover != -1)
		close(c->handover);
	*c = l->children[--l->count];
	/* Without a process namespace what a worker left behind is ours now, because we are the subreaper. */
	while (l->namespaces == 0 && end_stray(l))
		continue;
	if (news.id != 0)
		tell(&news, -1);
}

static void
empty_store(struct launcher_state *l)
{
	struct child *c = find_child(l, 0);

	if (c != NULL && c->handover != -1) {
		close(c->handover);
		c->handover = -1;
	}
}

static int
serve(struct launcher_state *l)
{
	struct pollfd p[2 + LAUNCH_CHILDREN_MAX];
	int n;

	for (;;) {
		p[0] = (struct pollfd){ .fd = LAUNCH_FD_CONTROL, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = l->entering, .events = POLLIN };
		for (size_t i = 0; i < l->count; i++)
			p[2 + i] = (struct pollfd){ .fd = l->children[i].pidfd, .events = POLLIN };
		n = poll(p, 2 + l->count, find_child(l, 0) != NULL ? STORE_MS : -1);
		if (n == -1 && errno != EINTR)
			return 1;
		if (n == 0)
			empty_store(l);
		for (size_t i = l->count; n > 0 && i-- > 0;)	/* from the end: reap() moves the last one into the gap */
			if (p[2 + i].revents)
				reap(l, i);
		if (n > 0 && p[1].revents)
			fill_store(l);
		if (n > 0 && p[0].revents && !take_order(l))
			return 0;
	}
}

static void
end_children(struct launcher_state *l)
{
	for (size_t i = 0; i < l->count; i++)
		syscall(SYS_pidfd_send_signal, l->children[i].pidfd, SIGKILL, NULL, 0);
	while (l->count > 0)
		reap(l, l->count - 1);
}

/* The one environment a worker needs: a sanitizer build must be told what our sandbox takes away. */
static void
worker_env(struct launcher_state *l)
{
	static const char *const names[] = { "ASAN_OPTIONS", "UBSAN_OPTIONS" };
	size_t n = 0;

	for (size_t i = 0; i < COUNT(names); i++)
		if (getenv(names[i]) != NULL)
			l->env[n++] = xasprintf("%s=%s", names[i], getenv(names[i]));
}

static int
open_high(const char *path, int flags)
{
	cleanup_close int fd = open(path, flags | O_CLOEXEC);

	return fd == -1 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FD_HIGH);
}

static int
prepare(struct launcher_state *l, struct error *e)
{
	if ((l->program = open_high("/proc/self/exe", O_PATH)) == -1)
		return error_errno(e, "open /proc/self/exe");
	if ((l->null = open_high("/dev/null", O_RDWR)) == -1)
		return error_errno(e, "open /dev/null");
	worker_env(l);
	/* As root the groups of whoever started us go; who may not do that keeps them. */
	if (setgroups(0, NULL) == -1 && errno != EPERM)
		return error_errno(e, "setgroups");
	for (size_t i = 0; i < COUNT(ignored); i++)
		signal(ignored[i], SIG_IGN);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		return error_errno(e, "launcher");
	l->namespaces = namespace_probe();
	/*
	 * With user namespaces root needs no right of its own, but that one without which nobody may stand for root in
	 * a new namespace.
	 */
	if ((l->namespaces & NAMESPACE_USER) && namespace_drop_rights(1u << CAP_SETFCAP) == -1)
		return error_errno(e, "capabilities");
	return restrict_self("stdio proc exec sandbox", e);
}

int
launch_main(int argc, char *argv[])
{
	struct launcher_state *l = xcalloc(1, sizeof(*l));
	struct error e = { 0 };
	int status;

	if (argc != 3)
		return 2;
	l->home = argv[2];
	l->entering = -1;
	prctl(PR_SET_NAME, "alpi-launcher");
	if (prepare(l, &e) == -1) {
		log_error("launcher: %s", e.text);
		return 1;
	}
	status = serve(l);
	end_children(l);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See launcher.h. Orders and news are fixed structs, one per datagram; what
 * an end means for the call is for whoever asked for the process to say.
 */
#include "toolrunner/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/skill.h"
#include "toolrunner/background.h"
#include "toolrunner/launch.h"

extern char **environ;

/* ---- orders -------------------------------------------------------------------------------------- */

static int
send_order(struct launcher *l, const struct launch_order *o, const int *fds, size_t nfds, struct error *e)
{
	struct iovec iov = { .iov_base = (void *)o, .iov_len = sizeof(*o) };
	union { struct cmsghdr align; char room[CMSG_SPACE(LAUNCH_FDS_MAX * sizeof(int))]; } control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (nfds > 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	while (sendmsg(l->fd, &msg, MSG_NOSIGNAL) == -1)
		if (errno != EINTR)
			return error_errno(e, "launcher");
	return 0;
}

void
launcher_add(struct launcher *l, struct launched *p)
{
	p->launcher = l;
	p->id = ++l->last_id;
	p->next = l->launched;
	l->launched = p;
}

void
launcher_remove(struct launched *p)
{
	struct launched **at = &p->launcher->launched;

	while (*at != NULL && *at != p)
		at = &(*at)->next;
	if (*at != NULL)
		*at = p->next;
}

int
launcher_make(struct launched *p, uint32_t flags, const int *fds, size_t nfds, struct error *e)
{
	struct launch_order o = { .kind = LAUNCH_START, .id = p->id, .flags = flags };

	return send_order(p->launcher, &o, fds, nfds, e);
}

void
launcher_signal(struct launcher *l, uint32_t id, int sig)
{
	struct launch_order o = { .kind = LAUNCH_SIGNAL, .id = id, .signal = sig };

	send_order(l, &o, NULL, 0, NULL);
}

/* ---- news ---------------------------------------------------------------------------------------- */

static struct launched *
find(struct launcher *l, uint32_t id)
{
	struct launched *p = l->launched;

	while (p != NULL && p->id != id)
		p = p->next;
	return p;
}

static void
news_started(struct launcher *l, const struct launch_news *n, int fd)
{
	struct launched *p = find(l, n->id);

	if (p == NULL)
		return;
	p->pid = n->pid;
	if (n->pid == -1)
		p->ended(p, LAUNCHED_NOT, n->status);
}

static void
news_ended(struct launcher *l, const struct launch_news *n, int fd)
{
	struct launched *p = find(l, n->id);

	if (p != NULL)
		p->ended(p, LAUNCHED_ENDED, n->status);
}

static void
news_opened(struct launcher *l, const struct launch_news *n, int fd)
{
	l->opened = true;
	l->opened_errno = n->status;
	l->opened_where = n->pid;
	l->opened_fd = fd == -1 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

typedef void news_fn(struct launcher *, const struct launch_news *, int fd);

static news_fn *const news_table[] = {
	[LAUNCH_STARTED]   = news_started,
	[LAUNCH_ENDED]     = news_ended,
	[LAUNCH_OPENED]    = news_opened,
};

/* 1 for one piece of news, 0 when there is none now, -1 when the launcher is gone. */
static int
take_news(struct launcher *l, int flags)
{
	struct launch_news news;
	struct iovec iov = { .iov_base = &news, .iov_len = sizeof(news) };
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
	    .msg_controllen = sizeof(control.room) };
	ssize_t n = recvmsg(l->fd, &msg, flags | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;
	cleanup_close int fd = -1;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	if ((c = CMSG_FIRSTHDR(&msg)) != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (n == sizeof(news) && news.kind < COUNT(news_table))
		news_table[news.kind](l, &news, fd);
	return 1;
}

static void
end_all(struct launcher *l, enum launched_end how)
{
	while (l->launched != NULL)
		l->launched->ended(l->launched, how, 0);
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct launcher *l = arg;
	int got;

	while ((got = take_news(l, MSG_DONTWAIT)) == 1)
		continue;
	if (got == 0)
		return;
	event_del(l->event);
	log_error("tool launcher is gone");
	end_all(l, LAUNCHED_LOST);
	if (l->gone != NULL)
		l->gone(l->gone_arg);
}

int
launcher_hear(struct launcher *l, int wait_ms)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	int n = poll(&p, 1, wait_ms);

	if (n == 1)
		return take_news(l, MSG_DONTWAIT) == -1 ? -1 : 0;
	return n == -1 && errno == EINTR ? 0 : -1;
}

/* ---- beginning and end --------------------------------------------------------------------------- */

static bool
is_for_tools(const char *variable)
{
	static const char *const names[] = { "PATH=", "LANG=", "LC_", "TZ=" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* tools.md, 5: the base of a tool's environment. Nothing of ours that is not on this list gets there. */
static json_t *
tool_env(const struct launcher *l)
{
	json_t *env = json_pack("{s:s s:s s:s s:s s:s* s:s* s:s*}", "PATH",
	    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SHELL", "/bin/sh", "TERM", "dumb", "TMPDIR",
	    "/tmp", "HOME", l->person, "USER", l->user, "LOGNAME", l->user);

	for (char **v = environ; *v != NULL; v++) {
		const char *eq = strchr(*v, '=');

		if (eq != NULL && is_for_tools(*v)) {
			cleanup_free char *name = xstrndup(*v, (size_t)(eq - *v));

			json_object_set_new(env, name, json_string(eq + 1));
		}
	}
	return env;
}

static int
spawn(struct launcher *l, const char *libexec, int end, struct error *e)
{
	static const char *const kept[] = { "ASAN_OPTIONS", "UBSAN_OPTIONS", "ALPI_RESTRICT_DEBUG" };
	cleanup_free char *program = path_join(libexec, "alpi-worker");
	char name[] = "alpi-worker", face[] = "--launch", *argv[] = { name, face, l->home, NULL };
	char *env[COUNT(kept) + 1] = { NULL };
	posix_spawn_file_actions_t files;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < COUNT(kept); i++)
		if (getenv(kept[i]) != NULL)
			env[n++] = xasprintf("%s=%s", kept[i], getenv(kept[i]));
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, end, LAUNCH_FD_CONTROL);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	r = posix_spawn(&l->pid, program, &files, NULL, argv, env);
	posix_spawn_file_actions_destroy(&files);
	while (n > 0)
		free(env[--n]);
	errno = r;
	return r == 0 ? 0 : error_errno(e, "start %s --launch", program);
}

static void
launcher_free(struct launcher *l)
{
	if (l->event != NULL)
		event_free(l->event);
	if (l->fd != -1)
		close(l->fd);
	background_free(l->background);
	json_decref(l->env);
	free(l->home);
	free(l->root);
	free(l->person);
	free(l->user);
	free(l);
}

struct launcher *
launcher_start(const struct boot *boot, struct event_base *base, struct error *e)
{
	struct launcher *l = xcalloc(1, sizeof(*l));
	const struct passwd *pw = getpwuid(geteuid());
	int pair[2] = { -1, -1 };

	l->base = base;
	l->fd = l->opened_fd = -1;
	l->home = xstrdup(boot->home);
	l->root = xstrdup(boot->root);
	l->person = home_person();
	l->user = xstrdup0(pw == NULL ? NULL : pw->pw_name);
	l->env = tool_env(l);
	if ((l->background = background_new(l->home, e)) == NULL)
		goto fail;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		error_errno(e, "launcher");
		goto fail;
	}
	l->fd = pair[0];
	if (spawn(l, boot->libexec, pair[1], e) == -1)
		goto fail;
	close(pair[1]);
	l->event = event_new(base, l->fd, EV_READ | EV_PERSIST, on_news, l);
	event_add(l->event, NULL);
	return l;
fail:
	if (pair[1] != -1)
		close(pair[1]);
	launcher_free(l);
	return NULL;
}

void
launcher_stop(struct launcher *l)
{
	if (l == NULL)
		return;
	end_all(l, LAUNCHED_DROPPED);
	close(l->fd);			/* the launcher ends and takes the workers with it */
	l->fd = -1;
	waitpid(l->pid, NULL, 0);
	launcher_free(l);
}

void
launcher_on_gone(struct launcher *l, void (*gone)(void *arg), void *arg)
{
	l->gone = gone;
	l->gone_arg = arg;
}

/* Ask for a file, and wait for the answer. The descriptor, or -1 with errno in opened_errno; -1 with the error set: nobody answers. */
static int
ask_for(struct launcher *l, const struct launch_order *o, struct error *e)
{
	int fd;

	l->opened = false;
	if (send_order(l, o, NULL, 0, e) == -1)
		return -1;
	while (!l->opened)
		if (take_news(l, 0) == -1)
			return error_set(e, ERR_gone, "the tool launcher ended");
	fd = l->opened_fd;
	l->opened_fd = -1;
	return fd;
}

int
launcher_config(struct launcher *l, struct error *e)
{
	struct launch_order o = { .kind = LAUNCH_CONFIG };
	int fd = ask_for(l, &o, e);

	errno = l->opened_errno;
	return fd != -1 || e->code != ERR_none ? fd : error_errno(e, "config.yaml");
}

int
launcher_skill(struct launcher *l, const char *name, const char **category, struct error *e)
{
	struct launch_order o = { .kind = LAUNCH_SKILL };
	int fd;

	snprintf(o.name, sizeof(o.name), "%s", name);
	if ((fd = ask_for(l, &o, e)) == -1) {
		errno = l->opened_errno;
		if (e->code != ERR_none)
			return -1;
		if (errno == ENOENT)
			return error_set(e, ERR_not_found, "there is no skill %s", name);
		if (errno == ELOOP)
			return error_set(e, ERR_denied, "skill %s: its folder or its SKILL.md is a link, which is not followed", name);
		return error_errno(e, "skill %s", name);
	}
	*category = skill_categories[l->opened_where];
	return fd;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See system.h. Everything in init that only Linux has is in this file, each with what other systems do instead. */
#include "init/system.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/inotify.h>
#include <sys/prctl.h>
#endif

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/loop.h"

static void (*watch_fn)(void);

/* Takes path; the text before its last slash. */
static char *
folder_of(char *path, const char *otherwise)
{
	char *slash;

	path = need(path != NULL ? path : strdup(otherwise));
	if ((slash = strrchr(path, '/')) != NULL)
		*slash = '\0';
	return path;
}

#ifdef __linux__

void
system_confine(void)
{
	closefrom(3);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int
system_follow_parent(pid_t init)
{
	/* Not TERM: one that hangs would keep its inbox beside the next init's unit. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return getppid() == init ? 0 : -1;
}

/* The start of /proc/PID/NAME as a string. 0 or -1. */
static int
proc_read(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	FILE *f;
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	if ((f = fopen(path, "re")) != NULL) {
		n = fread(text, 1, size - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return n > 0 ? 0 : -1;
}

unsigned long long
system_start_time(pid_t pid)
{
	char text[1024], *p;
	unsigned long long ticks = 0;

	/* The name in brackets may hold anything, so count from its end: field 22 is the 20th after it. */
	if (proc_read(pid, "stat", text, sizeof(text)) == -1 || (p = strrchr(text, ')')) == NULL)
		return 0;
	for (int field = 2; field < 22 && p != NULL; field++)
		p = strchr(p + 1, ' ');
	return p != NULL && sscanf(p, "%llu", &ticks) == 1 ? ticks : 0;
}

long
system_rss_kb(pid_t pid)
{
	char text[128];
	long pages = 0;

	if (proc_read(pid, "statm", text, sizeof(text)) == -1 || sscanf(text, "%*d %ld", &pages) != 1)
		return 0;
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

uid_t
system_peer(int fd)
{
	struct ucred c;
	socklen_t len = sizeof(c);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len) == 0 ? c.uid : (uid_t)-1;
}

static int notify = -1;

static void
watch_read(void *arg, short revents)
{
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(notify, bytes, sizeof(bytes));
	const struct inotify_event *ev;
	int matters = 0;

	for (char *p = bytes; n > 0 && p < bytes + n; p += sizeof(*ev) + ev->len) {
		ev = (const struct inotify_event *)p;
		matters |= (ev->mask & (IN_ISDIR | IN_Q_OVERFLOW)) != 0 || (ev->len > 0 &&
		    (strcmp(ev->name, "config.yaml") == 0 || strcmp(ev->name, ".env") == 0));
	}
	if (matters)
		watch_fn();
}

void
system_watch(void (*fn)(void))
{
	watch_fn = fn;
	if ((notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) != -1)
		loop_fd(notify, POLLIN, watch_read, NULL);
}

void
system_watch_path(const char *path)
{
	inotify_add_watch(notify, path,
	    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR);
}

char *
system_libexec(const char *argv0)
{
	return folder_of(realpath("/proc/self/exe", NULL), argv0);
}

#else /* the BSDs and macOS: the portable part, and a look every five seconds instead of inotify */

void
system_confine(void)
{
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

int
system_follow_parent(pid_t init)
{
	return getppid() == init ? 0 : -1;
}

unsigned long long
system_start_time(pid_t pid)
{
	return 0;
}

long
system_rss_kb(pid_t pid)
{
	return 0;
}

uid_t
system_peer(int fd)
{
	uid_t uid;
	gid_t gid;

	return getpeereid(fd, &uid, &gid) == 0 ? uid : (uid_t)-1;
}

static void
watch_tick(void *arg)
{
	static struct timer again = { .fn = watch_tick };

	if (again.arg != NULL)
		watch_fn();
	again.arg = &again;
	timer_set(&again, 5000);
}

void
system_watch(void (*fn)(void))
{
	watch_fn = fn;
	watch_tick(NULL);
}

void
system_watch_path(const char *path)
{
}

char *
system_libexec(const char *argv0)
{
	return folder_of(realpath(argv0, NULL), argv0);
}
#endif

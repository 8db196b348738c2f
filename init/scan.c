/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See scan.h. The plan's program has read files that strangers may have
 * written, so its lines are not believed further than a profile's name:
 * where its home is, and which daemons there are, init knows itself.
 */
#include "init/scan.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/logs.h"
#include "init/spawn.h"
#include "init/supervise.h"
#include "init/system.h"

#define SOON_MS		100		/* an editor's save is several changes */
#define PLAN_MS		10000
#define PLAN_MAX	(4 * 1024 * 1024)

static struct {
	pid_t	 pid;
	int	 fd;
	char	*text;
	size_t	 len;
	int	 again;			/* something changed while it ran */
	int	 ended;
} plan;
static char warning[512];
static int mark;

static void	look(void *arg);
static void	overdue(void *arg);
static struct timer soon = { .fn = look }, limit = { .fn = overdue };

static void
overdue(void *arg)
{
	kill(plan.pid, SIGKILL);
}

static void
changed(void)
{
	if (soon.at == 0 && !plan.ended)
		timer_set(&soon, SOON_MS);
}

/* One read, -1 at the end. */
static ssize_t
plan_read(void)
{
	ssize_t n;

	plan.text = need(realloc(plan.text, plan.len + 65536 + 1));
	if ((n = read(plan.fd, plan.text + plan.len, 65536)) > 0)
		plan.len += (size_t)n;
	plan.text[plan.len] = '\0';
	return n > 0 && plan.len < PLAN_MAX ? n : -1;
}

static void
plan_event(void *arg, short revents)
{
	if (plan_read() == -1)
		loop_fd(plan.fd, 0, NULL, NULL);
}

/* Watched before they are read: what changes in between is seen by the next look. */
static void
watch(void)
{
	char path[2048], home[4096];
	struct dirent *d;
	DIR *dir;

	system_watch_path(site.root);
	snprintf(path, sizeof(path), "%s/profiles", site.root);
	system_watch_path(path);
	if ((dir = opendir(path)) == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		snprintf(home, sizeof(home), "%s/%s", path, d->d_name);
		if (d->d_name[0] != '.')
			system_watch_path(home);
	}
	closedir(dir);
}

static void
look(void *arg)
{
	if (plan.pid != 0) {
		plan.again = 1;
		return;
	}
	watch();
	plan.len = 0;
	if ((plan.pid = spawn_plan(&plan.fd)) == -1) {
		logs_say("ERROR", "cannot run alpi-init-plan: %s", strerror(errno));
		plan.pid = 0;
		return;
	}
	loop_fd(plan.fd, POLLIN, plan_event, NULL);
	timer_set(&limit, PLAN_MS);
}

static unsigned long long
stamp_of(const char *home)
{
	static const char *const names[] = { "config.yaml", ".env" };
	unsigned long long sum = 1;
	char path[2048];
	struct stat st;

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", home, names[i]);
		if (stat(path, &st) == -1)
			memset(&st, 0, sizeof(st));
		sum = sum * 1000003 + (unsigned long long)st.st_mtim.tv_sec * 1000000000 + (unsigned long long)st.st_mtim.tv_nsec;
		sum = sum * 1000003 + st.st_ino * 31 + (unsigned long long)st.st_size;
	}
	return sum;
}

/* A unit is wanted: new, back again, or changed. */
static void
want(const char *profile, const char *daemon, const char *home)
{
	struct unit *u = unit_want(site.run, profile, daemon, home);
	unsigned long long stamp = stamp_of(home);

	if (u == NULL) {
		logs_say("ERROR", "%s/%s cannot run: unknown, or its name is too long for a socket", profile, daemon);
		return;
	}
	u->wanted = mark;
	if (u->leave) {
		u->leave = 0;
		unit_start(u);
	} else if (u->stamp == 0)
		unit_start(u);
	else if (u->stamp != stamp) {
		logs_say("INFO", "%s reloads", u->name);
		spawn_reload(u);
	}
	u->stamp = stamp;
}

/* `unit PROFILE/DAEMON HOME`. 0, or -1 for anything else. */
static int
take_unit(char *line)
{
	char home[1024], *slash = strchr(line, '/'), *blank = slash != NULL ? strchr(slash, ' ') : NULL;

	if (blank == NULL || line[0] == '.' || slash == line)
		return -1;
	*slash = *blank = '\0';
	snprintf(home, sizeof(home), strcmp(line, "default") == 0 ? "%s" : "%s/profiles/%s", site.root, line);
	if (strcmp(home, blank + 1) != 0)
		return -1;
	want(line, slash + 1, home);
	return 0;
}

/* `warn PROFILE TEXT`: its configuration does not load, so what ran goes on. */
static void
take_warning(const char *line)
{
	size_t n = strcspn(line, " ");

	snprintf(warning, sizeof(warning), "%.*s:%s", (int)n, line, line + n);
	logs_say("WARNING", "%s", warning);
	for (struct unit *u = units; u != NULL; u = u->next)
		if (strlen(u->profile) == n && strncmp(u->profile, line, n) == 0)
			u->wanted = mark;
}

void
scan_apply(char *text)
{
	char *save = NULL;

	mark++;
	warning[0] = '\0';
	for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "warn ", 5) == 0)
			take_warning(line + 5);
		else if (strncmp(line, "unit ", 5) != 0 || take_unit(line + 5) == -1)
			logs_say("ERROR", "alpi-init-plan said: %s", line);
	for (struct unit *u = units; u != NULL; u = u->next)
		if (u->wanted != mark)
			unit_stop(u, 0, 1);
}

void
scan_exited(int status)
{
	while (plan_read() != -1)
		;
	loop_fd(plan.fd, 0, NULL, NULL);
	close(plan.fd);
	timer_clear(&limit);
	plan.pid = 0;
	if (plan.ended)
		return;
	if (status == 0)
		scan_apply(plan.text);
	else {
		snprintf(warning, sizeof(warning), "cannot read the configuration: %s", plan.text);
		logs_say("ERROR", "alpi-init-plan ended with %d: %s", status, plan.text);
	}
	if (plan.again)
		changed();
	plan.again = 0;
}

void
scan_begin(void)
{
	system_watch(changed);
	look(NULL);
}

void
scan_end(void)
{
	plan.ended = 1;
	timer_clear(&soon);
}

pid_t
scan_pid(void)
{
	return plan.pid;
}

int
scan_settled(void)
{
	return plan.pid == 0 && soon.at == 0;
}

const char *
scan_warning(void)
{
	return warning;
}

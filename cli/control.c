/* SPDX-License-Identifier: Apache-2.0 */
/* See control.h. */
#include "cli/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/ask.h"
#include "common/atomic.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/process.h"

extern char **environ;

int
control_order(const struct cli *c, const char *order, struct buf *out, struct error *e)
{
	cleanup_free char *path = path_join(c->root, "run/init.sock");
	struct error local = { 0 };

	if (ask_line(path, order, out, &local) == 0)
		return 0;
	return error_set(e, local.code, "%s", local.code == ERR_unavailable ? "alpi is not running" : local.text);
}

/* "unit NAME STATE PID UPTIME_MS RESTARTS RSS_KB" */
static void
add_unit(json_t *units, const char *line)
{
	char name[256], state[32];
	long long pid, up, restarts, rss;

	if (sscanf(line, "unit %255s %31s %lld %lld %lld %lld", name, state, &pid, &up, &restarts, &rss) != 6)
		return;
	json_array_append_new(units, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "unit", name,
	    "state", state, "pid", (json_int_t)pid, "uptime_s", (json_int_t)(up / 1000),
	    "restarts", (json_int_t)restarts, "rss_kb", (json_int_t)rss));
}

/* "stderr NAME TEXT": one of the last lines of a unit that failed. */
static void
add_stderr(json_t *units, const char *line)
{
	const char *name = line + strlen("stderr "), *text = strchr(name, ' ');
	json_t *unit, *lines;
	size_t i;

	if (text == NULL)
		return;
	json_array_foreach(units, i, unit) {
		const char *have = json_str(unit, "unit", "");

		if (strlen(have) != (size_t)(text - name) || strncmp(have, name, strlen(have)) != 0)
			continue;
		if ((lines = json_object_get(unit, "stderr")) == NULL)
			json_object_set_new(unit, "stderr", lines = json_array());
		json_array_append_new(lines, json_string(text + 1));
	}
}

json_t *
control_parse(const char *text)
{
	json_t *status = json_object(), *units = json_array();
	cleanup_free char *copy = utf8_clean(text, strlen(text));
	char *save = NULL;
	long long pid = 0, up = 0;

	for (char *l = strtok_r(copy, "\n", &save); l != NULL; l = strtok_r(NULL, "\n", &save)) {
		if (strncmp(l, "init ", 5) == 0)
			sscanf(l, "init %lld %lld", &pid, &up);
		else if (strncmp(l, "unit ", 5) == 0)
			add_unit(units, l);
		else if (strncmp(l, "stderr ", 7) == 0)
			add_stderr(units, l);
	}
	json_object_set_new(status, "pid", json_integer(pid));
	json_object_set_new(status, "uptime_s", json_integer(up / 1000));
	json_object_set_new(status, "units", units);
	return status;
}

json_t *
control_status(const struct cli *c, struct error *e)
{
	cleanup_buf struct buf text = BUF(0);

	return control_order(c, "list", &text, e) == -1 ? NULL : control_parse(buf_str(&text));
}

long
control_pid(const struct cli *c)
{
	cleanup_json json_t *status = control_status(c, NULL);
	cleanup_free char *path = path_join(c->root, "service.pid");

	return status != NULL ? (long)json_int(status, "pid", 0) : (long)pidfile_read(path);
}

bool
control_alive(const struct cli *c)
{
	cleanup_free char *path = path_join(c->root, "service.lock");

	return lock_held(path);
}

/* Run alpi-init -d; its complaints go to a file that we read when it failed. */
static int
spawn_init(const struct cli *c, int complaints, pid_t *pid, struct error *e)
{
	cleanup_free char *path = program_path("alpi-init");
	char *argv[] = { "alpi-init", "-d", c->root, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int failed;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, complaints, STDERR_FILENO);
	failed = posix_spawn(pid, path, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	errno = failed;
	return failed ? error_errno(e, "%s", path) : 0;
}

static int
init_failed(FILE *complaints, struct error *e)
{
	char text[400] = "";
	size_t n;

	rewind(complaints);
	n = fread(text, 1, sizeof(text) - 1, complaints);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return error_set(e, ERR_unavailable, "alpi could not be started%s%s", n > 0 ? ": " : "", text);
}

int
control_start(struct cli *c, struct error *e)
{
	FILE *complaints;
	pid_t pid;
	int status = -1, result;

	if (home_create(c->root, e) == -1)
		return -1;
	if ((complaints = tmpfile()) == NULL)
		return error_errno(e, "temporary file");
	fcntl(fileno(complaints), F_SETFD, FD_CLOEXEC);
	result = spawn_init(c, fileno(complaints), &pid, e);
	if (result == 0) {
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			continue;
		if (status != 0)
			result = init_failed(complaints, e);
	}
	fclose(complaints);
	return result;
}

/* The home as a person would type it. */
static char *
short_home(const char *path)
{
	cleanup_free char *person = home_person();
	size_t n = person == NULL ? 0 : strlen(person);

	if (n > 1 && strncmp(path, person, n) == 0 && path[n] == '/')
		return xasprintf("~%s", path + n);
	return xstrdup(path);
}

/* A daemon is there or coming up: wait until no unit is starting. -1: there is none. */
static int
join(const struct cli *c, struct error *e)
{
	struct timespec pause = { 0, 2000000 };

	for (;;) {
		/* a unit that failed need not be the one we want */
		if (control_order(c, "wait", NULL, e) == 0 || e->code != ERR_unavailable)
			return 0;
		if (!control_alive(c))
			return -1;
		nanosleep(&pause, NULL);	/* it holds the lock and has no socket yet */
	}
}

int
control_ensure(struct cli *c, struct error *e)
{
	cleanup_free char *shown = short_home(c->root);
	struct error other;

	if (join(c, e) == 0)
		return 0;
	if (control_start(c, e) == 0) {
		fprintf(stderr, "started alpi for %s (stop it with: alpi daemon stop)\n", shown);
		return 0;
	}
	if (join(c, &other) == -1)
		return -1;
	if (strstr(e->text, "already running") == NULL)		/* then somebody else was faster */
		fprintf(stderr, "started alpi for %s, but not all of it came up (alpi doctor)\n", shown);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi daemon`: orders to init, and how things stand. init decides; when
 * its socket does not answer, a signal to the process of service.pid is all
 * that is left.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/control.h"
#include "cli/print.h"
#include "cli/service.h"
#include "cli/text.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

#define STOP_MS	15000	/* init gives its units 10 s */

/* ---- start and stop ----------------------------------------------------------------------- */

static int
start_detached(struct cli *c)
{
	struct error e = { 0 };

	if (control_start(c, &e) == -1) {
		if (control_pid(c) != 0)
			error_add(&e, "not everything came up (alpi daemon status)");
		return cli_fail(&e);
	}
	printf("running  · pid %ld\n", control_pid(c));
	return 0;
}

int
daemon_start_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_free char *path = program_path("alpi-init");
	long pid = control_pid(c);

	if (pid != 0)
		return cli_failf("already running (pid %ld)", pid);
	if (arg_has(a, "detach"))
		return start_detached(c);
	if (home_create(c->root, &e) == -1)
		return cli_fail(&e);
	execl(path, "alpi-init", c->root, (char *)NULL);
	error_errno(&e, "%s", path);
	return cli_fail(&e);
}

static bool
wait_gone(const struct cli *c)
{
	struct timespec pause = { 0, 5000000 };
	int64_t until = clock_mono_ms() + STOP_MS;

	while (control_alive(c)) {
		if (clock_mono_ms() > until)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static void
say_why(int sig)
{
	static const char text[] = "stopping: what is under way has a moment to end\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) == -1)
		return;
}

/* After a second a person is told why it takes so long. */
static void
say_why_later(void)
{
	struct sigaction later = { .sa_handler = say_why, .sa_flags = SA_RESTART };

	if (!isatty(STDERR_FILENO))
		return;
	sigaction(SIGALRM, &later, NULL);
	alarm(1);
}

/* Stop everything; -1 when it would not go. */
static int
stop_all(const struct cli *c, long pid, struct error *e)
{
	if (control_order(c, "shutdown", NULL, e) == -1 && e->code == ERR_unavailable)
		kill((pid_t)pid, SIGTERM);
	if (wait_gone(c))
		return 0;
	kill((pid_t)pid, SIGKILL);
	if (wait_gone(c))
		return 0;
	return error_set(e, ERR_denied, "pid %ld does not end", pid);
}

static int
stop(const struct cli *c, long pid, struct error *e)
{
	int result;

	say_why_later();
	result = stop_all(c, pid, e);
	alarm(0);
	return result;
}

int
daemon_stop_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	long pid = control_pid(c);

	if (pid == 0) {
		printf("not running\n");
		return 0;
	}
	if (stop(c, pid, &e) == -1)
		return cli_fail(&e);
	printf("stopped\n");
	if (service_manager() != NULL)
		printf("systemd starts it again in a moment; alpi daemon uninstall ends that\n");
	return 0;
}

/* ---- orders for units --------------------------------------------------------------------- */

static bool
is_daemon(const char *word)
{
	static const char *const names[] = {
#define DAEMON(name, scope) #name,
#include "proto/channels.def"
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i], word) == 0)
			return true;
	return false;
}

/* "engined" is this profile's; hostd exists once; "work/engined", "work" and "all" are init's own words. */
static char *
unit_name(const struct cli *c, const char *word)
{
	if (!is_daemon(word))
		return xstrdup(word);
	return xasprintf("%s/%s", strcmp(word, "hostd") == 0 ? "default" : c->profile, word);
}

static int
order_unit(const struct cli *c, const char *verb, const char *word, const char *said)
{
	struct error e = { 0 };
	cleanup_free char *unit = unit_name(c, word), *order = xasprintf("%s %s", verb, unit);

	if (strpbrk(word, " \t\r\n") != NULL)
		return cli_failf("no unit has such a name");
	if (control_order(c, order, NULL, &e) == -1)
		return cli_failf("%s: %s", unit, e.text);
	printf("%s %s\n", unit, said);
	return 0;
}

int
daemon_restart_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	long pid = control_pid(c);

	if (a->nrest > 0)
		return order_unit(c, "restart", a->rest[0], "restarted");
	if (pid != 0 && stop(c, pid, &e) == -1)
		return cli_fail(&e);
	if (pid != 0)
		printf("stopped\n");
	if (service_manager() != NULL) {
		printf("systemd starts it again\n");
		return 0;
	}
	return start_detached(c);
}

int
daemon_reload_command(struct cli *c, const struct args *a)
{
	return order_unit(c, "reload", a->nrest > 0 ? a->rest[0] : "all", "reloaded");
}

/* ---- status ------------------------------------------------------------------------------- */

/* A unit that dies of the same thing five times says it once. */
static void
print_stderr(const json_t *unit)
{
	const char *last = "";
	size_t i;
	json_t *line;

	json_array_foreach(json_object_get(unit, "stderr"), i, line) {
		cleanup_free char *safe = text_line(json_string_value(line), 0);

		if (strcmp(last, json_string_value(line)) != 0)
			printf("      %s\n", safe);
		last = json_string_value(line);
	}
}

/* "  default  engined ready · hostd ready", and why a unit is not. */
static void
print_profile(const char *profile, const json_t *units)
{
	size_t i, n = strlen(profile), shown = 0;
	json_t *unit;

	printf("  %-10s", profile);
	json_array_foreach(units, i, unit) {
		const char *name = json_str(unit, "unit", "");

		if (strncmp(name, profile, n) == 0 && name[n] == '/')
			printf("%s%s %s", shown++ ? " · " : " ", name + n + 1, json_str(unit, "state", ""));
	}
	printf("%s\n", shown ? "" : " no unit");
	json_array_foreach(units, i, unit) {
		const char *name = json_str(unit, "unit", "");

		if (strncmp(name, profile, n) == 0 && name[n] == '/' && json_object_get(unit, "stderr") != NULL) {
			printf("    %s:\n", name + n + 1);
			print_stderr(unit);
		}
	}
}

static void
print_status(const struct cli *c, const json_t *status)
{
	char **names = profile_list(c->root);
	size_t n = 0;

	if (status == NULL)
		printf("not running\n");
	else
		printf("running  · pid %lld  · uptime %.0fs\n", (long long)json_int(status, "pid", 0),
		    json_num(status, "uptime_s", 0));
	if (service_manager() != NULL)
		printf("installed via %s\n", service_manager());
	else
		printf("not installed\n");
	while (names != NULL && names[n] != NULL)
		n++;
	printf("profiles: %zu\n", n);
	for (size_t i = 0; i < n; i++)
		print_profile(names[i], json_object_get(status, "units"));
	profile_list_free(names);
}

int
daemon_status_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *status = control_status(c, &e);

	if (status == NULL && e.code != ERR_unavailable)
		return cli_fail(&e);
	if (!arg_has(a, "json")) {
		print_status(c, status);
		return 0;
	}
	if (status == NULL)
		status = json_pack("{s:n, s:i, s:[]}", "pid", "uptime_s", 0, "units");
	json_object_set_new(status, "running", json_boolean(json_int(status, "pid", 0) != 0));
	json_object_set_new(status, "installed_via", service_manager() ? json_string(service_manager()) : json_null());
	print_json(stdout, status);
	return 0;
}

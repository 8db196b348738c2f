/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi daemon install`: a systemd user service that runs `alpi daemon
 * start`. The one file that knows a service manager; others (launchd) get
 * a file like this one.
 */
#include "cli/service.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands.h"
#include "common/atomic.h"
#include "common/mem.h"
#include "common/paths.h"

#define UNIT "alpi-daemon.service"

extern char **environ;

static char *
unit_file(void)
{
	cleanup_free char *person = home_person();
	const char *config = getenv("XDG_CONFIG_HOME");

	if (config != NULL && *config == '/')
		return xasprintf("%s/systemd/user/%s", config, UNIT);
	return person == NULL ? NULL : xasprintf("%s/.config/systemd/user/%s", person, UNIT);
}

const char *
service_manager(void)
{
	cleanup_free char *file = unit_file();

	return file != NULL && access(file, F_OK) == 0 ? "systemd" : NULL;
}

/* Run a program to its end; its exit status, or -1 when it could not be run. */
static int
run(const char *const argv[])
{
	pid_t pid;
	int status = -1;

	if ((errno = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ)) != 0)
		return -1;
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
systemctl(const char *verb, const char *unit, struct error *e)
{
	const char *argv[] = { "systemctl", "--user", verb, unit, NULL };

	return run(argv) == 0 ? 0 : error_set(e, ERR_unavailable, "systemctl --user %s%s%s failed", verb,
	    unit ? " " : "", unit ? unit : "");
}

/*
 * The same as packaging/alpi.service, for this binary and this home. It starts init and nothing else
 * (daemon start becomes it), and init keeps the log file itself; Restart=always because a requested
 * restart exits with 0.
 */
static char *
unit_text(const struct cli *c)
{
	cleanup_free char *self = program_self();

	return xasprintf("[Unit]\nDescription=alpi, a personal agent\nWants=network-online.target\n"
	    "After=network-online.target\n\n"
	    "[Service]\nType=notify\nNotifyAccess=main\nExecStart=\"%s\" daemon start\n"
	    "Environment=\"ALPI_HOME=%s\"\nRestart=always\nRestartSec=5\nLimitNOFILE=8192\nWatchdogSec=60\n\n"
	    "[Install]\nWantedBy=default.target\n", self, c->root);
}

static int
write_unit(const struct cli *c, const char *file, struct error *e)
{
	cleanup_free char *text = unit_text(c), *dir = xstrndup(file, (size_t)(strrchr(file, '/') - file));

	if (strpbrk(c->root, "\"\n%\\") != NULL)
		return error_set(e, ERR_invalid, "%s: systemd cannot be told of a home with such a name", c->root);
	if (home_create(c->root, e) == -1 || make_dirs(dir, 0755, e) == -1)
		return -1;
	return atomic_write(file, text, strlen(text), 0644, e);
}

int
service_install_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	const char *linger[] = { "loginctl", "enable-linger", NULL };
	const char *enable[] = { "systemctl", "--user", "enable", "--now", UNIT, NULL };
	cleanup_free char *file = unit_file();

	if (file == NULL)
		return cli_failf("there is no home directory");
	if (write_unit(c, file, &e) == -1)
		return cli_fail(&e);
	if (systemctl("daemon-reload", NULL, &e) == -1 || run(enable) != 0) {
		unlink(file);
		return cli_failf("systemd's user manager could not be reached; nothing was installed");
	}
	if (run(linger) != 0)
		fprintf(stderr, "alpi will stop when you log out: loginctl enable-linger was refused\n");
	printf("installed via systemd: %s\n", file);
	return 0;
}

int
service_uninstall_command(struct cli *c, const struct args *a)
{
	const char *disable[] = { "systemctl", "--user", "disable", "--now", UNIT, NULL };
	cleanup_free char *file = unit_file();

	if (service_manager() == NULL)
		return cli_failf("not installed");
	if (run(disable) != 0)
		fprintf(stderr, "systemctl --user disable failed; the file is removed all the same\n");
	unlink(file);
	systemctl("daemon-reload", NULL, NULL);
	printf("uninstalled: %s\n", file);
	return 0;
}

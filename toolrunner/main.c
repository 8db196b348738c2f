/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-toolrunner: decides which tool calls happen, and has each happen in a
 * fresh sandboxed worker. This process parses what models wrote and verifies
 * what people granted; it can open no file and run no program. Two other
 * faces of the same binary can: the launcher, which parses nothing, and the
 * workers that it makes.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/mem.h"
#include "toolrunner/consent.h"
#include "toolrunner/document.h"
#include "toolrunner/exec.h"
#include "toolrunner/explain.h"
#include "toolrunner/runner.h"
#include "toolrunner/selftest.h"

#define DRAIN_S 7			/* init waits ten seconds */

static const struct {
	const char	*option;
	int		(*main)(int argc, char *argv[]);
} faces[] = {
	{ "--explain", explain_main },
};

/* The test of the sandbox takes longer than all else here and costs others their start: it comes after "ready". */
static void
begin_test(evutil_socket_t fd, short what, void *arg)
{
	selftest_begin(arg);
}

static void
on_ready(struct daemon *d)
{
	struct timeval now = { 0 };

	event_base_once(d->base, -1, EV_TIMEOUT, begin_test, d->ctx, &now);
}

static void
on_reload(struct daemon *d)
{
	struct runner *r = d->ctx;

	selftest_wait(r);
	settings_refresh(&r->settings, r->launcher);
	selftest_judge(r);
}

static void
launcher_gone(void *arg)
{
	log_error("the launcher died, so we end too");
	daemon_exit(arg, 1);
}

/* ---- the end ------------------------------------------------------------------------------ */

/* The last turn of the loop: workers and launcher go while their events still have a base. */
static void
end(evutil_socket_t fd, short what, void *arg)
{
	struct runner *r = arg;

	exec_clear(r);
	launcher_stop(steal(r->launcher));
	document_clear(r);
	daemon_exit(r->daemon, 0);
}

static void
end_soon(struct runner *r)
{
	struct timeval now = { 0 };

	r->idle = NULL;
	event_base_once(r->base, -1, EV_TIMEOUT, end, r, &now);
}

static void
out_of_time(evutil_socket_t fd, short what, void *arg)
{
	exec_cancel_all(arg);
	end_soon(arg);
}

/* Take no new call, give the running ones a little time, let nobody wait for a person. */
static void
on_drain(struct daemon *d)
{
	struct runner *r = d->ctx;
	struct timeval tv = { .tv_sec = DRAIN_S };

	r->draining = true;
	r->idle = end_soon;
	if (exec_open(r) == 0)
		end_soon(r);
	else
		event_base_once(r->base, -1, EV_TIMEOUT, out_of_time, r, &tv);
}

int
main(int argc, char *argv[])
{
	struct daemon d = DAEMON("toolrunner", tool_handlers);
	struct runner r = { .daemon = &d, .boot = &d.boot, .approval_fd = -1 };
	struct error e = { 0 };
	int status;

	for (size_t i = 0; argc > 1 && i < COUNT(faces); i++)
		if (strcmp(argv[1], faces[i].option) == 0)
			return faces[i].main(argc, argv);

	/* parse: the boot message on fd 3 */
	tzset();
	if (daemon_boot(&d, argc, argv, &e) == -1)
		return daemon_fail(&d, &e);
	r.base = d.base;

	/* open: the launcher, which will open the settings and try the sandbox, and the two logs */
	if (runner_open(&r, &e) == -1)
		return daemon_fail(&d, &e);

	/* restrict: the bus, and the notes on background commands; no other file, no program, no network */
	if (runner_fence(&e) == -1)
		return daemon_fail(&d, &e);

	/* serve: decide, have it run, tell how it stands */
	d.on_ready = on_ready;
	d.on_reload = on_reload;
	d.on_drain = on_drain;
	launcher_on_gone(r.launcher, launcher_gone, &d);
	status = daemon_serve(&d, &r);
	consent_clear(&r);
	settings_clear(&r.settings);
	audit_close(r.audit);
	close(r.approval_fd);
	free(r.stop);
	return status;
}

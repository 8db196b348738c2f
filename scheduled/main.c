/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-scheduled: the jobs of a profile (spec/scheduler.md). It holds no
 * secret and runs nothing itself: turns are engined's, scripts toolrunner's.
 * It believes neither its own jobs file nor what it is asked.
 */
#include "common/config.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"
#include "scheduled/job.h"
#include "scheduled/schedule.h"

static void
on_ready(struct daemon *d)
{
	struct schedule *s = d->ctx;

	log_info("jobs=%zu%s confined: %s", jobs_count(s->jobs), s->paused ? " profile paused" : "", restrict_report());
	tick_soon(s);
}

/* What goes on is taken up by the next process, under the same keys. */
static void
on_end(struct daemon *d)
{
	struct schedule *s = d->ctx;
	struct error e = { 0 };

	watch_end_all(s);
	run_forget_all(s);
	if (s->idle != NULL)
		s->cancel(s->idle);
	if (jobs_count(s->jobs) > 0 && tick_repeat(s, &e) == -1)
		log_warn("schedule/runs.json is not written: %s", e.text);
}

static int
read_settings(struct schedule *s, struct error *e)
{
	json_t *config = config_load(s->home, e);

	if (config == NULL)
		return -1;
	s->paused = config_bool(config, "paused");
	json_decref(config);
	return 0;
}

static int
fence(const struct schedule *s, const char *run, struct error *e)
{
	cleanup_free char *own = path_join(s->home, "schedule");

	if (restrict_path(own, "rw!", e) == -1 || restrict_path(run, "rw!", e) == -1 ||
	    restrict_path(ZONE_DIR, "r", e) == -1 || restrict_path(ZONE_MACHINE, "r", e) == -1)
		return -1;
	return restrict_self("stdio db bus", e);
}

int
main(int argc, char *argv[])
{
	struct daemon d = DAEMON("scheduled", schedule_handlers);
	struct schedule s = { .daemon = &d, .send = request_send, .cancel = request_cancel };
	cleanup_free char *dir = NULL;
	struct error e = { 0 };
	int status;

	/* parse: the boot message on fd 3, is the profile paused */
	d.ctx = &s;
	d.on_ready = on_ready;
	d.on_end = on_end;
	if (daemon_boot(&d, argc, argv, &e) == -1)
		return daemon_fail(&d, &e);
	s.home = d.boot.home;
	if (read_settings(&s, &e) == -1)
		return daemon_fail(&d, &e);

	/* open: the jobs, how they ran, what still runs */
	dir = path_join(s.home, "schedule");
	if (make_dirs(dir, 0700, &e) == -1 || tick_open(&s, &e) == -1)
		return daemon_fail(&d, &e);

	/* restrict: no file but below schedule/ and run/ and the time zones, no program, no network */
	if (fence(&s, d.boot.run, &e) == -1)
		return daemon_fail(&d, &e);

	/* serve: the clock, and whoever asks */
	status = daemon_serve(&d, &s);
	tick_close(&s);
	return status;
}

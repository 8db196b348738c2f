/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler with its files, under a clock of ours, beside neighbours that answer at once. */
#ifndef ALPI_TICK_FIXTURE_H
#define ALPI_TICK_FIXTURE_H

#include "tests/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "scheduled/active.h"

#define HOUR	3600000LL
#define DAY	(24 * HOUR)
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, start, stop)

static char *home;

static void
say_nothing(const char *line)
{
}

static int
start(void **state)
{
	cleanup_free char *dir = NULL;

	home = temp_home();
	dir = path_join(home, "schedule");
	setenv("TZ", "Europe/Madrid", 1);
	log_to(say_nothing);
	return mkdir(dir, 0700);
}

static int
stop(void **state)
{
	free(home);
	unsetenv("TZ");
	clock_fake(-1, -1);
	return 0;
}

/* ---- the neighbours ------------------------------------------------------------------------- */

struct world {
	struct schedule	 s;
	struct daemon	 daemon;
	size_t		 asked;		/* requests that are not answered yet */
	size_t		 turns;		/* begun */
	bool		 hold;		/* turns do not end */
	bool		 deaf;		/* engined does not say when the person was active */
	double		 active;	/* the person was; Unix seconds, 0: never */
};

/* What the scheduler waits for, answered from the loop. */
struct request {
	struct world	*in;
	enum msg	 type;
	char		*key;
	request_done	*done;
	void		*arg;
};

static struct world *world;

/* A line of a file of the test's own: it is there whatever dies after. */
static void
remember(const char *name, const char *key)
{
	cleanup_free char *path = path_join(home, name), *line = xasprintf("%s\n", key);
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, line, strlen(line)), (ssize_t)strlen(line));
}

static void
answer_turn(const struct request *r)
{
	cleanup_json json_t *said = json_pack("{s:s, s:s}", "text", "said", "session_id", "s"), *none = json_object();
	struct turn_event rows[] = { { .seq = 1, .kind = "reply", .data = said }, { .seq = 2, .kind = "done", .data = none } };
	struct error gone = { .code = ERR_unavailable, .text = "it is held" };

	if (r->in->hold)
		r->done(r->arg, NULL, &gone);
	else
		r->done(r->arg, &(struct turn_next_reply){ .events = rows, .n_events = 2, .done = true }, NULL);
}

static void
answer_sessions(const struct request *r)
{
	cleanup_json json_t *rows = json_array();

	if (r->in->deaf) {
		r->done(r->arg, NULL, &(struct error){ .code = ERR_unavailable, .text = "it is away" });
		return;
	}
	if (r->in->active > 0)
		json_array_append_new(rows, json_pack("{s:f}", "mtime", r->in->active));
	r->done(r->arg, &(struct session_list_reply){ .sessions = rows }, NULL);
}

static void
answer(evutil_socket_t fd, short what, void *arg)
{
	struct request *r = arg;

	r->in->asked--;
	if (r->done == NULL)
		;			/* cancelled */
	else if (r->type == MSG_turn_start)
		r->done(r->arg, &(struct turn_start_reply){ .turn = "t", .session = "s" }, NULL);
	else if (r->type == MSG_turn_next)
		answer_turn(r);
	else if (r->type == MSG_session_list)
		answer_sessions(r);
	else if (r->type == MSG_outputs_add)
		r->done(r->arg, &(struct outputs_add_reply){ .id = "0" }, NULL);
	else if (r->type == MSG_run_add)
		r->done(r->arg, &(struct run_add_reply){ 0 }, NULL);
	else
		r->done(r->arg, &(struct event_push_reply){ 0 }, NULL);
	free(r);
}

static struct request *
send_fake(struct daemon *d, const char *unit, enum msg type, const void *body, const char *grant, int timeout_ms,
    request_done *done, void *arg, struct error *e)
{
	struct request *r = xcalloc(1, sizeof(*r));

	*r = (struct request){ .in = world, .type = type, .done = done, .arg = arg };
	world->asked++;
	if (type == MSG_turn_start)
		world->turns++;
	if (type == MSG_outputs_add)
		remember("filed", ((const struct outputs_add *)body)->key);
	if (type == MSG_run_add)
		remember("noted", ((const struct run_add *)body)->key);
	event_base_once(d->base, -1, EV_TIMEOUT, answer, r, &(struct timeval){ 0 });
	return r;
}

static void
cancel_fake(struct request *r)
{
	r->done = NULL;
}

/* ---- the scheduler -------------------------------------------------------------------------- */

static void
begin(struct world *w, int64_t now)
{
	static struct boot_pair keys[] = { { .unit = (char *)"default/toolrunner" }, { .unit = (char *)"default/alpd" } };
	struct error e = { 0 };

	world = w;
	*w = (struct world){ .daemon = { .name = "scheduled", .base = event_base_new(), .boot = { .unit = (char *)"default/scheduled",
	    .profile = (char *)"default", .daemon = (char *)"scheduled", .home = home, .mints = { keys, COUNT(keys) } } } };
	w->s = (struct schedule){ .daemon = &w->daemon, .send = send_fake, .cancel = cancel_fake, .home = home };
	clock_fake(now, -1);
	if (tick_open(&w->s, &e) == -1)
		fail_msg("%s", e.text);
}

/* As the process ends: what goes on is left as it is on disk. */
static void
finish(struct world *w)
{
	run_forget_all(&w->s);
	if (w->s.idle != NULL)
		w->s.cancel(w->s.idle);
	while (w->asked > 0)
		event_base_loop(w->daemon.base, EVLOOP_ONCE);
	tick_close(&w->s);
	event_base_free(w->daemon.base);
}

/* Everything that begins now, to its end. */
static void
look(struct world *w, int64_t now)
{
	clock_fake(now, -1);
	tick_look(&w->s);
	while (w->asked > 0 || (!TAILQ_EMPTY(&w->s.active) && !w->hold))
		event_base_loop(w->daemon.base, EVLOOP_ONCE);
	event_base_loop(w->daemon.base, EVLOOP_NONBLOCK);
}

/* The due times of a job's runs, as seconds, the oldest first; each has ended as `outcome`. */
static json_t *
runs_of(struct world *w, const char *job, const char *outcome)
{
	cleanup_json json_t *all = runs_history(w->s.runs, job, 1000000, NULL);
	json_t *list = json_array(), *row;
	size_t i;

	json_array_foreach(all, i, row) {
		int64_t at;

		assert_string_equal(json_str(row, "outcome", ""), outcome);
		assert_int_equal(time_parse(json_str(row, "due", ""), jobs_zone(w->s.jobs), &at, NULL), 0);
		json_array_insert_new(list, 0, json_integer(at));
	}
	return list;
}

#endif

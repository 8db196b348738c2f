/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-gatewayd: messages of people who write from outside, for one profile.
 * It reads what strangers send and holds the platforms' tokens, nothing else:
 * after restrict it can touch gateway/ and connect out, run no program, and
 * ask engined for turns whose ceiling it cannot lift.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "common/audit.h"
#include "common/clock.h"
#include "common/http.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inbox.h"
#include "gatewayd/mailcalls.h"
#include "gatewayd/models.h"
#include "gatewayd/outfile.h"
#include "gatewayd/posts.h"
#include "gatewayd/removed.h"
#include "gatewayd/threads.h"
#include "gatewayd/turns.h"

#define DRAIN_S		5			/* init waits ten seconds */
#define DRAIN_LOOK_MS	20
#define LAST_MS		(DRAIN_S * 1000 + 1000)	/* for the one before us to end, */
#define KILLED_MS	5000			/* and, once killed, to be gone; init waits thirty seconds */
#define SWEEP_S		86400

/* Once a day, for whoever runs for a year. */
static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct gateway *g = arg;
	struct error e = { 0 };

	if (inbox_sweep(g->inbox, &e) == -1 || outfile_sweep(g->daemon->boot.home, &e) == -1)
		log_warn("what is old stays: %s", e.text);
	event_base_once(g->daemon->base, -1, EV_TIMEOUT, on_sweep, g, &(struct timeval){ .tv_sec = SWEEP_S });
}

/* What was left of before goes first; then what is new. */
static void
on_ready(struct daemon *d)
{
	struct gateway *g = d->ctx;

	turns_look(g->turns);
	posts_look(g->posts);
	gateway_serve(g);
	event_base_once(d->base, -1, EV_TIMEOUT, on_sweep, g, &(struct timeval){ .tv_sec = SWEEP_S });
	log_info("confined: %s", restrict_report());
}

static void
on_drain_look(evutil_socket_t fd, short what, void *arg)
{
	struct gateway *g = arg;
	struct timeval soon = { .tv_usec = DRAIN_LOOK_MS * 1000 };

	if (!turns_sending(g->turns) && !posts_sending(g->posts) && !mailcalls_acting(g->mailcalls))
		daemon_exit(g->daemon, 0);
	else
		event_base_once(g->daemon->base, -1, EV_TIMEOUT, on_drain_look, g, &soon);
}

static void
on_drain_time(evutil_socket_t fd, short what, void *arg)
{
	log_warn("what is on its way may go out twice: no answer came within %d s", DRAIN_S);
	daemon_exit(arg, 0);
}

/* Nothing new; what is being sent may arrive, so that nobody gets it twice. Turns go on at engined. */
static void
on_drain(struct daemon *d)
{
	struct gateway *g = d->ctx;

	g->draining = true;
	gateway_stop(g);
	event_base_once(d->base, -1, EV_TIMEOUT, on_drain_time, d, &(struct timeval){ .tv_sec = DRAIN_S });
	on_drain_look(-1, 0, g);
}

static void
on_end(struct daemon *d)
{
	struct gateway *g = d->ctx;

	turns_free(steal(g->turns));
	posts_free(steal(g->posts));
	mailcalls_free(steal(g->mailcalls));
	gateway_free(g);
}

/* One that hangs is killed when its time is over. -1: and stays all the same. */
static int
press(int fd, int64_t waited_ms, pid_t *killed, struct error *e)
{
	struct flock its = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (waited_ms <= LAST_MS || fcntl(fd, F_GETLK, &its) == -1 || its.l_type == F_UNLCK)
		return 0;
	if (waited_ms > LAST_MS + KILLED_MS)
		return error_set(e, ERR_busy, "the gatewayd that holds gateway/.lock does not end, it is another user's or machine's");
	if (its.l_pid > 0 && its.l_pid != *killed && kill(its.l_pid, SIGKILL) == 0) {
		log_warn("the gatewayd before this one hangs: %d killed", (int)its.l_pid);
		*killed = its.l_pid;
	}
	return 0;
}

/*
 * One at a time: when init dies and comes back at once, the one before us may still wait for the end of what it sends, and we
 * would send that as well. The lock goes with the process. The loop runs meanwhile: who is told to end, or loses init, never
 * begins.
 */
static int
wait_for_the_last(struct daemon *d, const char *dir, struct error *e)
{
	const struct timeval pause = { .tv_usec = DRAIN_LOOK_MS * 1000 };
	cleanup_free char *path = path_join(dir, ".lock");
	struct flock mine = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);	/* as long as the process */
	int64_t since = clock_mono_ms();
	pid_t killed = 0;

	while (fd == -1 || fcntl(fd, F_SETLK, &mine) == -1) {
		if (fd == -1 || (errno != EAGAIN && errno != EACCES))
			return error_errno(e, "%s", path);
		if (press(fd, clock_mono_ms() - since, &killed, e) == -1)
			return -1;
		event_base_loopexit(d->base, &pause);
		event_base_dispatch(d->base);
		if (d->draining)
			return error_set(e, ERR_cancelled, "it is to end");
	}
	return 0;
}

static int
open_files(struct gateway *g, struct error *e)
{
	const struct boot *b = &g->daemon->boot;
	struct audit *audit;		/* as long as the process */
	cleanup_free char *dir = path_join(b->home, "gateway");

	if (make_dirs(dir, 0700, e) == -1 || restrict_path(dir, "rw!", e) == -1 || wait_for_the_last(g->daemon, dir, e) == -1 ||
	    outfile_sweep(b->home, e) == -1 ||
	    (g->inbox = inbox_open(b->home, e)) == NULL || removed_forget(b->home, g->inbox, e) == -1 ||
	    (g->threads = threads_open(b->home, e)) == NULL ||
	    (g->models = models_open(b->home)) == NULL || (audit = audit_open(b->home, "gatewayd", e)) == NULL ||
	    (g->http = http_new(g->daemon->base, e)) == NULL)
		return -1;
	g->turns = turns_new(g);
	g->posts = posts_new(g, inbox_db(g->inbox));
	g->mailcalls = mailcalls_new(g, inbox_db(g->inbox), audit);
	return gateway_open(g, e);
}

int
main(int argc, char *argv[])
{
	struct daemon d = DAEMON("gatewayd", gateway_handlers);
	struct gateway g = { .daemon = &d };
	struct error e = { 0 };
	int status;

	/* parse: the boot message on fd 3, which holds all our settings */
	d.ctx = &g;
	d.on_ready = on_ready;
	d.on_end = on_end;
	if (daemon_boot(&d, argc, argv, &e) == -1)
		return daemon_fail(&d, &e);

	/* open: the inbox, the map of chats, connections */
	if (open_files(&g, &e) == -1)
		return d.draining ? 0 : daemon_fail(&d, &e);
	d.on_drain = on_drain;			/* before, there is nothing to hand back */

	/* restrict: gateway/, the bus, HTTPS; no program, no other file */
	if (restrict_self("stdio db bus net", &e) == -1)
		return daemon_fail(&d, &e);

	/* serve: what waits in the inbox, then whoever writes */
	status = daemon_serve(&d, &g);
	http_free(g.http);
	models_free(g.models);
	threads_free(g.threads);
	inbox_close(g.inbox);
	return status;
}

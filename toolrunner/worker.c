/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See worker.h. A worker is talked to over a socket pair of its own: two
 * lines go in, its sandbox at once and the call when it may begin; lines of
 * JSON come out. It ran what a model wrote, so what it
 * says is bounded and parsed as foreign text; that it ended is believed only
 * from the launcher.
 */
#include "toolrunner/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/background.h"
#include "toolrunner/launch.h"
#include "toolrunner/launcher.h"
#include "toolrunner/sandbox.h"
#include "toolrunner/worker_spec.h"

#define LINE_MAX_BYTES	(16 * 1024 * 1024)	/* a result: its output at most 1 MB, up to six bytes for each in JSON */
#define LINE_DEPTH	16
#define HEARD_MAX	(2 * LINE_MAX_BYTES)	/* progress is a line in 15 s; who says more than this is not ours any more */
#define BLOCKS_MAX	32
#define GRACE_MS	1000			/* a tool that ends itself in time still says what it had */

struct worker {
	struct launched			 process;	/* first */
	int				 fd;
	struct event			*readable, *writable, *timer;
	struct buf			 out, in;
	char				*call;		/* the second line, until it may begin */
	size_t				 heard;		/* bytes, all told */
	json_t				*result;
	int64_t				 limit_ms, kill_ms;	/* kill_ms 0: never */
	bool				 timed_out, cancelled, answered;
	struct background_job		*background;	/* goes on after it was answered */
	struct background_answer	*known;		/* nothing runs; the answer only waits for the loop */
	const struct worker_events	*events;
	void				*arg;
};

/* ---- answering ----------------------------------------------------------------------------------- */

static void
free_event(struct event **ev)
{
	if (*ev != NULL)
		event_free(*ev);
	*ev = NULL;
}

/* It may hold secrets of a skill. */
static void
forget_call(struct worker *w)
{
	if (w->call != NULL)
		explicit_bzero(w->call, strlen(w->call));
	free(steal(w->call));
}

static void
worker_free(struct worker *w)
{
	launcher_remove(&w->process);
	free_event(&w->readable);
	free_event(&w->writable);
	free_event(&w->timer);
	if (w->fd != -1)
		close(w->fd);
	if (w->background != NULL)
		background_ended(w->background);
	background_answer_free(w->known);
	buf_clear(&w->out);
	buf_clear(&w->in);
	forget_call(w);
	json_decref(w->result);
	free(w);
}

static void
answer(struct worker *w, const struct worker_result *r)
{
	if (w->answered)
		return;
	w->answered = true;
	w->events->done(w->arg, r);
}

static void
answer_failure(struct worker *w, enum error_code code, const char *text)
{
	answer(w, &(struct worker_result){ .output = "", .error = text, .code = error_name(code) });
}

/* How a worker ended that did not say so itself. */
static void
answer_status(struct worker *w, int status)
{
	char text[200];

	if (w->timed_out) {
		snprintf(text, sizeof(text), "Timed out after %llds", (long long)(w->limit_ms + 999) / 1000);
		answer_failure(w, ERR_timeout, text);
	} else if (w->cancelled) {
		answer_failure(w, ERR_cancelled, "cancelled");
	} else if (WIFSIGNALED(status)) {
		snprintf(text, sizeof(text), "the tool's process was ended by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
		answer_failure(w, ERR_internal, text);
	} else {
		snprintf(text, sizeof(text), "the tool's process ended without a result (status %d)", WEXITSTATUS(status));
		answer_failure(w, ERR_internal, text);
	}
}

static void
answer_result(struct worker *w)
{
	json_t *mutations = json_object_get(w->result, "mutations"), *produced = json_object_get(w->result, "produced");
	struct worker_result r = {
		.ok = json_bool(w->result, "ok", false),
		.output = json_str(w->result, "output", ""),
		.error = json_str(w->result, "error", ""),
		.code = json_str(w->result, "code", ""),
		.mutations = json_is_array(mutations) ? mutations : NULL,
		.produced = json_is_object(produced) ? produced : NULL,
	};

	answer(w, &r);
}

/* ---- what a worker says -------------------------------------------------------------------------- */

/* A background command's one line of progress says that it runs. */
static void
answer_started(struct worker *w)
{
	struct error e = { 0 };
	cleanup_free char *text = background_started(w->background, w->process.pid, &e);

	if (text == NULL)
		answer_failure(w, e.code, e.text);
	else
		answer(w, &(struct worker_result){ .ok = true, .output = text, .error = "", .code = "" });
}

static void
take_line(struct worker *w, const char *line, size_t len)
{
	cleanup_json json_t *j = json_parse(line, len, LINE_DEPTH, NULL);
	const char *progress = json_str(j, "progress", NULL);

	if (progress == NULL && json_is_object(j) && w->result == NULL)
		w->result = json_incref(j);
	if (progress == NULL || w->answered)
		return;
	if (w->background != NULL)
		answer_started(w);
	else if (w->events->progress != NULL)
		w->events->progress(w->arg, progress);
}

static void
take_lines(struct worker *w, size_t fresh)
{
	const char *start = w->in.data, *end = w->in.data + w->in.len, *nl;
	const char *look = end - fresh;		/* there was no newline before */

	while ((nl = memchr(look, '\n', (size_t)(end - look))) != NULL) {
		take_line(w, start, (size_t)(nl - start));
		start = look = nl + 1;
	}
	buf_drain(&w->in, (size_t)(start - w->in.data));
}

/* What there is to read now, but not so much that others wait. */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	char block[65536];
	ssize_t n = -1;

	errno = EAGAIN;
	for (int i = 0; i < BLOCKS_MAX && (n = recv(w->fd, block, sizeof(block), MSG_DONTWAIT)) > 0; i++) {
		if ((w->heard += (size_t)n) > HEARD_MAX || buf_add(&w->in, block, (size_t)n) == -1) {
			launcher_signal(w->process.launcher, w->process.id, SIGKILL);
			break;
		}
		take_lines(w, (size_t)n);
	}
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		event_del(w->readable);		/* its end comes as news from the launcher */
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	ssize_t n = send(w->fd, w->out.data, w->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buf_drain(&w->out, (size_t)n);
	if (n != -1 && w->out.len > 0)
		return;
	buf_clear(&w->out);
	event_del(w->writable);
	if (n == -1 || w->call == NULL)
		shutdown(w->fd, SHUT_WR);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	w->timed_out = true;
	launcher_signal(w->process.launcher, w->process.id, SIGKILL);
}

/* ---- its end ---------------------------------------------------------------------------------------- */

static void
end_not(struct worker *w, int status)
{
	char text[160];

	snprintf(text, sizeof(text), "no worker process could be made: %s", strerror(status));
	answer_failure(w, ERR_unavailable, text);
}

static void
end_ended(struct worker *w, int status)
{
	on_readable(w->fd, 0, w);
	if (w->result != NULL)
		answer_result(w);
	else
		answer_status(w, status);
}

/* The launcher went, and its workers with it; one may have said its result before. */
static void
end_lost(struct worker *w, int status)
{
	if (w->result != NULL)
		answer_result(w);
	else
		answer_failure(w, ERR_unknown_outcome, "outcome unknown: the tool launcher ended while this call ran");
}

static void (*const ends[])(struct worker *, int) = {
	[LAUNCHED_NOT]   = end_not,
	[LAUNCHED_ENDED] = end_ended,
	[LAUNCHED_LOST]  = end_lost,
};

static void
on_end(struct launched *p, enum launched_end how, int status)
{
	struct worker *w = (struct worker *)p;

	if (how != LAUNCHED_DROPPED)
		ends[how](w, status);
	worker_free(w);
}

/* ---- starting a call ----------------------------------------------------------------------------- */

static int
add_line(struct buf *b, const json_t *j)
{
	cleanup_free char *text = json_text(j);

	return buf_puts(b, text) == -1 || buf_addc(b, '\n') == -1 ? -1 : 0;
}

static struct worker *
worker_new(struct launcher *l, const struct worker_events *ev, void *arg, int *theirs, struct error *e)
{
	struct worker *w = xcalloc(1, sizeof(*w));
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
		free(w);
		error_errno(e, "worker");
		return NULL;
	}
	w->process.ended = on_end;
	launcher_add(l, &w->process);
	w->fd = pair[0];
	*theirs = pair[1];
	w->in.max = LINE_MAX_BYTES;
	w->events = ev;
	w->arg = arg;
	w->readable = event_new(l->base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
	w->writable = event_new(l->base, w->fd, EV_WRITE | EV_PERSIST, on_writable, w);
	w->timer = event_new(l->base, -1, 0, on_timeout, w);
	return w;
}

static void
send_out(struct worker *w)
{
	event_add(w->writable, NULL);
	on_writable(w->fd, 0, w);
}

/* Have the process made, tell it what its sandbox is, and begin to listen. */
static int
make(struct worker *w, uint32_t flags, int theirs, int log, struct error *e)
{
	int fds[LAUNCH_FDS_MAX] = { theirs, log };

	if (launcher_make(&w->process, flags, fds, log == -1 ? 1 : 2, e) == -1)
		return -1;
	event_add(w->readable, NULL);
	send_out(w);
	return 0;
}

static uint32_t
flags_of(const struct launcher *l, enum tool_net net, const char *workspace)
{
	cleanup_free char *own = path_join(l->home, "workspace");

	return (net == NET_NONE ? LAUNCH_OWN_NET : 0) | (strcmp(own, workspace) == 0 ? LAUNCH_MAKE_WORKSPACE : 0);
}

static int
describe_call(struct worker *w, const struct worker_job *job, struct error *e)
{
	struct launcher *l = w->process.launcher;
	cleanup_json json_t *spec = worker_spec(l, &job->tool->box, job->policy, job->workspace, job->skill, job->timeout_ms);
	cleanup_json json_t *call = json_pack("{s:s s:O s:s s:O s:O*}", "tool", job->tool->name, "args", job->args, "home",
	    l->home, "env", l->env, "own_env", job->env);

	if (spec == NULL || call == NULL || add_line(&w->out, spec) == -1)
		return error_set(e, ERR_invalid, "the call cannot be written as JSON");
	w->call = json_text(call);
	return 0;
}

/* An answer that needs no worker still comes on the loop, not from within worker_start. */
static void
on_known(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	if (w->known->output == NULL)
		answer_failure(w, w->known->code, w->known->error);
	else
		answer(w, &(struct worker_result){ .ok = true, .output = w->known->output, .error = "", .code = "" });
	worker_free(w);
}

static int
begin(struct worker *w, const struct worker_job *job, int theirs, struct error *e)
{
	struct launcher *l = w->process.launcher;
	int log = -1;

	if (background_asks(job)) {
		w->known = background_ask(l->background, job);
		return 0;
	}
	w->kill_ms = job->timeout_ms + GRACE_MS;
	if (background_starts(job)) {
		if ((w->background = background_open(l->background, job, w->process.id, e)) == NULL)
			return -1;
		log = background_log(w->background);
		w->kill_ms = 0;
	}
	if (describe_call(w, job, e) == -1)
		return -1;
	return make(w, flags_of(l, worker_network(&job->tool->box, job->policy), job->workspace), theirs, log, e);
}

struct worker *
worker_start(struct launcher *l, const struct worker_job *job, const struct worker_events *ev, void *arg, struct error *e)
{
	cleanup_close int theirs = -1;
	struct worker *w = worker_new(l, ev, arg, &theirs, e);

	if (w == NULL)
		return NULL;
	w->limit_ms = job->timeout_ms;
	if (begin(w, job, theirs, e) == 0)
		return w;
	worker_free(w);
	return NULL;
}

static void
go_known(struct worker *w)
{
	struct timeval now = { 0, 0 };

	if (w->known->end != 0)
		launcher_signal(w->process.launcher, w->known->end, SIGTERM);
	event_assign(w->timer, w->process.launcher->base, -1, 0, on_known, w);
	event_add(w->timer, &now);
}

void
worker_go(struct worker *w)
{
	struct timeval limit = { .tv_sec = w->kill_ms / 1000, .tv_usec = w->kill_ms % 1000 * 1000 };

	if (w->known != NULL) {
		go_known(w);
		return;
	}
	if (buf_puts(&w->out, w->call) == -1 || buf_addc(&w->out, '\n') == -1)
		abort();		/* it has no ceiling */
	forget_call(w);
	send_out(w);
	if (w->kill_ms > 0)
		event_add(w->timer, &limit);
}

void
worker_drop(struct worker *w)
{
	w->answered = true;
	if (w->known != NULL)
		worker_free(w);
	else
		launcher_signal(w->process.launcher, w->process.id, SIGKILL);
}

void
worker_cancel(struct worker *w)
{
	w->cancelled = true;
	launcher_signal(w->process.launcher, w->process.id, SIGKILL);
}

/* ---- trying the sandbox -------------------------------------------------------------------------- */

struct worker *
worker_probe(struct launcher *l, const struct sandbox_policy *policy, const struct worker_events *ev, void *arg,
    struct error *e)
{
	cleanup_free char *workspace = path_join(l->home, "workspace");
	cleanup_json json_t *spec = worker_probe_spec(l, policy, workspace);
	cleanup_close int theirs = -1;
	struct worker *w = worker_new(l, ev, arg, &theirs, e);

	if (w == NULL)
		return NULL;
	w->limit_ms = w->kill_ms = WORKER_PROBE_MS;
	w->call = xstrdup("{}");
	if (add_line(&w->out, spec) == 0 && make(w, LAUNCH_OWN_NET | LAUNCH_MAKE_WORKSPACE, theirs, -1, e) == 0) {
		worker_go(w);
		return w;
	}
	worker_free(w);
	return NULL;
}

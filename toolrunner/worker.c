/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See worker.h. The launcher is asked with fixed structs; the worker itself
 * is talked to over a socket pair of its own: two lines go in, lines of JSON
 * come out. A worker ran what a model wrote, so what it says is bounded and
 * parsed as foreign text; that it ended is believed only from the launcher.
 */
#include "toolrunner/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/background.h"
#include "toolrunner/launch.h"
#include "toolrunner/sandbox.h"

#define LINE_MAX_BYTES	(16 * 1024 * 1024)	/* a result: its output at most 1 MB, up to six bytes for each in JSON */
#define LINE_DEPTH	16
#define HEARD_MAX	(2 * LINE_MAX_BYTES)	/* progress is a line in 15 s; who says more than this is not ours any more */
#define BLOCKS_MAX	32
#define GRACE_MS	1000			/* a tool that ends itself in time still says what it had */

extern char **environ;

struct launcher {
	struct event_base	*base;
	struct event		*event;
	int			 fd;
	pid_t			 pid;
	char			*home, *root, *person, *user;
	json_t			*env;		/* what a tool's programs get of our environment */
	uint32_t		 last_id;
	struct worker		*workers;
	struct background	*background;
	int			 config_fd;	/* the answer to LAUNCH_CONFIG */
	int			 config_errno;
	bool			 config_known;
	void			(*gone)(void *);
	void			*gone_arg;
};

struct worker {
	struct launcher			*launcher;
	struct worker			*next;
	uint32_t			 id;
	pid_t				 pid;
	char				*key;
	int				 fd;
	struct event			*readable, *writable, *timer;
	struct buf			 out, in;
	size_t				 heard;		/* bytes, all told */
	json_t				*result;
	int64_t				 limit_ms;
	bool				 timed_out, cancelled, answered;
	struct background_job		*background;	/* goes on after it was answered */
	struct background_answer	*known;		/* nothing runs; the answer only waits for the loop */
	const struct worker_events	*events;
	void				*arg;
};

/* ---- answering ----------------------------------------------------------------------------------- */

static void
unlink_worker(struct worker *w)
{
	struct worker **at = &w->launcher->workers;

	while (*at != NULL && *at != w)
		at = &(*at)->next;
	if (*at != NULL)
		*at = w->next;
}

static void
free_event(struct event **ev)
{
	if (*ev != NULL)
		event_free(*ev);
	*ev = NULL;
}

static void
worker_free(struct worker *w)
{
	unlink_worker(w);
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
	json_decref(w->result);
	free(w->key);
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
	json_t *mutations = json_object_get(w->result, "mutations");
	struct worker_result r = {
		.ok = json_bool(w->result, "ok", false),
		.output = json_str(w->result, "output", ""),
		.error = json_str(w->result, "error", ""),
		.code = json_str(w->result, "code", ""),
		.mutations = json_is_array(mutations) ? mutations : NULL,
	};

	answer(w, &r);
}

/* ---- orders -------------------------------------------------------------------------------------- */

static int
send_order(struct launcher *l, const struct launch_order *o, const int *fds, size_t nfds, struct error *e)
{
	struct iovec iov = { .iov_base = (void *)o, .iov_len = sizeof(*o) };
	union { struct cmsghdr align; char room[CMSG_SPACE(LAUNCH_FDS_MAX * sizeof(int))]; } control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (nfds > 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	while (sendmsg(l->fd, &msg, MSG_NOSIGNAL) == -1)
		if (errno != EINTR)
			return error_errno(e, "launcher");
	return 0;
}

static void
order_signal(struct launcher *l, uint32_t id, int sig)
{
	struct launch_order o = { .kind = LAUNCH_SIGNAL, .id = id, .signal = sig };

	send_order(l, &o, NULL, 0, NULL);
}

/* ---- what a worker says -------------------------------------------------------------------------- */

/* A background command's one line of progress says that it runs. */
static void
answer_started(struct worker *w)
{
	struct error e = { 0 };
	cleanup_free char *text = background_started(w->background, w->pid, &e);

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
			order_signal(w->launcher, w->id, SIGKILL);
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
	if (n == -1 || w->out.len == 0) {
		shutdown(w->fd, SHUT_WR);
		buf_clear(&w->out);
		event_del(w->writable);
	}
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	w->timed_out = true;
	order_signal(w->launcher, w->id, SIGKILL);
}

/* ---- news ---------------------------------------------------------------------------------------- */

static struct worker *
find_worker(struct launcher *l, uint32_t id)
{
	struct worker *w = l->workers;

	while (w != NULL && w->id != id)
		w = w->next;
	return w;
}

static void
finish(struct worker *w, int status)
{
	on_readable(w->fd, 0, w);
	if (w->result != NULL)
		answer_result(w);
	else
		answer_status(w, status);
	worker_free(w);
}

static void
news_started(struct launcher *l, const struct launch_news *n, int fd)
{
	struct worker *w = find_worker(l, n->id);
	char text[160];

	if (w == NULL)
		return;
	w->pid = n->pid;
	if (n->pid != -1)
		return;
	snprintf(text, sizeof(text), "no worker process could be made: %s", strerror(n->status));
	answer_failure(w, ERR_unavailable, text);
	worker_free(w);
}

static void
news_ended(struct launcher *l, const struct launch_news *n, int fd)
{
	struct worker *w = find_worker(l, n->id);

	if (w != NULL)
		finish(w, n->status);
}

static void
news_config(struct launcher *l, const struct launch_news *n, int fd)
{
	l->config_known = true;
	l->config_errno = n->status;
	l->config_fd = fd == -1 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

typedef void news_fn(struct launcher *, const struct launch_news *, int fd);

static news_fn *const news_table[] = {
	[LAUNCH_STARTED]   = news_started,
	[LAUNCH_ENDED]     = news_ended,
	[LAUNCH_CONFIG_IS] = news_config,
};

/* 1 for one piece of news, 0 when there is none now, -1 when the launcher is gone. */
static int
take_news(struct launcher *l, int flags)
{
	struct launch_news news;
	struct iovec iov = { .iov_base = &news, .iov_len = sizeof(news) };
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
	    .msg_controllen = sizeof(control.room) };
	ssize_t n = recvmsg(l->fd, &msg, flags | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;
	cleanup_close int fd = -1;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	if ((c = CMSG_FIRSTHDR(&msg)) != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (n == sizeof(news) && news.kind < COUNT(news_table))
		news_table[news.kind](l, &news, fd);
	return 1;
}

static void
fail_all(struct launcher *l)
{
	while (l->workers != NULL) {
		answer_failure(l->workers, ERR_unknown_outcome, "the tool launcher ended; nobody knows how far this call came");
		worker_free(l->workers);
	}
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct launcher *l = arg;
	int got;

	while ((got = take_news(l, MSG_DONTWAIT)) == 1)
		continue;
	if (got == 0)
		return;
	event_del(l->event);
	log_error("tool launcher is gone");
	fail_all(l);
	if (l->gone != NULL)
		l->gone(l->gone_arg);
}

/* ---- the launcher -------------------------------------------------------------------------------- */

static bool
is_for_tools(const char *variable)
{
	static const char *const names[] = { "PATH=", "LANG=", "LC_", "TZ=" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* tools.md, 5: the base of a tool's environment. Nothing of ours that is not on this list gets there. */
static json_t *
tool_env(const struct launcher *l)
{
	json_t *env = json_pack("{s:s s:s s:s s:s s:s* s:s* s:s*}", "PATH",
	    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SHELL", "/bin/sh", "TERM", "dumb", "TMPDIR",
	    "/tmp", "HOME", l->person, "USER", l->user, "LOGNAME", l->user);

	for (char **v = environ; *v != NULL; v++) {
		const char *eq = strchr(*v, '=');

		if (eq != NULL && is_for_tools(*v)) {
			cleanup_free char *name = xstrndup(*v, (size_t)(eq - *v));

			json_object_set_new(env, name, json_string(eq + 1));
		}
	}
	return env;
}

static int
spawn(struct launcher *l, const char *libexec, int end, struct error *e)
{
	static const char *const kept[] = { "ASAN_OPTIONS", "UBSAN_OPTIONS", "ALPI_RESTRICT_DEBUG" };
	cleanup_free char *program = path_join(libexec, "alpi-toolrunner");
	char name[] = "alpi-toolrunner", face[] = "--launch", *argv[] = { name, face, l->home, NULL };
	char *env[COUNT(kept) + 1] = { NULL };
	posix_spawn_file_actions_t files;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < COUNT(kept); i++)
		if (getenv(kept[i]) != NULL)
			env[n++] = xasprintf("%s=%s", kept[i], getenv(kept[i]));
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, end, LAUNCH_FD_CONTROL);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	r = posix_spawn(&l->pid, program, &files, NULL, argv, env);
	posix_spawn_file_actions_destroy(&files);
	while (n > 0)
		free(env[--n]);
	errno = r;
	return r == 0 ? 0 : error_errno(e, "start %s --launch", program);
}

static void
launcher_free(struct launcher *l)
{
	free_event(&l->event);
	if (l->fd != -1)
		close(l->fd);
	background_free(l->background);
	json_decref(l->env);
	free(l->home);
	free(l->root);
	free(l->person);
	free(l->user);
	free(l);
}

struct launcher *
launcher_start(const struct boot *boot, struct event_base *base, struct error *e)
{
	struct launcher *l = xcalloc(1, sizeof(*l));
	const struct passwd *pw = getpwuid(geteuid());
	int pair[2] = { -1, -1 };

	l->base = base;
	l->fd = l->config_fd = -1;
	l->home = xstrdup(boot->home);
	l->root = xstrdup(boot->root);
	l->person = home_person();
	l->user = xstrdup0(pw == NULL ? NULL : pw->pw_name);
	l->env = tool_env(l);
	if ((l->background = background_new(l->home, e)) == NULL)
		goto fail;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		error_errno(e, "launcher");
		goto fail;
	}
	l->fd = pair[0];
	if (spawn(l, boot->libexec, pair[1], e) == -1)
		goto fail;
	close(pair[1]);
	l->event = event_new(base, l->fd, EV_READ | EV_PERSIST, on_news, l);
	event_add(l->event, NULL);
	return l;
fail:
	if (pair[1] != -1)
		close(pair[1]);
	launcher_free(l);
	return NULL;
}

void
launcher_stop(struct launcher *l)
{
	if (l == NULL)
		return;
	while (l->workers != NULL)
		worker_free(l->workers);
	close(l->fd);			/* the launcher ends and takes the workers with it */
	l->fd = -1;
	waitpid(l->pid, NULL, 0);
	launcher_free(l);
}

void
launcher_on_gone(struct launcher *l, void (*gone)(void *arg), void *arg)
{
	l->gone = gone;
	l->gone_arg = arg;
}

int
launcher_config(struct launcher *l, struct error *e)
{
	struct launch_order o = { .kind = LAUNCH_CONFIG };
	int fd;

	l->config_known = false;
	if (send_order(l, &o, NULL, 0, e) == -1)
		return -1;
	while (!l->config_known)
		if (take_news(l, 0) == -1)
			return error_set(e, ERR_gone, "the tool launcher ended");
	fd = l->config_fd;
	l->config_fd = -1;
	errno = l->config_errno;
	return fd != -1 ? fd : error_errno(e, "config.yaml");
}

/* ---- starting a call ----------------------------------------------------------------------------- */

static json_t *
path_list(const struct launcher *l, const char *const *paths)
{
	json_t *list = json_array();

	for (; paths != NULL && *paths != NULL; paths++) {
		cleanup_free char *path = path_expand(*paths, l->person);

		if (path[0] == '/')
			json_array_append_new(list, json_string(path));
	}
	return list;
}

static json_t *
name_list(const char *const *names)
{
	json_t *list = json_array();

	for (; names != NULL && *names != NULL; names++)
		json_array_append_new(list, json_string(*names));
	return list;
}

/* The lesser of the two. That a command reaches public addresses only is more than this sandbox can hold. */
static enum tool_net
network_of(const struct sandbox_class *box, const struct sandbox_policy *policy)
{
	enum tool_net net = box->net < policy->net ? box->net : policy->net;

	return box->exec && net == NET_PUBLIC ? NET_NONE : net;
}

static json_t *
sandbox_spec(const struct launcher *l, const struct sandbox_class *box, const struct sandbox_policy *policy,
    const char *workspace, int64_t limit_ms)
{
	return json_pack("{s:i s:i s:b s:s s:s s:s* s:s* s:o s:o s:o s:I}", "fs", box->fs, "net", network_of(box, policy),
	    "exec", box->exec, "workspace", workspace, "root", l->root, "person", l->person, "user", l->user, "read",
	    path_list(l, policy->read), "write", path_list(l, policy->write), "allow_missing",
	    name_list(policy->allow_missing), "limit_s", (json_int_t)((limit_ms + 999) / 1000));
}

static int
add_line(struct buf *b, const json_t *j)
{
	cleanup_free char *text = json_text(j);

	return buf_puts(b, text) == -1 || buf_addc(b, '\n') == -1 ? -1 : 0;
}

static struct worker *
worker_new(struct launcher *l, struct event_base *base, int *theirs, struct error *e)
{
	struct worker *w = xcalloc(1, sizeof(*w));
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
		free(w);
		error_errno(e, "worker");
		return NULL;
	}
	w->launcher = l;
	w->id = ++l->last_id;
	w->fd = pair[0];
	*theirs = pair[1];
	w->in.max = LINE_MAX_BYTES;
	w->readable = event_new(base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
	w->writable = event_new(base, w->fd, EV_WRITE | EV_PERSIST, on_writable, w);
	w->timer = event_new(base, -1, 0, on_timeout, w);
	w->next = l->workers;
	l->workers = w;
	return w;
}

/* Hand the job over and begin to listen. */
static int
worker_go(struct worker *w, uint32_t flags, int theirs, int log, int64_t limit_ms, struct error *e)
{
	struct launch_order o = { .kind = LAUNCH_START, .id = w->id, .flags = flags };
	int fds[LAUNCH_FDS_MAX] = { theirs, log };
	struct timeval limit = { .tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000 };

	if (send_order(w->launcher, &o, fds, log == -1 ? 1 : 2, e) == -1)
		return -1;
	event_add(w->readable, NULL);
	event_add(w->writable, NULL);
	if (limit_ms > 0)
		event_add(w->timer, &limit);
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
	struct launcher *l = w->launcher;
	cleanup_json json_t *spec = sandbox_spec(l, &job->tool->box, job->policy, job->workspace, job->timeout_ms);
	cleanup_json json_t *call = json_pack("{s:s s:O s:s s:O}", "tool", job->tool->name, "args", job->args, "home",
	    l->home, "env", l->env);

	if (spec == NULL || call == NULL || add_line(&w->out, spec) == -1 || add_line(&w->out, call) == -1)
		return error_set(e, ERR_invalid, "the call cannot be written as JSON");
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
ask(struct worker *w, const struct worker_job *job, struct error *e)
{
	struct timeval now = { 0, 0 };

	w->known = background_ask(w->launcher->background, job);
	if (w->known->end != 0)
		order_signal(w->launcher, w->known->end, SIGTERM);
	event_assign(w->timer, w->launcher->base, -1, 0, on_known, w);
	event_add(w->timer, &now);
	return 0;
}

static int
begin(struct worker *w, const struct worker_job *job, int theirs, struct error *e)
{
	struct launcher *l = w->launcher;
	int64_t limit = job->timeout_ms + GRACE_MS;
	int log = -1;

	if (background_asks(job))
		return ask(w, job, e);
	if (background_starts(job)) {
		if ((w->background = background_open(l->background, job, w->id, e)) == NULL)
			return -1;
		log = background_log(w->background);
		limit = 0;
	}
	if (describe_call(w, job, e) == -1)
		return -1;
	return worker_go(w, flags_of(l, network_of(&job->tool->box, job->policy), job->workspace), theirs, log, limit, e);
}

struct worker *
worker_start(struct launcher *l, const struct worker_job *job, const struct worker_events *ev, void *arg, struct error *e)
{
	cleanup_close int theirs = -1;
	struct worker *w = worker_new(l, l->base, &theirs, e);

	if (w == NULL)
		return NULL;
	w->events = ev;
	w->arg = arg;
	w->key = xstrdup(job->key);
	w->limit_ms = job->timeout_ms;
	if (begin(w, job, theirs, e) == 0)
		return w;
	worker_free(w);
	return NULL;
}

void
worker_cancel(struct worker *w)
{
	w->cancelled = true;
	order_signal(w->launcher, w->id, SIGKILL);
}

/* ---- self-test ----------------------------------------------------------------------------------- */

struct selftest {
	struct event_base	*base;
	struct worker_layer	*layers;
	int			 count;
	char			 error[200];
};

static void
take_layers(struct selftest *t, const json_t *list)
{
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)list, i, row) {
		struct worker_layer *l = &t->layers[t->count];

		if (t->count++ == WORKER_LAYERS_MAX - 1)
			break;
		snprintf(l->name, sizeof(l->name), "%s", json_str(row, "name", ""));
		snprintf(l->detail, sizeof(l->detail), "%s", json_str(row, "detail", ""));
		l->held = json_bool(row, "held", false);
	}
}

static void
on_selftest(void *arg, const struct worker_result *r)
{
	cleanup_json json_t *layers = json_parse(r->output, strlen(r->output), LINE_DEPTH, NULL);
	struct selftest *t = arg;

	snprintf(t->error, sizeof(t->error), "%s", r->error);
	if (json_is_array(layers))
		take_layers(t, layers);
}

static json_t *
probe_spec(const struct launcher *l, const struct sandbox_policy *policy, const char *workspace)
{
	static const struct sandbox_class box = { .fs = FS_WRITE, .net = NET_NONE, .exec = true };
	json_t *spec = sandbox_spec(l, &box, policy, workspace, 10000);

	json_object_set_new(spec, "probe", json_pack("{s:[i,i], s:[o,o,o,o]}", "pids", getpid(), l->pid, "paths",
	    json_sprintf("%s/.env", l->root), json_sprintf("%s/run", l->root), json_sprintf("%s/config.yaml", l->home),
	    json_sprintf("%s/.ssh", l->person == NULL ? "/" : l->person)));
	return spec;
}

static const struct worker_events selftest_events = { .done = on_selftest };

static int
run_selftest(struct launcher *l, struct selftest *t, const struct sandbox_policy *policy, struct error *e)
{
	cleanup_free char *workspace = path_join(l->home, "workspace");
	cleanup_json json_t *spec = probe_spec(l, policy, workspace);
	cleanup_close int theirs = -1;
	struct worker *w = worker_new(l, t->base, &theirs, e);
	uint32_t id;

	if (w == NULL)
		return -1;
	w->events = &selftest_events;
	w->arg = t;
	id = w->id;
	if (add_line(&w->out, spec) == -1 || buf_puts(&w->out, "{}\n") == -1 ||
	    worker_go(w, LAUNCH_OWN_NET | LAUNCH_MAKE_WORKSPACE, theirs, -1, 10000, e) == -1) {
		worker_free(w);
		return -1;
	}
	while (find_worker(l, id) != NULL)
		event_base_loop(t->base, EVLOOP_ONCE);
	return 0;
}

int
launcher_selftest(struct launcher *l, const struct sandbox_policy *policy, struct worker_layer layers[WORKER_LAYERS_MAX],
    struct error *e)
{
	struct selftest t = { .base = event_base_new(), .layers = layers };
	struct event *news = event_new(t.base, l->fd, EV_READ | EV_PERSIST, on_news, l);
	int status;

	event_add(news, NULL);
	status = run_selftest(l, &t, policy, e);
	event_free(news);
	event_base_free(t.base);
	if (status == 0 && t.count == 0)
		return error_set(e, ERR_unsupported, "sandbox self-test: %s", t.error[0] ? t.error : "no answer");
	return status == 0 ? t.count : -1;
}

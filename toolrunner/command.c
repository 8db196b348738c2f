/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See command.h. The worker is the first process of its namespace, so it also
 * reaps what its program abandons; SIGCHLD is let in only while waiting, so
 * that no end is missed.
 */
#include "toolrunner/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

#define TICK_MS		15000
#define END_MS		5000		/* from a passed-on SIGTERM to the end */

extern char **environ;

static volatile sig_atomic_t asked_to_end;

static void
on_child(int sig)
{
}

static void
on_term(int sig)
{
	asked_to_end = 1;
}

/* ---- capture ------------------------------------------------------------------------------------- */

static void
capture_add(struct capture *c, const char *data, size_t len)
{
	size_t n = c->head.len < c->half ? c->half - c->head.len : 0;

	if (n > len)
		n = len;
	buf_add(&c->head, data, n);
	c->total += n;
	if (n < len && c->tail == NULL)
		c->tail = xmalloc(c->half);
	for (data += n, len -= n; len > 0; data += n, len -= n) {
		size_t at = (c->total - c->half) % c->half;

		n = len < c->half - at ? len : c->half - at;
		memcpy(c->tail + at, data, n);
		c->total += n;
	}
}

void
capture_text(const struct capture *c, struct buf *b)
{
	size_t after = c->total - c->head.len, at;

	buf_add(b, c->head.data, c->head.len);
	if (after <= c->half) {
		buf_add(b, c->tail, after);
		return;
	}
	buf_addf(b, "\n… [%zu bytes left out] …\n", after - c->half);
	at = after % c->half;
	buf_add(b, c->tail + at, c->half - at);
	buf_add(b, c->tail, at);
}

static void
capture_clear(struct capture *c)
{
	buf_clear(&c->head);
	free(c->tail);
	c->tail = NULL;
	c->total = 0;
}

void
command_clear(struct command *c)
{
	capture_clear(&c->out);
	capture_clear(&c->err);
}

/* ---- processes ----------------------------------------------------------------------------------- */

static void
set_up_signals(sigset_t *while_waiting)
{
	struct sigaction child = { .sa_handler = on_child }, term = { .sa_handler = on_term };
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, while_waiting);
	sigdelset(while_waiting, SIGCHLD);
	sigdelset(while_waiting, SIGTERM);
	sigaction(SIGCHLD, &child, NULL);
	sigaction(SIGTERM, &term, NULL);
}

static pid_t
spawn(const struct command *c, int out, int err, struct error *e)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid = -1;
	int r;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawn_file_actions_init(&files);
	if (c->cwd != NULL)
		posix_spawn_file_actions_addchdir_np(&files, c->cwd);
	if (c->input == -1)
		posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	else
		posix_spawn_file_actions_adddup2(&files, c->input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	r = posix_spawn(&pid, c->argv[0], &files, &attr, (char *const *)c->argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	errno = r;
	return r == 0 ? pid : error_errno(e, "%s", c->argv[0]);
}

/* Collect everything that ended. True while something is left. */
static bool
reap(pid_t pid, int *status, bool *ended)
{
	pid_t got;
	int s;

	while ((got = waitpid(-1, &s, WNOHANG)) > 0)
		if (got == pid) {
			*status = s;
			*ended = true;
		}
	return got == 0;
}

/* All of it: in our own process namespace that is everybody but us, else its session and later the launcher's sweep. */
static void
kill_all(pid_t pid)
{
	kill(getpid() == 1 ? -1 : -pid, SIGKILL);
}

static int
wait_for(struct pollfd *p, nfds_t n, int64_t ms, const sigset_t *mask)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	return ppoll(p, n, ms < 0 ? NULL : &t, mask);
}

/* Read what is there now. False at the end of the stream. */
static bool
drain(int fd, struct capture *c)
{
	char block[65536];
	ssize_t n = read(fd, block, sizeof(block));

	if (n > 0)
		capture_add(c, block, (size_t)n);
	return n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR));
}

static int
make_pipe(int fds[2], struct error *e)
{
	if (pipe2(fds, O_CLOEXEC) == -1)
		return error_errno(e, "pipe");
	return fcntl(fds[0], F_SETFL, O_NONBLOCK);
}

/* ---- run and collect ----------------------------------------------------------------------------- */

static void
tick(struct command *c, int64_t begun, int64_t *next)
{
	int64_t now = clock_mono_ms();

	if (now < *next)
		return;
	*next += TICK_MS;
	if (c->tick != NULL)
		c->tick(c->tick_arg, (now - begun) / 1000);
}

static void
stop_talker(struct command *c, pid_t pid)
{
	if (c->most == 0 || c->too_much || c->out.total + c->err.total <= c->most)
		return;
	c->too_much = true;
	kill_all(pid);
}

/*
 * Until the program itself ended. What it left behind may hold the pipes open, so after the end only what is already
 * there is read.
 */
static void
collect(struct command *c, pid_t pid, int out, int err, const sigset_t *mask)
{
	struct pollfd p[2] = { { .fd = out, .events = POLLIN }, { .fd = err, .events = POLLIN } };
	struct capture *into[2] = { &c->out, &c->err };
	int64_t begun = clock_mono_ms(), next = begun + TICK_MS, end = begun + c->limit_ms, left;
	bool ended = false;

	while (reap(pid, &c->status, &ended), !ended) {
		left = end - clock_mono_ms();
		if (left <= 0 && !c->timed_out) {
			c->timed_out = true;
			kill_all(pid);
		}
		tick(c, begun, &next);
		if (wait_for(p, 2, c->timed_out ? 100 : left < TICK_MS ? left : TICK_MS, mask) <= 0)
			continue;
		for (size_t i = 0; i < 2; i++)
			if (p[i].revents != 0 && !drain(p[i].fd, into[i]))
				p[i].fd = -1;
		stop_talker(c, pid);
	}
	for (size_t i = 0; i < 2; i++)
		while (p[i].fd != -1 && wait_for(&p[i], 1, 0, NULL) == 1 && drain(p[i].fd, into[i]))
			if (into[i]->total > 64 * into[i]->half)	/* somebody it left behind writes on and on */
				break;
}

int
command_run(struct command *c, struct error *e)
{
	int out[2], err[2];
	sigset_t mask;
	pid_t pid;

	if (make_pipe(out, e) == -1)
		return -1;
	if (make_pipe(err, e) == -1) {
		close(out[0]);
		close(out[1]);
		return -1;
	}
	set_up_signals(&mask);
	pid = spawn(c, out[1], err[1], e);
	close(out[1]);
	close(err[1]);
	if (pid != -1)
		collect(c, pid, out[0], err[0], &mask);
	close(out[0]);
	close(err[0]);
	if (pid != -1)
		kill_all(pid);
	return pid == -1 ? -1 : 0;
}

/* ---- run on in the background -------------------------------------------------------------------- */

static void
copy_to_log(int fd, int log, size_t *left)
{
	static const char note[] = "\n[the log is full: nothing more is kept]\n";
	char block[65536];
	ssize_t n = read(fd, block, sizeof(block));
	size_t len = n <= 0 ? 0 : (size_t)n < *left ? (size_t)n : *left;

	if (len > 0 && write(log, block, len) == -1)
		*left = len;		/* a full disk: the command goes on, the log does not */
	if (len > 0 && (*left -= len) == 0 && write(log, note, sizeof(note) - 1) == -1)
		return;
}

static void
follow(struct command *c, pid_t pid, int fd, int log, size_t left, const sigset_t *mask)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool ended = false, told = false;
	int64_t end = -1;

	while (reap(pid, &c->status, &ended)) {
		if (asked_to_end && !told) {
			told = true;
			end = clock_mono_ms() + END_MS;
			kill(getpid() == 1 ? -1 : -pid, SIGTERM);
		}
		if (told && clock_mono_ms() >= end)
			break;
		if (wait_for(&p, 1, told ? end - clock_mono_ms() : -1, mask) > 0) {
			copy_to_log(fd, log, &left);
			if (p.revents == POLLHUP)
				p.fd = -1;
		}
	}
	while (p.fd != -1 && wait_for(&p, 1, 0, NULL) == 1 && p.revents != POLLHUP)
		copy_to_log(fd, log, &left);
}

int
command_log(struct command *c, int log_fd, size_t max, void (*started)(void *arg), void *arg, struct error *e)
{
	int out[2];
	sigset_t mask;
	pid_t pid;

	if (make_pipe(out, e) == -1)
		return -1;
	set_up_signals(&mask);
	pid = spawn(c, out[1], out[1], e);
	close(out[1]);
	if (pid != -1) {
		started(arg);
		follow(c, pid, out[0], log_fd, max, &mask);
		kill_all(pid);
	}
	close(out[0]);
	return pid == -1 ? -1 : 0;
}

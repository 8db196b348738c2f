/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See settings.h; this is hostd's side. Keys pass through here on their way
 * to .env: what was sent is wiped, nothing of it is logged.
 */
#include "hostd/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/boot.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

struct order {
	STAILQ_ENTRY(order)	 link;
	settings_done		*done;
	void			*arg;
};

struct settings {
	int		 fd;
	struct event	*readable, *writable;
	struct buf	 in, out;
	STAILQ_HEAD(, order) waiting;		/* oldest first, as the answers come */
	void		(*lost)(void *);
	void		*arg;
};

/* ---- the child's start --------------------------------------------------------------------- */

static int
spawn(const char *program, const char *root, int fd, struct error *e)
{
	char *argv[] = { "alpi-hostd", "--settings", (char *)root, NULL };
	posix_spawn_file_actions_t files;
	extern char **environ;
	pid_t pid;
	int failed;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
	posix_spawn_file_actions_addclose(&files, BOOT_FD);	/* hostd's own line to init */
	failed = posix_spawn(&pid, program, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (failed == 0)
		return 0;
	errno = failed;
	return error_errno(e, "%s --settings", program);
}

struct settings *
settings_over(int fd)
{
	struct settings *s = xcalloc(1, sizeof(*s));

	s->fd = fd;
	s->in.max = s->out.max = 16 * SETTINGS_LINE_MAX;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	STAILQ_INIT(&s->waiting);
	return s;
}

struct settings *
settings_start(const char *program, const char *root, struct error *e)
{
	int pair[2], started;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
		error_errno(e, "socketpair");
		return NULL;
	}
	started = spawn(program, root, pair[1], e);
	close(pair[1]);
	if (started == 0)
		return settings_over(pair[0]);
	close(pair[0]);
	return NULL;
}

/* ---- orders and answers -------------------------------------------------------------------- */

static void
finish(struct settings *s, const json_t *result, const struct error *e)
{
	struct order *o = STAILQ_FIRST(&s->waiting);

	if (o == NULL)
		return;
	STAILQ_REMOVE_HEAD(&s->waiting, link);
	o->done(o->arg, result, e);
	free(o);
}

/* The child is gone: whoever waits is told, and main ends hostd, which init starts anew with a child. */
static void
lose(struct settings *s)
{
	struct error e = { .code = ERR_gone, .text = "settings: the child ended" };

	event_del(s->readable);
	event_del(s->writable);
	close(s->fd);
	s->fd = -1;
	while (!STAILQ_EMPTY(&s->waiting))
		finish(s, NULL, &e);
	s->lost(s->arg);
}

static void
take_answer(struct settings *s, const char *line, size_t len)
{
	struct error e = { 0 };
	cleanup_json json_t *answer = json_parse(line, len, 32, &e);
	const json_t *failed = json_object_get(answer, "error");

	if (answer != NULL && failed == NULL) {
		finish(s, json_object_get(answer, "result"), NULL);
		return;
	}
	if (failed != NULL)
		error_set(&e, (enum error_code)json_int(failed, "code", ERR_internal), "%s", json_str(failed, "text", ""));
	finish(s, NULL, &e);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct settings *s = arg;
	char chunk[16384];
	ssize_t n = read(fd, chunk, sizeof(chunk));
	char *nl;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || buf_add(&s->in, chunk, (size_t)n) == -1) {
		lose(s);
		return;
	}
	while (s->in.len > 0 && (nl = memchr(s->in.data, '\n', s->in.len)) != NULL) {
		size_t len = (size_t)(nl - s->in.data);

		take_answer(s, s->in.data, len);
		buf_drain(&s->in, len + 1);
	}
}

static void
flush(struct settings *s)
{
	ssize_t n = send(s->fd, s->out.data, s->out.len, MSG_NOSIGNAL);

	if (n > 0) {
		explicit_bzero(s->out.data, (size_t)n);
		buf_drain(&s->out, (size_t)n);
	}
	if (s->out.len > 0)
		event_add(s->writable, NULL);	/* a dead child shows at the reading end */
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	flush(arg);
}

void
settings_serve(struct settings *s, struct event_base *base, void (*lost)(void *), void *arg)
{
	s->lost = lost;
	s->arg = arg;
	s->readable = event_new(base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(base, s->fd, EV_WRITE, on_writable, s);
	event_add(s->readable, NULL);
}

void
settings_order(struct settings *s, const char *what, json_t *params, settings_done *done, void *arg)
{
	struct order *o = xcalloc(1, sizeof(*o));
	cleanup_free char *text = NULL;
	struct error e = { .code = ERR_busy, .text = "settings: too many orders wait" };

	json_object_set_new(params, "order", json_string(what));
	text = json_text(params);
	json_decref(params);
	if (s->fd == -1 || s->out.len + strlen(text) + 1 > s->out.max) {
		done(arg, NULL, &e);
		free(o);
		return;
	}
	*o = (struct order){ .done = done, .arg = arg };
	STAILQ_INSERT_TAIL(&s->waiting, o, link);
	buf_puts(&s->out, text);
	buf_addc(&s->out, '\n');
	explicit_bzero(text, strlen(text));
	flush(s);
}

void
settings_stop(struct settings *s)
{
	struct order *o;

	if (s == NULL)
		return;
	if (s->readable != NULL) {
		event_free(s->readable);
		event_free(s->writable);
	}
	while ((o = STAILQ_FIRST(&s->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->waiting, link);
		free(o);
	}
	if (s->fd != -1)
		close(s->fd);
	buf_clear(&s->in);
	buf_clear(&s->out);
	free(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See settings.h. An answer is a length of four bytes and a JSON text
 * {file} or {error}; the length is 0 when no reader had one.
 */
#include "engined/settings.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/restrict.h"

#define ANSWER_MAX	(4 * 1024 * 1024)
#define READER_MS	2000		/* for one reading; then the reader is killed */
#define KEEPER_MS	(READER_MS + 1000)	/* for the keeper, which has only to notice that */
#define DEPTH_MAX	64
#define NAME		"alpi-settings"

struct settings {
	char		*path;
	int		 fd;
	struct stat	 seen;		/* of the file as it was read last */
};

/* Read exactly len bytes, or with *got what comes until the end; -1 when they do not come in time. */
static int
read_until(int fd, void *out, size_t len, size_t *got, int64_t until)
{
	char *p = out;
	ssize_t n = 1;

	while (len > 0 && n > 0) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = until - clock_mono_ms();

		if (left <= 0 || poll(&pfd, 1, (int)left) != 1 || (n = read(fd, p, len)) == -1)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	if (got != NULL)
		*got = (size_t)(p - (char *)out);
	return got != NULL || len == 0 ? 0 : -1;
}

static int
write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = write(fd, p, len)) <= 0)
			return -1;
	return 0;
}

/* ---- the reader ------------------------------------------------------------------------------- */

static char *
load(const char *home)
{
	struct error e = { 0 };
	json_t *file = config_file(home, &e), *answer;
	char *text;

	if (file == NULL)
		answer = json_pack("{s:s}", "error", e.text);
	else
		answer = json_pack("{s:o}", "file", file);
	text = json_text(answer);
	json_decref(answer);
	if (strlen(text) <= ANSWER_MAX)
		return text;
	free(text);
	return xstrdup("{\"error\":\"config.yaml holds more than 4 MiB\"}");
}

/* Whoever made us must be there to end us. */
static void
bind_to_parent(void)
{
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, NAME);
#endif
}

/* Only the pipe and stderr are left; only the home can be read. */
static void
reader(int fd, const char *home)
{
	struct error e = { 0 };
	char *text;

	bind_to_parent();
	close(STDIN_FILENO);
	if (restrict_path(home, "r", &e) == -1 || restrict_self("stdio files", &e) == -1)
		_exit(1);
	text = load(home);
	_exit(write_all(fd, text, strlen(text)) == 0 ? 0 : 1);
}

/* ---- the keeper ------------------------------------------------------------------------------- */

/* What a fresh reader says, at most ANSWER_MAX bytes; 0 when it says nothing in time, and it is gone then. */
static size_t
have_read(const char *home, char *text)
{
	size_t len = 0;
	int fds[2];
	pid_t pid;

	if (pipe(fds) == -1)
		return 0;
	if ((pid = fork()) == 0)
		reader(fds[1], home);
	close(fds[1]);
	if (pid != -1 && read_until(fds[0], text, ANSWER_MAX, &len, clock_mono_ms() + READER_MS) == -1)
		len = 0;
	if (pid != -1)
		kill(pid, SIGKILL);
	close(fds[0]);
	return len;
}

static int
answer(int fd, const char *home)
{
	cleanup_free char *text = xmalloc(ANSWER_MAX);
	uint32_t len = (uint32_t)have_read(home, text);

	return write_all(fd, &len, sizeof(len)) == -1 || write_all(fd, text, len) == -1 ? -1 : 0;
}

/* Only the socket and stderr are left. "sandbox" keeps what a reader needs for a fence of its own. */
static void
keeper(int fd, const char *home)
{
	struct error e = { 0 };
	char order;

	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);		/* readers are not waited for: one may hang in the kernel */
	if (dup2(fd, STDIN_FILENO) == -1)
		_exit(1);
	for (int other = 3; other < 1024; other++)
		close(other);
	bind_to_parent();
	if (restrict_self("sandbox", &e) == -1)
		_exit(1);
	while (read(STDIN_FILENO, &order, 1) == 1 && answer(STDIN_FILENO, home) == 0)
		continue;
	_exit(0);
}

/* ---- the daemon's side ------------------------------------------------------------------------ */

struct settings *
settings_start(const char *home, struct error *e)
{
	struct settings *s;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
		error_errno(e, "socketpair");
		return NULL;
	}
	if ((pid = fork()) == 0)
		keeper(pair[1], home);
	close(pair[1]);
	if (pid == -1) {
		error_errno(e, "fork");
		close(pair[0]);
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct settings){ .path = xasprintf("%s/config.yaml", home), .fd = pair[0] };
	return s;
}

void
settings_stop(struct settings *s)
{
	if (s == NULL)
		return;
	if (s->fd != -1)
		close(s->fd);		/* it ends by itself; we are not allowed to wait for it */
	free(s->path);
	free(s);
}

static bool
same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static struct stat
look(const struct settings *s)
{
	struct stat st;

	if (stat(s->path, &st) == -1)
		memset(&st, 0, sizeof(st));
	return st;
}

bool
settings_changed(const struct settings *s)
{
	struct stat now = look(s);

	return !same(&now, &s->seen);
}

/* What the keeper has to say; empty when no reader answered, NULL when there is no keeper. */
static char *
ask(struct settings *s, size_t *len)
{
	int64_t until = clock_mono_ms() + KEEPER_MS;
	uint32_t n = 0;
	char *text;

	if (s->fd == -1 || send(s->fd, "r", 1, MSG_NOSIGNAL) != 1 ||
	    read_until(s->fd, &n, sizeof(n), NULL, until) == -1 || n > ANSWER_MAX)
		return NULL;
	text = xmalloc((size_t)n + 1);
	if (read_until(s->fd, text, n, NULL, until) == -1) {
		free(text);
		return NULL;
	}
	*len = n;
	return text;
}

static json_t *
no_keeper(struct settings *s, struct error *e)
{
	if (s->fd != -1)
		close(s->fd);	/* an answer that comes later would be taken for the next one */
	s->fd = -1;
	error_set(e, ERR_gone, "the keeper of config.yaml's readers does not answer");
	return NULL;
}

json_t *
settings_read(struct settings *s, json_t **own, struct error *e)
{
	struct stat now = look(s);		/* before reading: a change in between is read again */
	size_t len = 0;
	cleanup_free char *text = ask(s, &len);
	cleanup_json json_t *tree = NULL;
	json_t *file;

	if (text == NULL)
		return no_keeper(s, e);
	if ((tree = json_parse(text, len, DEPTH_MAX, NULL)) == NULL) {
		memset(&s->seen, 0, sizeof(s->seen));
		error_set(e, ERR_unavailable, "the reader of config.yaml did not answer and was ended, the next will be a new one");
		return NULL;
	}
	s->seen = now;
	if ((file = json_object_get(tree, "file")) == NULL) {
		error_set(e, ERR_invalid, "%s", json_str(tree, "error", "config.yaml does not load"));
		return NULL;
	}
	if (own != NULL)
		*own = json_incref(file);
	return config_over_defaults(file);
}

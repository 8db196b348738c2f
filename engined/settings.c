/* SPDX-License-Identifier: Apache-2.0 */
/* See settings.h. An answer is a length of four bytes and a JSON text {config, steps_set} or {error}. */
#include "engined/settings.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/restrict.h"

#define ANSWER_MAX	(4 * 1024 * 1024)
#define ANSWER_MS	2000
#define DEPTH_MAX	64

struct settings {
	char		*path;
	int		 fd;
	pid_t		 pid;
	struct stat	 seen;		/* of the file as it was read last */
};

/* ---- the child ------------------------------------------------------------------------------- */

static char *
load(const char *home)
{
	struct error e = { 0 };
	json_t *config = config_load(home, &e), *answer;
	char *text;

	if (config == NULL)
		answer = json_pack("{s:s}", "error", e.text);
	else
		answer = json_pack("{s:o, s:b}", "config", config,
		    "steps_set", config_is_set(home, "tools.max_steps_per_turn"));
	text = json_text(answer);
	json_decref(answer);
	if (strlen(text) <= ANSWER_MAX)
		return text;
	free(text);
	return xstrdup("{\"error\":\"config.yaml holds more than 4 MiB\"}");
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

/* It mostly waits: what the last answer needed goes back. */
static void
give_back_memory(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

static void
serve(int fd, const char *home)
{
	char order;

	for (give_back_memory(); read(fd, &order, 1) == 1; give_back_memory()) {
		cleanup_free char *text = load(home);
		uint32_t len = (uint32_t)strlen(text);

		if (write_all(fd, &len, sizeof(len)) == -1 || write_all(fd, text, len) == -1)
			break;
	}
}

/* Only the socket and stderr are left; only the home can be read. */
static void
child(int fd, const char *home)
{
	struct error e = { 0 };

	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	if (dup2(fd, STDIN_FILENO) == -1)
		_exit(1);
	for (int other = 3; other < 1024; other++)
		close(other);
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "alpi-settings");
#endif
	if (restrict_path(home, "r", &e) == -1 || restrict_self("stdio files", &e) == -1)
		_exit(1);
	serve(STDIN_FILENO, home);
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
		child(pair[1], home);
	close(pair[1]);
	if (pid == -1) {
		error_errno(e, "fork");
		close(pair[0]);
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct settings){ .path = xasprintf("%s/config.yaml", home), .fd = pair[0], .pid = pid };
	return s;
}

void
settings_stop(struct settings *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	waitpid(s->pid, NULL, 0);
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

/* Read exactly len bytes until a time; -1 when they do not come. */
static int
read_all(int fd, void *out, size_t len, int64_t until)
{
	char *p = out;

	while (len > 0) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = until - clock_mono_ms();
		ssize_t n;

		if (left <= 0 || poll(&pfd, 1, (int)left) != 1 || (n = read(fd, p, len)) <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static char *
ask(struct settings *s, size_t *len)
{
	int64_t until = clock_mono_ms() + ANSWER_MS;
	uint32_t n = 0;
	char *text;

	if (s->fd == -1 || send(s->fd, "r", 1, MSG_NOSIGNAL) != 1 ||
	    read_all(s->fd, &n, sizeof(n), until) == -1 || n > ANSWER_MAX)
		return NULL;
	text = xmalloc((size_t)n + 1);
	if (read_all(s->fd, text, n, until) == -1) {
		free(text);
		return NULL;
	}
	*len = n;
	return text;
}

json_t *
settings_read(struct settings *s, bool *steps_set, struct error *e)
{
	struct stat now = look(s);		/* before reading: a change in between is read again */
	size_t len = 0;
	cleanup_free char *text = ask(s, &len);
	cleanup_json json_t *answer = text == NULL ? NULL : json_parse(text, len, DEPTH_MAX, NULL);

	if (answer == NULL) {
		if (s->fd != -1)
			close(s->fd);	/* an answer that comes later would be taken for the next one */
		s->fd = -1;
		error_set(e, ERR_unavailable, "the reader of config.yaml does not answer");
		return NULL;
	}
	s->seen = now;
	if (json_object_get(answer, "config") == NULL) {
		error_set(e, ERR_invalid, "%s", json_str(answer, "error", "config.yaml does not load"));
		return NULL;
	}
	*steps_set = json_bool(answer, "steps_set", false);
	return json_incref(json_object_get(answer, "config"));
}

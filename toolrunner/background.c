/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See background.h. Runs in the main process, which may write HOME/run/bg
 * and nothing else of the person's; the log's descriptor is handed to the
 * worker, which bounds what is written to it.
 */
#include "toolrunner/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"

#define JOBS_MAX	32
#define META_MAX	(128 * 1024)
#define TAIL_BYTES	32768		/* holds TAIL_CHARS of any script */
#define TAIL_CHARS	8000

struct background_job {
	struct background	*owner;
	struct background_job	*next;
	uint32_t		 worker;
	pid_t			 pid;
	int64_t			 started;	/* Unix seconds */
	char			*command, *log;
	int			 fd;
};

struct background {
	char			*dir;
	struct background_job	*jobs;		/* that run */
	size_t			 count;
};

struct background *
background_new(const char *home, struct error *e)
{
	cleanup_free char *run = path_join(home, "run");
	struct background *b = xcalloc(1, sizeof(*b));

	b->dir = path_join(run, "bg");
	if (make_dirs(b->dir, 0700, e) == 0 && restrict_path(b->dir, "rw", e) == 0)
		return b;
	background_free(b);
	return NULL;
}

void
background_free(struct background *b)
{
	if (b == NULL)
		return;
	while (b->jobs != NULL)
		background_ended(b->jobs);
	free(b->dir);
	free(b);
}

static const char *
action_of(const struct worker_job *job)
{
	return strcmp(job->tool->name, "terminal") == 0 ? json_str(job->args, "action", "run") : "";
}

bool
background_starts(const struct worker_job *job)
{
	return strcmp(action_of(job), "background") == 0;
}

/* ---- starting ------------------------------------------------------------------------------------ */

struct background_job *
background_open(struct background *b, const struct worker_job *job, uint32_t worker, struct error *e)
{
	struct background_job *j;
	char random[17];

	if (b->count >= JOBS_MAX) {
		error_set(e, ERR_busy, "%d background commands run already; end one with action kill", JOBS_MAX);
		return NULL;
	}
	j = xcalloc(1, sizeof(*j));
	j->owner = b;
	j->worker = worker;
	j->command = xstrdup(json_str(job->args, "command", ""));
	random_hex(random, 8);
	j->log = xasprintf("%s/alpi-bg-%s.log", b->dir, random);
	j->next = b->jobs;
	b->jobs = j;
	b->count++;
	if ((j->fd = open(j->log, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600)) != -1)
		return j;
	error_errno(e, "%s", j->log);
	background_ended(j);
	return NULL;
}

int
background_log(const struct background_job *j)
{
	return j->fd;
}

char *
background_started(struct background_job *j, pid_t pid, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/%d.meta", j->owner->dir, (int)pid), *text = NULL;

	close(j->fd);
	j->fd = -1;
	j->pid = pid;
	j->started = clock_wall_ms() / 1000;
	for (char *p = j->command; (p = strpbrk(p, "\r\n")) != NULL;)
		*p = ' ';		/* a line is a line */
	text = xasprintf("command=%s\nlog=%s\nstarted=%lld\n", j->command, j->log, (long long)j->started);
	if (atomic_write(path, text, strlen(text), 0600, e) == -1)
		return NULL;
	return xasprintf("started in the background: pid %d\nlog: %s\n"
	    "(ask with action status, output or kill and this pid)", (int)pid, j->log);
}

void
background_ended(struct background_job *j)
{
	struct background_job **at = &j->owner->jobs;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	j->owner->count--;
	if (j->fd != -1)
		close(j->fd);
	free(j->command);
	free(j->log);
	free(j);
}

/* ---- questions ----------------------------------------------------------------------------------- */

/* The value of NAME= in a meta file's text; the caller frees. NULL: no such line. */
static char *
meta_value(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, name, n) == 0 && line[n] == '=')
			return xstrndup(line + n + 1, strcspn(line + n + 1, "\n"));
	return NULL;
}

/* The running command of a pid, when its meta file is the one that was written for it. */
static struct background_job *
find_running(struct background *b, pid_t pid, const char *meta)
{
	cleanup_free char *started = meta_value(meta, "started");
	struct background_job *j = b->jobs;

	while (j != NULL && j->pid != pid)
		j = j->next;
	if (j == NULL || started == NULL || strtoll(started, NULL, 10) != j->started)
		return NULL;
	return j;
}

static int
ask_status(struct background_answer *a, struct background *b, struct background_job *j, pid_t pid, const char *meta)
{
	cleanup_free char *command = meta_value(meta, "command");

	a->output = xasprintf("pid %d is %s: %s", (int)pid, j != NULL ? "alive" : "not alive",
	    command == NULL ? "" : command);
	return 0;
}

/* Only what lies directly in our folder is read, whatever the meta file says. */
static int
open_log(const struct background *b, const char *meta)
{
	cleanup_free char *log = meta_value(meta, "log");
	const char *slash = log == NULL ? NULL : strrchr(log, '/');
	cleanup_free char *path = slash == NULL ? NULL : path_join(b->dir, slash + 1);

	return path == NULL ? -1 : open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

static int
ask_output(struct background_answer *a, struct background *b, struct background_job *j, pid_t pid, const char *meta)
{
	char block[TAIL_BYTES];
	cleanup_close int fd = open_log(b, meta);
	cleanup_free char *text = NULL;
	off_t end = fd == -1 ? -1 : lseek(fd, 0, SEEK_END);
	ssize_t n = -1;
	size_t count;

	if (end != -1)
		n = pread(fd, block, sizeof(block), end > TAIL_BYTES ? end - TAIL_BYTES : 0);
	if (n == -1) {
		a->code = ERR_not_found;
		snprintf(a->error, sizeof(a->error), "the log of pid %d cannot be read: %s", (int)pid, strerror(errno));
		return -1;
	}
	text = utf8_clean(block, (size_t)n);
	count = utf8_count(text, strlen(text));
	a->output = xstrdup(text + (count > TAIL_CHARS ? utf8_offset(text, strlen(text), count - TAIL_CHARS) : 0));
	return 0;
}

static int
ask_kill(struct background_answer *a, struct background *b, struct background_job *j, pid_t pid, const char *meta)
{
	if (j == NULL) {
		a->code = ERR_not_found;
		snprintf(a->error, sizeof(a->error), "pid %d is not running any more", (int)pid);
		return -1;
	}
	a->end = j->worker;
	a->output = xasprintf("sent SIGTERM to pid %d", (int)pid);
	return 0;
}

static const struct {
	const char	*action;
	int		(*answer)(struct background_answer *, struct background *, struct background_job *, pid_t, const char *);
} questions[] = {
	{ "status", ask_status }, { "output", ask_output }, { "kill", ask_kill },
};

bool
background_asks(const struct worker_job *job)
{
	for (size_t i = 0; i < COUNT(questions); i++)
		if (strcmp(action_of(job), questions[i].action) == 0)
			return true;
	return false;
}

/* The model may write a number as text. */
static pid_t
pid_of(const json_t *args)
{
	const char *text = json_str(args, "pid", NULL);

	return text == NULL ? (pid_t)json_int(args, "pid", 0) : (pid_t)strtol(text, NULL, 10);
}

struct background_answer *
background_ask(struct background *b, const struct worker_job *job)
{
	struct background_answer *a = xcalloc(1, sizeof(*a));
	pid_t pid = pid_of(job->args);
	cleanup_free char *path = xasprintf("%s/%d.meta", b->dir, (int)pid);
	cleanup_buf struct buf meta = BUF(META_MAX);

	if (pid <= 0 || file_read(path, META_MAX, &meta, NULL) == -1) {
		a->code = ERR_not_found;
		snprintf(a->error, sizeof(a->error), "no background command has pid %d", (int)pid);
		return a;
	}
	for (size_t i = 0; i < COUNT(questions); i++)
		if (strcmp(action_of(job), questions[i].action) == 0)
			questions[i].answer(a, b, find_running(b, pid, buf_str(&meta)), pid, buf_str(&meta));
	return a;
}

void
background_answer_free(struct background_answer *a)
{
	if (a == NULL)
		return;
	free(a->output);
	free(a);
}

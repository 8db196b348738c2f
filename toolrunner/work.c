/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: one call, one process. It reads two lines: what its sandbox is
 * (from our own configuration and table), and, only once it is inside and
 * the call may begin, the call itself, whose arguments a model wrote. It answers with lines of JSON:
 * progress, then one result. Anything left running when it ends is killed,
 * because it is the first process of its namespace.
 */
#include "toolrunner/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/files.h"
#include "toolrunner/namespace.h"
#include "toolrunner/probe.h"
#include "toolrunner/sandbox.h"
#include "toolrunner/tool.h"

#define JOB_MAX		(32 * 1024 * 1024)	/* both lines; a call's arguments are at most 4 MB, a file that comes along 20 */
#define JOB_DEPTH	40
#define PROGRESS_MAX	4096

static void
send_line(const json_t *line)
{
	cleanup_free char *text = json_text(line);
	size_t len = strlen(text), done = 0;
	ssize_t n;

	text[len++] = '\n';		/* over the NUL: the length is known */
	while (done < len) {
		if ((n = send(WORK_FD_TALK, text + done, len - done, MSG_NOSIGNAL)) == -1 && errno != EINTR)
			_exit(1);	/* nobody is listening any more */
		if (n > 0)
			done += (size_t)n;
	}
}

static json_t *
clean_string(const char *text, size_t len)
{
	cleanup_free char *clean = utf8_clean(text, len);

	return json_string(clean);
}

static void
on_progress(struct tool_call *call, const char *line)
{
	size_t len = strcspn(line, "\n");
	cleanup_json json_t *j = json_pack("{s:o}", "progress",
	    clean_string(line, utf8_cut(line, len, PROGRESS_MAX)));

	send_line(j);
}

static void
send_result(const struct result *r)
{
	cleanup_json json_t *j = json_pack("{s:b s:o s:o s:s s:O* s:O*}", "ok", r->ok, "output",
	    clean_string(buf_str(&r->output), r->output.len), "error", clean_string(r->error, strlen(r->error)), "code",
	    r->code, "mutations", r->mutations, "produced", r->produced);

	send_line(j);
}

static void
send_failure(const struct error *e)
{
	struct result r = { .ok = false };

	snprintf(r.error, sizeof(r.error), "%s", e->text);
	snprintf(r.code, sizeof(r.code), "%s", error_name(e->code));
	send_result(&r);
}

/*
 * Wait for the call: a datagram from the launcher brings the conversation with the main process and, for a background
 * command, its log. Some workers wait in store; the end of the file means that this one is not needed. What is
 * returned is to be closed when the sandbox is on: then the launcher makes the next one.
 */
static int
take_descriptors(void)
{
	union { struct cmsghdr align; char room[CMSG_SPACE(LAUNCH_FDS_MAX * sizeof(int))]; } control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
	    .msg_controllen = sizeof(control.room) };
	int fds[LAUNCH_FDS_MAX] = { -1, -1 }, handover;
	struct cmsghdr *c;

	if (recvmsg(WORK_FD_TALK, &msg, MSG_CMSG_CLOEXEC) != 1 || (c = CMSG_FIRSTHDR(&msg)) == NULL ||
	    c->cmsg_type != SCM_RIGHTS)
		_exit(0);
	memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	if ((handover = fcntl(WORK_FD_TALK, F_DUPFD_CLOEXEC, WORK_FD_LOG + 1)) == -1 ||
	    dup3(fds[0], WORK_FD_TALK, O_CLOEXEC) == -1 || (fds[1] != -1 && dup3(fds[1], WORK_FD_LOG, O_CLOEXEC) == -1))
		_exit(125);
	for (size_t i = 0; i < LAUNCH_FDS_MAX; i++)
		if (fds[i] > WORK_FD_LOG)
			close(fds[i]);
	return handover;
}

/* Up to the end of a line, or of all when there is none. */
static int
read_job(struct buf *b, bool line, struct error *e)
{
	char block[65536];
	ssize_t n;

	while (!(line && memchr(buf_str(b), '\n', b->len) != NULL) && (n = read(WORK_FD_TALK, block, sizeof(block))) != 0) {
		if (n == -1 && errno != EINTR)
			return error_errno(e, "read job");
		if (n > 0 && buf_add(b, block, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "job larger than %d bytes", JOB_MAX);
	}
	return 0;
}

/* The strings of a list as a NULL-terminated array into it; NULL when it is empty. */
static const char **
strings(const json_t *list)
{
	const char **out = xcalloc(json_array_size(list) + 1, sizeof(*out));
	json_t *value;
	size_t i;

	json_array_foreach((json_t *)list, i, value)
		out[i] = json_is_string(value) ? json_string_value(value) : "";
	return out;
}

static void
read_sandbox(const json_t *j, unsigned namespaces, struct sandbox *s)
{
	s->box.fs = (enum tool_fs)json_int(j, "fs", FS_NONE);
	s->box.net = (enum tool_net)json_int(j, "net", NET_NONE);
	s->box.exec = json_bool(j, "exec", false);
	s->box.skill = (enum tool_skill)json_int(j, "shows", SKILL_NONE);
	s->skill = json_str(j, "skill", NULL);
	s->workspace = json_str(j, "workspace", NULL);
	s->root = json_str(j, "root", NULL);
	s->person = json_str(j, "person", NULL);
	s->user = json_str(j, "user", NULL);
	s->read = strings(json_object_get(j, "read"));
	s->write = strings(json_object_get(j, "write"));
	s->allow_missing = strings(json_object_get(j, "allow_missing"));
	s->limit_s = (int)json_int(j, "limit_s", 0);
	s->namespaces = namespaces;
}

static void
set_variables(const json_t *env)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)env, name, value)
		if (json_is_string(value))
			setenv(name, json_string_value(value), 1);
}

/* Programs find the few variables that mean something to them (tools.md, 5); ours was empty until here. */
static void
set_environment(const json_t *call, const struct sandbox *s)
{
	bool mounted = s->namespaces & NAMESPACE_REST;

	set_variables(json_object_get(call, "env"));
	/* What programs write beside their work goes to places that end with the call, if there are any. */
	if (!mounted)
		setenv("TMPDIR", s->workspace, 1);
	if (!mounted || getenv("HOME") == NULL || access(getenv("HOME"), F_OK) == -1)
		setenv("HOME", mounted ? "/tmp" : s->workspace, 1);
	set_variables(json_object_get(call, "own_env"));
}

static int
run_tool(const json_t *j, const struct sandbox *s, struct error *e)
{
	struct tool_call call = { .name = json_str(j, "tool", ""), .args = json_object_get(j, "args"),
	    .workspace = s->workspace, .skill = s->skill, .home = json_str(j, "home", NULL), .root = s->root, .person = s->person,
	    .limit_ms = s->limit_s * 1000LL, .progress = on_progress };
	const struct tool *t = tool_of_worker(call.name);

	if (t == NULL)
		return error_set(e, ERR_not_found, "no tool named %s", call.name);
	call.result.output.max = t->bulk ? TOOL_BULK_MAX : TOOL_OUTPUT_MAX;
	if (s->box.fs != FS_NONE && chdir(s->workspace) == -1)
		return error_errno(e, "workspace %s", s->workspace);
	set_environment(j, s);
	if (t->run(&call, e) == -1)
		return -1;
	send_result(&call.result);
	return 0;
}

/* The self-test's findings are the output of a call like any other. */
static int
report(struct probe *probe, const struct sandbox *s, const struct error *e)
{
	cleanup_json json_t *layers = probe_run(probe, s, e);
	cleanup_free char *text = json_text(layers);
	struct result r = { .ok = true, .output.max = TOOL_OUTPUT_MAX };

	buf_puts(&r.output, text);
	send_result(&r);
	return 0;
}

static int
work(unsigned namespaces, int handover, struct error *e)
{
	struct buf job = BUF(JOB_MAX);
	struct sandbox s = { 0 };
	struct probe *probe = NULL;
	const char *end;
	json_t *spec, *call;
	size_t first;

	if (read_job(&job, true, e) == -1)
		return -1;
	if ((end = memchr(buf_str(&job), '\n', job.len)) == NULL)
		return error_set(e, ERR_invalid, "job without its second line");
	first = (size_t)(end - job.data) + 1;
	if ((spec = json_parse(job.data, first - 1, JOB_DEPTH, e)) == NULL)
		return -1;
	read_sandbox(spec, namespaces, &s);
	if (json_object_get(spec, "probe") != NULL)
		probe = probe_prepare(json_object_get(spec, "probe"));
	files_remember_secrets(s.root, s.person, s.workspace);
	if (sandbox_enter(&s, e) == -1 && probe == NULL)
		return -1;
	close(handover);
	if (probe != NULL)
		return report(probe, &s, e);
	if (read_job(&job, false, e) == -1 || (call = json_parse(job.data + first, job.len - first, JOB_DEPTH, e)) == NULL)
		return -1;
	return run_tool(call, &s, e);
}

int
work_main(int argc, char *argv[])
{
	struct error e = { 0 };
	unsigned namespaces;

	if (argc != 3)
		_exit(2);
	namespaces = (unsigned)strtoul(argv[2], NULL, 10);
	prctl(PR_SET_NAME, "alpi-worker");
	sandbox_prepare(namespaces);
	if (work(namespaces, take_descriptors(), &e) == -1)
		send_failure(&e);
	_exit(0);		/* no exit handlers: the sandbox may forbid what they do */
}

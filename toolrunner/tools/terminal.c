/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal (tools.md, 7.2): a shell command in the workspace. Whether it may
 * run was decided before; that it can do no harm is the sandbox's business.
 * Questions about background commands never come here: the main process
 * answers them.
 */
#include "toolrunner/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/command.h"
#include "toolrunner/launch.h"
#include "toolrunner/said.h"
#include "toolrunner/sandbox.h"

#define OUT_HALF	(384 * 1024)
#define ERR_HALF	(96 * 1024)
#define LOG_MAX		(16 * 1024 * 1024)

/* ---- running ------------------------------------------------------------------------------------- */

static void
on_tick(void *arg, int64_t seconds)
{
	struct tool_call *call = arg;
	char line[64];

	snprintf(line, sizeof(line), "still running after %llds", (long long)seconds);
	call->progress(call, line);
}

static void
on_started(void *arg)
{
	struct tool_call *call = arg;

	call->progress(call, "started");
}

/* The directory the command begins in; the caller frees. NULL with the error. */
static char *
directory_of(const struct tool_call *call, struct error *e)
{
	cleanup_free char *given = path_expand(json_str(call->args, "cwd", ""), call->person);
	cleanup_free char *path = given[0] == '\0' ? xstrdup(call->workspace) :
	    given[0] == '/' ? xstrdup(given) : path_join(call->workspace, given);
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, X_OK) == 0)
		return steal(path);
	error_set(e, ERR_not_found, "cwd %s is not a directory%s", path, sandbox_shows(path) != FS_NONE ? "" :
	    " that the sandbox shows (sandbox.read and sandbox.write in config.yaml open more paths)");
	return NULL;
}

static void
set_error(struct result *r, const struct command *c, const char *err)
{
	int n = said_status(c->status);

	while (*err == '\n' || *err == ' ')
		err++;
	r->ok = !c->timed_out && n == 0;
	if (c->timed_out) {
		snprintf(r->error, sizeof(r->error), "Timed out after %llds", (long long)(c->limit_ms + 999) / 1000);
		snprintf(r->code, sizeof(r->code), "%s", error_name(ERR_timeout));
	} else if (n != 0 && *err != '\0') {
		snprintf(r->error, sizeof(r->error), "%.*s", (int)strcspn(err, "\n"), err);
	} else if (n != 0) {
		snprintf(r->error, sizeof(r->error), "command failed (exit %d)", n);
	}
}

/* Output, errors, exit number, and the hint, in this order. */
static void
write_result(struct tool_call *call, const struct command *c)
{
	struct result *r = &call->result;
	cleanup_buf struct buf err = BUF(0);
	cleanup_free char *hint = NULL;

	said_add(&r->output, &c->out);
	said_add(&err, &c->err);
	set_error(r, c, buf_str(&err));
	if (!r->ok)
		hint = said_hint(err.len > 0 ? buf_str(&err) : buf_str(&r->output));
	if (err.len > 0) {
		said_end_line(&r->output);
		buf_addf(&r->output, "[stderr]\n%s", buf_str(&err));
	}
	said_end_line(&r->output);
	if (c->timed_out)
		buf_addf(&r->output, "[%s]", r->error);
	else
		buf_addf(&r->output, "[exit %d]", said_status(c->status));
	if (hint != NULL)
		buf_addf(&r->output, "\n%s", hint);
}

static int
run(struct tool_call *call, struct command *c, struct error *e)
{
	c->limit_ms = call->limit_ms;
	c->tick = on_tick;
	c->tick_arg = call;
	if (command_run(c, e) == -1)
		return -1;
	write_result(call, c);
	return 0;
}

static int
background(struct tool_call *call, struct command *c, struct error *e)
{
	if (command_log(c, WORK_FD_LOG, LOG_MAX, on_started, call, e) == -1)
		return -1;
	call->result.ok = true;
	return 0;
}

static const struct {
	const char	*name;
	int		(*fn)(struct tool_call *, struct command *, struct error *);
} actions[] = {
	{ "run", run }, { "background", background },
};

int
tool_terminal(struct tool_call *call, struct error *e)
{
	const char *action = json_str(call->args, "action", "run"), *text = json_str(call->args, "command", "");
	const char *const argv[] = { "/bin/sh", "-c", text, NULL };
	cleanup_free char *cwd = NULL;
	struct command c = { .argv = argv, .input = -1, .out.half = OUT_HALF, .err.half = ERR_HALF };

	if (text[strspn(text, " \t\r\n")] == '\0')
		return error_set(e, ERR_invalid, "terminal: command is empty");
	if ((cwd = directory_of(call, e)) == NULL)
		return -1;
	c.cwd = cwd;
	setenv("PWD", cwd, 1);
	setenv("WORKSPACE", call->workspace, 1);
	setenv("ALPI_WORKSPACE", call->workspace, 1);
	for (size_t i = 0; i < COUNT(actions); i++)
		if (strcmp(action, actions[i].name) == 0) {
			int status = actions[i].fn(call, &c, e);

			command_clear(&c);
			return status;
		}
	return error_set(e, ERR_invalid, "terminal: no action %s in a worker", action);
}

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
#include <sys/wait.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/command.h"
#include "toolrunner/launch.h"
#include "toolrunner/sandbox.h"

#define OUT_HALF	(384 * 1024)
#define ERR_HALF	(96 * 1024)
#define LOG_MAX		(16 * 1024 * 1024)

/* ---- text ---------------------------------------------------------------------------------------- */

/* The length of the escape sequence at s (s[0] is ESC). */
static size_t
escape_length(const char *s, size_t len)
{
	size_t i = 2;

	if (len < 2)
		return len;
	if (s[1] == '[') {				/* CSI ... a byte of @ to ~ */
		while (i < len && ((unsigned char)s[i] < 0x40 || (unsigned char)s[i] > 0x7e))
			i++;
	} else if (strchr("]PX^_", s[1]) != NULL) {	/* a string, ended by BEL or ESC \ */
		while (i < len && s[i] != '\a' && !(s[i] == '\\' && s[i - 1] == '\033'))
			i++;
	} else if (s[1] >= 0x20 && s[1] <= 0x2f) {	/* a character set */
		return len < 3 ? len : 3;
	} else {
		return 2;
	}
	return i < len ? i + 1 : len;
}

static void
remove_escapes(struct buf *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->len;)
		if (b->data[i] == '\033')
			i += escape_length(b->data + i, b->len - i);
		else
			b->data[kept++] = b->data[i++];
	if (b->data != NULL)
		b->data[b->len = kept] = '\0';
}

static void
end_line(struct buf *b)
{
	if (b->len > 0 && b->data[b->len - 1] != '\n')
		buf_addc(b, '\n');
}

/* ---- what the sandbox had to do with it ---------------------------------------------------------- */

static const char *const network_words[] = {
	"Network is unreachable", "Could not resolve host", "Temporary failure in name resolution",
	"Name or service not known", "Failed to connect", "Couldn't connect", "unable to resolve host",
	"Connection refused", "network is unreachable", "No address associated with hostname",
};

/* Where a program's complaint names an absolute path: the path, the caller frees. NULL: it does not. */
static char *
path_in(const char *line, size_t len)
{
	const char *p = memchr(line, '/', len), *end;

	if (p == NULL)
		return NULL;
	end = p + strcspn(p, "'\"`: \t\n,;)");
	return end <= line + len ? xstrndup(p, (size_t)(end - p)) : NULL;
}

/* The hint for a complaint about a path that the sandbox grants less than `wanted`; the caller frees. NULL: none. */
static char *
path_hint(const char *text, const char *complaint, enum tool_fs wanted)
{
	const char *at = strstr(text, complaint), *line = at;
	cleanup_free char *path = NULL;

	if (at == NULL)
		return NULL;
	while (line > text && line[-1] != '\n')
		line--;
	path = path_in(line, (size_t)(at - line));
	if (path == NULL || sandbox_shows(path) >= wanted)
		return NULL;
	return xasprintf("[sandbox] %s is outside what the sandbox %s; %s in config.yaml opens more paths", path,
	    wanted == FS_WRITE ? "lets commands write" : "shows", wanted == FS_WRITE ? "sandbox.write" : "sandbox.read");
}

/* Has a program complained about the network? A connection that Landlock refuses is "Permission denied" too. */
static bool
is_about_network(const char *text)
{
	for (size_t i = 0; i < COUNT(network_words); i++)
		if (strstr(text, network_words[i]) != NULL)
			return true;
	return strstr(text, "Permission denied") != NULL && strstr(text, "connect") != NULL;
}

/* One line that names the setting, when the reason of a failure looks like the sandbox; the caller frees. NULL: it does not. */
static char *
sandbox_hint(const char *text)
{
	char *hint;

	if (sandbox_network() != NET_ANY && is_about_network(text))
		return xstrdup("[sandbox] commands have no network; sandbox.network: any in config.yaml opens it");
	if ((hint = path_hint(text, "No such file or directory", FS_READ)) != NULL ||
	    (hint = path_hint(text, "Read-only file system", FS_WRITE)) != NULL)
		return hint;
	return path_hint(text, "Permission denied", FS_WRITE);
}

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

static int
exit_number(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void
set_error(struct result *r, const struct command *c, const char *err)
{
	int n = exit_number(c->status);

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

	capture_text(&c->out, &r->output);
	capture_text(&c->err, &err);
	remove_escapes(&r->output);
	remove_escapes(&err);
	set_error(r, c, buf_str(&err));
	if (!r->ok)
		hint = sandbox_hint(err.len > 0 ? buf_str(&err) : buf_str(&r->output));
	if (err.len > 0) {
		end_line(&r->output);
		buf_addf(&r->output, "[stderr]\n%s", buf_str(&err));
	}
	end_line(&r->output);
	if (c->timed_out)
		buf_addf(&r->output, "[%s]", r->error);
	else
		buf_addf(&r->output, "[exit %d]", exit_number(c->status));
	if (hint != NULL)
		buf_addf(&r->output, "\n%s", hint);
}

static int
run(struct tool_call *call, struct command *c, struct error *e)
{
	c->limit_ms = tool_limit_ms(tool_find(call->name), call->args);
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

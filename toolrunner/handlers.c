/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool.*: dispatch has verified the grant where one is needed; here stands
 * whether this call of this tool is admitted under it (tools.md, 1). What is
 * admitted is exec.c's.
 */
#include <string.h>

#include "common/buf.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/document.h"
#include "toolrunner/exec.h"
#include "toolrunner/runner.h"
#include "toolrunner/selftest.h"
#include "toolrunner/skill.h"

#define TOOLS_MAX 64

/*
 * The settings as they are now: a list of denied tools that was just extended counts for the next call. Nor does one
 * begin before the sandbox is known to hold.
 */
static void
refresh(struct runner *r)
{
	selftest_wait(r);
	settings_refresh(&r->settings, r->launcher);
	selftest_judge(r);
}

/* ---- tool.list ---------------------------------------------------------------------------- */

static int
tool_list(struct call *c, const void *in, struct error *e)
{
	struct runner *r = c->ctx;
	struct tool_row rows[TOOLS_MAX];
	struct sandbox_layer layers[RUNNER_LAYERS_MAX];
	struct tool_list_reply reply = { .tools = rows, .sandbox = layers };

	refresh(r);
	reply.n_sandbox = r->nlayers;
	reply.sandbox_stop = r->stop;
	for (const struct tool *t = tools; t->name != NULL && reply.n_tools < TOOLS_MAX; t++)
		rows[reply.n_tools++] = (struct tool_row){
			.name = t->name, .description = t->description, .summary = t->summary,
			.parameters = (json_t *)tool_parameters(t), .core = t->core,
			.unavailable = settings_denies(&r->settings, t->name) ? "this profile denies it (tools.deny)" : NULL,
		};
	for (size_t i = 0; i < r->nlayers; i++)
		layers[i] = (struct sandbox_layer){
			.name = r->layers[i].name, .held = r->layers[i].held,
			.detail = r->layers[i].detail[0] != '\0' ? r->layers[i].detail : NULL,
		};
	return call_reply(c, &reply);
}

/* ---- tool.exec ---------------------------------------------------------------------------- */

/* An unknown name is answered with the known ones. */
static int
no_such_tool(const struct runner *r, const char *name, struct error *e)
{
	cleanup_buf struct buf b = BUF(0);

	for (const struct tool *t = tools; t->name != NULL; t++)
		if (!settings_denies(&r->settings, t->name))
			buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", t->name);
	return error_set(e, ERR_not_found, "there is no tool %.64s; available: %s", name, buf_str(&b));
}

/* May anything run in a worker now? */
static int
check_open(const struct runner *r, struct error *e)
{
	if (r->draining)
		return error_set(e, ERR_unavailable, "toolrunner is stopping");
	if (r->stop != NULL)
		return error_set(e, ERR_unsupported, "%s", r->stop);
	if (r->settings.broken != NULL)
		return error_set(e, ERR_invalid, "config.yaml does not load, so no tool runs: %s", r->settings.broken);
	return 0;
}

/* May this grant's turn use this tool, here and now? */
static int
check_tool(const struct runner *r, const struct grant *g, const struct tool_exec *m, const struct tool **tool, struct error *e)
{
	const char *name = m->tool;

	if (check_open(r, e) == -1)
		return -1;
	if ((*tool = tool_find(name)) == NULL)
		return no_such_tool(r, name, e);
	if (settings_denies(&r->settings, name))
		return error_set(e, ERR_denied, "%s: this profile denies the tool (tools.deny in config.yaml)", name);
	if (!grant_has(g, (*tool)->needs))
		return error_set(e, ERR_denied, "%s: whoever began this turn may not %s", name, cap_sentence((int)(*tool)->needs));
	if (!grant_allows_tool(g, name, json_str(m->args, "action", NULL)))
		return error_set(e, ERR_denied, "%s: the tool is not in this turn's set", name);
	return 0;
}

static bool
below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The workspace of a call: the configured one, else the grant's, else HOME/workspace. The caller frees. */
static char *
workspace_of(const struct runner *r, const struct grant *g, const char *asked, struct error *e)
{
	const char *person = boot_option(r->boot, "person");
	cleanup_free char *own = path_join(r->boot->home, "workspace");
	cleanup_free char *path = NULL;

	if (asked != NULL && (g->workspace == NULL || strcmp(asked, g->workspace) != 0)) {
		error_set(e, ERR_denied, "workspace: not the one of this turn's grant");
		return NULL;
	}
	if (r->settings.workspace != NULL)
		path = person == NULL ? xstrdup(r->settings.workspace) : path_expand(r->settings.workspace, person);
	else
		path = xstrdup(g->workspace != NULL ? g->workspace : own);
	if (path[0] != '/') {
		error_set(e, ERR_invalid, "workspace: %s is not an absolute path (workspace in config.yaml)", path);
		return NULL;
	}
	if (below(path, r->boot->root) && !below(path, own)) {
		error_set(e, ERR_denied, "workspace: %s lies in alpi's own home", path);
		return NULL;
	}
	return steal(path);
}

/* A job's script comes from scheduled; what a job's turn calls comes from engined, like every turn's calls. */
static bool
is_job(const struct call *c)
{
	return strcmp(strchrnul(c->from, '/'), "/scheduled") == 0;
}

static int
tool_exec(struct call *c, const void *in, struct error *e)
{
	const struct tool_exec *m = in;
	struct runner *r = c->ctx;
	const struct tool *tool = NULL;
	int known = exec_known(r, m->key, m->turn, m->tool, e);
	cleanup_free char *workspace = NULL, *who = NULL, *skill = NULL;
	cleanup_json json_t *env = NULL;
	struct exec *x;

	if (known != 0)
		return known == -1 ? -1 : call_reply(c, &(struct tool_exec_reply){ .known = true });
	refresh(r);
	if (check_tool(r, c->grant, m, &tool, e) == -1 || tool_check_args(tool, m->args, e) == -1 ||
	    (workspace = workspace_of(r, c->grant, m->workspace, e)) == NULL || skill_take(r, tool, m->args, &skill, &env, e) == -1)
		return -1;
	if (tool->shown_skills && m->skills != NULL)
		env = skill_shown(r, m->skills);
	who = xasprintf("%s/%s", c->grant->surface, c->grant->who);
	struct exec_order o = {
		.key = m->key, .turn = m->turn, .workspace = workspace, .origin = c->grant->origin, .session = c->grant->session,
		.who = who, .approver = grant_has(c->grant, CAP_approve), .job = is_job(c), .tool = tool, .args = m->args,
		.skill = skill, .env = env, .net = grant_has(c->grant, CAP_network) ? NET_ANY : NET_NONE,
	};
	if ((x = exec_take(r, &o, e)) == NULL)
		return -1;
	/* Nothing of it has begun: who asked need not wait for our disk before he asks how it stands. */
	call_reply(c, &(struct tool_exec_reply){ .known = false });
	exec_pass(x);
	return 0;
}

/* ---- the rest of a call's life -------------------------------------------------------------- */

static void
next_answered(void *arg, const struct tool_next_reply *reply)
{
	call_reply(arg, reply);
}

static int
tool_next(struct call *c, const void *in, struct error *e)
{
	const struct tool_next *m = in;

	exec_next(c->ctx, m->key, m->after, m->wait_ms, next_answered, c);
	return CALL_LATER;
}

static int
tool_cancel(struct call *c, const void *in, struct error *e)
{
	const struct tool_cancel *m = in;

	return call_reply(c, &(struct tool_cancel_reply){ .cancelled = exec_cancel(c->ctx, m->key) });
}

static int
tool_approve(struct call *c, const void *in, struct error *e)
{
	const struct tool_approve *m = in;
	int taken = exec_answer(c->ctx, m->ticket, m->choice, m->seal, e);

	return taken == -1 ? -1 : call_reply(c, &(struct tool_approve_reply){ .taken = taken });
}

/* ---- tool.document ------------------------------------------------------------------------- */

static int
tool_document(struct call *c, const void *in, struct error *e)
{
	struct runner *r = c->ctx;

	refresh(r);
	return check_open(r, e) == -1 ? -1 : document_take(r, c, in, e);
}

const struct handler tool_handlers[] = {
	/* message           handler       the grant needs */
	{ MSG_tool_list,    tool_list,    CAP_none },
	{ MSG_tool_exec,    tool_exec,    CAP_read },	/* and what the tool's row says */
	{ MSG_tool_next,    tool_next,    CAP_none },	/* a key is known to its turn alone */
	{ MSG_tool_cancel,  tool_cancel,  CAP_none },
	{ MSG_tool_approve, tool_approve, CAP_none },	/* the person's seal is the permission */
	{ MSG_tool_document, tool_document, CAP_none },	/* it reads nothing but what it is sent */
	{ 0 }
};

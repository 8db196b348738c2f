/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: the tools research and delegate. Each of their tasks is a turn
 * of its own, a child: begun, journalled, resumed and ended by the functions
 * of every turn, with nothing of the parent's conversation, a few tools, and
 * the parent's grant narrowed to them.
 *
 * A child's key is its parent's call and its place in the batch, so that to
 * begin the batch and to find it again after a death are the same: what has
 * ended is taken from the journal, what runs is waited for, what was never
 * written down is begun.
 */
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/grant.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/context.h"
#include "engined/engine.h"
#include "engined/neighbour.h"
#include "engined/prompt.h"
#include "engined/redact.h"
#include "engined/session.h"
#include "engined/talk.h"
#include "engined/turn.h"

#define TASKS_MAX	3
#define STEPS		30
#define PAYLOAD_CHARS	10000	/* of one result in a delegate (tools.md, 8) */
#define RESEARCH_TOOLS	"web_search web_fetch web_extract read_file search"

static const struct depth {
	const char	*name;
	int		 steps;
} depths[] = { { "quick", 8 }, { "normal", 15 }, { "deep", 30 } };

static const struct toolset {
	const char	*name, *tools;
} toolsets[] = {
	{ "file",	"read_file write_file edit_file search" },
	{ "terminal",	"terminal" },
	{ "web",	"web_search web_fetch web_extract" },
};

bool
agent_is(const char *tool)
{
	return strcmp(tool, "research") == 0 || strcmp(tool, "delegate") == 0;
}

/* ---- what is asked --------------------------------------------------------------------------------- */

/* One child as its request holds it. */
struct task {
	struct buf	 text;
	struct buf	 tools;		/* names, a blank between two */
	const char	*label;		/* what progress calls it */
	int		 steps;
};

static void
task_clear(struct task *k)
{
	buf_clear(&k->text);
	buf_clear(&k->tools);
}

static int
research_task(const json_t *args, struct task *k, struct error *e)
{
	const char *brief = json_str(args, "brief", ""), *depth = json_str(args, "depth", "normal");

	if (brief[0] == '\0')
		return error_set(e, ERR_invalid, "research: \"brief\" must be a text");
	for (size_t i = 0; i < COUNT(depths); i++)
		if (strcmp(depths[i].name, depth) == 0) {
			k->label = depths[i].name;
			k->steps = depths[i].steps;
		}
	if (k->label == NULL)
		return error_set(e, ERR_invalid, "research: \"depth\" is quick, normal or deep");
	buf_puts(&k->text, brief);
	buf_puts(&k->tools, RESEARCH_TOOLS);
	return 0;
}

static int
add_toolset(struct task *k, const char *name, struct error *e)
{
	for (size_t i = 0; i < COUNT(toolsets); i++)
		if (name != NULL && strcmp(toolsets[i].name, name) == 0)
			return buf_addf(&k->tools, "%s%s", k->tools.len > 0 ? " " : "", toolsets[i].tools);
	return error_set(e, ERR_invalid, "delegate: \"toolsets\" are file, terminal and web");
}

static int
delegate_task(const json_t *args, struct task *k, struct error *e)
{
	const char *goal = json_str(args, "goal", ""), *context = json_str(args, "context", "");
	json_t *sets = json_object_get(args, "toolsets"), *set;
	size_t i;

	if (goal[0] == '\0')
		return error_set(e, ERR_invalid, "delegate: \"goal\" must be a text");
	if (sets == NULL && (add_toolset(k, "file", e) == -1 || add_toolset(k, "web", e) == -1))
		return -1;
	json_array_foreach(sets, i, set)
		if (i >= COUNT(toolsets) || add_toolset(k, json_string_value(set), e) == -1)
			return error_set(e, ERR_invalid, "delegate: \"toolsets\" are file, terminal and web");
	if (k->tools.len == 0)
		return error_set(e, ERR_invalid, "delegate: \"toolsets\" must name one");
	buf_addf(&k->text, "%s%s%s", goal, context[0] != '\0' ? "\n\n# Context\n" : "", context);
	k->label = "delegate";
	k->steps = STEPS;
	return 0;
}

/* The tasks of a call: its list, or the call itself as the only one; 0: there are none or too many. */
static size_t
task_count(const json_t *args)
{
	const json_t *list = json_object_get(args, "tasks");
	size_t n = list == NULL ? 1 : json_array_size(list);

	return n <= TASKS_MAX ? n : 0;
}

static int
task_of(const struct turn *t, size_t i, struct task *k, struct error *e)
{
	const json_t *list = json_object_get(t->now.args, "tasks");
	const json_t *args = list == NULL ? t->now.args : json_array_get(list, i);

	*k = (struct task){ .text = BUF(0), .tools = BUF(0) };
	return strcmp(t->now.name, "research") == 0 ? research_task(args, k, e) : delegate_task(args, k, e);
}

/* Every task, before the first begins. */
static int
check_tasks(const struct turn *t, struct error *e)
{
	size_t n = task_count(t->now.args);
	struct task k;
	int r = 0;

	if (n == 0)
		return error_set(e, ERR_invalid, "%s: \"tasks\" must be a list of 1 to %d", t->now.name, TASKS_MAX);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = task_of(t, i, &k, e);
		task_clear(&k);
	}
	return r;
}

/* ---- children -------------------------------------------------------------------------------------- */

static char *
child_key(const struct turn *t, size_t i)
{
	return xasprintf("%s/%zu", t->now.key, i);
}

static struct turn *
parent_of(const struct turn *t)
{
	return engine_by_id(t->engine, json_str(t->agent, "parent", ""));
}

static json_t *
words(const char *text)
{
	cleanup_free char *copy = xstrdup(text);
	char *rest = copy, *word;
	json_t *list = json_array();

	while ((word = strsep(&rest, " ")) != NULL)
		json_array_append_new(list, json_string(word));
	return list;
}

/* The right to cause effects, for these tools only; empty where the parent has none. */
static json_t *
narrowed(const struct turn *parent, const json_t *tools)
{
	const char *grant = neighbour_grant(parent, "toolrunner");
	cleanup_buf struct buf caveat = BUF(0);
	cleanup_free char *text = NULL;
	json_t *tool, *list = json_array();
	size_t i;

	buf_puts(&caveat, "tools");
	json_array_foreach(tools, i, tool)
		buf_addf(&caveat, " %s", json_string_value(tool));
	if (grant != NULL && (text = grant_narrow(grant, buf_str(&caveat), NULL)) != NULL)
		json_array_append_new(list, json_string(text));
	return list;
}

/* What the journal keeps of it. Its time ends with its parent's, and who pays for that pays for it. */
static json_t *
child_request(const struct turn *t, size_t i, const struct task *k, json_t *tools)
{
	return json_pack("{s:s, s:s, s:s*, s:s*, s:b, s:O, s:{s:s, s:s, s:i, s:i, s:I, s:s, s:s}}", "text", buf_str(&k->text),
	    "surface", t->surface, "workspace", t->workspace, "peer", t->peer, "no_save", 1, "tools", tools,
	    "agent", "kind", t->now.name, "label", k->label, "steps", k->steps, "place", (int)i,
	    "deadline_ms", (json_int_t)t->deadline_ms, "parent", t->row.id, "session", t->row.session);
}

static int
child_begin(struct turn *t, size_t i, struct error *e)
{
	char session[SESSION_ID_MAX + 1];
	cleanup_json json_t *tools = NULL;
	struct journal_turn row;
	struct task k;

	if (task_of(t, i, &k, e) == -1) {
		task_clear(&k);
		return -1;
	}
	session_new_id(session);
	tools = words(buf_str(&k.tools));
	row = (struct journal_turn){ .owner = xstrdup(t->engine->daemon->boot.unit), .key = child_key(t, i),
	    .session = xstrdup(session), .grants = narrowed(t, tools), .base = json_pack("{s:i}", "index", 0),
	    .request = child_request(t, i, &k, tools) };
	task_clear(&k);
	return turn_begin(t->engine, &row, e) == NULL ? -1 : 0;
}

/* How the child at this place ended; NULL while it runs. It is begun if it never was. New reference. */
static json_t *
child_outcome(struct turn *t, size_t i)
{
	cleanup_free char *key = child_key(t, i);
	const char *owner = t->engine->daemon->boot.unit;
	struct turn *child = engine_by_key(t->engine, owner, key);
	struct journal_turn row;
	struct error e = { 0 };
	json_t *outcome;
	int found;

	if (child != NULL && child->state != TURN_OVER)
		return NULL;
	if (child != NULL && child->unclosed != NULL)
		return json_incref(child->unclosed);
	if ((found = journal_by_key(t->engine->journal, owner, key, &row, &e)) == 1) {
		outcome = json_incref(row.outcome);
		journal_turn_clear(&row);
		return outcome;
	}
	if (found == 0 && t->row.cancelled != NULL)
		return json_pack("{s:s, s:s}", "event", "interrupted", "text", "");
	if (found == 0 && child_begin(t, i, &e) == 0)
		return NULL;
	return json_pack("{s:s, s:s}", "event", "error", "text", e.text);
}

/* ---- the report ------------------------------------------------------------------------------------- */

static void
add_report(struct buf *b, const json_t *outcome)
{
	const char *event = json_str(outcome, "event", ""), *text = json_str(outcome, "text", "");

	if (strcmp(event, "error") == 0)
		buf_addf(b, "[failed: %s]", text[0] != '\0' ? text : "no reason given");
	else if (strcmp(event, "interrupted") == 0)
		buf_addf(b, "[interrupted before it was finished]%s%s", text[0] != '\0' ? "\n" : "", text);
	else
		buf_puts(b, text[0] != '\0' ? text : "(no report)");
}

static void
report(struct turn *t, json_t *const outcomes[], size_t n)
{
	struct tool_result r = { .ok = false };
	struct buf b = BUF(0);

	for (size_t i = 0; i < n; i++) {
		if (json_object_get(t->now.args, "tasks") != NULL)
			buf_addf(&b, "%s## Task %zu: ", i > 0 ? "\n\n---\n\n" : "", i + 1);
		add_report(&b, outcomes[i]);
		r.ok |= strcmp(json_str(outcomes[i], "event", ""), "error") != 0;
		r.tokens_in += json_int(outcomes[i], "tokens_in", 0);
		r.tokens_out += json_int(outcomes[i], "tokens_out", 0);
		r.cost += json_num(outcomes[i], "cost", 0);
	}
	if (r.ok)
		r.output = buf_take(&b);
	else
		r.error = buf_take(&b);
	calls_end(t, &r);
}

/* Begin what has not begun; when all have ended, that is the result. */
static void
look(struct turn *t)
{
	json_t *outcomes[TASKS_MAX] = { NULL };
	size_t n = task_count(t->now.args), over = 0;

	for (size_t i = 0; i < n; i++)
		over += (outcomes[i] = child_outcome(t, i)) != NULL;
	if (over == n)
		report(t, outcomes, n);
	for (size_t i = 0; i < n; i++)
		json_decref(outcomes[i]);
}

/* ---- the parent's call ------------------------------------------------------------------------------ */

void
agent_begin(struct turn *t)
{
	struct error e = { 0 };

	if (check_tasks(t, &e) == -1)
		calls_fail(t, e.text);
	else if (neighbour_begin(t) == 0)
		look(t);
}

void
agent_find(struct turn *t)
{
	look(t);
}

void
agent_cancel(struct turn *t)
{
	size_t n = task_count(t->now.args);

	for (size_t i = 0; i < n && t->now.key != NULL; i++) {	/* the last to stop ends the call */
		cleanup_free char *key = child_key(t, i);
		struct turn *child = engine_by_key(t->engine, t->engine->daemon->boot.unit, key);
		struct error e = { 0 };

		if (child != NULL && turn_cancel(child, "the turn it works for was interrupted", &e) == -1)
			log_warn("turn=%s is not told to stop: %s", child->row.id, e.text);
	}
	if (t->now.key != NULL)
		look(t);
}

void
agent_grants(struct turn *t)
{
	struct turn *child;

	LIST_FOREACH(child, &t->engine->turns, link)
		if (child->agent != NULL && child->state != TURN_OVER && parent_of(child) == t) {
			cleanup_json json_t *grants = narrowed(t, json_object_get(child->row.request, "tools"));

			turn_grants(child, grants, NULL);
		}
}

/* ---- the child -------------------------------------------------------------------------------------- */

bool
agent_orphan(const struct turn *t)
{
	return t->agent != NULL && t->resumed && parent_of(t) == NULL;
}

json_t *
agent_messages(struct turn *t)
{
	bool research = strcmp(json_str(t->agent, "kind", ""), "research") == 0;
	cleanup_free char *now = context_now(t->engine->zone, clock_wall_ms()), *prompt = NULL;
	json_t *tool, *messages = json_array();
	const char *workspace = turn_workspace(t->engine, t->workspace);
	size_t i;

	prompt = xasprintf("%s\nWorkspace: %s.", research ? prompt_research : prompt_delegate,
	    workspace == NULL ? "not set" : workspace);
	message_add(messages, "system", prompt);
	message_add(messages, "system", now);
	message_add(messages, "user", t->text);
	json_array_foreach(json_object_get(t->row.request, "tools"), i, tool)	/* all in full: it cannot load any */
		json_object_set_new(t->talk->loaded, json_string_value(tool), json_true());
	return messages;
}

void
agent_step(struct turn *t)
{
	struct turn *parent = parent_of(t);
	cleanup_free char *text = NULL;

	if (parent == NULL || parent->now.key == NULL)
		return;
	text = xasprintf("%s %lld \xc2\xb7 step %d/%d", json_str(t->agent, "label", ""),
	    (long long)json_int(t->agent, "place", 0) + 1, t->step, t->ceiling);
	events_add(&parent->events, "tool_state", json_pack("{s:s, s:s, s:s, s:b}", "tool_id", parent->now.id,
	    "name", parent->now.name, "text", text, "ok", 1));
}

void
agent_payload(const struct turn *t, struct tool_result *r)
{
	char *cut;

	if (r->output == NULL || strcmp(json_str(t->agent, "kind", ""), "delegate") != 0)
		return;
	cut = cut_chars(r->output, PAYLOAD_CHARS);
	free(r->output);
	r->output = cut;
}

void
agent_over(struct turn *t)
{
	struct turn *parent = parent_of(t);

	talk_forget(&t->engine->talks, t->row.session);
	if (parent != NULL && parent->state == TURN_TOOLS && parent->now.key != NULL &&
	    strncmp(t->row.key, parent->now.key, strlen(parent->now.key)) == 0)
		look(parent);
}

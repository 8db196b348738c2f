/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: the tool skill within a turn. What a skill says is followed
 * later, by turns that trust it: lasting.c decides who may change it, and
 * peers and sub-agents may not.
 */
#include <string.h>

#include "common/boot.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/skill.h"
#include "engined/engine.h"
#include "engined/skill_cache.h"
#include "engined/skill_index.h"
#include "engined/skill_tool.h"
#include "engined/turn.h"

#define NAMES_MAX	1024		/* what tool.exec takes */

struct eligible
engine_eligible(const struct engine *en)
{
	return (struct eligible){ .env = boot_option(&en->daemon->boot, "env"), .config = en->own_config };
}

char *
skill_turn_index(struct turn *t, char **hint)
{
	struct eligible el = engine_eligible(t->engine);
	char *text;

	*hint = NULL;
	if (t->peer != NULL)		/* a peer's agent is asked for what it knows, not for how its owner works */
		return NULL;
	text = skill_index(skill_cache_look(t->engine->skills), &el, t->text, hint);
	if (*hint != NULL)
		json_object_set_new(t->talk->loaded, "skill", json_true());
	return text;
}

static void
carry_out_noted(struct turn *t, const char *note)
{
	struct skill_asker who = { .home = t->engine->home, .el = engine_eligible(t->engine), .note = note };
	struct error e = { 0 };
	char *output = skill_call(&who, t->now.args, &e);
	struct tool_result r = { .ok = output != NULL, .output = output, .error = output == NULL ? xstrdup(e.text) : NULL };

	r.ours = strcmp(json_str(t->now.args, "action", ""), "view") != 0 || skill_shows(t->now.args);
	r.plain = r.ok && skill_shows(t->now.args);
	calls_end(t, &r);
}

static void
carry_out(struct turn *t)
{
	carry_out_noted(t, NULL);
}

/*
 * toolrunner runs it and reads for itself what it is to have: the name and the arguments are all it is told. It is a
 * call there like any other, with the turn's grant and a key of its own.
 */
static void
run_script(struct turn *t)
{
	struct skill_asker who = { .home = t->engine->home, .el = engine_eligible(t->engine) };
	const char *action = json_str(t->now.args, "action", ""), *name = json_str(t->now.args, "name", "");
	json_t *args = json_pack("{s:s, s:s, s:O*}", "action", action, "name", name, "args", json_object_get(t->now.args, "args"));
	struct error e = { 0 };
	bool script = false;

	if (skill_may_run(&who, name, &script, &e) == -1) {
		json_decref(args);
		calls_fail(t, e.text);
	} else if (!script && strcmp(action, "run") == 0) {
		json_decref(args);
		carry_out(t);
	} else {
		json_decref(t->now.args);
		t->now.args = args;
		runner_begin(t);
	}
}

/* Scripts are parsed by an interpreter, which is in the sandbox alone. */
static void
validate(struct turn *t)
{
	struct skill_asker who = { .home = t->engine->home, .el = engine_eligible(t->engine) };

	json_t *args;

	if (!skill_has_python(&who, json_str(t->now.args, "name", ""))) {
		carry_out(t);
		return;
	}
	args = json_pack("{s:s, s:s}", "action", "validate", "name", json_str(t->now.args, "name", ""));
	json_decref(t->now.args);
	t->now.args = args;
	runner_begin(t);
}

bool
skill_validates(const struct turn *t)
{
	return t->now.neighbour != NULL && strcmp(t->now.name, "skill") == 0 &&
	    strcmp(json_str(t->now.args, "action", ""), "validate") == 0;
}

void
skill_validated(struct turn *t, struct tool_result *r)
{
	struct skill_asker who = { .home = t->engine->home, .el = engine_eligible(t->engine) };
	cleanup_free char *unparsed = r->ok ? NULL : xasprintf("warning: the scripts were not parsed: %s", r->error);
	const char *said = unparsed != NULL ? unparsed : r->output == NULL ? "" : r->output;
	struct tool_result all = { .ours = true };
	struct error e = { 0 };
	cleanup_free char *own = skill_call(&who, t->now.args, &e);

	all.ok = own != NULL;
	if (own == NULL)
		all.error = xstrdup(e.text);
	else if (said[0] == '\0')
		all.output = steal(own);
	else
		all.output = xasprintf("%s\n%s", own, said);
	free(r->output);
	free(r->error);
	json_decref(r->mutations);
	json_decref(r->produced);
	calls_end(t, &all);
}

/* Instructions may need commands, and these what the skill declares (tools.md, 5); toolrunner reads which variables that are. */
void
skill_note(struct turn *t, const json_t *args)
{
	const char *action = json_str(args, "action", ""), *name = json_str(args, "name", ""), *file = json_str(args, "file", "");
	const char *had = t->shown_skills == NULL ? "" : t->shown_skills;
	char *names;

	if ((strcmp(action, "view") != 0 && strcmp(action, "run") != 0) || !skill_name_ok(name) ||
	    (*file != '\0' && strcmp(file, "SKILL.md") != 0) || strlen(had) + strlen(name) + 1 >= NAMES_MAX)
		return;
	names = xasprintf("%s%s%s", had, *had != '\0' ? " " : "", name);
	free(t->shown_skills);
	t->shown_skills = names;
}

static void
on_decision(struct turn *t, bool yes)
{
	if (yes)
		scouting_begin(t, carry_out_noted);
	else
		calls_fail(t, "the user does not want this change of a skill, because text of others is in this conversation");
}

bool
skill_repeats(const struct turn *t)
{
	return strcmp(t->now.name, "skill") == 0 && strcmp(json_str(t->now.args, "action", ""), "add_file") == 0;
}

void
skill_begin(struct turn *t)
{
	cleanup_free char *what = NULL;

	if (skill_runs(json_str(t->now.args, "action", "")))
		run_script(t);
	else if (strcmp(json_str(t->now.args, "action", ""), "validate") == 0)
		validate(t);
	else if (!skill_changes(json_str(t->now.args, "action", "")))
		carry_out(t);
	else if (t->peer != NULL || t->thread != NULL || t->agent != NULL)
		calls_fail(t, "skill: a peer's turn and a sub-agent change no skills");
	else {
		what = xasprintf("the skill %s", json_str(t->now.args, "name", "?"));
		lasting_change(t, what, on_decision);
	}
}

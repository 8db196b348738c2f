/* SPDX-License-Identifier: Apache-2.0 */
/* See skill_tool.h. The actions by a table; skills.c and skill_edit.c do the work. */
#include "engined/skill_tool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unistr.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/beneath.h"
#include "engined/skill_edit.h"

typedef char *action_fn(const struct skill_asker *, struct skill *, const json_t *, struct error *);

static const char *
text_of(const json_t *args, const char *name)
{
	return json_str(args, name, "");
}

/* ---- what is shown -------------------------------------------------------------------------- */

static char *
do_list(const struct skill_asker *a, struct skill *none, const json_t *args, struct error *e)
{
	struct skills all;
	struct buf b = BUF(0);

	skills_load(a->home, &all);
	for (size_t i = 0; i < all.n; i++) {
		const struct skill *s = all.rows[i];
		const char *wrong = findings_error(&s->findings), *description = front_get(&s->front, "description");
		cleanup_free char *missing = wrong != NULL ? NULL : eligible_missing(&a->el, s);

		if (i == 0 || strcmp(all.rows[i - 1]->category, s->category) != 0)
			buf_addf(&b, "%s%s\n", i > 0 ? "\n" : "", s->category);
		buf_addf(&b, "- %s: %s", s->name, description == NULL ? "" : description);
		if (wrong != NULL || missing != NULL)
			buf_addf(&b, " [%s%s]", wrong != NULL ? "invalid: " : "inactive: missing ", wrong != NULL ? wrong : missing);
		buf_addc(&b, '\n');
	}
	skills_clear(&all);
	if (b.len == 0)
		buf_puts(&b, "there are no skills");
	return buf_take(&b);
}

/* The names of the files that may be shown, each with its folder. */
static void
add_files(struct buf *b, int dir)
{
	const struct skill_subdir *sub;

	for (size_t i = 0; (sub = skill_subdir_at(i)) != NULL; i++) {
		char **names = sub->scanned ? beneath_names(dir, sub->name, false) : NULL;

		for (char **n = names; n != NULL && *n != NULL; n++)
			if (strlen(*n) < 4 || strcmp(*n + strlen(*n) - 4, ".bak") != 0)
				buf_addf(b, "%s%s/%s", b->len > 0 ? " " : "", sub->name, *n);
		beneath_names_free(names);
	}
}

static int
open_folder(const struct skill_asker *a, const struct skill *s, struct error *e)
{
	cleanup_close int dir = skills_dir(a->home, e);

	return dir == -1 ? -1 : beneath_dir(dir, s->path, 0, e);
}

static char *
view_file(const struct skill_asker *a, const struct skill *s, const char *file, struct error *e)
{
	cleanup_free char *subdir = xstrndup(file, strcspn(file, "/")), *folder = skill_folder(a->home, s);
	cleanup_free char *path = skill_file_path(subdir, file + strlen(subdir) + (file[strlen(subdir)] == '/'), e), *clean = NULL;
	cleanup_buf struct buf b = BUF(0);
	cleanup_close int dir = -1;

	if (path == NULL)
		return NULL;
	if (strcmp(subdir, "secrets") == 0) {
		error_set(e, ERR_denied, "what lies in secrets/ is shown to nobody");
		return NULL;
	}
	if ((dir = open_folder(a, s, e)) == -1 || beneath_read(dir, path, SKILL_FILE_MAX, &b, e) == -1)
		return NULL;
	clean = utf8_clean(buf_str(&b), b.len);
	return xasprintf("absolute_path: %s/%s\n%s", folder, path, clean);
}

static char *
do_view(const struct skill_asker *a, struct skill *s, const json_t *args, struct error *e)
{
	cleanup_free char *folder = skill_folder(a->home, s), *missing = eligible_missing(&a->el, s), *clean = utf8_clean(s->text, s->len);
	cleanup_buf struct buf files = BUF(0);
	cleanup_close int dir = -1;
	struct buf b = BUF(0);

	if (json_str(args, "file", "")[0] != '\0' && strcmp(text_of(args, "file"), "SKILL.md") != 0)
		return view_file(a, s, text_of(args, "file"), e);
	if (s->text[0] == '\0') {
		error_set(e, ERR_invalid, "%s: %s", s->name, findings_error(&s->findings) == NULL ? "is empty" : findings_error(&s->findings));
		return NULL;
	}
	if ((dir = open_folder(a, s, e)) == -1)
		return NULL;
	add_files(&files, dir);
	buf_addf(&b, "%s\n[folder: %s; files: %s]", clean, folder, files.len > 0 ? buf_str(&files) : "none");
	if (missing != NULL)
		buf_addf(&b, "\n[inactive: missing %s]", missing);
	return buf_take(&b);
}

/* ---- validate ------------------------------------------------------------------------------- */

/* A script may not import the product: it runs outside of it. */
static void
check_imports(const char *path, const char *text, struct findings *out)
{
	for (const char *p = text; p != NULL && *p != '\0'; p = (p = strchr(p, '\n')) == NULL ? NULL : p + 1) {
		const char *word = p + strspn(p, " \t");

		word += strncmp(word, "import ", 7) == 0 ? 7 : strncmp(word, "from ", 5) == 0 ? 5 : 0;
		if (word > p + strspn(p, " \t") && strncmp(word, "alpi", 4) == 0 && strchr(" .\r\n", word[4]) != NULL)
			findings_add(out, true, "%s: imports alpi, which skills run without", path);
	}
}

static void
check_one(const struct skill *s, int dir, const char *subdir, const char *name, struct findings *out)
{
	cleanup_free char *path = xasprintf("%s/%s", subdir, name);
	cleanup_buf struct buf b = BUF(0);
	struct error e = { 0 };

	if (!skill_file_ok(name))
		findings_add(out, true, "%s: no name of a file that a skill can have", path);
	if (beneath_read(dir, path, SKILL_FILE_MAX, &b, &e) == -1) {
		findings_add(out, true, "%s", e.text);
		return;
	}
	if (skill_scan(path, buf_str(&b), b.len, s->text, s->len, &e) == -1)
		findings_add(out, true, "%s", e.text);
	if (strcmp(subdir, "scripts") == 0 && b.len > 0 && u8_check((const uint8_t *)b.data, b.len) != NULL)
		findings_add(out, true, "%s: is not UTF-8 text", path);
	else if (strcmp(subdir, "scripts") == 0)
		check_imports(path, buf_str(&b), out);
}

static void
check_all(const struct skill *s, int dir, struct findings *out)
{
	const struct skill_subdir *sub;
	struct error e = { 0 };

	if (skill_scan("SKILL.md", s->text, s->len, s->text, s->len, &e) == -1)
		findings_add(out, true, "%s", e.text);
	for (size_t i = 0; (sub = skill_subdir_at(i)) != NULL; i++) {
		char **names = sub->scanned ? beneath_names(dir, sub->name, false) : NULL;

		for (char **n = names; n != NULL && *n != NULL; n++)
			check_one(s, dir, sub->name, *n, out);
		beneath_names_free(names);
	}
}

static char *
do_validate(const struct skill_asker *a, struct skill *s, const json_t *args, struct error *e)
{
	cleanup_close int dir = open_folder(a, s, e);
	cleanup_free char *missing = eligible_missing(&a->el, s);
	char *text;

	if (dir == -1)
		return NULL;
	check_all(s, dir, &s->findings);
	if (missing != NULL)
		findings_add(&s->findings, false, "inactive: missing %s", missing);
	text = findings_text(&s->findings);
	return text != NULL ? text : xasprintf("%s: nothing is wrong", s->name);
}

/* ---- run ------------------------------------------------------------------------------------ */

static bool
has_script(int dir)
{
	char **names = beneath_names(dir, "scripts", false);
	bool found = false;

	for (char **n = names; n != NULL && *n != NULL; n++)
		found |= strcmp(*n, "run.py") == 0;
	beneath_names_free(names);
	return found;
}

static int
check_run(const struct skill_asker *a, struct skill *s, bool *script, struct error *e)
{
	cleanup_free char *missing = eligible_missing(&a->el, s);
	cleanup_close int dir = open_folder(a, s, e);
	const char *wrong;

	if (dir == -1)
		return -1;
	if (missing != NULL)
		return error_set(e, ERR_unavailable, "%s cannot be used here: missing %s", s->name, missing);
	if ((*script = has_script(dir)))
		check_all(s, dir, &s->findings);
	wrong = findings_error(&s->findings);
	return wrong == NULL ? 0 : error_set(e, ERR_invalid, "%s does not run before this is right: %s", s->name, wrong);
}

int
skill_may_run(const struct skill_asker *a, const char *name, bool *script, struct error *e)
{
	struct skill *s = skill_find(a->home, name, e);
	int r = s == NULL ? -1 : check_run(a, s, script, e);

	skill_free(s);
	return r;
}

bool
skill_has_python(const struct skill_asker *a, const char *name)
{
	struct skill *s = skill_find(a->home, name, NULL);
	cleanup_close int dir = s == NULL ? -1 : open_folder(a, s, NULL);
	char **names = dir == -1 ? NULL : beneath_names(dir, "scripts", false);
	bool found = false;

	for (char **n = names; n != NULL && *n != NULL; n++)
		found |= strlen(*n) > 3 && strcmp(*n + strlen(*n) - 3, ".py") == 0;
	beneath_names_free(names);
	skill_free(s);
	return found;
}

/* What has no script is read and followed. */
static char *
do_run(const struct skill_asker *a, struct skill *s, const json_t *args, struct error *e)
{
	cleanup_free char *text = do_view(a, s, args, e);

	return text == NULL ? NULL : xasprintf("[%s has no script: follow what it says]\n%s", s->name, text);
}

/* ---- changes -------------------------------------------------------------------------------- */

/* What was done, and what is still not right with the skill. */
static char *
changed(const struct skill_asker *a, const char *name, const char *said)
{
	struct skill *s = skill_find(a->home, name, NULL);
	cleanup_free char *findings = s == NULL ? NULL : findings_text(&s->findings);
	cleanup_free char *missing = s == NULL ? NULL : eligible_missing(&a->el, s);

	skill_free(s);
	return xasprintf("%s %s%s%s%s%s", said, name, findings != NULL ? "\n" : "", findings != NULL ? findings : "",
	    missing != NULL ? "\ninactive: missing " : "", missing != NULL ? missing : "");
}

static char *
done(const struct skill_asker *a, const struct skill *s, int r, const char *said)
{
	return r == -1 ? NULL : changed(a, s->name, said);
}

/* Takes text. */
static char *
noted(const struct skill_asker *a, char *text)
{
	cleanup_free char *said = text;

	return said == NULL || a->note == NULL ? steal(said) : xasprintf("%s\n%s", said, a->note);
}

static char *
do_create(const struct skill_asker *a, struct skill *none, const json_t *args, struct error *e)
{
	static const char *const given[] = { "name", "category", "description", "requires_env", "requires_bins", "requires_config",
		"platforms", "tools", "keywords", "output_schema" };
	cleanup_json json_t *fields = json_object();

	for (size_t i = 0; i < COUNT(given); i++) {
		json_t *v = json_object_get(args, given[i]);

		if (i < 3 && !json_is_string(v)) {
			error_set(e, ERR_invalid, "skill: create needs name, category, description and body");
			return NULL;
		}
		if (v != NULL && !json_is_null(v))
			json_object_set(fields, given[i], v);
	}
	if (skill_create(a->home, fields, text_of(args, "body"), a->person ? "user" : "agent", e) == -1)
		return NULL;
	return changed(a, text_of(args, "name"), "created");
}

static char *
do_edit(const struct skill_asker *a, struct skill *s, const json_t *args, struct error *e)
{
	return done(a, s, skill_edit(a->home, s, text_of(args, "body"), e), "edited");
}

static char *
do_patch(const struct skill_asker *a, struct skill *s, const json_t *args, struct error *e)
{
	return noted(a, done(a, s, skill_patch(a->home, s, json_str(args, "subdir", NULL), text_of(args, "filename"),
	    text_of(args, "old_string"), text_of(args, "new_string"), e), "patched"));
}

static char *
do_add_file(const struct skill_asker *a, struct skill *s, const json_t *args, struct error *e)
{
	const char *content = json_str(args, "content", NULL), *subdir = text_of(args, "subdir"), *file = text_of(args, "filename");

	if (content == NULL) {
		error_set(e, ERR_invalid, "skill: add_file needs subdir, filename and content");
		return NULL;
	}
	return noted(a, done(a, s, skill_add_file(a->home, s, subdir, file, content, strlen(content), e), "added a file to"));
}

static char *
do_remove_file(const struct skill_asker *a, struct skill *s, const json_t *args, struct error *e)
{
	return done(a, s, skill_remove_file(a->home, s, text_of(args, "subdir"), text_of(args, "filename"), e), "removed a file from");
}

/* Whoever is kept from deleting a skill may not take away what keeps them. */
static char *
do_set_meta(const struct skill_asker *a, struct skill *s, const json_t *args, struct error *e)
{
	json_t *fields = json_object_get(args, "fields"), *pinned = json_object_get(fields, "pinned");

	if (!a->person && pinned != NULL && !json_is_true(pinned) && skill_is_pinned(s)) {
		error_set(e, ERR_denied, "%s is pinned; a person takes that out of its SKILL.md", s->name);
		return NULL;
	}
	return done(a, s, skill_set_meta(a->home, s, fields, e), "changed the block of");
}

static char *
do_reset_state(const struct skill_asker *a, struct skill *s, const json_t *args, struct error *e)
{
	return done(a, s, skill_reset_state(a->home, s, e), "emptied the state of");
}

static char *
do_delete(const struct skill_asker *a, struct skill *s, const json_t *args, struct error *e)
{
	cleanup_free char *to = skill_delete(a->home, s, e);

	return to == NULL ? NULL : xasprintf("deleted %s; it lies in skills/%s", s->name, to);
}

/* ---- the table ------------------------------------------------------------------------------ */

static const struct action {
	const char	*name;
	bool		 of_one, changes;	/* about a skill that there is; it or its files become others */
	action_fn	*run;
} actions[] = {
	{ "list", false, false, do_list }, { "view", true, false, do_view }, { "validate", true, false, do_validate },
	{ "run", true, false, do_run },
	{ "create", false, true, do_create }, { "edit", true, true, do_edit }, { "patch", true, true, do_patch },
	{ "add_file", true, true, do_add_file }, { "remove_file", true, true, do_remove_file },
	{ "set_meta", true, true, do_set_meta }, { "delete", true, true, do_delete }, { "reset_state", true, true, do_reset_state },
};

static const struct action *
action_of(const char *name)
{
	for (size_t i = 0; i < COUNT(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

bool
skill_changes(const char *action)
{
	const struct action *row = action_of(action);

	return row != NULL && row->changes;
}

bool
skill_runs(const char *action)
{
	return strcmp(action, "run") == 0 || strcmp(action, "test") == 0 || strcmp(action, "invoke") == 0;
}

bool
skill_shows(const json_t *args)
{
	const char *file = text_of(args, "file");

	if (strcmp(text_of(args, "action"), "run") == 0)	/* of one without a script */
		return true;
	return strcmp(text_of(args, "action"), "view") == 0 && strncmp(file, "state", 5) != 0 && strncmp(file, "assets", 6) != 0;
}

static int
may_change(const struct skill_asker *a, const struct skill *s, const json_t *args, struct error *e)
{
	if (a->person || skill_is_agents(s) || json_bool(args, "confirm_user_skill", false))
		return 0;
	return error_set(e, ERR_denied, "%s was not made by you: ask the user, then call again with confirm_user_skill true", s->name);
}

char *
skill_call(const struct skill_asker *a, const json_t *args, struct error *e)
{
	const struct action *row = action_of(text_of(args, "action"));
	struct skill *s = NULL;
	char *out = NULL;

	if (row == NULL) {
		error_set(e, ERR_invalid, "skill: \"action\" is list, view, validate, run, test, invoke, create, edit, patch, add_file, remove_file, set_meta, "
		    "delete or reset_state");
		return NULL;
	}
	if (!row->of_one)
		return row->run(a, NULL, args, e);
	if ((s = skill_find(a->home, text_of(args, "name"), e)) != NULL && (!row->changes || may_change(a, s, args, e) == 0))
		out = row->run(a, s, args, e);
	skill_free(s);
	return out;
}

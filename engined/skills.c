/* SPDX-License-Identifier: Apache-2.0 */
/* See skills.h. */
#include "engined/skills.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/mem.h"
#include "engined/beneath.h"

static const struct skill_subdir subdirs[] = {
	{ "scripts", true, false }, { "references", true, false }, { "assets", true, false }, { "secrets", false, true }, { "state", false, true },
};

const struct skill_subdir *
skill_subdir_at(size_t i)
{
	return i < COUNT(subdirs) ? &subdirs[i] : NULL;
}

const struct skill_subdir *
skill_subdir(const char *name)
{
	for (size_t i = 0; i < COUNT(subdirs); i++)
		if (strcmp(subdirs[i].name, name) == 0)
			return &subdirs[i];
	return NULL;
}

int
skills_dir(const char *home, struct error *e)
{
	cleanup_free char *path = xasprintf("%s/skills", home);
	int fd;

	if (mkdir(path, 0700) == -1 && access(path, F_OK) == -1)
		return error_errno(e, "%s", path);
	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return error_errno(e, "%s", path);
	return fd;
}

/* ---- one skill ------------------------------------------------------------------------------ */

void
skill_free(struct skill *s)
{
	if (s == NULL)
		return;
	front_clear(&s->front);
	findings_clear(&s->findings);
	free(s->category);
	free(s->name);
	free(s->path);
	free(s->text);
	free(s);
}

/* The skill of a folder, however broken; NULL: the folder is none. */
static struct skill *
load(int dir, const char *category, const char *name)
{
	cleanup_free char *path = xasprintf("%s/%s", category, name);
	cleanup_close int folder = beneath_dir(dir, path, 0, NULL);
	cleanup_buf struct buf b = BUF(0);
	struct error e = { 0 };
	struct skill *s;

	if (folder == -1 || (beneath_read(folder, "SKILL.md", SKILL_FILE_MAX, &b, &e) == -1 && e.code == ERR_not_found))
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->category = xstrdup(category);
	s->name = xstrdup(name);
	s->path = steal(path);
	s->len = e.code == ERR_none ? b.len : 0;
	s->text = e.code == ERR_none ? buf_take(&b) : xstrdup("");
	if (e.code != ERR_none || front_parse(s->text, s->len, &s->front, &e) == -1)
		findings_add(&s->findings, true, "%s", e.text);
	else
		skill_check(&s->front, category, name, &s->findings);
	return s;
}

bool
skill_is_agents(const struct skill *s)
{
	const char *origin = front_get(&s->front, "origin");

	return origin != NULL && strcmp(origin, "agent") == 0;
}

bool
skill_is_pinned(const struct skill *s)
{
	const char *v = front_get(&s->front, "pinned");

	return v != NULL && (strcmp(v, "True") == 0 || strcmp(v, "true") == 0);
}

const char *
skill_prose(const struct skill *s)
{
	return s->text + s->front.body;
}

char *
skill_folder(const char *home, const struct skill *s)
{
	return xasprintf("%s/skills/%s", home, s->path);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static bool
is_category(const char *name)
{
	return strchr("_@.", name[0]) == NULL;
}

static void
add(struct skills *out, struct skill *s)
{
	if (s == NULL)
		return;
	out->rows = xreallocarray(out->rows, out->n + 1, sizeof(*out->rows));
	out->rows[out->n++] = s;
}

void
skills_load(const char *home, struct skills *out)
{
	cleanup_close int dir = skills_dir(home, NULL);
	char **categories;

	*out = (struct skills){ 0 };
	if (dir == -1)
		return;
	categories = beneath_names(dir, "", true);
	for (char **c = categories; *c != NULL; c++) {
		char **names = is_category(*c) ? beneath_names(dir, *c, true) : NULL;

		for (char **n = names; n != NULL && *n != NULL; n++)
			add(out, load(dir, *c, *n));
		beneath_names_free(names);
	}
	beneath_names_free(categories);
}

void
skills_clear(struct skills *s)
{
	for (size_t i = 0; i < s->n; i++)
		skill_free(s->rows[i]);
	free(s->rows);
	*s = (struct skills){ 0 };
}

/* The first of the name, and in *other the category of a second one. */
static struct skill *
find_in(int dir, char *const *categories, const char *name, const char **other)
{
	struct skill *found = NULL, *s;

	for (*other = NULL; *categories != NULL && *other == NULL; categories++) {
		if (!is_category(*categories) || (s = load(dir, *categories, name)) == NULL)
			continue;
		if (found == NULL) {
			found = s;
			continue;
		}
		*other = *categories;
		skill_free(s);
	}
	return found;
}

static int
check_name(const char *name, struct error *e)
{
	if (name[0] == '@')
		return error_set(e, ERR_denied, "%.64s belongs to the product and cannot be used or changed", name);
	if (!skill_name_ok(name))
		return error_set(e, ERR_invalid, "\"%.64s\" is no name of a skill: a lower-case letter, then 1 to 60 lower-case letters, "
		    "digits, hyphens", name);
	return 0;
}

struct skill *
skill_find_in(const char *home, const char *category, const char *name, struct error *e)
{
	cleanup_close int dir = -1;
	struct skill *s;

	if (category == NULL || category[0] == '\0')
		return skill_find(home, name, e);
	if (check_name(name, e) == -1 || (dir = skills_dir(home, e)) == -1)
		return NULL;
	if (!skill_category_ok(category) || (s = load(dir, category, name)) == NULL) {
		error_set(e, ERR_not_found, "there is no skill %s in %.60s", name, category);
		return NULL;
	}
	return s;
}

struct skill *
skill_find(const char *home, const char *name, struct error *e)
{
	cleanup_close int dir = -1;
	char **categories;
	const char *other;
	struct skill *s;

	if (check_name(name, e) == -1 || (dir = skills_dir(home, e)) == -1)
		return NULL;
	categories = beneath_names(dir, "", true);
	if ((s = find_in(dir, categories, name, &other)) == NULL)
		error_set(e, ERR_not_found, "there is no skill %s", name);
	if (other != NULL) {
		error_set(e, ERR_conflict, "there are two skills %s, in %.60s and in %.60s; rename one by hand", name, s->category, other);
		skill_free(steal(s));
	}
	beneath_names_free(categories);
	return s;
}

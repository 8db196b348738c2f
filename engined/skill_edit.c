/* SPDX-License-Identifier: Apache-2.0 */
/* See skill_edit.h. */
#include "engined/skill_edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <unistr.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/beneath.h"

#define ARCHIVE	".archive"

static time_t
now(void)
{
	return (time_t)(clock_wall_ms() / 1000);
}

/* ---- what may be written --------------------------------------------------------------------- */

char *
skill_file_path(const char *subdir, const char *filename, struct error *e)
{
	if (skill_subdir(subdir) == NULL) {
		error_set(e, ERR_invalid, "\"%.64s\" is no folder of a skill: scripts, references, assets, secrets, state", subdir);
		return NULL;
	}
	if (!skill_file_ok(filename)) {
		error_set(e, ERR_invalid, "\"%.120s\" is no name of a file: a letter or digit, then at most 100 letters, digits, . _ -", filename);
		return NULL;
	}
	return xasprintf("%s/%s", subdir, filename);
}

/* Is there prose, and is it the prose itself? */
static int
check_prose(const char *prose, struct error *e)
{
	static const char *const placeholders[] = { "", "todo", "tbd", "...", "\xe2\x80\xa6", "pending view" };
	size_t skip = strspn(prose, " \t\r\n"), len = strlen(prose + skip);

	while (len > 0 && strchr(" \t\r\n", prose[skip + len - 1]) != NULL)
		len--;
	for (size_t i = 0; i < COUNT(placeholders); i++)
		if (strlen(placeholders[i]) == len && strncasecmp(placeholders[i], prose + skip, len) == 0)
			return error_set(e, ERR_invalid, "the body holds nothing yet: write the instructions whole");
	if (strncmp(prose + skip, "---", 3) == 0 && strchr("\r\n", prose[skip + 3]) != NULL)
		return error_set(e, ERR_invalid, "the body begins with a \"---\" block: give the prose only; set_meta changes the block");
	return 0;
}

/* Would this be a good SKILL.md for category/name? */
static int
check_text(const char *category, const char *name, const char *text, size_t len, struct error *e)
{
	struct findings findings = { 0 };
	struct front f;
	int r;

	if (len > SKILL_FILE_MAX)
		return error_set(e, ERR_too_large, "SKILL.md: larger than %d bytes", SKILL_FILE_MAX);
	if (front_parse(text, len, &f, e) == -1)
		return -1;
	skill_check(&f, category, name, &findings);
	if (findings_error(&findings) != NULL)
		r = error_set(e, ERR_invalid, "%s", findings_error(&findings));
	else if (utf8_count(text + f.body, len - f.body) > SKILL_BODY_CHARS)
		r = error_set(e, ERR_too_large, "the body is longer than %d characters; put parts of it into references/", SKILL_BODY_CHARS);
	else
		r = skill_scan("SKILL.md", text, len, text, len, e);
	findings_clear(&findings);
	front_clear(&f);
	return r;
}

/* May a file of the skill with this SKILL.md hold this? */
static int
check_file(const char *declaring, size_t declaring_len, const char *subdir, const char *path, const void *data, size_t len,
    struct error *e)
{
	if (len > SKILL_FILE_MAX)
		return error_set(e, ERR_too_large, "%s: larger than %d bytes", path, SKILL_FILE_MAX);
	if (!skill_subdir(subdir)->scanned)
		return 0;
	return skill_scan(path, data, len, declaring, declaring_len, e);
}

/* ---- writing ---------------------------------------------------------------------------------- */

/* Write a file of the skill in `dir`; what was there goes beside it, unless it is the same. */
static int
replace(int dir, const char *path, const void *data, size_t len, bool private, struct error *e)
{
	cleanup_free char *before = xasprintf("%s.bak", path);
	cleanup_buf struct buf old = BUF(0);
	struct error why = { 0 };

	if (!private && beneath_read(dir, path, SKILL_FILE_MAX, &old, &why) == 0 &&
	    (old.len != len || memcmp(buf_str(&old), data, len) != 0) && beneath_write(dir, before, buf_str(&old), old.len, 0644, e) == -1)
		return -1;
	return beneath_write(dir, path, data, len, private ? 0600 : 0644, e);
}

static int
open_skill(const char *home, const struct skill *s, struct error *e)
{
	cleanup_close int dir = skills_dir(home, e);

	return dir == -1 ? -1 : beneath_dir(dir, s->path, 0, e);
}

/* The skill's text becomes another one. */
static int
save_text(const char *home, const struct skill *s, const char *text, struct error *e)
{
	cleanup_close int dir = check_text(s->category, s->name, text, strlen(text), e) == -1 ? -1 : open_skill(home, s, e);

	return dir == -1 ? -1 : replace(dir, "SKILL.md", text, strlen(text), false, e);
}

static int
save_file(const char *home, const struct skill *s, const char *subdir, const char *path, const void *data, size_t len,
    struct error *e)
{
	const struct skill_subdir *rule = skill_subdir(subdir);
	cleanup_close int dir = check_file(s->text, s->len, subdir, path, data, len, e) == -1 ? -1 : open_skill(home, s, e);
	cleanup_close int folder = dir == -1 ? -1 : beneath_dir(dir, subdir, rule->private ? 0700 : 0755, e);

	return folder == -1 ? -1 : replace(dir, path, data, len, rule->private, e);
}

/* ---- a new skill -------------------------------------------------------------------------------- */

/* The variables it needs, as a person would fill them in. NULL: none. The caller frees. */
static char *
env_example(const char *text, size_t len)
{
	char **names = skill_declared(text, len);
	struct buf b = BUF(0);

	for (char **p = names; *p != NULL; p++)
		buf_addf(&b, "%s=\n", *p);
	skill_words_free(names);
	return b.len == 0 ? NULL : buf_take(&b);
}

static int
check_quota(const char *home, const struct front *f, struct error *e)
{
	const char *origin = front_get(f, "origin");
	struct skills all;
	size_t n = 0;

	if (origin == NULL || strcmp(origin, "agent") != 0)
		return 0;
	skills_load(home, &all);
	for (size_t i = 0; i < all.n; i++)
		n += skill_is_agents(all.rows[i]);
	skills_clear(&all);
	return n < SKILL_QUOTA ? 0 : error_set(e, ERR_full, "there are %d skills that the agent has made; put some together, or delete some", SKILL_QUOTA);
}

static int
check_part(const struct skill_part *head, const struct skill_part *p, struct error *e)
{
	const char *slash = strchr(p->path, '/');
	cleanup_free char *subdir = xstrndup(p->path, slash == NULL ? strlen(p->path) : (size_t)(slash - p->path));
	cleanup_free char *path = slash == NULL ? NULL : skill_file_path(subdir, slash + 1, e);

	if (slash == NULL)
		return error_set(e, ERR_invalid, "%.120s: beside SKILL.md a skill has only the folders scripts, references, assets", p->path);
	return path == NULL ? -1 : check_file(head->data, head->len, subdir, path, p->data, p->len, e);
}

static int
check_new(const char *home, const char *category, const char *name, const struct skill_part *parts, size_t n,
    const struct front *f, struct error *e)
{
	struct error why = { 0 };
	struct skill *there = skill_find(home, name, &why);
	bool taken = there != NULL || why.code == ERR_conflict;

	skill_free(there);
	if (taken)
		return error_set(e, ERR_exists, "there is a skill %s", name);
	if (n > SKILL_FILES_MAX)
		return error_set(e, ERR_too_large, "more than %d files", SKILL_FILES_MAX);
	if (check_text(category, name, parts[0].data, parts[0].len, e) == -1 || check_quota(home, f, e) == -1)
		return -1;
	for (size_t i = 1; i < n; i++)
		if (check_part(&parts[0], &parts[i], e) == -1)
			return -1;
	return 0;
}

/* All files of a new skill, in a folder of their own. */
static int
write_parts(int dir, const struct skill_part *parts, size_t n, struct error *e)
{
	static const char ignored[] = "secrets/\nstate/\n";
	cleanup_free char *example = env_example(parts[0].data, parts[0].len);

	for (size_t i = 0; i < n; i++) {
		cleanup_free char *subdir = xstrndup(parts[i].path, strcspn(parts[i].path, "/"));
		const struct skill_subdir *rule = skill_subdir(subdir);
		cleanup_close int folder = rule == NULL ? -1 : beneath_dir(dir, subdir, rule->private ? 0700 : 0755, e);

		if ((rule != NULL && folder == -1) || beneath_write(dir, parts[i].path, parts[i].data, parts[i].len,
		    rule != NULL && rule->private ? 0600 : 0644, e) == -1)
			return -1;
	}
	if (example != NULL && beneath_write(dir, ".env.example", example, strlen(example), 0644, e) == -1)
		return -1;
	return beneath_write(dir, ".gitignore", ignored, sizeof(ignored) - 1, 0644, e);
}

/* It is written aside and then moved, so that half of it is never seen. */
static int
land(int skills, const char *category, const char *name, const struct skill_part *parts, size_t n, struct error *e)
{
	cleanup_free char *to = xasprintf("%s/%s", category, name);
	cleanup_close int in = beneath_dir(skills, category, 0755, e), aside = -1;

	if (in == -1 || beneath_remove(skills, ".new", e) == -1 || (aside = beneath_dir(skills, ".new", 0755, e)) == -1)
		return -1;
	if (write_parts(aside, parts, n, e) == 0 && beneath_move(skills, ".new", to, e) == 0)
		return 0;
	beneath_remove(skills, ".new", NULL);
	return -1;
}

int
skill_land(const char *home, const char *category, const char *name, const struct skill_part *parts, size_t n, bool check,
    struct error *e)
{
	cleanup_close int dir = -1;
	struct front f;
	int r;

	if (!skill_name_ok(name) || !skill_category_ok(category))
		return error_set(e, ERR_invalid, "%s: a name is a lower-case letter, then 1 to 60 lower-case letters, digits, hyphens; "
		    "a category one of %s", name, skill_category_names());
	if ((dir = skills_dir(home, e)) == -1 || front_parse(parts[0].data, parts[0].len, &f, e) == -1)
		return -1;
	r = check_new(home, category, name, parts, n, &f, e);
	if (r == 0 && !check)
		r = land(dir, category, name, parts, n, e);
	front_clear(&f);
	return r;
}

/* The head of a new skill. The caller frees; NULL with the error. */
static char *
new_head(const json_t *given, const char *origin, struct error *e)
{
	cleanup_json json_t *fields = json_copy((json_t *)given);
	time_t t = now();
	char today[16];
	struct tm tm;

	strftime(today, sizeof(today), "%Y-%m-%d", gmtime_r(&t, &tm));
	json_object_set_new(fields, "version", json_string("0.1.0"));
	json_object_set_new(fields, "origin", json_string(origin));
	json_object_set_new(fields, "created_at", json_string(today));
	return front_make(fields, e);
}

/* Block and prose, a blank line between, one line end at the end. The caller frees. */
static char *
joined(const char *head, size_t len, const char *prose, const char *eol)
{
	size_t skip = strspn(prose, " \t\r\n"), n = strlen(prose + skip);

	while (n > 0 && strchr(" \t\r\n", prose[skip + n - 1]) != NULL)
		n--;
	return xasprintf("%.*s%s%.*s%s", (int)len, head, eol, (int)n, prose + skip, eol);
}

int
skill_create(const char *home, const json_t *fields, const char *prose, const char *origin, struct error *e)
{
	cleanup_free char *head = check_prose(prose, e) == -1 ? NULL : new_head(fields, origin, e);
	cleanup_free char *text = head == NULL ? NULL : joined(head, strlen(head), prose, "\n");

	if (text == NULL)
		return -1;
	return skill_land(home, json_str(fields, "category", ""), json_str(fields, "name", ""),
	    &(struct skill_part){ .path = "SKILL.md", .data = text, .len = strlen(text) }, 1, false, e);
}

/* ---- changes ------------------------------------------------------------------------------------- */

/* There is a block to keep. */
static int
check_head(const struct skill *s, struct error *e)
{
	return s->front.body > 0 ? 0 : error_set(e, ERR_invalid, "%s: %s", s->name, findings_error(&s->findings));
}

int
skill_edit(const char *home, const struct skill *s, const char *prose, struct error *e)
{
	cleanup_free char *text = check_head(s, e) == -1 || check_prose(prose, e) == -1 ? NULL :
	    joined(s->text, s->front.body, prose, s->front.eol);

	return text == NULL ? -1 : save_text(home, s, text, e);
}

/* The one place of `old` in a text; NULL with the error. Borrowed. */
static const char *
one_place(const char *text, const char *old, struct error *e)
{
	const char *at = old[0] == '\0' ? NULL : strstr(text, old);

	if (at == NULL)
		error_set(e, ERR_not_found, "\"old_string\" is not there; it is taken letter by letter%s", old[0] == '\0' ? ", and is empty" : "");
	else if (strstr(at + 1, old) != NULL) {
		error_set(e, ERR_conflict, "\"old_string\" is there more than once; give more of the place that is meant");
		at = NULL;
	}
	return at;
}

static int
patch_prose(const char *home, const struct skill *s, const char *old, const char *new, struct error *e)
{
	const char *at = check_head(s, e) == -1 ? NULL : one_place(skill_prose(s), old, e);
	cleanup_free char *text = at == NULL ? NULL : xasprintf("%.*s%s%s", (int)(at - s->text), s->text, new, at + strlen(old));

	if (text == NULL)
		return s->front.body == 0 ? -1 : error_add(e, "the prose of SKILL.md (set_meta changes the block above it)");
	return save_text(home, s, text, e);
}

char *
skill_patched(const char *home, const struct skill *s, const char *subdir, const char *filename, const char *old,
    const char *new, struct error *e)
{
	cleanup_free char *path = skill_file_path(subdir, filename, e);
	cleanup_close int dir = path == NULL ? -1 : open_skill(home, s, e);
	cleanup_buf struct buf b = BUF(0);
	const char *at;

	if (dir == -1 || beneath_read(dir, path, SKILL_FILE_MAX, &b, e) == -1)
		return NULL;
	if (memchr(buf_str(&b), '\0', b.len) != NULL || u8_check((const uint8_t *)buf_str(&b), b.len) != NULL) {
		error_set(e, ERR_invalid, "%s is no UTF-8 text; add_file replaces it whole", path);
		return NULL;
	}
	if ((at = one_place(buf_str(&b), old, e)) == NULL)
		return NULL;
	return xasprintf("%.*s%s%s", (int)(at - b.data), b.data, new, at + strlen(old));
}

int
skill_patch(const char *home, const struct skill *s, const char *subdir, const char *filename, const char *old,
    const char *new, struct error *e)
{
	cleanup_free char *path = NULL, *text = NULL;

	if (subdir == NULL)
		return patch_prose(home, s, old, new, e);
	if ((text = skill_patched(home, s, subdir, filename, old, new, e)) == NULL ||
	    (path = skill_file_path(subdir, filename, e)) == NULL)
		return -1;
	return save_file(home, s, subdir, path, text, strlen(text), e);
}

/* A skill stays where it is, under its name. */
static int
check_fields(const json_t *fields, struct error *e)
{
	if (!json_is_object(fields) || json_object_size(fields) == 0)
		return error_set(e, ERR_invalid, "\"fields\" is an object of keys and values; null takes a key out");
	if (json_object_get(fields, "name") != NULL || json_object_get(fields, "category") != NULL)
		return error_set(e, ERR_invalid, "name and category say where a skill lies; create another one and delete this");
	return 0;
}

/* The example of its variables follows its block. */
static int
save_example(const char *home, const struct skill *s, const char *text, struct error *e)
{
	cleanup_close int dir = open_skill(home, s, e);
	cleanup_free char *example = env_example(text, strlen(text));

	if (dir == -1)
		return -1;
	if (example == NULL)
		return beneath_remove(dir, ".env.example", e);
	return beneath_write(dir, ".env.example", example, strlen(example), 0644, e);
}

int
skill_set_meta(const char *home, const struct skill *s, const json_t *fields, struct error *e)
{
	cleanup_free char *text = check_head(s, e) == -1 || check_fields(fields, e) == -1 ? NULL :
	    front_change(s->text, s->len, fields, e);

	if (text == NULL || save_text(home, s, text, e) == -1)
		return -1;
	if (json_object_get(fields, "requires_env") == NULL && json_object_get(fields, "env") == NULL)
		return 0;
	return save_example(home, s, text, e);
}

int
skill_add_file(const char *home, const struct skill *s, const char *subdir, const char *filename, const void *data, size_t len,
    struct error *e)
{
	cleanup_free char *path = skill_file_path(subdir, filename, e);

	return path == NULL ? -1 : save_file(home, s, subdir, path, data, len, e);
}

int
skill_remove_file(const char *home, const struct skill *s, const char *subdir, const char *filename, struct error *e)
{
	cleanup_free char *path = skill_file_path(subdir, filename, e);
	cleanup_close int dir = path == NULL ? -1 : open_skill(home, s, e);
	cleanup_free char *before = path == NULL ? NULL : xasprintf("%s.bak", path);
	cleanup_buf struct buf b = BUF(0);

	if (dir == -1 || beneath_read(dir, path, SKILL_FILE_MAX, &b, e) == -1)
		return -1;
	return skill_subdir(subdir)->private ? beneath_remove(dir, path, e) : beneath_move(dir, path, before, e);
}

int
skill_reset_state(const char *home, const struct skill *s, struct error *e)
{
	cleanup_close int dir = open_skill(home, s, e);
	cleanup_close int state = -1;

	if (dir == -1 || beneath_remove(dir, "state", e) == -1)
		return -1;
	return (state = beneath_dir(dir, "state", 0700, e)) == -1 ? -1 : 0;
}

char *
skill_delete(const char *home, const struct skill *s, struct error *e)
{
	cleanup_close int dir = skills_dir(home, e), archive = -1;
	cleanup_free char *folder = xasprintf("%s/%s", ARCHIVE, s->category), *to = NULL;
	time_t t = now();
	char stamp[32];
	struct tm tm;

	if (skill_is_pinned(s)) {
		error_set(e, ERR_denied, "%s is pinned and stays; a person takes \"pinned\" out of its SKILL.md first", s->name);
		return NULL;
	}
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&t, &tm));
	to = xasprintf("%s/%s__%s", folder, s->name, stamp);
	if (dir == -1 || (archive = beneath_dir(dir, folder, 0700, e)) == -1 || beneath_move(dir, s->path, to, e) == -1)
		return NULL;
	return steal(to);
}

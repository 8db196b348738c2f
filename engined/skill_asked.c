/* SPDX-License-Identifier: Apache-2.0 */
/* See skill_asked.h. */
#include "engined/skill_asked.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unistr.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/beneath.h"
#include "engined/engine.h"
#include "engined/skill_edit.h"
#include "engined/skill_import.h"
#include "engined/skill_tool.h"

#define BODY_CHARS	32000			/* of one that is shown */
#define BODIES_BYTES	(2 * 1024 * 1024)	/* of all in a list, so that it fits a message */

static json_t *
words(const struct front *f, const char *key)
{
	char **list = front_list(f, key);
	json_t *out = json_array();

	for (char **w = list; *w != NULL; w++)
		json_array_append_new(out, json_string(*w));
	skill_words_free(list);
	return out;
}

static json_t *
row_of(const struct engine *en, const struct eligible *el, const struct skill *s)
{
	const char *wrong = findings_error(&s->findings), *description = front_get(&s->front, "description");
	cleanup_free char *missing = wrong != NULL ? NULL : eligible_missing(el, s), *path = skill_folder(en->home, s);
	cleanup_free char *reason = missing == NULL ? NULL : xasprintf("missing %s", missing);

	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:o}", "category", s->category, "name", s->name,
	    "description", description == NULL ? "" : description, "path", path, "size", (json_int_t)s->len,
	    "status", wrong != NULL ? "invalid" : missing != NULL ? "inactive" : "active",
	    "reason", wrong != NULL ? wrong : reason != NULL ? reason : "", "keywords", words(&s->front, "keywords"));
}

/* Its prose, as long as it may be; how many bytes that are. */
static size_t
add_body(json_t *row, const struct skill *s)
{
	cleanup_free char *clean = utf8_clean(skill_prose(s), s->len - s->front.body);
	size_t len = strlen(clean), cut = utf8_offset(clean, len, BODY_CHARS);

	json_object_set_new(row, "body", json_stringn(clean, cut));
	json_object_set_new(row, "truncated", json_boolean(cut < len));
	return cut;
}

int
skill_asked_list(struct call *c, const void *in, struct error *e)
{
	const struct skill_list *m = in;
	struct engine *en = c->ctx;
	cleanup_json json_t *rows = json_array();
	struct eligible el;
	struct skills all;
	size_t bytes = 0;

	engine_config(en, false);
	el = engine_eligible(en);
	skills_load(en->home, &all);
	for (size_t i = 0; i < all.n; i++) {
		json_t *row = row_of(en, &el, all.rows[i]);

		json_array_append_new(rows, row);
		if (m->include_body && bytes < BODIES_BYTES)
			bytes += add_body(row, all.rows[i]);
	}
	skills_clear(&all);
	return call_reply(c, &(struct skill_list_reply){ .skills = rows });
}

/* ---- one of them ------------------------------------------------------------------------------ */

static json_t *
front_of(const struct skill *s)
{
	json_t *front = json_object();

	for (size_t i = 0; i < s->front.n; i++)
		if (s->front.rows[i].key[0] != '\0')
			json_object_set_new(front, s->front.rows[i].key, json_string(s->front.rows[i].value));
	return front;
}

static int
open_folder(const char *home, const struct skill *s, struct error *e)
{
	cleanup_close int dir = skills_dir(home, e);

	return dir == -1 ? -1 : beneath_dir(dir, s->path, 0, e);
}

static void
add_file(json_t *files, int dir, const char *path)
{
	struct stat st;

	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		json_array_append_new(files, json_pack("{s:s, s:I}", "path", path, "size", (json_int_t)st.st_size));
}

static bool
is_secret(const char *subdir)
{
	return strcmp(subdir, "secrets") == 0;
}

/* Names of what lies in secrets/ tell which services somebody uses: not even they. */
static json_t *
files_of(int dir)
{
	json_t *files = json_array();
	const struct skill_subdir *sub;

	add_file(files, dir, "SKILL.md");
	for (size_t i = 0; (sub = skill_subdir_at(i)) != NULL; i++) {
		char **names = is_secret(sub->name) ? NULL : beneath_names(dir, sub->name, false);

		for (char **n = names; n != NULL && *n != NULL; n++) {
			cleanup_free char *path = xasprintf("%s/%s", sub->name, *n);

			if (u8_check((const uint8_t *)path, strlen(path)) == NULL)
				add_file(files, dir, path);
		}
		beneath_names_free(names);
	}
	return files;
}

int
skill_asked_read(struct call *c, const void *in, struct error *e)
{
	const struct skill_read *m = in;
	struct engine *en = c->ctx;
	struct skill *s = skill_find_in(en->home, m->category, m->name, e);
	cleanup_close int dir = s == NULL ? -1 : open_folder(en->home, s, e);
	cleanup_json json_t *row = NULL;
	struct eligible el;

	if (dir == -1) {
		skill_free(s);
		return -1;
	}
	engine_config(en, false);
	el = engine_eligible(en);
	row = row_of(en, &el, s);
	json_object_set_new(row, "front", front_of(s));
	json_object_set_new(row, "files", files_of(dir));
	add_body(row, s);
	skill_free(s);
	return call_reply(c, &(struct skill_read_reply){ .skill = row });
}

/* A path that somebody may see; it stays within the skill. */
static int
check_path(const char *path, struct error *e)
{
	cleanup_free char *subdir = xstrndup(path, strcspn(path, "/")), *same = NULL;

	if (strcmp(path, "SKILL.md") == 0)
		return 0;
	if ((same = skill_file_path(subdir, path + strlen(subdir) + (path[strlen(subdir)] == '/'), e)) == NULL)
		return -1;
	if (is_secret(subdir))
		return error_set(e, ERR_denied, "what lies in %s/ is shown to nobody", subdir);
	return 0;
}

int
skill_asked_file(struct call *c, const void *in, struct error *e)
{
	const struct skill_file *m = in;
	struct engine *en = c->ctx;
	struct skill *s = check_path(m->path, e) == -1 ? NULL : skill_find_in(en->home, m->category, m->name, e);
	cleanup_close int dir = s == NULL ? -1 : open_folder(en->home, s, e);
	cleanup_buf struct buf b = BUF(0);
	int r = dir == -1 ? -1 : beneath_read(dir, m->path, SKILL_FILE_MAX, &b, e);

	skill_free(s);
	if (r == 0 && (memchr(buf_str(&b), '\0', b.len) != NULL || u8_check((const uint8_t *)buf_str(&b), b.len) != NULL))
		r = error_set(e, ERR_invalid, "%.120s is no UTF-8 text", m->path);
	return r == -1 ? -1 : call_reply(c, &(struct skill_file_reply){ .text = buf_str(&b) });
}

/* ---- what is done with them ------------------------------------------------------------------- */

/* No sandbox is asked on this way. Takes text. */
static char *
with_warning(char *text)
{
	cleanup_free char *said = text;

	return xasprintf("%s\nwarning: the scripts were not parsed (alpi skill validate does)", said);
}

int
skill_asked_call(struct call *c, const void *in, struct error *e)
{
	static const char *const allowed[] = { "view", "validate", "delete" };
	const struct skill_call *m = in;
	struct engine *en = c->ctx;
	struct skill_asker who = { .home = en->home, .person = true };
	cleanup_json json_t *args = json_pack("{s:s, s:s, s:s*}", "action", m->action, "name", m->name, "file", m->file);
	cleanup_free char *text = NULL;

	for (size_t i = 0; i < COUNT(allowed); i++)
		if (strcmp(allowed[i], m->action) == 0) {
			engine_config(en, false);
			who.el = engine_eligible(en);
			if ((text = skill_call(&who, args, e)) == NULL)
				return -1;
			if (strcmp(m->action, "validate") == 0 && skill_has_python(&who, m->name))
				text = with_warning(steal(text));
			return call_reply(c, &(struct skill_call_reply){ .text = text });
		}
	return error_set(e, ERR_invalid, "action is view, validate or delete");
}

int
skill_asked_import(struct call *c, const void *in, struct error *e)
{
	const struct skill_import *m = in;
	struct engine *en = c->ctx;
	cleanup_json json_t *report = skill_import_files(en->home, &(struct skill_import_order){
		.files = m->files, .name = m->name, .category = m->category, .check = m->check }, e);

	return report == NULL ? -1 : call_reply(c, &(struct skill_import_reply){ .report = report });
}

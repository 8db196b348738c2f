/* SPDX-License-Identifier: Apache-2.0 */
/* See skill_import.h. */
#include "engined/skill_import.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/yaml.h"
#include "engined/skill_edit.h"

#define DEFAULT_CATEGORY "miscellaneous"

struct incoming {
	struct skill_part	*parts;		/* [0] is the SKILL.md as it will be */
	char			**owned;	/* what parts point to, then NULL */
	size_t			 n, n_owned;
	json_t			*left_out;
	char			*name, *category;
	const char		*layout;
};

static char *
own(struct incoming *in, char *take)
{
	in->owned = xreallocarray(in->owned, in->n_owned + 1, sizeof(*in->owned));
	return in->owned[in->n_owned++] = take;
}

static void
clear(struct incoming *in)
{
	for (size_t i = 0; i < in->n_owned; i++)
		free(in->owned[i]);
	free(in->owned);
	free(in->parts);
	free(in->name);
	free(in->category);
	json_decref(in->left_out);
}

/* ---- files ------------------------------------------------------------------------------------ */

static void
add_part(struct incoming *in, const char *path, const void *data, size_t len)
{
	in->parts = xreallocarray(in->parts, in->n + 1, sizeof(*in->parts));
	in->parts[in->n++] = (struct skill_part){ .path = path, .data = data, .len = len };
}

/* Where a file goes; NULL: it stays out. The caller frees. */
static char *
place_of(const char *path)
{
	const char *slash = strchr(path, '/'), *file = slash == NULL ? path : slash + 1;
	cleanup_free char *folder = slash == NULL ? xstrdup("references") : xstrndup(path, (size_t)(slash - path));
	const struct skill_subdir *sub = skill_subdir(folder);

	if (sub == NULL || sub->private || !sub->scanned || !skill_file_ok(file))
		return NULL;
	return xasprintf("%s/%s", folder, file);
}

static bool
is_taken(const struct incoming *in, const char *path)
{
	for (size_t i = 0; i < in->n; i++)
		if (strcmp(in->parts[i].path, path) == 0)
			return true;
	return false;
}

static int
take_file(struct incoming *in, const json_t *row, size_t *total, struct error *e)
{
	const char *path = json_str(row, "path", ""), *data = json_str(row, "data", NULL);
	bool head = strcmp(path, "SKILL.md") == 0;
	cleanup_free char *place = head ? xstrdup(path) : place_of(path);
	char *bytes;
	size_t len;

	if (data == NULL)
		return error_set(e, ERR_invalid, "files: rows are {path, data}");
	if (place == NULL) {
		json_array_append_new(in->left_out, json_string(path));
		return 0;
	}
	if (is_taken(in, place))
		return error_set(e, ERR_invalid, "two files would both be %s", place);
	if ((bytes = base64_bytes(data, strlen(data), &len)) == NULL)
		return error_set(e, ERR_invalid, "%.200s: its data is not base64", path);
	own(in, bytes);
	if ((*total += len) > SKILL_IMPORT_MAX)
		return error_set(e, ERR_too_large, "the files together are larger than %d bytes", SKILL_IMPORT_MAX);
	add_part(in, own(in, steal(place)), bytes, len);
	if (head && in->n > 1) {
		struct skill_part first = in->parts[0];

		in->parts[0] = in->parts[in->n - 1];
		in->parts[in->n - 1] = first;
	}
	return 0;
}

static int
take_files(struct incoming *in, const json_t *files, struct error *e)
{
	size_t i, total = 0;
	json_t *row;

	if (json_array_size(files) > SKILL_FILES_MAX)
		return error_set(e, ERR_too_large, "more than %d files", SKILL_FILES_MAX);
	json_array_foreach(files, i, row)
		if (take_file(in, row, &total, e) == -1)
			return -1;
	if (!is_taken(in, "SKILL.md"))
		return error_set(e, ERR_invalid, "there is no SKILL.md among the files");
	return 0;
}

/* ---- the open layout ---------------------------------------------------------------------------- */

/* A text on one line. The caller frees. */
static char *
one_line(const char *s)
{
	char *out = xmalloc(strlen(s) + 1);
	size_t n = 0;

	for (s += strspn(s, " \t\r\n"); *s != '\0'; s++) {
		bool blank = (unsigned char)*s <= ' ';

		if (!blank || (n > 0 && out[n - 1] != ' '))
			out[n++] = blank ? ' ' : *s;
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	return out;
}

/* The tools it names, as far as they are names of ours could be: a list, or words. */
static json_t *
tools_of(const json_t *allowed)
{
	json_t *out = json_array(), *item;
	size_t i;

	if (json_is_string(allowed)) {
		cleanup_free char *text = one_line(json_string_value(allowed));
		char *rest = text, *word;

		while ((word = strsep(&rest, " ,")) != NULL)
			if (word[0] != '\0' && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(word))
				json_array_append_new(out, json_string(word));
		return out;
	}
	json_array_foreach(allowed, i, item) {
		const char *word = json_is_string(item) ? json_string_value(item) : "";

		if (word[0] != '\0' && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(word))
			json_array_append(out, item);
	}
	return out;
}

/* What we have no key for stays readable in lines of its own. */
static void
add_more(struct buf *b, const json_t *head)
{
	static const char *const kept[] = { "license", "compatibility", "metadata" };

	for (size_t i = 0; i < COUNT(kept); i++) {
		const json_t *v = json_object_get(head, kept[i]);
		cleanup_free char *text = v == NULL ? NULL : json_is_string(v) ? one_line(json_string_value(v)) : json_text(v);

		if (text != NULL && text[0] != '\0' && strlen(text) < FRONT_LINE_MAX / 2)
			buf_addf(b, "%s: %s\n", kept[i], text);
	}
}

/* Our block for a head of the open layout; the caller frees. NULL with the error. */
static char *
translated(const struct incoming *in, const json_t *head, const char *body, struct error *e)
{
	cleanup_free char *description = one_line(json_str(head, "description", "")), *block = NULL;
	time_t t = (time_t)(clock_wall_ms() / 1000);
	cleanup_json json_t *tools = tools_of(json_object_get(head, "allowed-tools")), *fields = NULL;
	struct buf b = BUF(0);
	char today[16];
	struct tm tm;

	strftime(today, sizeof(today), "%Y-%m-%d", gmtime_r(&t, &tm));
	fields = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", in->name, "description", description, "category", in->category,
	    "version", "0.1.0", "origin", "user", "created_at", today);
	if (json_array_size(tools) > 0)
		json_object_set(fields, "tools", tools);
	if ((block = front_make(fields, e)) == NULL)
		return NULL;
	buf_add(&b, block, strlen(block) - strlen("---\n"));
	add_more(&b, head);
	buf_addf(&b, "---\n%s", body);
	return buf_take(&b);
}

/* The head as YAML; as flat lines when it is none, which a colon in a description is enough for. New reference. */
static json_t *
open_head(const char *text, const struct front *f)
{
	size_t end = f->n == 0 ? f->head : f->rows[f->n - 1].at + f->rows[f->n - 1].len;
	json_t *head = yaml_parse(text + f->head, end - f->head, NULL);

	if (json_is_object(head))
		return head;
	json_decref(head);
	return json_pack("{s:s?, s:s?, s:s?}", "name", front_get(f, "name"), "description", front_get(f, "description"),
	    "license", front_get(f, "license"));
}

/* ---- the head ------------------------------------------------------------------------------------- */

static char *
chosen(const char *given, const char *theirs, const char *otherwise)
{
	return xstrdup(given != NULL && given[0] != '\0' ? given : theirs != NULL && theirs[0] != '\0' ? theirs : otherwise);
}

/* Our own layout: only whose it is, and where it goes, changes. */
static char *
adopted(const struct incoming *in, const struct skill_part *p, struct error *e)
{
	cleanup_json json_t *fields = json_pack("{s:s, s:s, s:s, s:n}", "name", in->name, "category", in->category, "origin", "user", "pinned");

	return front_change(p->data, p->len, fields, e);
}

/* Make the SKILL.md ours. */
static int
take_head(struct incoming *in, const struct skill_import_order *o, struct error *e)
{
	struct skill_part *p = &in->parts[0];
	cleanup_json json_t *head = NULL;
	struct front f;
	char *text;
	bool ours;

	if (front_parse(p->data, p->len, &f, e) == -1)
		return -1;
	ours = front_get(&f, "category") != NULL && skill_category_ok(front_get(&f, "category"));
	head = ours ? NULL : open_head(p->data, &f);
	in->layout = ours ? "alpi" : "open";
	in->name = chosen(o->name, ours ? front_get(&f, "name") : json_str(head, "name", NULL), "");
	in->category = chosen(o->category, ours ? front_get(&f, "category") : NULL, DEFAULT_CATEGORY);
	text = ours ? adopted(in, p, e) : translated(in, head, (const char *)p->data + f.body, e);
	front_clear(&f);
	if (text == NULL)
		return -1;
	p->data = own(in, text);
	p->len = strlen(text);
	return 0;
}

/* ---- the report ------------------------------------------------------------------------------------- */

/* Of every file: the refusal names the first only, and who reads the preview is to know them all. */
static void
scan_parts(const struct incoming *in, const struct error *refused, json_t *out)
{
	for (size_t i = 0; i < in->n; i++) {
		const struct skill_part *p = &in->parts[i];
		struct error e = { 0 };

		if (skill_scan(p->path, p->data, p->len, in->parts[0].data, in->parts[0].len, &e) == -1 && strcmp(e.text, refused->text) != 0)
			json_array_append_new(out, json_string(e.text));
	}
}

static json_t *
findings_of(const struct incoming *in, const struct front *f, const struct error *refused)
{
	struct findings found = { 0 };
	json_t *out = json_array();

	scan_parts(in, refused, out);
	skill_check(f, in->category, in->name, &found);
	for (size_t i = 0; i < found.n; i++)
		json_array_append_new(out, json_string(found.rows[i].text));
	findings_clear(&found);
	return out;
}

static json_t *
report_of(const struct incoming *in, const struct error *refused)
{
	json_t *files = json_array(), *out;
	struct front f;

	for (size_t i = 0; i < in->n; i++)
		json_array_append_new(files, json_pack("{s:s, s:I}", "path", in->parts[i].path, "size", (json_int_t)in->parts[i].len));
	if (front_parse(in->parts[0].data, in->parts[0].len, &f, NULL) == -1)
		memset(&f, 0, sizeof(f));
	out = json_pack("{s:s, s:s, s:s, s:s, s:o, s:O, s:o, s:s*}", "name", in->name, "category", in->category,
	    "description", front_get(&f, "description") == NULL ? "" : front_get(&f, "description"), "layout", in->layout,
	    "files", files, "left_out", in->left_out, "findings", findings_of(in, &f, refused),
	    "refused", refused->code == ERR_none ? NULL : refused->text);
	front_clear(&f);
	return out;
}

json_t *
skill_import_files(const char *home, const struct skill_import_order *o, struct error *e)
{
	struct incoming in = { .left_out = json_array() };
	struct error refused = { 0 };
	json_t *report = NULL;

	if (take_files(&in, o->files, e) == 0 && take_head(&in, o, e) == 0) {
		skill_land(home, in.category, in.name, in.parts, in.n, o->check, &refused);
		if (o->check || refused.code == ERR_none)
			report = report_of(&in, &refused);
		else
			error_set(e, refused.code, "%s", refused.text);
	}
	clear(&in);
	return report;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See skill_check.h. */
#include "engined/skill_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/scan.h"
#include "common/schema.h"
#include "common/skill.h"

#define DESCRIPTION_CHARS	150
#define FILE_BYTES		101

#define LOWER	"abcdefghijklmnopqrstuvwxyz"
#define UPPER	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT	"0123456789"

/* ---- findings ------------------------------------------------------------------------------- */

void
findings_add(struct findings *f, bool error, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->rows = xreallocarray(f->rows, f->n + 1, sizeof(*f->rows));
	f->rows[f->n++] = (struct finding){ .error = error, .text = utf8_clean(text, strlen(text)) };
}

void
findings_clear(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->rows[i].text);
	free(f->rows);
	*f = (struct findings){ 0 };
}

const char *
findings_error(const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->rows[i].error)
			return f->rows[i].text;
	return NULL;
}

char *
findings_text(const struct findings *f)
{
	struct buf b = BUF(0);

	if (f->n == 0)
		return NULL;
	for (size_t i = 0; i < f->n; i++)
		buf_addf(&b, "%s%s: %s", i > 0 ? "\n" : "", f->rows[i].error ? "error" : "warning", f->rows[i].text);
	return buf_take(&b);
}

/* ---- names ---------------------------------------------------------------------------------- */

/* One of `first`, then only characters of `rest`, between least and most bytes in all. */
static bool
is_made_of(const char *s, const char *first, const char *rest, size_t least, size_t most)
{
	size_t n = strlen(s);

	return n >= least && n <= most && strchr(first, s[0]) != NULL && strspn(s, rest) == n;
}

bool
skill_file_ok(const char *filename)
{
	return is_made_of(filename, LOWER UPPER DIGIT, LOWER UPPER DIGIT "._-", 1, FILE_BYTES);
}

bool
skill_category_ok(const char *category)
{
	for (const char *const *c = skill_categories; *c != NULL; c++)
		if (strcmp(*c, category) == 0)
			return true;
	return false;
}

const char *
skill_category_names(void)
{
	static char text[200];
	size_t at = 0;

	for (const char *const *c = skill_categories; *c != NULL; c++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at > 0 ? ", " : "", *c);
	return text;
}

/* ---- values --------------------------------------------------------------------------------- */

/* What every check of a value is given. */
struct checked {
	const char	*value;		/* not NULL */
	char		**list;		/* the same as a list */
	struct findings	*out;
};

static void
check_name(const struct checked *c)
{
	if (!skill_name_ok(c->value))
		findings_add(c->out, true, "name: a lower-case letter, then 1 to 60 lower-case letters, digits, hyphens");
}

static void
check_description(const struct checked *c)
{
	size_t len = strlen(c->value), chars = utf8_count(c->value, len);

	if (len == 0)
		findings_add(c->out, true, "description: is empty");
	if (chars > DESCRIPTION_CHARS)
		findings_add(c->out, false, "description: %zu characters, more than %d", chars, DESCRIPTION_CHARS);
	if (len > 0 && c->value[len - 1] == '.')
		findings_add(c->out, false, "description: ends with a period");
}

static void
check_category(const struct checked *c)
{
	if (!skill_category_ok(c->value))
		findings_add(c->out, true, "category: one of %s", skill_category_names());
}

/* Three numbers with dots, then nothing or a suffix that begins with - or +. */
static bool
is_version(const char *s)
{
	for (int i = 0; i < 3; i++) {
		size_t n = strspn(s, DIGIT);

		if (n == 0 || (i < 2 && s[n] != '.'))
			return false;
		s += n + (i < 2);
	}
	return *s == '\0' || (strchr("-+.", *s) != NULL && strspn(s + 1, LOWER UPPER DIGIT "-+.") == strlen(s + 1) && s[1] != '\0');
}

static void
check_version(const struct checked *c)
{
	if (!is_version(c->value))
		findings_add(c->out, false, "version: three numbers with dots, as 0.1.0");
}

static void
check_origin(const struct checked *c)
{
	if (strcmp(c->value, "agent") != 0 && strcmp(c->value, "user") != 0 && strcmp(c->value, "bundled") != 0)
		findings_add(c->out, true, "origin: agent, user or bundled");
}

static void
check_env(const struct checked *c)
{
	for (char **p = c->list; *p != NULL; p++)
		if (!skill_variable_ok(*p))
			findings_add(c->out, true, "requires_env: \"%.60s\" is no name of a variable", *p);
		else if (skill_variable_refused(*p))
			findings_add(c->out, false, "requires_env: no skill is given %.60s", *p);
}

static void
check_tools(const struct checked *c)
{
	for (char **p = c->list; *p != NULL; p++)
		if (!is_made_of(*p, LOWER, LOWER UPPER DIGIT "_-", 1, 100) || (strstr(*p, "__") == NULL && strpbrk(*p, "-" UPPER) != NULL))
			findings_add(c->out, false, "tools: \"%.60s\" is no name of a tool", *p);
}

static void
check_keywords(const struct checked *c)
{
	for (char **p = c->list; *p != NULL; p++) {
		if (!is_made_of(*p, LOWER DIGIT, LOWER DIGIT "-", 1, 100))
			findings_add(c->out, false, "keywords: \"%.60s\" has more than lower-case letters, digits, hyphens", *p);
		for (char **q = c->list; q < p; q++)
			if (strcmp(*p, *q) == 0)
				findings_add(c->out, false, "keywords: \"%.60s\" stands there twice", *p);
	}
}

static void
check_schema(const struct checked *c)
{
	struct error e = { 0 };
	cleanup_json json_t *schema = json_parse(c->value, strlen(c->value), 16, &e);

	if (schema == NULL)
		findings_add(c->out, true, "output_schema: %s", e.text);
	else if (schema_check(schema, &e) == -1)
		findings_add(c->out, true, "output_schema: %s", e.text);
	else if (json_object_get(schema, "type") == NULL)
		findings_add(c->out, false, "output_schema: says no \"type\"");
}

static void
check_created(const struct checked *c)
{
	const char *s = c->value;

	if (strlen(s) != 10 || strspn(s, DIGIT) != 4 || s[4] != '-' || strspn(s + 5, DIGIT) != 2 || s[7] != '-' || strspn(s + 8, DIGIT) != 2)
		findings_add(c->out, false, "created_at: a date YYYY-MM-DD");
}

enum missing { OK, WARNS, FAILS };

static const struct {
	const char	*key;
	enum missing	 missing;
	void		(*check)(const struct checked *);
} rules[] = {
	{ "name", FAILS, check_name }, { "description", FAILS, check_description }, { "category", FAILS, check_category },
	{ "version", WARNS, check_version }, { "origin", OK, check_origin }, { "requires_env", OK, check_env }, { "env", OK, check_env },
	{ "tools", OK, check_tools }, { "keywords", OK, check_keywords }, { "output_schema", OK, check_schema },
	{ "created_at", OK, check_created },
};

static void
check_value(const struct front *f, size_t rule, const char *value, struct findings *out)
{
	struct checked c = { .value = value, .list = front_list(f, rules[rule].key), .out = out };

	rules[rule].check(&c);
	skill_words_free(c.list);
}

/* What is no pair, and what stands there twice: the last line counts, as a reader may not expect. */
static void
check_lines(const struct front *f, struct findings *out)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct front_row *row = &f->rows[i];

		if (row->key[0] == '\0' && row->value[0] != '\0' && row->value[0] != '#')
			findings_add(out, false, "line %zu is no \"key: value\" and is passed over", i + 2);
		for (size_t k = 0; row->key[0] != '\0' && k < i; k++)
			if (strcmp(f->rows[k].key, row->key) == 0)
				findings_add(out, false, "%.60s: stands there twice; the last line counts", row->key);
	}
}

void
skill_check(const struct front *f, const char *category, const char *name, struct findings *out)
{
	const char *value;

	for (size_t i = 0; i < COUNT(rules); i++)
		if ((value = front_get(f, rules[i].key)) != NULL)
			check_value(f, i, value, out);
		else if (rules[i].missing != OK)
			findings_add(out, rules[i].missing == FAILS, "%s: is missing", rules[i].key);
	if (name != NULL && (value = front_get(f, "name")) != NULL && strcmp(value, name) != 0)
		findings_add(out, true, "name: the skill lies in the folder %.61s", name);
	if (category != NULL && (value = front_get(f, "category")) != NULL && skill_category_ok(value) && strcmp(value, category) != 0)
		findings_add(out, false, "category: the skill lies in the folder %.61s", category);
	check_lines(f, out);
}

/* ---- the scanner ---------------------------------------------------------------------------- */

static bool
is_shell_name(const char *path)
{
	static const char *const endings[] = { ".sh", ".bash", ".ksh", ".zsh" };
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot != NULL && i < COUNT(endings); i++)
		if (strcmp(dot, endings[i]) == 0)
			return true;
	return false;
}

int
skill_scan(const char *what, const char *text, size_t len, const char *declaring, size_t declaring_len, struct error *e)
{
	char **declared = skill_declared(declaring, declaring_len);
	cleanup_buf struct buf b = BUF(400);
	const char *last = "";
	struct scan_hits h;

	scan_text(is_shell_name(what) ? SCAN_SHELL : SCAN_SKILL, text, len, (const char *const *)declared, &h);
	skill_words_free(declared);
	for (size_t i = 0; i < h.n; i++) {
		if (strcmp(last, h.rows[i].id) != 0)
			buf_addf(&b, "%s%s (line %zu)", b.len > 0 ? ", " : "", h.rows[i].id, h.rows[i].line);
		last = h.rows[i].id;
	}
	scan_hits_clear(&h);
	return b.len == 0 ? 0 : error_set(e, ERR_denied, "%.120s: the scanner refuses it: %s", what, buf_str(&b));
}

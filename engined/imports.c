/* SPDX-License-Identifier: Apache-2.0 */
/* See imports.h. */
#include "engined/imports.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "engined/imports_known.h"

#define NAME_MAX_BYTES	214		/* npm's limit; PyPI's are shorter */

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool
word_is(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(s, word, len) == 0;
}

/* ---- names ------------------------------------------------------------------------------------ */

static int
compare(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static bool
is_listed(const char *name, char *const *list)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

/* Takes name. */
static void
add(struct packages *out, char *name)
{
	bool known = false;

	for (size_t i = 0; i < out->n; i++)
		known |= strcmp(out->names[i], name) == 0;
	if (known || out->n == IMPORTS_MAX) {
		out->unnamed |= !known;
		free(name);
	} else {
		out->names[out->n++] = name;
	}
}

/* As PyPI compares names: lower case, and one "-" for each run of "-", "_" and ".". NULL: none can have it. The caller frees. */
static char *
pypi_name(const char *module)
{
	char *out = xmalloc(strlen(module) + 1);
	size_t n = 0;

	for (const char *p = module; *p != '\0'; p++) {
		bool joint = strchr("-_.", *p) != NULL;

		if (!joint && !isalnum((unsigned char)*p)) {
			n = 0;
			break;
		}
		if (!joint || (n > 0 && out[n - 1] != '-'))
			out[n++] = joint ? '-' : (char)tolower((unsigned char)*p);
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	out[n] = '\0';
	if (n > 0)
		return out;
	free(out);
	return NULL;
}

static void
add_python(struct packages *out, char *const *own, const char *s, size_t len)
{
	cleanup_free char *module = xstrndup(s, len);
	char *name = NULL;

	if (len == 0 || is_listed(module, own) ||
	    bsearch(module, python_own, COUNT(python_own), sizeof(python_own[0]), compare) != NULL)
		return;
	for (size_t i = 0; i < COUNT(python_packages) && name == NULL; i++)
		if (strcmp(python_packages[i].module, module) == 0)
			name = xstrdup(python_packages[i].package);
	if (len <= NAME_MAX_BYTES && (name != NULL || (name = pypi_name(module)) != NULL))
		add(out, name);
	else
		out->unnamed = true;
}

/* "@scope/name/file" or "name/file", not a path and not Node's own. */
static void
add_node(struct packages *out, const char *s, size_t len)
{
	cleanup_free char *name = xstrndup(s, len);
	size_t n = strcspn(name, "/");

	if (len == 0 || strchr("./#", name[0]) != NULL || strchr(name, ':') != NULL)
		return;
	if (name[0] == '@' && name[n] == '/')
		n += 1 + strcspn(name + n + 1, "/");
	name[n] = '\0';
	if (bsearch(name, node_own, COUNT(node_own), sizeof(node_own[0]), compare) != NULL)
		return;
	for (const char *p = name; *p != '\0'; p++)
		if ((!isalnum((unsigned char)*p) && strchr("@/-_.~", *p) == NULL) || n > NAME_MAX_BYTES) {
			out->unnamed = true;
			return;
		}
	add(out, steal(name));
}

/* ---- Python ----------------------------------------------------------------------------------- */

struct token {
	enum { END, LINE, WORD, STRING, OTHER } kind;
	const char	*s;		/* of a string: what is between its quotes */
	size_t		 len;
};

/* Blanks, comments and lines that go on. */
static const char *
skip(const char *p)
{
	for (;;) {
		p += strspn(p, " \t\f\r");
		if (*p == '#')
			p += strcspn(p, "\n");
		else if (p[0] == '\\' && p[1] == '\n')
			p += 2;
		else if (p[0] == '\\' && p[1] == '\r' && p[2] == '\n')
			p += 3;
		else
			return p;
	}
}

static const char *
string(const char *p, struct token *t)
{
	size_t quotes = p[1] == p[0] && p[2] == p[0] ? 3 : 1;
	char q = *p;

	p += quotes;
	*t = (struct token){ .kind = STRING, .s = p };
	for (; *p != '\0' && (quotes == 3 || *p != '\n'); p++) {
		if (*p == q && (quotes == 1 || (p[1] == q && p[2] == q))) {
			t->len = (size_t)(p - t->s);
			return p + quotes;
		}
		if (*p == '\\' && p[1] != '\0')
			p++;
	}
	t->len = (size_t)(p - t->s);
	return p;
}

static struct token
next(const char **at)
{
	const char *p = skip(*at);
	struct token t = { .kind = *p == '\0' ? END : *p == '\n' ? LINE : OTHER, .s = p, .len = 1 };

	if (*p == '"' || *p == '\'') {
		*at = string(p, &t);
		return t;
	}
	if (is_word(*p)) {
		t.kind = isdigit((unsigned char)*p) ? OTHER : WORD;
		for (t.len = 0; is_word(p[t.len]);)
			t.len++;
	}
	*at = t.kind == END ? p : p + t.len;
	return t;
}

static bool
is(const struct token *t, const char *word)
{
	return (t->kind == WORD || t->kind == OTHER) && word_is(t->s, t->len, word);
}

/* "a.b as c, d": what stands behind it. */
static struct token
read_list(const char **p, char *const *own, struct packages *out)
{
	struct token t;

	do {
		if ((t = next(p)).kind == WORD)
			add_python(out, own, t.s, t.len);
		while (t.kind == WORD || is(&t, "."))
			t = next(p);
	} while (is(&t, ","));
	return t;
}

/* "a.b import ..." behind "from", which begins other things, too. A name with a dot before it lies beside the script. */
static struct token
read_from(const char **p, char *const *own, struct packages *out)
{
	struct token first = next(p), t = first;

	while ((t.kind == WORD && !is(&t, "import")) || is(&t, "."))
		t = next(p);
	if (!is(&t, "import"))
		return t;
	if (first.kind == WORD)
		add_python(out, own, first.s, first.len);
	return next(p);
}

/* ("a.b") */
static struct token
read_call(const char **p, char *const *own, struct packages *out)
{
	struct token t = next(p);

	if (!is(&t, "(") || (t = next(p)).kind != STRING)
		return t;
	add_python(out, own, t.s, memchr(t.s, '.', t.len) == NULL ? t.len : (size_t)((const char *)memchr(t.s, '.', t.len) - t.s));
	return next(p);
}

static void
read_python(const char *p, char *const *own, struct packages *out)
{
	struct token t = next(&p);

	while (t.kind != END) {
		if (is(&t, "import"))
			t = read_list(&p, own, out);
		else if (is(&t, "from"))
			t = read_from(&p, own, out);
		else if (is(&t, "__import__") || is(&t, "import_module"))
			t = read_call(&p, own, out);
		else
			t = next(&p);
	}
}

/* ---- JavaScript ------------------------------------------------------------------------------- */

/* Blanks and comments. */
static const char *
skip_node(const char *p)
{
	const char *end;

	for (;;) {
		p += strspn(p, " \t\r\n");
		if (p[0] == '/' && p[1] == '/')
			p += strcspn(p, "\n");
		else if (p[0] == '/' && p[1] == '*' && (end = strstr(p + 2, "*/")) != NULL)
			p = end + 2;
		else
			return p;
	}
}

/*
 * Not parsed: where a regular expression or a template ends is hard to tell, and what looks like an import in a text is
 * only looked up in vain.
 */
static void
read_node(const char *text, struct packages *out)
{
	for (const char *p = text; *p != '\0';) {
		size_t len = 0, n;
		const char *q;
		bool call;

		while (is_word(p[len]) || p[len] == '$')
			len++;
		call = word_is(p, len, "require") || word_is(p, len, "import");
		if (!call && !word_is(p, len, "from")) {
			p += len > 0 ? len : 1;
			continue;
		}
		q = skip_node(p + len);
		if (call && *q == '(')
			q = skip_node(q + 1);
		if (*q == '"' || *q == '\'' || *q == '`') {
			n = strcspn(q + 1, "\"'`\n");
			if (q[1 + n] == *q)
				add_node(out, q + 1, n);
		}
		p += len;
	}
}

/* ---- both ------------------------------------------------------------------------------------- */

enum language
imports_language(const char *filename, const char *text)
{
	static const struct { const char *end; enum language l; } ends[] = {
		{ ".py", LANGUAGE_PYTHON }, { ".pyw", LANGUAGE_PYTHON }, { ".js", LANGUAGE_JAVASCRIPT }, { ".mjs", LANGUAGE_JAVASCRIPT },
		{ ".cjs", LANGUAGE_JAVASCRIPT }, { ".ts", LANGUAGE_JAVASCRIPT }, { ".mts", LANGUAGE_JAVASCRIPT } };
	const char *end = strrchr(filename, '.');
	cleanup_free char *first = xstrndup(text, strcspn(text, "\n"));

	for (size_t i = 0; end != NULL && i < COUNT(ends); i++)
		if (strcmp(end, ends[i].end) == 0)
			return ends[i].l;
	if (strncmp(first, "#!", 2) != 0)
		return LANGUAGE_NONE;
	return strstr(first, "python") != NULL ? LANGUAGE_PYTHON : strstr(first, "node") != NULL ? LANGUAGE_JAVASCRIPT : LANGUAGE_NONE;
}

void
imports_read(enum language l, const char *text, char *const *own, struct packages *out)
{
	*out = (struct packages){ .ecosystem = l == LANGUAGE_PYTHON ? "PyPI" : l == LANGUAGE_JAVASCRIPT ? "npm" : NULL };
	if (l == LANGUAGE_PYTHON)
		read_python(text, own, out);
	else if (l == LANGUAGE_JAVASCRIPT)
		read_node(text, out);
}

void
packages_clear(struct packages *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->names[i]);
	*p = (struct packages){ 0 };
}

char *
packages_text(const struct packages *p)
{
	struct buf b = BUF(0);

	for (size_t i = 0; i < p->n; i++)
		buf_addf(&b, "%s%s", i > 0 ? ", " : "", p->names[i]);
	return buf_take(&b);
}

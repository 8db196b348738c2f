/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See skill_index.h. A description stands in the system prompt: it is cut to
 * one short line without characters that could be taken for something else.
 */
#include "engined/skill_index.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#define LINE_MAX_BYTES	300
#define HINTS_MAX	3

static const char heading[] = "# AVAILABLE SKILLS\n"
    "Tried ways of doing things here. Look in this list before you use general tools: when one fits, open it with the tool "
    "skill (load_tools loads it; {\"action\":\"view\",\"name\":...}) and follow it.";

/* Which of all can be used. The caller frees the array, not the skills. */
static const struct skill **
usable(const struct skills *all, const struct eligible *el, size_t *n)
{
	const struct skill **out = xcalloc(all->n + 1, sizeof(*out));

	*n = 0;
	for (size_t i = 0; i < all->n; i++) {
		cleanup_free char *missing = findings_error(&all->rows[i]->findings) != NULL ? NULL : eligible_missing(el, all->rows[i]);

		if (missing == NULL && findings_error(&all->rows[i]->findings) == NULL)
			out[(*n)++] = all->rows[i];
	}
	return out;
}

static void
add_line(struct buf *b, const struct skill *s)
{
	cleanup_free char *clean = xstrdup(front_get(&s->front, "description"));
	size_t len = strlen(clean), cut = utf8_cut(clean, len, LINE_MAX_BYTES);

	for (char *p = clean; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	buf_addf(b, "\n- %s: %.*s%s", s->name, (int)cut, clean, cut < len ? "..." : "");
}

static char *
index_text(const struct skill *const *rows, size_t n)
{
	struct buf b = BUF(0);

	if (n == 0)
		return NULL;
	buf_puts(&b, heading);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(rows[i - 1]->category, rows[i]->category) != 0)
			buf_addf(&b, "\n%s", rows[i]->category);
		add_line(&b, rows[i]);
	}
	return buf_take(&b);
}

/* ---- the hint --------------------------------------------------------------------------------- */

static bool
is_part(const char *text, size_t i)
{
	return isalnum((unsigned char)text[i]) || (text[i] == '-' && i > 0 && isalnum((unsigned char)text[i - 1]) &&
	    isalnum((unsigned char)text[i + 1]));
}

/* Is the word one of the text's, whatever the case? */
static bool
has_word(const char *text, const char *word)
{
	size_t n = strlen(word), len;

	for (size_t i = 0; text[i] != '\0'; i += len + (len == 0)) {
		for (len = 0; text[i + len] != '\0' && (unsigned char)text[i + len] < 0x80 && is_part(text, i + len); len++)
			continue;
		if (len == n && strncasecmp(text + i, word, n) == 0)
			return true;
	}
	return false;
}

static bool
is_meant(const struct skill *s, const char *text)
{
	char **words = front_list(&s->front, "keywords");
	bool hit = false;

	for (char **w = words; *w != NULL && !hit; w++)
		hit = has_word(text, *w);
	skill_words_free(words);
	return hit;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp((*(const struct skill *const *)a)->name, (*(const struct skill *const *)b)->name);
}

/* rows are sorted anew. */
static char *
hint_text(const struct skill **rows, size_t n, const char *text)
{
	struct buf b = BUF(0);
	size_t found = 0;

	qsort(rows, n, sizeof(*rows), by_name);
	for (size_t i = 0; i < n && found < HINTS_MAX; i++)
		if (is_meant(rows[i], text))
			buf_addf(&b, "%s%s", found++ > 0 ? ", " : SKILL_HINT " (this turn only)\nMay fit what was asked; view before you begin: ",
			    rows[i]->name);
	if (found > 0)
		return buf_take(&b);
	buf_clear(&b);
	return NULL;
}

char *
skill_index(const struct skills *all, const struct eligible *el, const char *user_text, char **hint)
{
	const struct skill **rows;
	char *text;
	size_t n;

	rows = usable(all, el, &n);
	text = index_text(rows, n);
	*hint = hint_text(rows, n, user_text);
	free(rows);
	return text;
}

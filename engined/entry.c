/* SPDX-License-Identifier: Apache-2.0 */
/* See entry.h. */
#include "engined/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/mem.h"

#define SIGN	"\xc2\xa7"
#define BLANKS	" \t\r\n"
#define SEED	"(alpi will"
#define OPEN	"<!--"
#define CLOSE	"-->"

static const char *const words[] = { [CONF_LOW] = "low", [CONF_NORMAL] = "normal", [CONF_HIGH] = "high" };

int
confidence_of(const char *word, enum confidence *out)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (strcasecmp(words[i], word) == 0) {
			*out = (enum confidence)i;
			return 0;
		}
	return -1;
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* The text between, without the blanks around it. */
static char *
trimmed(const char *s, size_t len)
{
	while (len > 0 && strchr(BLANKS, s[0]) != NULL) {
		s++;
		len--;
	}
	while (len > 0 && strchr(BLANKS, s[len - 1]) != NULL)
		len--;
	return xstrndup(s, len);
}

/* Is this line the delimiter, whatever blanks an editor put around it? */
static bool
is_delimiter(const char *line, size_t len)
{
	cleanup_free char *word = trimmed(line, len);

	return strcmp(word, SIGN) == 0;
}

/* Only the line end before a delimiter is no part of an entry; entries_join puts it back. Blanks alone are no entry. */
static void
take(struct entries *out, const char *from, const char *to)
{
	if (to > from && to[-1] == '\n')
		to--;
	if (from + strspn(from, BLANKS) < to)
		entries_add(out, xstrndup(from, (size_t)(to - from)));
}

void
entries_parse(const char *text, struct entries *out)
{
	const char *begin = text, *line = text;

	*out = (struct entries){ 0 };
	while (*line != '\0') {
		size_t len = strcspn(line, "\n");
		const char *next = line + len + (line[len] == '\n');

		if (is_delimiter(line, len)) {
			take(out, begin, line);
			begin = next;
		}
		line = next;
	}
	take(out, begin, line);
}

void
entries_clear(struct entries *es)
{
	for (size_t i = 0; i < es->n; i++)
		free(es->rows[i]);
	free(es->rows);
	*es = (struct entries){ 0 };
}

char *
entries_join(const struct entries *es)
{
	struct buf b = BUF(0);

	for (size_t i = 0; i < es->n; i++)
		buf_addf(&b, "%s%s", i > 0 ? "\n" SIGN "\n" : "", es->rows[i]);
	if (es->n > 0)
		buf_puts(&b, "\n");
	return buf_take(&b);
}

void
entries_add(struct entries *es, char *row)
{
	es->rows = xreallocarray(es->rows, es->n + 1, sizeof(*es->rows));
	es->rows[es->n++] = row;
}

void
entries_set(struct entries *es, size_t i, char *row)
{
	free(es->rows[i]);
	es->rows[i] = row;
}

void
entries_remove(struct entries *es, size_t i)
{
	free(es->rows[i]);
	memmove(es->rows + i, es->rows + i + 1, (es->n - i - 1) * sizeof(*es->rows));
	es->n--;
}

/* ---- trailers ------------------------------------------------------------------------------- */

/*
 * Behind the end of a comment whose words begin at s; NULL: it has none before the next comment or the next entry, so it
 * is half a trailer and takes none of them with it. No byte is looked at for two comments: half ones cost no more than others.
 */
static const char *
trailer_end(const char *s)
{
	const char *next = strstr(s, OPEN);
	size_t len = next == NULL ? strlen(s) : (size_t)(next - s);
	const char *end = memmem(s, len, CLOSE, strlen(CLOSE));

	if (end == NULL || memmem(s, (size_t)(end - s), "\n" SIGN, strlen("\n" SIGN)) != NULL)
		return NULL;
	return end + strlen(CLOSE);
}

/* The next trailer in s: where it begins, and *end behind it; NULL: there is none. */
static const char *
find_trailer(const char *s, const char **end)
{
	for (; (s = strstr(s, OPEN)) != NULL; s += strlen(OPEN)) {
		const char *word = s + strlen(OPEN) + strspn(s + strlen(OPEN), BLANKS);

		if (strncasecmp(word, "alpi-meta", 9) == 0 && (*end = trailer_end(word)) != NULL)
			return s;
	}
	return NULL;
}

char *
entry_strip(const char *text)
{
	cleanup_buf struct buf b = BUF(0);
	const char *at, *end;

	for (; (at = find_trailer(text, &end)) != NULL; text = end) {
		size_t len = (size_t)(at - text);

		if (len > 0 && text[len - 1] == '\n')
			len--;
		if (len > 0 && text[len - 1] == '\r')
			len--;
		buf_add(&b, text, len);
	}
	buf_puts(&b, text);
	return trimmed(buf_str(&b), b.len);
}

static void
take_word(struct trailer *t, const char *word)
{
	if (strncasecmp(word, "conf=", 5) == 0)
		confidence_of(word + 5, &t->conf);
	else if (strncasecmp(word, "captured=", 9) == 0 && strlen(word + 9) == 10)
		snprintf(t->captured, sizeof(t->captured), "%s", word + 9);
	else if (strncasecmp(word, "reinforced=", 11) == 0)
		t->reinforced = strtol(word + 11, NULL, 10);
}

struct trailer
entry_trailer(const char *row)
{
	struct trailer t = { .conf = CONF_NORMAL };
	const char *at, *end = row;
	char *word, *rest;

	while ((at = find_trailer(end, &end)) != NULL) {
		cleanup_free char *copy = xstrndup(at, (size_t)(end - 3 - at));

		t = (struct trailer){ .present = true, .conf = CONF_NORMAL };
		for (rest = copy; (word = strsep(&rest, BLANKS)) != NULL; )
			take_word(&t, word);
		if (t.reinforced < 0 || t.reinforced > 1000000)
			t.reinforced = 0;
	}
	return t;
}

char *
entry_make(const char *text, const struct trailer *t)
{
	return xasprintf("%s\n<!-- alpi-meta conf=%s captured=%s reinforced=%ld -->", text, words[t->conf], t->captured,
	    t->reinforced);
}

/* ---- new entries ---------------------------------------------------------------------------- */

char *
entry_clean(const char *text)
{
	cleanup_free char *copy = entry_strip(text);	/* a trailer is ours to write */
	char *rest = copy, *line;
	struct buf b = BUF(0);

	while ((line = strsep(&rest, "\n")) != NULL) {
		cleanup_free char *words_of = trimmed(line, strlen(line));

		if (words_of[0] == '\0' || words_of[0] == '#' || strcmp(words_of, SIGN) == 0 ||
		    strncmp(words_of, SEED, strlen(SEED)) == 0)
			continue;
		buf_addf(&b, "%s%s", b.len > 0 ? "\n" : "", words_of);
	}
	if (b.len > 0)
		return buf_take(&b);
	buf_clear(&b);
	return NULL;
}

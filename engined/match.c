/* SPDX-License-Identifier: Apache-2.0 */
/* See match.h. A word stands in quotes and holds none, so nothing of it can be an operator. */
#include "engined/match.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#define PREFIX_LEAST	4		/* shorter words are looked for whole: too many begin with them */

static bool
in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool
known(const struct match *m, const char *word)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->word[i], word) == 0)
			return true;
	return false;
}

static void
add_word(struct match *m, const char *word, size_t len, size_t least)
{
	char *out = m->word[m->count];
	size_t n = utf8_cut(word, len, MATCH_WORD_MAX);

	if (m->count == MATCH_WORDS || utf8_count(word, len) < least)
		return;
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)word[i] < 0x80 ? (char)tolower((unsigned char)word[i]) : word[i];
	out[n] = '\0';
	if (n > 0 && !known(m, out))
		m->count++;
}

void
match_words(struct match *m, const char *text, size_t least)
{
	m->count = 0;
	while (*text != '\0' && m->count < MATCH_WORDS) {
		size_t n = 0;

		while (in_word(text[n]))
			n++;
		if (n > 0)
			add_word(m, text, n, least);
		text += n > 0 ? n : 1;
	}
}

char *
match_word(const struct match *m, size_t i)
{
	return xasprintf("\"%s\"%s", m->word[i], utf8_count(m->word[i], strlen(m->word[i])) >= PREFIX_LEAST ? "*" : "");
}

static char *
join(const struct match *m, const char *with)
{
	struct buf b = BUF(0);

	for (size_t i = 0; i < m->count; i++) {
		cleanup_free char *word = match_word(m, i);

		buf_addf(&b, "%s%s", i > 0 ? with : "", word);
	}
	return buf_take(&b);
}

char *
match_any(const struct match *m)
{
	return join(m, " OR ");
}

char *
match_all(const struct match *m)
{
	return join(m, " AND ");
}

size_t
match_count(const struct match *m, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < m->count; i++)
		for (const char *s = text; (s = strcasestr(s, m->word[i])) != NULL; s += strlen(m->word[i]))
			n++;
	return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See mention.h. The expression is the one that every alpi uses, so it is left to a library that backtracks as theirs does. */
#include "engined/mention.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/*
 * \s and \b as they are where the expression was written; what a library takes for a blank or a word's letter differs,
 * even between its releases.
 */
#define BLANK "[\\t-\\r\\x{1c}-\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}]"
#define LETTER "[\\p{L}\\p{N}_]"
#define BOUNDARY "(?:(?<=" LETTER ")(?!" LETTER ")|(?<!" LETTER ")(?=" LETTER "))"
#define MENTION "(?:\\A|" BLANK ")@([A-Za-z0-9_-]+)" BOUNDARY

/* The first match: pairs of offsets. The caller frees; NULL: there is none. */
static pcre2_match_data *
match(const char *text)
{
	PCRE2_SIZE at;
	int why, found;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)MENTION, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &why, &at, NULL);
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);

	found = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, NULL);
	pcre2_code_free(code);
	if (found >= 0)
		return data;
	pcre2_match_data_free(data);
	return NULL;
}

/* What BLANK matches, one by one: trimming a text must not take longer than the text is long. */
static const char *const blanks[] = {
	" ", "\t", "\n", "\v", "\f", "\r", "\x1c", "\x1d", "\x1e", "\x1f", "\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80",
	"\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
	"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
	"\xe2\x81\x9f", "\xe3\x80\x80",
};

/* Bytes of the blank at the start, or at the end, of a text; 0: there is none. */
static size_t
blank(const char *text, size_t len, bool at_end)
{
	for (size_t i = 0; i < COUNT(blanks); i++) {
		size_t n = strlen(blanks[i]);

		if (n <= len && memcmp(at_end ? text + len - n : text, blanks[i], n) == 0)
			return n;
	}
	return 0;
}

/* What stands before and after, joined by one space where both say something. */
static char *
rest(const char *text, size_t before, size_t after)
{
	const char *tail = text + after;
	size_t head = before, left = strlen(tail), n;

	while ((n = blank(text, head, true)) > 0)
		head -= n;
	for (; (n = blank(tail, left, false)) > 0; left -= n)
		tail += n;
	return xasprintf("%.*s%s%s", (int)head, text, head > 0 && *tail != '\0' ? " " : "", tail);
}

static bool
pinned(const char *peer, const char *const *roster, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(roster[i], peer) == 0)
			return true;
	return roster == NULL;
}

bool
mention_parse(const char *text, const char *const *roster, size_t n, struct mention *m)
{
	pcre2_match_data *data = match(text);
	PCRE2_SIZE *at;

	*m = (struct mention){ 0 };
	if (data == NULL)
		return false;
	at = pcre2_get_ovector_pointer(data);
	m->peer = xstrndup(text + at[2], at[3] - at[2]);
	m->prompt = rest(text, at[0], at[1]);
	pcre2_match_data_free(data);
	if (pinned(m->peer, roster, n) && m->prompt[0] != '\0')
		return true;
	mention_clear(m);
	return false;
}

void
mention_clear(struct mention *m)
{
	free(m->peer);
	free(m->prompt);
	*m = (struct mention){ 0 };
}

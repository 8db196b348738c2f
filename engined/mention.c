/* SPDX-License-Identifier: Apache-2.0 */
/* See mention.h. The expression is the one that every alpi uses, so it is left to a library that backtracks as theirs does. */
#include "engined/mention.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* The control characters are blanks too where the expression was written. */
#define BLANK "[\\s\\x{1c}-\\x{1f}\\x{85}]"
#define MENTION "(?:\\A|" BLANK ")@([A-Za-z0-9_-]+)\\b"

static pcre2_code *
compile(const char *pattern)
{
	PCRE2_SIZE at;
	int why;

	return pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &why, &at, NULL);
}

/* Where an expression matches: pairs of offsets. The caller frees; NULL: it does not. */
static pcre2_match_data *
match(const char *pattern, const char *text, size_t len)
{
	pcre2_code *code = compile(pattern);
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
	int found = pcre2_match(code, (PCRE2_SPTR)text, len, 0, 0, data, NULL);

	pcre2_code_free(code);
	if (found >= 0)
		return data;
	pcre2_match_data_free(data);
	return NULL;
}

/* Bytes of blanks at the start, or at the end, of a text. */
static size_t
blanks(const char *pattern, const char *text, size_t len)
{
	pcre2_match_data *data = match(pattern, text, len);
	PCRE2_SIZE *at = data == NULL ? NULL : pcre2_get_ovector_pointer(data);
	size_t n = at == NULL ? 0 : at[1] - at[0];

	if (data != NULL)
		pcre2_match_data_free(data);
	return n;
}

/* What stands before and after, joined by one space where both say something. */
static char *
rest(const char *text, size_t before, size_t after)
{
	const char *tail = text + after;
	size_t head = before - blanks(BLANK "*\\z", text, before);

	tail += blanks("\\A" BLANK "*", tail, strlen(tail));
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
	pcre2_match_data *data = match(MENTION, text, strlen(text));
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See grant.h: what a grant lets through, for whoever causes the effect. The
 * text is read strictly line by line, in the order of the header's list. The
 * chain is checked before any line but the origin's is believed.
 */
#include "common/grant.h"

#include <sodium.h>
#include <string.h>

#include "common/clock.h"
#include "common/grant_own.h"
#include "common/mem.h"

static int
bad(struct error *e, const char *what)
{
	return error_set(e, ERR_denied, "grant: %s", what);
}

/* ---- verify --------------------------------------------------------------------------------- */

/* The lines of the statement, in their order. */
static const struct line {
	const char	*word;
	size_t		 offset;	/* of the text in struct grant */
	int		 optional;
} statement[] = {
	{ "origin ", offsetof(struct grant, origin), 0 },
	{ "for ", offsetof(struct grant, audience), 0 },
	{ "who ", offsetof(struct grant, who), 0 },
	{ "surface ", offsetof(struct grant, surface), 0 },
	{ "session ", offsetof(struct grant, session), 0 },
	{ "workspace ", offsetof(struct grant, workspace), 1 },
};

/* The text after a word on this line, as a new string; NULL when the line does not begin with the word. */
static char *
value_after(const char *line, const char *word)
{
	size_t skip = strlen(word);

	return grant_begins(line, word) ? xstrndup(line + skip, strcspn(line + skip, "\n")) : NULL;
}

/* Read the statement; where the caveats begin, or NULL. */
static const char *
statement_parse(const char *line, struct grant *g)
{
	cleanup_free char *caps = NULL, *until = NULL;
	char **out;

	if (!grant_begins(line, "alpi-grant 1\n"))
		return NULL;
	line = grant_next_line(line);
	for (size_t i = 0; line != NULL && i < COUNT(statement); i++) {
		out = (char **)(void *)((char *)g + statement[i].offset);
		*out = value_after(line, statement[i].word);
		if (*out == NULL && !statement[i].optional)
			return NULL;
		if (*out != NULL)
			line = grant_next_line(line);
	}
	if (line == NULL || (caps = value_after(line, "caps ")) == NULL || (line = grant_next_line(line)) == NULL ||
	    (until = value_after(line, "until ")) == NULL)
		return NULL;
	return grant_caps_parse(caps, &g->caps) == 0 && grant_time_parse(until, &g->until) == 0 ? grant_next_line(line) : NULL;
}

static int
caveats_parse(const char *line, const char *last, struct grant *g)
{
	char *caveat;
	int known;

	for (; line < last; line = grant_next_line(line)) {
		if ((caveat = value_after(line, "only ")) == NULL)
			return -1;
		known = grant_caveat(g, caveat);
		free(caveat);
		if (known == -1)
			return -1;
	}
	return 0;
}

/* The key for the unit on the origin line, before anything else is believed. */
static const struct boot_pair *
origin_key(const struct boot *b, const char *text)
{
	cleanup_free char *origin = NULL;

	if (!grant_begins(text, "alpi-grant 1\n") || (origin = value_after(grant_next_line(text), "origin ")) == NULL)
		return NULL;
	return boot_find(&b->verifies, origin);
}

static uint32_t
ceiling_of(const char *unit)
{
	const char *daemon = strchr(unit, '/');

	return daemon == NULL ? 0 : cap_ceiling(daemon + 1);
}

static int
verify(const struct boot *b, const char *text, struct grant *g, struct error *e)
{
	unsigned char mac[MAC_BYTES];
	const char *last = strlen(text) <= GRANT_MAX ? grant_mac_line(text, mac) : NULL;
	const struct boot_pair *key;
	uint32_t stated;

	if (last == NULL)
		return bad(e, "malformed");
	if ((key = origin_key(b, text)) == NULL)
		return bad(e, "its origin mints none for us");
	if (grant_chain(key->key, text, last, mac) != 0)
		return error_set(e, ERR_unproven, "grant: the chain does not hold");
	if ((text = statement_parse(text, g)) == NULL)
		return bad(e, "malformed");
	stated = g->caps;
	if (caveats_parse(text, last, g) == -1)
		return bad(e, "a caveat is not understood");
	if (strcmp(g->audience, b->unit) != 0)
		return bad(e, "it is for another unit");
	if (g->until <= clock_wall_ms() / 1000)
		return bad(e, "it has expired");
	if (stated & ~ceiling_of(g->origin))
		return bad(e, "more than its origin may ever allow");
	return 0;
}

int
grant_verify(const struct boot *b, const char *text, struct grant *g, struct error *e)
{
	*g = (struct grant){ 0 };
	if (verify(b, text, g, e) == 0)
		return 0;
	grant_clear(g);
	return -1;
}

void
grant_clear(struct grant *g)
{
	free(g->origin);
	free(g->audience);
	free(g->who);
	free(g->surface);
	free(g->session);
	free(g->workspace);
	grant_words_free(g->tools);
	*g = (struct grant){ 0 };
}

int
grant_has(const struct grant *g, enum cap cap)
{
	return cap == CAP_none || (g->caps & ((uint32_t)1 << cap)) != 0;
}

/* ---- tools ---------------------------------------------------------------------------------- */

/* '*' stands for any run of characters. On a mismatch the newest star takes one more, so it ends. */
static int
glob(const char *pattern, size_t len, const char *text)
{
	const char *end = pattern + len, *star = NULL, *from = NULL;

	while (*text != '\0')
		if (pattern < end && *pattern == '*') {
			star = ++pattern;
			from = text;
		} else if (pattern < end && *pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++from;
		} else {
			return 0;
		}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

int
grant_tool_matches(const char *pattern, const char *tool, const char *action)
{
	size_t name = strcspn(pattern, ":");

	if (!glob(pattern, name, tool))
		return 0;
	return pattern[name] == '\0' || (action != NULL && glob(pattern + name + 1, strlen(pattern + name + 1), action));
}

int
grant_allows_tool(const struct grant *g, const char *tool, const char *action)
{
	int left = 1;

	for (char **line = g->tools; line != NULL && *line != NULL && left; line++) {
		char **words = grant_words(*line);

		left = 0;
		for (char **w = words; w != NULL && *w != NULL; w++)
			left |= grant_tool_matches(*w, tool, action);
		grant_words_free(words);
	}
	return left;
}

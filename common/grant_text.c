/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a grant, for grant.h: its words, its caveats, and the chain
 * over its lines. Nothing has two spellings, and what is not understood is
 * refused: a caveat that we cannot hold must not be ignored.
 */
#include <sodium.h>
#include <string.h>

#include "common/grant_own.h"
#include "common/mem.h"

#define TOOLS_MAX	256

_Static_assert(BOOT_KEY_BYTES == crypto_auth_hmacsha256_KEYBYTES, "init's keys fit HMAC-SHA-256");
_Static_assert(MAC_BYTES == crypto_auth_hmacsha256_KEYBYTES, "a mac is the next link's key");

/* ---- words and lists ------------------------------------------------------------------------ */

void
grant_words_free(char **tools)
{
	for (char **t = tools; t != NULL && *t != NULL; t++)
		free(*t);
	free(tools);
}

char **
grant_words(const char *line)
{
	char **out = xcalloc(TOOLS_MAX + 1, sizeof(*out));
	size_t count = 0, n;

	while (*line != '\0') {
		n = strcspn(line, " ");
		if (n == 0 || count == TOOLS_MAX || (line[n] == ' ' && line[n + 1] == '\0')) {
			grant_words_free(out);
			return NULL;
		}
		out[count++] = xstrndup(line, n);
		line += n + (line[n] == ' ');
	}
	return out;
}

int
grant_caps_parse(const char *line, uint32_t *mask)
{
	char **words = grant_words(line);
	int n = 0;

	*mask = 0;
	for (char **w = words; w != NULL && *w != NULL && n != -1; w++)
		if ((n = cap_number(*w)) > 0)
			*mask |= (uint32_t)1 << n;
	if (words == NULL || words[0] == NULL)
		n = -1;
	grant_words_free(words);
	return n == -1 ? -1 : 0;
}

int
grant_caps_print(struct buf *b, uint32_t mask)
{
	int first = 1;

	for (int i = CAP_none + 1; i < 32; i++) {
		if ((mask & ((uint32_t)1 << i)) == 0)
			continue;
		if (cap_name(i) == NULL || buf_addf(b, " %s", cap_name(i)) == -1)
			return -1;
		first = 0;
	}
	return buf_puts(b, first ? " none\n" : "\n");
}

/* Digits only, so that nothing has two spellings. */
int
grant_time_parse(const char *s, int64_t *out)
{
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 15 || s[n] != '\0' || s[0] == '0')
		return -1;
	*out = 0;
	while (*s != '\0')
		*out = *out * 10 + (*s++ - '0');
	return 0;
}

/* A value stands on a line of its own: no control characters. */
int
grant_is_value(const char *s, int may_be_empty)
{
	if (s == NULL || (s[0] == '\0' && !may_be_empty))
		return 0;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return 0;
	return 1;
}

/* ---- caveats -------------------------------------------------------------------------------- */

static int
only_caps(struct grant *g, const char *rest)
{
	uint32_t mask;

	if (grant_caps_parse(rest, &mask) == -1)
		return -1;
	g->caps &= mask;
	return 0;
}

static int
only_until(struct grant *g, const char *rest)
{
	int64_t until;

	if (grant_time_parse(rest, &until) == -1)
		return -1;
	if (until < g->until)
		g->until = until;
	return 0;
}

static int
only_tools(struct grant *g, const char *rest)
{
	char **words = grant_words(rest);
	size_t n = 0;

	if (words == NULL)
		return -1;
	grant_words_free(words);
	while (g->tools != NULL && g->tools[n] != NULL)
		n++;
	g->tools = xreallocarray(g->tools, n + 2, sizeof(*g->tools));
	g->tools[n] = xstrdup(rest);
	g->tools[n + 1] = NULL;
	return 0;
}

static const struct {
	const char	*word;
	int		(*apply)(struct grant *, const char *rest);
} caveats[] = {
	{ "caps", only_caps }, { "until", only_until }, { "tools", only_tools },
};

int
grant_caveat(struct grant *g, const char *caveat)
{
	size_t n = strcspn(caveat, " ");

	for (size_t i = 0; i < COUNT(caveats); i++)
		if (strlen(caveats[i].word) == n && strncmp(caveats[i].word, caveat, n) == 0)
			return caveats[i].apply(g, caveat[n] == ' ' ? caveat + n + 1 : "");
	return -1;
}

/* ---- the chain ------------------------------------------------------------------------------ */

void
grant_link(unsigned char mac[MAC_BYTES], const char *text, size_t len)
{
	unsigned char next[MAC_BYTES];

	crypto_auth_hmacsha256(next, (const unsigned char *)text, len, mac);
	memcpy(mac, next, MAC_BYTES);
	sodium_memzero(next, sizeof(next));
}

const char *
grant_next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end == NULL || end[1] == '\0' ? NULL : end + 1;
}

int
grant_begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

const char *
grant_mac_line(const char *text, unsigned char mac[MAC_BYTES])
{
	static const size_t length = 4 + 2 * MAC_BYTES + 1;
	size_t n = strlen(text), got;
	const char *line = n > length ? text + n - length : NULL;

	if (line == NULL || line[-1] != '\n' || !grant_begins(line, "mac ") || line[length - 1] != '\n' ||
	    strspn(line + 4, "0123456789abcdef") != 2 * MAC_BYTES ||
	    sodium_hex2bin(mac, MAC_BYTES, line + 4, 2 * MAC_BYTES, NULL, &got, NULL) != 0)
		return NULL;
	return line;
}

int
grant_chain(const unsigned char *key, const char *text, const char *last, const unsigned char want[MAC_BYTES])
{
	unsigned char mac[MAC_BYTES];
	const char *line = text, *after;
	int same;

	while (line < last && !grant_begins(line, "only "))
		line = grant_next_line(line);
	memcpy(mac, key, MAC_BYTES);
	grant_link(mac, text, (size_t)(line - text));
	for (; line < last; line = after) {
		after = grant_next_line(line);
		grant_link(mac, line, (size_t)(after - line));
	}
	same = sodium_memcmp(mac, want, MAC_BYTES);
	sodium_memzero(mac, sizeof(mac));
	return same;
}

void
grant_mac_print(struct buf *out, const unsigned char mac[MAC_BYTES])
{
	char hex[2 * MAC_BYTES + 1];

	sodium_bin2hex(hex, sizeof(hex), mac, MAC_BYTES);
	buf_addf(out, "mac %s\n", hex);
}

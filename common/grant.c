/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See grant.h. The text is read strictly line by line, in the order of the
 * header's list; what is not understood is refused, a caveat above all: one
 * we cannot hold must not be ignored. The chain is checked before any line
 * but the origin's is believed.
 */
#include "common/grant.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"

#define MAC_BYTES	crypto_auth_hmacsha256_BYTES
#define TOOLS_MAX	256

_Static_assert(BOOT_KEY_BYTES == crypto_auth_hmacsha256_KEYBYTES, "init's keys fit HMAC-SHA-256");
_Static_assert(MAC_BYTES == crypto_auth_hmacsha256_KEYBYTES, "a mac is the next link's key");

static int
bad(struct error *e, const char *what)
{
	return error_set(e, ERR_denied, "grant: %s", what);
}

/* ---- words and lists ------------------------------------------------------------------------ */

static void
tools_free(char **tools)
{
	for (char **t = tools; t != NULL && *t != NULL; t++)
		free(*t);
	free(tools);
}

/* Words between single blanks as a NULL-terminated list; an empty line is an empty list. NULL: malformed. */
static char **
words_of(const char *line)
{
	char **out = xcalloc(TOOLS_MAX + 1, sizeof(*out));
	size_t count = 0, n;

	while (*line != '\0') {
		n = strcspn(line, " ");
		if (n == 0 || count == TOOLS_MAX || (line[n] == ' ' && line[n + 1] == '\0')) {
			tools_free(out);
			return NULL;
		}
		out[count++] = xstrndup(line, n);
		line += n + (line[n] == ' ');
	}
	return out;
}

/* "read write" as a mask; "none" is the empty set. -1 for a word that is no capability. */
static int
caps_parse(const char *line, uint32_t *mask)
{
	char **words = words_of(line);
	int n = 0;

	*mask = 0;
	for (char **w = words; w != NULL && *w != NULL && n != -1; w++)
		if ((n = cap_number(*w)) > 0)
			*mask |= (uint32_t)1 << n;
	if (words == NULL || words[0] == NULL)
		n = -1;
	tools_free(words);
	return n == -1 ? -1 : 0;
}

static int
caps_print(struct buf *b, uint32_t mask)
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
static int
time_parse(const char *s, int64_t *out)
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
static int
is_value(const char *s, int may_be_empty)
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

	if (caps_parse(rest, &mask) == -1)
		return -1;
	g->caps &= mask;
	return 0;
}

static int
only_until(struct grant *g, const char *rest)
{
	int64_t until;

	if (time_parse(rest, &until) == -1)
		return -1;
	if (until < g->until)
		g->until = until;
	return 0;
}

static int
only_tools(struct grant *g, const char *rest)
{
	char **words = words_of(rest);
	size_t n = 0;

	if (words == NULL)
		return -1;
	tools_free(words);
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

/* Apply "caps read"; -1 when it is none that we know. */
static int
caveat_apply(struct grant *g, const char *caveat)
{
	size_t n = strcspn(caveat, " ");

	for (size_t i = 0; i < COUNT(caveats); i++)
		if (strlen(caveats[i].word) == n && strncmp(caveats[i].word, caveat, n) == 0)
			return caveats[i].apply(g, caveat[n] == ' ' ? caveat + n + 1 : "");
	return -1;
}

/* ---- the chain ------------------------------------------------------------------------------ */

/* mac = HMAC(mac, text): each link is keyed with the one before. */
static void
link_mac(unsigned char mac[MAC_BYTES], const char *text, size_t len)
{
	unsigned char next[MAC_BYTES];

	crypto_auth_hmacsha256(next, (const unsigned char *)text, len, mac);
	memcpy(mac, next, MAC_BYTES);
	sodium_memzero(next, sizeof(next));
}

/* Where the line after this one begins; NULL at the end. */
static const char *
next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end == NULL || end[1] == '\0' ? NULL : end + 1;
}

static int
begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

/* The last line, "mac HEX\n", and its bytes; NULL when it is not there. */
static const char *
mac_line(const char *text, unsigned char mac[MAC_BYTES])
{
	static const size_t length = 4 + 2 * MAC_BYTES + 1;
	size_t n = strlen(text), got;
	const char *line = n > length ? text + n - length : NULL;

	if (line == NULL || line[-1] != '\n' || !begins(line, "mac ") || line[length - 1] != '\n' ||
	    strspn(line + 4, "0123456789abcdef") != 2 * MAC_BYTES ||
	    sodium_hex2bin(mac, MAC_BYTES, line + 4, 2 * MAC_BYTES, NULL, &got, NULL) != 0)
		return NULL;
	return line;
}

/* 0 when the chain from key over the lines before `last` ends in the mac that stands there. */
static int
chain_check(const unsigned char *key, const char *text, const char *last, const unsigned char want[MAC_BYTES])
{
	unsigned char mac[MAC_BYTES];
	const char *line = text, *after;
	int same;

	while (line < last && !begins(line, "only "))
		line = next_line(line);
	memcpy(mac, key, MAC_BYTES);
	link_mac(mac, text, (size_t)(line - text));
	for (; line < last; line = after) {
		after = next_line(line);
		link_mac(mac, line, (size_t)(after - line));
	}
	same = sodium_memcmp(mac, want, MAC_BYTES);
	sodium_memzero(mac, sizeof(mac));
	return same;
}

static void
mac_print(struct buf *out, const unsigned char mac[MAC_BYTES])
{
	char hex[2 * MAC_BYTES + 1];

	sodium_bin2hex(hex, sizeof(hex), mac, MAC_BYTES);
	buf_addf(out, "mac %s\n", hex);
}

/* ---- mint and narrow ------------------------------------------------------------------------ */

static int
statement_ok(const struct boot *b, const struct grant *g, struct error *e)
{
	if (!is_value(g->who, 0) || !is_value(g->surface, 0) || !is_value(g->session, 1) ||
	    (g->workspace != NULL && (!is_value(g->workspace, 0) || g->workspace[0] != '/')))
		return error_set(e, ERR_invalid, "grant: a field is empty or holds a control character");
	if (g->until <= 0)
		return error_set(e, ERR_invalid, "grant: it needs a time");
	if (g->caps & ~cap_ceiling(b->daemon) & ~(uint32_t)1)
		return error_set(e, ERR_invalid, "grant: more than %s may ever allow", b->daemon);
	return 0;
}

static int
statement_print(struct buf *out, const struct boot *b, const struct grant *g)
{
	int n = buf_addf(out, "alpi-grant 1\norigin %s\nfor %s\nwho %s\nsurface %s\nsession %s\n",
	    b->unit, g->audience, g->who, g->surface, g->session);

	if (g->workspace != NULL)
		n |= buf_addf(out, "workspace %s\n", g->workspace);
	n |= buf_puts(out, "caps");
	n |= caps_print(out, g->caps);
	return n | buf_addf(out, "until %lld\n", (long long)g->until);
}

/* A caveat for each of these lines. */
static char *
with_tools(char *text, char **tools, struct error *e)
{
	for (; text != NULL && *tools != NULL; tools++) {
		cleanup_free char *whole = text, *caveat = xasprintf("tools%s%s", **tools == '\0' ? "" : " ", *tools);

		text = grant_narrow(whole, caveat, e);
	}
	return text;
}

char *
grant_mint(const struct boot *b, const struct grant *g, struct error *e)
{
	const struct boot_pair *pair = g->audience != NULL ? boot_find(&b->mints, g->audience) : NULL;
	struct buf out cleanup_buf = BUF(GRANT_MAX - 4 - 2 * MAC_BYTES - 1);
	unsigned char mac[MAC_BYTES];

	if (pair == NULL) {
		error_set(e, ERR_denied, "grant: no key for %s", g->audience != NULL ? g->audience : "nobody");
		return NULL;
	}
	if (statement_ok(b, g, e) == -1)
		return NULL;
	if (statement_print(&out, b, g) != 0) {
		error_set(e, ERR_too_large, "grant: too long");
		return NULL;
	}
	memcpy(mac, pair->key, MAC_BYTES);
	link_mac(mac, out.data, out.len);
	out.max = GRANT_MAX;
	mac_print(&out, mac);
	return g->tools == NULL ? buf_take(&out) : with_tools(buf_take(&out), g->tools, e);
}

char *
grant_narrow(const char *text, const char *caveat, struct error *e)
{
	struct buf out cleanup_buf = BUF(GRANT_MAX), line cleanup_buf = BUF(GRANT_MAX);
	struct grant scratch = { 0 };
	unsigned char mac[MAC_BYTES];
	const char *last = strlen(text) <= GRANT_MAX ? mac_line(text, mac) : NULL;
	int known = is_value(caveat, 0) && caveat_apply(&scratch, caveat) == 0;

	grant_clear(&scratch);
	if (last == NULL || !known) {
		error_set(e, ERR_invalid, last == NULL ? "grant: malformed" : "grant: no such caveat");
		return NULL;
	}
	if (buf_addf(&line, "only %s\n", caveat) == -1 || buf_add(&out, text, (size_t)(last - text)) == -1 ||
	    buf_add(&out, line.data, line.len) == -1 || out.len + 4 + 2 * MAC_BYTES + 1 > GRANT_MAX) {
		error_set(e, ERR_too_large, "grant: too long");
		return NULL;
	}
	link_mac(mac, line.data, line.len);
	mac_print(&out, mac);
	return buf_take(&out);
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

	return begins(line, word) ? xstrndup(line + skip, strcspn(line + skip, "\n")) : NULL;
}

/* Read the statement; where the caveats begin, or NULL. */
static const char *
statement_parse(const char *line, struct grant *g)
{
	cleanup_free char *caps = NULL, *until = NULL;
	char **out;

	if (!begins(line, "alpi-grant 1\n"))
		return NULL;
	line = next_line(line);
	for (size_t i = 0; line != NULL && i < COUNT(statement); i++) {
		out = (char **)(void *)((char *)g + statement[i].offset);
		*out = value_after(line, statement[i].word);
		if (*out == NULL && !statement[i].optional)
			return NULL;
		if (*out != NULL)
			line = next_line(line);
	}
	if (line == NULL || (caps = value_after(line, "caps ")) == NULL || (line = next_line(line)) == NULL ||
	    (until = value_after(line, "until ")) == NULL)
		return NULL;
	return caps_parse(caps, &g->caps) == 0 && time_parse(until, &g->until) == 0 ? next_line(line) : NULL;
}

static int
caveats_parse(const char *line, const char *last, struct grant *g)
{
	char *caveat;
	int known;

	for (; line < last; line = next_line(line)) {
		if ((caveat = value_after(line, "only ")) == NULL)
			return -1;
		known = caveat_apply(g, caveat);
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

	if (!begins(text, "alpi-grant 1\n") || (origin = value_after(next_line(text), "origin ")) == NULL)
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
	const char *last = strlen(text) <= GRANT_MAX ? mac_line(text, mac) : NULL;
	const struct boot_pair *key;
	uint32_t stated;

	if (last == NULL)
		return bad(e, "malformed");
	if ((key = origin_key(b, text)) == NULL)
		return bad(e, "its origin mints none for us");
	if (chain_check(key->key, text, last, mac) != 0)
		return bad(e, "the chain does not hold");
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
	tools_free(g->tools);
	*g = (struct grant){ 0 };
}

int
grant_has(const struct grant *g, enum cap cap)
{
	return cap == CAP_none || (g->caps & ((uint32_t)1 << cap)) != 0;
}

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
		char **words = words_of(*line);

		left = 0;
		for (char **w = words; w != NULL && *w != NULL; w++)
			left |= grant_tool_matches(*w, tool, action);
		tools_free(words);
	}
	return left;
}

/* ---- seals ---------------------------------------------------------------------------------- */

/* A length of eight bytes before each part, so that parts cannot flow into each other; no grant begins like that. */
static void
seal(const unsigned char *key, const char *const *parts, unsigned char mac[MAC_BYTES])
{
	crypto_auth_hmacsha256_state state;
	unsigned char length[8];
	size_t n;

	crypto_auth_hmacsha256_init(&state, key, BOOT_KEY_BYTES);
	for (; *parts != NULL; parts++) {
		n = strlen(*parts);
		for (int i = 0; i < 8; i++)
			length[i] = (unsigned char)((uint64_t)n >> (8 * i));
		crypto_auth_hmacsha256_update(&state, length, sizeof(length));
		crypto_auth_hmacsha256_update(&state, (const unsigned char *)*parts, n);
	}
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof(state));
}

int
grant_seal(const struct boot *b, const char *audience, const char *const *parts, char out[65], struct error *e)
{
	const struct boot_pair *pair = boot_find(&b->mints, audience);
	unsigned char mac[MAC_BYTES];

	if (pair == NULL)
		return error_set(e, ERR_denied, "seal: no key for %s", audience);
	seal(pair->key, parts, mac);
	sodium_bin2hex(out, 2 * MAC_BYTES + 1, mac, MAC_BYTES);
	return 0;
}

int
grant_unseal(const struct boot *b, const char *origin, const char *const *parts, const char *given, struct error *e)
{
	const struct boot_pair *pair = boot_find(&b->verifies, origin);
	unsigned char mac[MAC_BYTES], want[MAC_BYTES];
	size_t n;

	if (pair == NULL)
		return error_set(e, ERR_denied, "seal: %s seals nothing for us", origin);
	if (strlen(given) != 2 * MAC_BYTES || strspn(given, "0123456789abcdef") != 2 * MAC_BYTES ||
	    sodium_hex2bin(want, MAC_BYTES, given, 2 * MAC_BYTES, NULL, &n, NULL) != 0)
		return error_set(e, ERR_denied, "seal: malformed");
	seal(pair->key, parts, mac);
	if (sodium_memcmp(mac, want, MAC_BYTES) != 0)
		return error_set(e, ERR_denied, "seal: it does not fit");
	return 0;
}

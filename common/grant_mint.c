/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Minting and narrowing (grant.h). Only an origin has a key to mint with, and
 * states no more than its daemon may ever allow; anybody who carries a grant
 * can add a line to it, which needs no key.
 */
#include <stdlib.h>
#include <string.h>

#include "common/grant_own.h"
#include "common/mem.h"

static int
statement_ok(const struct boot *b, const struct grant *g, struct error *e)
{
	if (!grant_is_value(g->who, 0) || !grant_is_value(g->surface, 0) || !grant_is_value(g->session, 1) ||
	    (g->workspace != NULL && (!grant_is_value(g->workspace, 0) || g->workspace[0] != '/')))
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
	n |= grant_caps_print(out, g->caps);
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
	grant_link(mac, out.data, out.len);
	out.max = GRANT_MAX;
	grant_mac_print(&out, mac);
	return g->tools == NULL ? buf_take(&out) : with_tools(buf_take(&out), g->tools, e);
}

char *
grant_narrow(const char *text, const char *caveat, struct error *e)
{
	struct buf out cleanup_buf = BUF(GRANT_MAX), line cleanup_buf = BUF(GRANT_MAX);
	struct grant scratch = { 0 };
	unsigned char mac[MAC_BYTES];
	const char *last = strlen(text) <= GRANT_MAX ? grant_mac_line(text, mac) : NULL;
	int known = grant_is_value(caveat, 0) && grant_caveat(&scratch, caveat) == 0;

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
	grant_link(mac, line.data, line.len);
	grant_mac_print(&out, mac);
	return buf_take(&out);
}

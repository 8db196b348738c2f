/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants: macaroons over the channel keys that init hands out. The origin of
 * a turn states who asks and what that one may do; whoever carries the grant
 * can add a caveat, nobody can take one away; whoever causes an effect
 * verifies it (architecture.md, "Grants").
 *
 * The text form is lines, each ended by '\n':
 *
 *   alpi-grant 1
 *   origin default/hostd          the unit that minted it
 *   for work/toolrunner           the unit that verifies it
 *   who local                     the person, device, peer or job on whose behalf
 *   surface cli                   cli, tui, host, telegram, mail, matrix, cron, peer, ...
 *   session 0123456789ab
 *   workspace PATH                optional: where relative paths begin on this surface
 *   caps read write exec          capabilities of proto/caps.def
 *   until 1790000000              Unix seconds
 *   only caps read                a caveat: capabilities left
 *   only until 1790000100         a caveat: ends earlier
 *   only tools read_file mcp_* terminal:status   a caveat: tools left, by patterns of grant_tool_matches
 *   mac HEX                       HMAC chain: HMAC(key, lines up to the first caveat), then
 *                                 HMAC(last, caveat line) for each caveat
 */
#ifndef ALPI_GRANT_H
#define ALPI_GRANT_H

#include <stddef.h>
#include <stdint.h>

#include "common/boot.h"
#include "common/error.h"
#include "proto/proto.h"

#define GRANT_MAX 4096			/* bytes of the text form */

struct grant {
	char		*origin, *audience;	/* units */
	char		*who, *surface, *session, *workspace;	/* workspace may be NULL */
	uint32_t	 caps;			/* what is left: bit 1 << CAP_x */
	int64_t		 until;			/* Unix seconds, the earliest of all */
	char		**tools;		/* the patterns of each caveat on tools, NULL-terminated; NULL: there is none */
};

void	 grant_clear(struct grant *g);

/* Mint with the key of boot->mints for g->audience. The caller frees the text. NULL: no such key, or a bad field. */
char	*grant_mint(const struct boot *b, const struct grant *g, struct error *e);
/* Add a caveat line ("caps read write", "until N", "tools a b"); no key needed. The caller frees. */
char	*grant_narrow(const char *text, const char *caveat, struct error *e);
/*
 * Verify a text with the key of boot->verifies for its origin: chain, audience (us), time,
 * and that caps stay within the origin daemon's ceiling (proto/caps.def). Fills g (clear it after). 0, or -1: ERR_unproven when
 * the chain does not hold, as after a new start of init, else ERR_denied.
 */
int	 grant_verify(const struct boot *b, const char *text, struct grant *g, struct error *e);

int	 grant_has(const struct grant *g, enum cap cap);	/* 1 or 0 */
/* Does every caveat on tools leave this call? action: the call's `action` argument, NULL: it has none. 1 or 0. */
int	 grant_allows_tool(const struct grant *g, const char *tool, const char *action);
/* Does a pattern cover a call: "name", "name:action" of that action only, '*' for any run of characters (alp-wire.md, 8.1). 1 or 0. */
int	 grant_tool_matches(const char *pattern, const char *tool, const char *action);

/*
 * An answer of a person that travels through engined, sealed so that engined cannot make one up:
 * hex HMAC under the origin-verifier key over the parts, each preceded by its length.
 * grant_seal is for the origin (mints key), grant_unseal for the verifier (verifies key); 64 hex digits.
 */
int	 grant_seal(const struct boot *b, const char *audience, const char *const *parts, char out[65], struct error *e);
int	 grant_unseal(const struct boot *b, const char *origin, const char *const *parts, const char *seal, struct error *e);

#endif

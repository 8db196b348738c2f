/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What minting, narrowing and verifying a grant share: its text and the chain
 * over it (grant_text.c). Nobody else includes this.
 */
#ifndef ALPI_GRANT_OWN_H
#define ALPI_GRANT_OWN_H

#include <sodium.h>

#include "common/buf.h"
#include "common/grant.h"

#define MAC_BYTES	crypto_auth_hmacsha256_BYTES

/* ---- words ---- */

/* Words between single blanks as a NULL-terminated list; an empty line is an empty list. NULL: malformed. */
char	**grant_words(const char *line);
void	 grant_words_free(char **words);		/* NULL is fine */
/* "read write" as a mask; "none" is the empty set. -1 for a word that is no capability. */
int	 grant_caps_parse(const char *line, uint32_t *mask);
int	 grant_caps_print(struct buf *b, uint32_t mask);
int	 grant_time_parse(const char *s, int64_t *out);
int	 grant_is_value(const char *s, int may_be_empty);

/* ---- lines ---- */

int	 grant_begins(const char *line, const char *word);
/* Where the line after this one begins; NULL at the end. */
const char *grant_next_line(const char *line);
/* Apply "caps read" to what is left; -1 when it is none that we know. */
int	 grant_caveat(struct grant *g, const char *caveat);

/* ---- the chain ---- */

/* mac = HMAC(mac, text): each link is keyed with the one before. */
void	 grant_link(unsigned char mac[MAC_BYTES], const char *text, size_t len);
/* The last line, "mac HEX\n", and its bytes; NULL when it is not there. */
const char *grant_mac_line(const char *text, unsigned char mac[MAC_BYTES]);
void	 grant_mac_print(struct buf *out, const unsigned char mac[MAC_BYTES]);
/* 0 when the chain from key over the lines before `last` ends in the mac that stands there. */
int	 grant_chain(const unsigned char *key, const char *text, const char *last, const unsigned char want[MAC_BYTES]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What an IMAP server says, from its bytes to one response at a time (RFC 3501, section 7). Pure. */
#ifndef ALPI_GATEWAYD_IMAP_LINE_H
#define ALPI_GATEWAYD_IMAP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

#define IMAP_LINE_MAX	(1024 * 1024)	/* a SEARCH's answer is one line */

#define IMAP_LITERALS_MAX	32

enum imap_kind { IMAP_untagged, IMAP_tagged, IMAP_go_on };

struct imap_response {
	enum imap_kind	 kind;
	const char	*text;		/* behind "* ", the tag or "+ "; each literal's bytes left out */
	const char	*literal;	/* the first one; NULL */
	size_t		 len;		/* of it */
	struct { const char *bytes; size_t len; } literals[IMAP_LITERALS_MAX];	/* all, in their order */
	size_t		 n_literals;
	size_t		 used;		/* bytes of the whole response */
	bool		 ok;		/* tagged: it says OK */
};

/*
 * The response that the bytes begin with. 1; 0: its end is not there yet; -1: ERR_invalid, or ERR_too_large. `text` holds its words
 * until the next call, the literal is borrowed from the bytes.
 */
int	 imap_response(const char *bytes, size_t len, size_t literal_max, struct buf *text, struct imap_response *r, struct error *e);

/* The number behind a word, as in "OK [UIDNEXT 7]". -1: it is not there, or no number of 32 bits. */
int64_t	 imap_number(const char *text, const char *word);
/* "SEARCH 4 2": its numbers beyond `after`, rising, each once; *n of them, the caller frees. NULL: it is another response. */
uint32_t *imap_search(const char *text, uint32_t after, size_t *n);

#endif

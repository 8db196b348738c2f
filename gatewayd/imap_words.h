/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command to an IMAP server, written from words that a model or a stranger
 * chose: each stands in quotes or in a literal of counted bytes, and none can
 * become another command. Pure.
 */
#ifndef ALPI_GATEWAYD_IMAP_WORDS_H
#define ALPI_GATEWAYD_IMAP_WORDS_H

#include <stdarg.h>

#include "common/buf.h"
#include "common/error.h"
#include "gatewayd/mail.h"

#define IMAP_WAITS_MAX	8
#define IMAP_WORD_MAX	1000		/* bytes of a folder's name or of what is searched for */

/* A zeroed one is an empty command. */
struct imap_words {
	struct buf	 bytes;
	size_t		 waits[IMAP_WAITS_MAX];	/* behind these many bytes the server is waited for */
	size_t		 n_waits;
};

void	 imap_words_clear(struct imap_words *w);
/* Words of our own, as they are. */
void	 imap_words_add(struct imap_words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void	 imap_words_vadd(struct imap_words *w, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void	 imap_words_literal(struct imap_words *w, const void *bytes, size_t len);
/* A text as one argument. -1, ERR_invalid: it holds a control character, or is too long. */
int	 imap_words_text(struct imap_words *w, const char *text, struct error *e);
/* " UID SEARCH" for what an order lists. -1: as imap_words_text, or a date that is none. */
int	 imap_words_search(struct imap_words *w, const struct mail_order *o, struct error *e);

/* A folder's name as servers know it (RFC 3501, 5.1.3: modified UTF-7); the caller frees. NULL, ERR_invalid: it cannot be one. */
char	*imap_folder_name(const char *name, struct error *e);

#endif

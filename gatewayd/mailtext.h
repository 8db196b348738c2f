/* SPDX-License-Identifier: Apache-2.0 */
/* What a mail is to the inbox, whichever way it came: the text of its turn, and what its answer has to know. Pure. */
#ifndef ALPI_GATEWAYD_MAILTEXT_H
#define ALPI_GATEWAYD_MAILTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "gatewayd/mail.h"
#include "gatewayd/mime.h"

/*
 * Its subject on a line, its text between two marks that it cannot hold itself; a command stands alone (gateway.md, sections 5 and 6).
 * The caller frees.
 */
char	*mailtext_prompt(const struct mime_mail *m);
/* Its text as it was written, when that may name a peer whom it is for; borrowed from it. NULL: it does not. */
const char *mailtext_mention(const struct mime_mail *m);
/* {subject, message_id, references, thread}: JSON text; the caller frees. thread NULL: the platform has none. */
char	*mailtext_meta(const struct mime_mail *m, const char *thread);
/*
 * The answer to a mail with that meta (NULL: none) as the bytes of one: in its thread, marked as automatic, with the Message-ID that
 * this key always gives, and a file on it unless that is NULL. The caller frees. NULL with the error.
 */
char	*mailtext_answer(const char *from, const char *to, const char *meta, const char *key, const char *text,
	    const struct mime_file *file, size_t *len, struct error *e);
/* What a list shows of a mail; the row's other fields stay. mailtext_rows_free: but for their folders, which are borrowed. */
void	 mailtext_row(struct mail_row *row, const struct mime_mail *m);
void	 mailtext_rows_free(struct mail_row *rows, size_t n);
/* "2026-11-21"; false: it is no such day. */
bool	 mailtext_day(const char *text, int *year, int *month, int *day);
/* "<...@domain of the address>" of this key; the caller frees. */
char	*mailtext_message_id(const char *key, const char *address);

#endif

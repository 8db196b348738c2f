/* SPDX-License-Identifier: Apache-2.0 */
/* What the tool `email` calls folders and searches, in Gmail's words: labels, and its query language. Pure. */
#ifndef ALPI_GATEWAYD_GMAIL_FIND_H
#define ALPI_GATEWAYD_GMAIL_FIND_H

#include <jansson.h>

#include "common/error.h"
#include "gatewayd/mail.h"

/* The label of a folder that every account has; "": all mails. NULL: it is one of the person's own. */
const char *gmail_own_label(const char *folder);
/* The label of that name in what users/me/labels says; borrowed. NULL: there is none. */
const char *gmail_label(const json_t *said, const char *folder);

/* What "q" takes for an order's list; the caller frees. NULL, ERR_invalid: a date that is none. */
char	*gmail_query(const struct mail_order *o, struct error *e);

#endif

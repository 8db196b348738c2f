/* SPDX-License-Identifier: Apache-2.0 */
/* What the tool `email` answers a model with (tools.md, 7.4). Pure. */
#ifndef ALPI_GATEWAYD_EMAIL_SHOW_H
#define ALPI_GATEWAYD_EMAIL_SHOW_H

#include "common/error.h"
#include "gatewayd/email.h"
#include "gatewayd/mime.h"

/* A list of mails, as JSON. The caller frees. */
char	*email_show_list(const struct mail_result *r);
/* One mail, behind a warning: whoever sent it wrote what follows. NULL: it cannot be read. The caller frees. */
char	*email_show_mail(const struct email *m, const struct mail_result *r, struct error *e);
/* A piece of one of its files, for engined: {name, type, size, data (base64)}. NULL: there is none of that name. The caller frees. */
char	*email_show_piece(const struct email *m, const struct mime_mail *mail, struct error *e);

#endif

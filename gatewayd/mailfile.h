/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a mail that came: the inbox knows them by the mail and their
 * number in it, and the mail is fetched again when its turn comes. It is kept
 * until its last one was taken. And a file of ours, on a mail that goes out.
 */
#ifndef ALPI_GATEWAYD_MAILFILE_H
#define ALPI_GATEWAYD_MAILFILE_H

#include <event2/event.h>

#include "gatewayd/mail.h"
#include "gatewayd/mime.h"

#define MAILFILE_MAX	8		/* of one mail */

/* Of one account. */
struct mailfiles {
	const struct mail_ops	*ops;
	void			*self;
	struct event_base	*base;
	char			*uid;	/* of the mail that is kept; NULL: none */
	struct mime_mail	*mail;
};

/* What a row of the inbox says of them: JSON text, the caller frees. NULL: it has none, or is a command. */
char	*mailfile_list(const struct mime_mail *m, const char *uid);

/* As mailtext_answer, with a file of ours and its text. */
char	*mailfile_answer(const char *from, const char *to, const char *meta, const char *key, const struct outgoing *f, size_t *len,
	    struct error *e);

/* platform.fetch, for the id of one of them. */
struct fetching *mailfile_fetch(struct mailfiles *all, const char *id, fetched_fn *done, void *arg);
void	 mailfile_cancel(struct fetching *f);
void	 mailfiles_clear(struct mailfiles *all);

#endif

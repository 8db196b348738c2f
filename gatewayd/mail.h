/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail account at work for the tool `email` (tools.md, 7.4): what it is asked
 * for, and what it answers. email.c knows the tool's actions and writes the
 * mails; an account (IMAP with SMTP, or Gmail) only lists, fetches, moves and sends.
 */
#ifndef ALPI_GATEWAYD_MAIL_H
#define ALPI_GATEWAYD_MAIL_H

#include "gatewayd/gateway.h"

enum mail_act { MAIL_list, MAIL_fetch, MAIL_move, MAIL_trash, MAIL_send };

/* One order. Borrowed: whoever takes it copies what he needs. */
struct mail_order {
	enum mail_act		 act;
	const char		*folder;	/* of all but send */
	const char		*uid;		/* of fetch, move and trash: the account's own name of the mail */
	const char		*dest;		/* of move: the folder */

	/* Of list; NULL: whatever it is. The newest `limit` mails that fit all of these. */
	const char		*from, *to, *subject, *body;
	const char		*since;		/* YYYY-MM-DD */
	bool			 unread_only;
	size_t			 limit;

	const char		*bytes;		/* of send: the finished mail */
	size_t			 len;
	const char *const	*receivers;	/* of send: bare addresses */
	size_t			 n_receivers;
};

/* One mail of a list; text as UTF-8, its headers decoded. */
struct mail_row {
	char	*uid, *from, *to, *subject, *date, *folder;
	bool	 unread, files;
};

/* How an order ended; borrowed. */
struct mail_result {
	enum outcome		 outcome;	/* OUT_later: it may have been done, or not */
	const char		*why;		/* it was not done: why */
	const struct mail_row	*rows;		/* of list, the newest first */
	size_t			 n_rows;
	const char		*bytes;		/* of fetch: the mail as it came; it stays as unread as it was */
	size_t			 len;
	bool			 unread;	/* of fetch */
};

struct mail_work;
typedef void mail_done(void *arg, const struct mail_result *r);

/* What a platform that is a mail account can do besides. */
struct mail_ops {
	const char	*(*address)(const void *self);	/* whose account it is; NULL: nobody has authorised it */
	/* Never NULL. The callback comes once, from the loop, unless end is called before. */
	struct mail_work *(*begin)(void *self, const struct mail_order *o, mail_done *done, void *arg);
	void		 (*end)(struct mail_work *w);
};

#endif

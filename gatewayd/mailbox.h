/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox read by IMAP and answered by SMTP (gateway.md, section 9): what
 * its parts share. mailbox.c is the platform's row and when it looks,
 * mailbox_poll.c one look, mailbox_send.c answers and the probe;
 * mailbox_mail.c is the account as the tool `email` uses it, mailbox_act.c what it does there.
 */
#ifndef ALPI_GATEWAYD_MAILBOX_H
#define ALPI_GATEWAYD_MAILBOX_H

#include "gatewayd/allow.h"
#include "gatewayd/gateway.h"
#include "gatewayd/imap.h"
#include "gatewayd/inbox.h"
#include "gatewayd/mail.h"
#include "gatewayd/mailfile.h"
#include "gatewayd/smtp.h"
#include "gatewayd/stuck.h"

#define MAILBOX		"imap"		/* the platform's name */

struct mailbox_poll;

struct mailbox {
	struct gateway		*gateway;
	struct imap_login	 imap;
	struct smtp_login	 smtp;
	char			*address;	/* lower-case: the account */
	char			*state;		/* gateway/imap-state.json */
	struct allow		 allow;
	struct breaker		*breaker;
	struct transfers	*transfers;
	struct mailfiles	 files;
	int64_t			 interval_ms;
	bool			 mark_as_read;

	struct event		*timer;		/* the next look */
	struct mailbox_poll	*poll;		/* under way; NULL */
	char			*said;		/* the failure that was logged last; NULL */
	struct stuck		 stuck;		/* on this mail, by its number */
	int64_t			 validity, uid;	/* read up to here; validity -1: unknown, uid -1: there is no baseline yet */
};

/* ---- mailbox.c -------------------------------------------------------------------------------------- */

/* Both servers have just been seen to work: a pause is over. */
void	 mailbox_wake(struct mailbox *m);
/* These rows on disk, and the mail up to this number read, or neither. */
int	 mailbox_keep(struct mailbox *m, const struct arrival *rows, size_t n, int64_t validity, int64_t uid, struct error *e);

/* ---- mailbox_poll.c --------------------------------------------------------------------------------- */

/* why: NULL for a look that went well, or a session that ended while it only waited. The poll is freed by whoever is told. */
typedef void mailbox_polled(struct mailbox *m, const char *why);

/* Look, and go on looking as long as the server says when there is more; `fine` when the first look went well. */
struct mailbox_poll *mailbox_look(struct mailbox *m, void (*fine)(struct mailbox *m), mailbox_polled *done);
void	 mailbox_poll_free(struct mailbox_poll *p);	/* it ends; NULL is fine */

/* ---- mailbox_send.c --------------------------------------------------------------------------------- */

struct sending *mailbox_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg);
struct sending *mailbox_send_file(void *self, const struct letter *to, const struct outgoing *f, sent_fn *done, void *arg);
void	 mailbox_cancel(struct sending *s);
void	 mailbox_probe(void *self, probe_fn *done, void *arg);

/* ---- mailbox_mail.c ---------------------------------------------------------------------------------- */

extern const struct mail_ops mailbox_mail;

/* ---- mailbox_act.c ----------------------------------------------------------------------------------- */

struct mailbox_act;

/* By IMAP; of MAIL_send: keep a mail that was sent. The callback comes once, from the loop, and whoever is told frees the act. */
struct mailbox_act *mailbox_act(struct mailbox *m, const struct mail_order *o, mail_done *done, void *arg);
void	 mailbox_act_free(struct mailbox_act *a);	/* NULL is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tool `email` (tools.md, 7.4): what a model may ask of the owner's
 * mailbox, checked before anything begins. Pure: no account, no disk.
 */
#ifndef ALPI_GATEWAYD_EMAIL_H
#define ALPI_GATEWAYD_EMAIL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "gatewayd/mail.h"

#define EMAIL_TEXT_MAX	32000		/* bytes of a text that is sent: a person has to read it first */
#define EMAIL_FILES_MAX	10
#define EMAIL_ALL_MAX	(20 * 1024 * 1024)	/* bytes of all files of a mail */
#define EMAIL_RECEIVERS_MAX 50

enum email_action {
	EMAIL_list, EMAIL_search, EMAIL_read, EMAIL_send, EMAIL_reply, EMAIL_forward, EMAIL_move, EMAIL_delete, EMAIL_download
};

struct email_kind {
	enum email_action	 action;
	const char		*name, *label;	/* label: what people are asked for; NULL: nobody is */
	bool			 one;		/* it is about one mail, its uid */
	bool			 looks;		/* that mail is fetched first */
	bool			 writes;	/* a mail leaves: text, receivers, files */
	enum mail_act		 act;		/* what the account does in the end */
};

/* A call's arguments; what hangs from it is borrowed from args. */
struct email {
	const struct email_kind	*kind;
	json_t			*args;		/* ours */
	char			 uid[129];
	const char		*account;	/* NULL: the only one */
	const char		*folder, *dest;
	const char		*from, *to, *subject, *body, *since;	/* NULL: whatever it is */
	bool			 unread_only, reply_all;
	size_t			 limit;
	const char		*title, *text;	/* of the mail that leaves */
	const char		*file;		/* of download_attachment: its name, */
	size_t			 offset;	/* and where its piece begins */
};

/* args is borrowed; email_clear after. 0, or -1 with what is wrong for the model. */
int	 email_read(struct email *m, json_t *args, struct error *e);
void	 email_clear(struct email *m);
/* The i-th file that the turn has handed over for it: its name, and its size in *size; NULL: there are no more. */
const char *email_file(const struct email *m, size_t i, int64_t *size);

#endif

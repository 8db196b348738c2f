/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of mailcalls share: mailcalls.c keeps the calls, mailcall.c is the life of one. */
#ifndef ALPI_GATEWAYD_MAILCALLS_OWN_H
#define ALPI_GATEWAYD_MAILCALLS_OWN_H

#include <event2/event.h>
#include <sys/queue.h>

#include "gatewayd/email.h"
#include "gatewayd/email_write.h"
#include "gatewayd/gateway.h"
#include "gatewayd/mailcalls.h"
#include "gatewayd/mime.h"

enum mailcall_state { MAILCALL_taken, MAILCALL_looking, MAILCALL_asking, MAILCALL_acting, MAILCALL_done };

struct mailcall_waiter;

struct mailcall {
	LIST_ENTRY(mailcall)	 link;
	struct mailcalls	*in;
	char			*key, *turn, *who;
	bool			 approver;
	struct email		 ask;
	const struct line	*line;		/* the account, */
	char			*address;	/* and whose it is: what is shown, allowed and done is this one's alone */
	enum mailcall_state	 state;
	int64_t			 seq;		/* of the last change */
	struct event		*timer;		/* of the state: nobody wants it, answers it, asks for its result */
	struct mail_work	*work;
	struct email_letter	 letter;	/* that is to leave */
	char			 ticket[33], *shown;	/* the question */
	/* done */
	bool			 ok;
	char			*text;		/* the output, or why not */
	const char		*code;		/* of the error; NULL: it went well */
	LIST_HEAD(, mailcall_waiter) waiters;
};

/* A mail whose file is handed over piece by piece: it is neither fetched nor taken apart for each. */
struct mailcalls_held {
	const struct line	*line;
	char			*address, *folder, *uid;
	struct mime_mail	*mail;		/* NULL: none is held */
};

struct mailcalls {
	struct gateway		*gateway;
	struct db		*db;
	struct audit		*audit;
	struct mailcalls_held	 held;
	struct event		*release;	/* of what is held */
	LIST_HEAD(, mailcall)	 all;
};

/* mailcalls.c */
/* It stands otherwise: whoever waits is told. */
void	 mailcalls_changed(struct mailcall *x);
/* How much is in letters that wait for a person. */
size_t	 mailcalls_letters(const struct mailcalls *all);

/* mailcall.c */
/* Which account it means, and whether there is one. 0 or -1. */
int	 mailcall_choose(struct mailcall *x, struct error *e);
void	 mailcall_arm(struct mailcall *x, int64_t ms);
/* Somebody waits for it: it begins. */
void	 mailcall_go(struct mailcall *x);
/* A person's word, or why there is none: reason is for the records. */
void	 mailcall_decide(struct mailcall *x, bool allowed, const char *reason);
/* End one that has changed nothing. */
void	 mailcall_fail(struct mailcall *x, enum error_code code, const char *why);
void	 mailcalls_let_go(struct mailcalls *all);

#endif

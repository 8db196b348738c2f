/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with an IMAP server. libcurl connects, checks the certificate and
 * logs in; from there on the lines are ours: its own commands can neither
 * PEEK nor IDLE, and take a mail's text for the server's words.
 */
#ifndef ALPI_GATEWAYD_IMAP_H
#define ALPI_GATEWAYD_IMAP_H

#include "gatewayd/imap_line.h"
#include "gatewayd/transfer.h"

struct imap;
struct imap_words;

/* From the loop, and none after imap_close, which each of them may call. */
struct imap_events {
	void	(*ready)(void *arg);					/* logged in: the first command may go */
	void	(*heard)(void *arg, const struct imap_response *r);	/* an untagged response; borrowed */
	void	(*answered)(void *arg, bool ok, const char *text);	/* the command's end: the next may go */
	void	(*lost)(void *arg, const char *why);			/* last */
};

struct imap_login {
	const char	*host, *port, *user, *password;
	const char	*ca;		/* the file of who signs its certificate; NULL: the system's */
};

struct imap *imap_open(struct transfers *t, struct event_base *base, const struct imap_login *l, size_t literal_max,
	    const struct imap_events *ev, void *arg);
/* One command, without its tag; answered within ms, or the session is lost. */
void	 imap_command(struct imap *i, int64_t ms, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* As imap_command, one that may hold literals; takes the words over, which are empty after. */
void	 imap_send(struct imap *i, int64_t ms, struct imap_words *w);
void	 imap_done(struct imap *i, int64_t ms);	/* the end of IDLE */
void	 imap_close(struct imap *i);			/* NULL is fine */

#endif

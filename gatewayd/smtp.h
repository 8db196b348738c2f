/* SPDX-License-Identifier: Apache-2.0 */
/* One mail by SMTP: TLS from the start on port 465, STARTTLS on every other, nothing in clear (gateway.md, section 9). */
#ifndef ALPI_GATEWAYD_SMTP_H
#define ALPI_GATEWAYD_SMTP_H

#include <stdbool.h>
#include <stddef.h>

#include "gatewayd/gateway.h"
#include "gatewayd/transfer.h"

struct smtp;

struct smtp_login {
	const char	*host, *port, *user, *password;	/* the user is also the sender */
	const char	*ca;				/* as in imap.h */
};

/*
 * why: NULL when the server has taken it. OUT_later is what another try may mend; `maybe`: all of it had gone when the server's
 * word was missed, so it may have been taken.
 */
typedef void smtp_done(void *arg, enum outcome outcome, bool maybe, const char *why);

/* To all of these bare addresses or to none. Takes the bytes over. The callback runs once, from the loop, unless smtp_end comes before. */
struct smtp *smtp_send(struct transfers *t, const struct smtp_login *l, const char *const *to, size_t n, char *bytes, size_t len,
	    smtp_done *done, void *arg);
void	 smtp_end(struct smtp *s);			/* NULL is fine; inside its callback too */
/* The handle that connects and logs in, for whoever only wants to know that it works. */
CURL	*smtp_handle(const struct smtp_login *l);

#endif

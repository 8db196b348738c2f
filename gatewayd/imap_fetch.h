/* SPDX-License-Identifier: Apache-2.0 */
/* What an IMAP server says of a mail and of a folder: FETCH and LIST (RFC 3501, 7.2.2 and 7.4.2; RFC 6154). Pure. */
#ifndef ALPI_GATEWAYD_IMAP_FETCH_H
#define ALPI_GATEWAYD_IMAP_FETCH_H

#include "gatewayd/imap_line.h"

struct imap_fetched {
	int64_t		 uid, size;	/* -1: it does not say */
	bool		 seen;
	bool		 files;		/* something hangs on it */
	const char	*bytes;		/* of BODY[...]; borrowed from the response; NULL */
	size_t		 len;
};

/* 0, or -1: it is another response, or one that nobody understands. */
int	 imap_fetched(const struct imap_response *r, struct imap_fetched *f);

struct imap_listed {
	char	*name;		/* as the server spells it; the caller frees */
	bool	 trash, sent;	/* what it is for, by its attributes */
	bool	 like_trash, like_sent;	/* by its name, for servers that do not say */
	bool	 closed;	/* it holds no mails, only folders */
};

/* As imap_fetched; the name is NULL after -1. */
int	 imap_listed(const struct imap_response *r, struct imap_listed *l);

#endif

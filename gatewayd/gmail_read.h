/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Gmail's REST interface answers, read from a server's bytes, which hold
 * strangers' text, into what the poll and the tool need. Pure: nothing here
 * knows of lists, files or connections.
 */
#ifndef ALPI_GATEWAYD_GMAIL_READ_H
#define ALPI_GATEWAYD_GMAIL_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GMAIL_ID_MAX	64

struct mime_mail;

/* An id of Gmail's that may stand in an address: letters, digits, - and _. */
bool	 gmail_is_id(const char *id);

/* One page of users/me/history. */
struct gmail_page {
	char	**ids;			/* of messages that came, each once, in their order */
	size_t	 n;
	char	*last;			/* the newest record on this page; NULL: it has none */
	char	*next;			/* the next page; NULL: this is the last one */
	char	*now;			/* where the history stands; NULL: it does not say */
};
void	 gmail_page_read(struct gmail_page *p, const json_t *said);
void	 gmail_page_clear(struct gmail_page *p);

/* One message, of users/me/messages/ID. */
struct gmail_message {
	const char	*id, *thread;	/* borrowed from what was said; NULL: none that is one */
	const char	*history;
	int64_t		 size;		/* bytes, by the server's estimate */
	bool		 skipped;	/* it is spam, in the bin, a draft, a chat, or sent by us */
	bool		 unread, sent;
};
/* 0, or -1: it is no message. */
int	 gmail_message_read(struct gmail_message *m, const json_t *said);
/* Its headers as a mail without a body; NULL: none of them can be read. Free with mime_free. */
struct mime_mail *gmail_headers(const json_t *said);
/* As mime_headers: what a list shows of it. */
struct mime_mail *gmail_shown(const json_t *said);
/* Does a file hang on it, of format=full? */
bool	 gmail_has_files(const json_t *said);
/* A header by its name, without case; NULL. */
const char *gmail_header(const json_t *said, const char *name);
/* Its bytes, of format=raw; the caller frees. NULL: there are none. */
void	*gmail_raw(const json_t *said, size_t *len);
/* The text that messages/send takes for these bytes: JSON; the caller frees. thread NULL: a new one. */
char	*gmail_raw_json(const void *bytes, size_t len, const char *thread);

#endif
